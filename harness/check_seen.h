/*
 * What a checker saw where, as a tree of decisions: for each question what it looks at first; for
 * each thing that it may see there, what it looks at next; and at the end whether it was satisfied.
 * One that is deterministic goes the same way as long as it sees the same.
 */
#ifndef TORNWRITE_CHECK_SEEN_H
#define TORNWRITE_CHECK_SEEN_H

#include "harness/tree.h"

/* Something that was looked at. */
enum look_kind {
	LOOK_STAT,  /* all but contents: see tree_sight() */
	LOOK_LIST,  /* the names in a directory */
	LOOK_BYTES, /* [start, end) of a file whose size was looked at */
};

struct look {
	enum look_kind kind;
	char *path; /* owned; below the root, which is "" */
	uint64_t start, end;
};

struct look_list {
	struct look *items; /* owned */
	size_t count, capacity;
};

/* Adds a copy. Returns 0 or -ENOMEM. */
int look_list_add(struct look_list *list, const struct look *look);
void look_list_release(struct look_list *list);

struct check_seen;

enum check_seen_answer { SEEN_NOTHING, SEEN_LEGAL, SEEN_OTHER };

struct check_seen *check_seen_new(void);
void check_seen_free(struct check_seen *seen); /* NULL is allowed */

/* How it ended when what was looked at was as in this tree. `name_counts` is of
 * tree_count_names(). */
enum check_seen_answer check_seen_find(const struct check_seen *seen, XXH128_hash_t question,
	const struct tree *tree, const uint32_t *name_counts);

/* Remembers a run. Returns 0, -ENOMEM, or -EEXIST: it went another way than runs before that had
 * seen the same, so that there is no room for it. */
int check_seen_add(struct check_seen *seen, XXH128_hash_t question, const struct tree *tree,
	const uint32_t *name_counts, const struct look_list *looks, bool is_legal);

#endif
