/*
 * The automatic oracle: whether a directory is as it was before an update or after it.
 *
 * Method: the trees after 0, 1, 2 ... acknowledgements of a clean run are the legal ones. A tree
 * equals a legal one if every path that any of them has is there with the same type, contents and
 * link target, or in neither. Permission bits, times and which names are links of one file do not
 * count; names that no legal tree has are residue, which is told and is no difference.
 * Limit: it knows nothing of formats. What varies from run to run by itself is left out, and
 * whoever asks must say so: see oracle_compare_runs() and oracle_sees().
 */
#ifndef TORNWRITE_ORACLE_H
#define TORNWRITE_ORACLE_H

#include "harness/tree.h"

/* ---- what is not compared ---- */

enum varies {
	VARIES_CONTENTS, /* that it is there counts, and that it is neither empty nor all zeros */
	VARIES_WHOLLY,   /* nothing counts, of what is below it neither */
};

/* A path that differs between two clean runs. */
struct varying {
	char *path; /* owned */
	enum varies how;
	bool is_final; /* it is there when the program is done; otherwise only on the way */
	bool is_name;  /* one run has it and the other has not: a random name */
};

/* In the order of oracle_compare_paths(), each path once. */
struct varying_list {
	struct varying *items; /* owned */
	size_t count, capacity;
};

/* All of it is borrowed. */
struct oracle_rules {
	/* Globs of fnmatch(3), for the path from the data directory or for its last component. A
	 * directory that matches takes everything below along. */
	const char *const *ignored;
	size_t ignored_count;
	const struct varying_list *varying; /* NULL: nothing varies */
};

/* Adds to `list`, which is empty, what differs between two clean runs of one program: the legal
 * trees of each, as many of both. Ignored paths are left out, and what lies below a directory that
 * only one run has. rules->varying is not looked at. Returns 0 or -ENOMEM. Pair with
 * varying_list_release() in every case. */
int oracle_compare_runs(struct tree *const *a, struct tree *const *b, size_t count,
	const struct oracle_rules *rules, struct varying_list *list);
void varying_list_release(struct varying_list *list);

/* "contents of .git/index differ from run to run". */
void varying_say(const struct varying *varying, char *text, size_t text_size);

/* Whether the rules leave a path out, or a directory that it lies in. */
bool oracle_ignores(const struct oracle_rules *rules, const char *path);

/* The order of tree_walk(): a directory's contents come right after it. As strcmp(3). */
int oracle_compare_paths(const char *a, const char *b);

/* ---- asking ---- */

enum difference_kind {
	DIFFERS_EMPTY,
	DIFFERS_TRUNCATED,   /* a beginning of what some legal tree has */
	DIFFERS_ZERO_FILLED, /* zeros where no legal tree has any */
	DIFFERS_MIXED,       /* every byte is from a legal tree, but not from the same one */
	DIFFERS_FOREIGN,     /* bytes, or a link's target, that no legal tree has */
	DIFFERS_MISSING,
	DIFFERS_TYPE,
	DIFFERS_SPLIT, /* files of different updates, each of them whole */
	DIFFERS_OLD,   /* all of it as before the expected state; only of oracle_ask_for() */
	DIFFERS_NEW,   /* or as after it */
	DIFFERENCE_KINDS,
};

struct difference {
	enum difference_kind kind;
	const char *path; /* the first it is about; the oracle's */
	char *text;       /* owned; "data/f.txt is truncated: 100 of 5000 bytes" */
	/* Owned; the same for all that differ alike, whatever the numbers: "data/f.txt is
	 * truncated". */
	char *key;
};

struct opinion {
	/* The first and the last legal tree that it equals; SIZE_MAX: none. Not always all in
	 * between: see oracle_equals(). */
	size_t first, last;
	/* The legal tree that the differences are told against, and every one of them; none if it
	 * equals a legal tree. */
	size_t nearest;
	struct difference *differences;
	size_t difference_count, difference_capacity;
	/* Names that no legal tree has: so many strings, one after the other. */
	char *residue;
	size_t residue_count, residue_bytes, residue_capacity;
};

struct oracle;

/* Takes references to `count` legal trees, at least one; the rules are borrowed. Returns 0 or
 * -ENOMEM. Pair with oracle_free(). */
int oracle_new(struct oracle **out, struct tree *const *legal, size_t count,
	const struct oracle_rules *rules);
void oracle_free(struct oracle *oracle); /* NULL is allowed */

/* What the oracle thinks of a tree, when `acknowledged` updates had been and the next may have
 * begun; that decides only which of several legal trees as near as each other counts as nearest.
 * The opinion is the oracle's, until it is asked again. Returns 0 or -ENOMEM. */
int oracle_ask(struct oracle *oracle, const struct tree *tree, size_t acknowledged,
	const struct opinion **opinion);

/* The same, with the differences from the legal tree `expected`, also if another one is equal. */
int oracle_ask_for(struct oracle *oracle, const struct tree *tree, size_t expected,
	const struct opinion **opinion);

/* Whether the tree that was asked about last equals a legal one of [from, to]. `to` may be more
 * than there are. */
bool oracle_equals(const struct oracle *oracle, size_t from, size_t to);

/* Whether it can tell legal tree `update` from the one before, update >= 1. If not, it knows
 * nothing of whether the update is there. */
bool oracle_sees(const struct oracle *oracle, size_t update);

/* How many paths are compared. */
size_t oracle_path_count(const struct oracle *oracle);

#endif
