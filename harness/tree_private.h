/* What tree.c, tree_walk.c and tree_disk.c share. Nobody else includes it. */
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

/* These change an object that nobody else holds. All return 0 or -ENOMEM. */
int object_resize(struct object *object, uint64_t size_bytes);
int object_write(struct object *object, uint64_t offset, const uint8_t *data, uint64_t size_bytes);
int object_set_entry(struct object *directory, const char *name, uint32_t object);
int tree_add_object(struct tree *tree, enum object_type type, uint32_t mode, struct object **out);

#endif
