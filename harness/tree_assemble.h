/*
 * Putting a tree together from parts that many trees share: pages and objects are made once and
 * referred to. For crash states (harness/crash_state.c), of which thousands differ in little.
 */
#ifndef TORNWRITE_TREE_ASSEMBLE_H
#define TORNWRITE_TREE_ASSEMBLE_H

#include "harness/tree.h"

struct page;
struct object;

/* A page of TREE_PAGE_BYTES. NULL: out of memory. Pair with tree_part_page_unref(). */
struct page *tree_part_page_new(const uint8_t *bytes);
void tree_part_page_unref(struct page *page); /* NULL is allowed */

/* A file of `size_bytes` whose pages (NULL is a hole) are zero behind its end; references to the
 * pages are taken. NULL: out of memory. Pair with tree_part_unref(). */
struct object *tree_part_file(
	uint32_t mode, uint64_t size_bytes, struct page *const *pages, uint64_t page_count);
/* A directory without entries; they are added in any order. */
struct object *tree_part_directory(uint32_t mode);
int tree_part_add_entry(struct object *directory, const char *name, uint32_t object);
struct object *tree_part_symlink(const char *target);
/* What a name that is nowhere refers to: a place in the table that nobody reaches. */
struct object *tree_part_nothing(void);
/* The object as it is in another tree, with a reference taken. */
struct object *tree_part_of(const struct tree *tree, uint32_t object);
struct object *tree_part_ref(struct object *object);
void tree_part_unref(struct object *object); /* NULL is allowed */

/* A tree of these objects, numbered as they stand here; 0 is the root. References are taken.
 * NULL: out of memory. */
struct tree *tree_assemble(struct object *const *objects, uint32_t count);

/* What is read of an object; bytes behind the end are zero. */
uint32_t tree_mode(const struct tree *tree, uint32_t object);
const char *tree_target(const struct tree *tree, uint32_t object);
void tree_read_page(
	const struct tree *tree, uint32_t object, uint64_t page, uint8_t bytes[TREE_PAGE_BYTES]);
/* Calls `visit` for every entry of one directory, in order. */
void tree_entries(const struct tree *tree, uint32_t directory,
	void (*visit)(void *context, const char *name, uint32_t object), void *context);

#endif
