/*
 * Violations grouped by cause: what was lost, torn or cut short, and how the state differs.
 *
 * Method: a site is the operations of which something is lost, by call and file and without their
 * numbers, or else the moment at which all went on no further. A state that loses at least what
 * the site of a group loses, and looks like it, counts for that group; so groups are the smallest
 * sets of losses, whatever the order in which states come, and none hides another: a site that
 * loses something else, or less, or looks differently has a group of its own.
 * Limit: calls of one kind on one file are one site.
 */
#ifndef TORNWRITE_BLAME_H
#define TORNWRITE_BLAME_H

#include "harness/result.h"

enum { BLAME_MAX_GROUPS = 200 };

struct blame_group;

struct blame {
	struct causes *causes;      /* borrowed; what is filled */
	struct blame_group *groups; /* owned; by index in causes->items */
	size_t capacity, max_groups;
	const struct micro_ops *ops; /* borrowed; whose cuts are counted */
	char **names;                /* owned; of its operations, by event; NULL: not made yet */
	size_t name_count;
};

/* For causes of one property and one kind of fault; none yet. At most `max_groups`, at least one:
 * what has no room, the largest witnesses first, is counted in causes->left_out. Pair with
 * blame_end() in every case. */
void blame_begin(struct blame *blame, struct causes *causes, size_t max_groups);

/* From now on cuts are of this recording, which is borrowed. Returns 0 or -ENOMEM. */
int blame_recording(struct blame *blame, const struct micro_ops *ops);

/* Counts a state of a power cut that breaks the property and looks like `difference`. `cut` is of
 * the earliest moment at which it does; states that lose nothing had better come first and in
 * order, for what a moment explains by itself is blamed on no loss, and what lasts from one such
 * moment to the next is one cause. Where the state is the smallest witness of its
 * cause so far, *smallest is that cause: the caller fills in what leads there again (detail, cut
 * ...), which is empty; otherwise NULL. The pointer is valid until the next call. Returns 0 or
 * -ENOMEM. */
int blame_cut(struct blame *blame, const struct cut *cut, const char *difference,
	struct cause **smallest);

/* The same for a moment that somebody else knows the name of: "killed after write (f.txt)". Of two
 * witnesses the one of less `size` is kept. */
int blame_moment(struct blame *blame, const char *moment, size_t size, const char *difference,
	struct cause **smallest);

/* Puts the causes in order, those with the smallest witness first, and frees all but them.
 * Twice is allowed. */
void blame_end(struct blame *blame);

/* "write (doc.txt)", "write (new doc.txt)" before the rename that gives it this name: the same for
 * each such call of each run. */
void blame_op_name(const struct recording *recording, size_t event, char *text, size_t text_size);

#endif
