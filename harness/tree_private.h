/* What tree.c, tree_apply.c, tree_walk.c, tree_disk.c, tree_load.c and tree_patch.c share. Nobody
 * else includes it. */
#ifndef TORNWRITE_TREE_PRIVATE_H
#define TORNWRITE_TREE_PRIVATE_H

#include "harness/tree.h"

struct page {
	unsigned refs;
	bool has_hash;
	XXH128_hash_t hash;
	uint8_t bytes[TREE_PAGE_BYTES]; /* zeros behind the end of the file */
};

/* An allocated block of zeros. Shared by all trees, never counted, changed or freed. */
extern struct page zero_page;

struct entry {
	char *name; /* owned */
	uint32_t object;
};

struct object {
	unsigned refs;
	enum object_type type;
	uint32_t mode; /* permission bits */

	uint64_t size_bytes; /* files */
	bool was_emptied;    /* see tree_was_emptied() */
	uint64_t page_count, page_capacity;
	struct page **pages; /* NULL is a hole */

	uint32_t entry_count, entry_capacity; /* directories */
	struct entry *entries;                /* sorted by name */

	char *target; /* symlinks */

	bool has_hash; /* of a file's contents */
	XXH128_hash_t hash;
};

struct tree {
	unsigned refs;
	uint32_t object_count, object_capacity;
	struct object **objects;
};

/* References. The zero page is not counted; NULL is allowed. */
struct page *page_ref(struct page *page);
void page_unref(struct page *page);
void object_unref(struct object *object);

/* These make something the caller's own before it is changed: a copy, if others hold it too. The
 * outer one must be owned before the inner one. 0 or -ENOMEM; NULL when out of memory. */
int own_tree(struct tree **tree);
struct object *own_object(struct tree *tree, uint32_t number);
struct page *own_page(struct object *object, uint64_t index);

/* How many pages so many bytes take. */
uint64_t pages_for(uint64_t size_bytes);

/* These change an object that nobody else holds. All return 0 or -ENOMEM. */
int object_resize(struct object *object, uint64_t size_bytes);
int object_write(struct object *object, uint64_t offset, const uint8_t *data, uint64_t size_bytes);
int object_set_entry(struct object *directory, const char *name, uint32_t object);
/* -EPROTO: there is no such entry. */
int object_remove_entry(struct object *directory, const char *name);
int tree_add_object(struct tree *tree, enum object_type type, uint32_t mode, struct object **out);

/* On a disk. All return 0 or -errno. */
/* All names in a directory, sorted. */
int disk_list_names(int directory_fd, char ***names, size_t *count);
void disk_free_names(char **names, size_t count);
/* Writes the pages and sets the size of a file that is not larger. Holes are left out. */
int disk_write_pages(const struct object *object, int fd);
/* Makes a file that must not exist. */
int disk_make_file(const struct object *object, int directory_fd, const char *path);
/* Removes whatever has this name, with all that is in it. */
int disk_remove(int directory_fd, const char *name);
/* Gives all directories their modes, the inner ones first: an outer one may keep us out. */
int disk_set_directory_modes(const struct tree *tree, int directory_fd);

#endif
