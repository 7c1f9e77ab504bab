/*
 * A tree: the contents of the data directory at one moment, immutable and shared.
 *
 * Method: a tree is a table of reference-counted objects; a file is a list of reference-counted
 * pages. A change copies only the table, the object and the page it touches, and nothing at all
 * while nobody else holds them. tree_hash() is a function of names, types, permission bits,
 * contents and link structure, and of nothing else (no times, owners, inode numbers, holes).
 * Objects keep their number for ever, also when no name is left: an open file can still be written.
 */
#ifndef TORNWRITE_TREE_H
#define TORNWRITE_TREE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define XXH_STATIC_LINKING_ONLY /* hash states on the stack */
#include <xxhash.h>

#include "harness/op.h"

enum { TREE_PAGE_BYTES = 4096, TREE_ROOT = 0 };

enum object_type { OBJECT_NONE, OBJECT_FILE, OBJECT_DIRECTORY, OBJECT_SYMLINK };

struct tree;

/* An empty data directory. Returns NULL when out of memory. Pair with tree_unref(). */
struct tree *tree_new(void);
struct tree *tree_ref(struct tree *tree);
void tree_unref(struct tree *tree); /* NULL is allowed */

/* Replaces *tree by the tree after `op`, following op->effect; the old one is kept intact for
 * whoever else holds a reference. A creating op introduces op->object, which must be
 * tree_object_count(). Returns 0, -ENOMEM, or -EPROTO when the operation cannot have happened on
 * this tree: the recording is wrong. */
int tree_apply(struct tree **tree, const struct op *op);

XXH128_hash_t tree_hash(const struct tree *tree);
uint32_t tree_object_count(const struct tree *tree);
enum object_type tree_object_type(const struct tree *tree, uint32_t object);
uint64_t tree_file_bytes(const struct tree *tree, uint32_t object);
/* Whether an operation truncated the file to nothing: file systems may flush such a file when it is
 * closed. No part of what the tree is. */
bool tree_was_emptied(const struct tree *tree, uint32_t object);

/* The object under a name, or UINT32_MAX. */
uint32_t tree_lookup(const struct tree *tree, uint32_t directory, const char *name);

/* A name of the object, as a path relative to the root, in `path`. False: it has none. */
bool tree_path(const struct tree *tree, uint32_t object, char *path, size_t path_size);

/* Blocks that writing the range would have to allocate. */
uint64_t tree_blocks_needed(
	const struct tree *tree, uint32_t object, uint64_t offset, uint64_t size_bytes);
/* Blocks in use by all files that have a name. */
uint64_t tree_blocks_used(const struct tree *tree);

/* Whether a page of a file begins with these bytes. */
bool tree_page_equals(const struct tree *tree, uint32_t object, uint64_t page, const void *bytes,
	size_t size_bytes);

/* The object at a path relative to the root, links not followed, or UINT32_MAX. */
uint32_t tree_find(const struct tree *tree, const char *path);
/* The bytes of a page of a file, zeros where it has none; the caller's until the tree is changed.
 * Pages that trees share are at the same place. */
const uint8_t *tree_page(const struct tree *tree, uint32_t object, uint64_t page);
/* A hash of a file's contents and size, and of nothing else. */
XXH128_hash_t tree_file_hash(const struct tree *tree, uint32_t object);

/* How many names each object has, by its number. NULL: out of memory. The caller frees it. */
uint32_t *tree_count_names(const struct tree *tree);
/* A hash of what a program can see of an object by stat(2) and readlink(2): type, permission bits,
 * number of names, and a file's size, a link's target, or how many directories a directory holds;
 * `is_listed`: also of the names in a directory with their types. UINT32_MAX is no object, which
 * can be seen, too. */
XXH128_hash_t tree_sight(
	const struct tree *tree, uint32_t object, const uint32_t *name_counts, bool is_listed);
/* A hash of bytes [start, end) of a file; what is behind its end does not count. */
XXH128_hash_t tree_bytes_hash(
	const struct tree *tree, uint32_t object, uint64_t start, uint64_t end);

/* Calls `visit` for every name below the root, in order. `path` is relative to the root. */
void tree_walk(const struct tree *tree,
	void (*visit)(void *context, const char *path, uint32_t object), void *context);

/* ---- for what a device did not keep (harness/sync_loss.c) ---- */

/* Makes pages [first, first + count) of a file in *tree what they are in `source` (zero where
 * that has none); the size stays. Returns 0 or -ENOMEM. */
int tree_revert_pages(struct tree **tree, const struct tree *source, uint32_t object,
	uint64_t first, uint64_t count);
/* Makes the entries of a directory what they are in `source`. */
int tree_revert_directory(struct tree **tree, const struct tree *source, uint32_t object);

/* ---- on a disk (harness/tree_disk.c, harness/tree_load.c) ---- */

/* Which object stands behind an inode, for the tracer. */
struct inode_map;
struct inode_map *inode_map_new(void);
void inode_map_free(struct inode_map *map);
/* Binds or rebinds an inode. Returns 0 or -ENOMEM. */
int inode_map_set(struct inode_map *map, uint64_t device, uint64_t inode, uint32_t object);
/* UINT32_MAX: not one of ours. */
uint32_t inode_map_get(const struct inode_map *map, uint64_t device, uint64_t inode);
/* The object's inode has no name from now on, until it is bound again: if one is found under its
 * number that has, it is another. */
void inode_map_orphan(struct inode_map *map, uint32_t object);
bool inode_map_is_orphan(const struct inode_map *map, uint64_t device, uint64_t inode);

/* Reads a directory into a new tree. `map` (NULL, or a new one) learns every inode. Objects are
 * numbered in the order of their names. Returns 0, -errno, or -ENOTSUP for a device, fifo or
 * socket. */
int tree_load(int directory_fd, struct tree **tree, struct inode_map *map);

/* What was left out of a tree. */
struct tree_notes {
	unsigned special_count;    /* devices, fifos, sockets */
	unsigned unreadable_count; /* files and directories that we may not read */
	char special[PATH_MAX], unreadable[PATH_MAX]; /* the first of each, below the root */
};

/* The same, but a tree without what it cannot hold or we cannot read, and notes of that. */
int tree_load_noting(
	int directory_fd, struct tree **tree, struct inode_map *map, struct tree_notes *notes);

/* Writes the tree into an empty directory. Returns 0 or -errno. */
int tree_store(const struct tree *tree, int directory_fd);

/* Makes a directory that may hold anything hold the tree and nothing else, changing in place what
 * can be changed; see harness/tree_patch.c. The descriptor's offset moves. Returns 0 or -errno. */
int tree_store_over(const struct tree *tree, int directory_fd);

/* Removes everything in a directory, without following links. Returns 0 or -errno. */
int tree_wipe(int directory_fd);
/* The same, but for one name. */
int tree_wipe_but(int directory_fd, const char *kept_name);

/* Writes one line a difference: names, types, modes, sizes, the first differing byte. */
void tree_print_difference(const struct tree *expected, const struct tree *found, FILE *stream);

#endif
