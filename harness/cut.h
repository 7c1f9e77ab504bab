/*
 * A cut: one crash state that was chosen, in the few numbers that a witness keeps.
 */
#ifndef TORNWRITE_CUT_H
#define TORNWRITE_CUT_H

#include "harness/micro_op.h"

/* A crash that was chosen: what a witness keeps. */
struct cut {
	size_t event;   /* the crash comes before this event is complete */
	uint32_t *lost; /* owned; micro-operations, ascending */
	size_t lost_count;
	size_t micro_ops; /* in the whole recording, to know it again */
	enum tear tear;
};

/* Takes the lost micro-operations of [0, end). Returns 0 or -ENOMEM. */
int cut_init(struct cut *cut, const struct micro_ops *ops, size_t event, const uint64_t *lost);
void cut_release(struct cut *cut);
/* The tree of a cut. Returns 0, -ENOMEM, or -EPROTO: it does not belong to this recording. The
 * caller holds a reference. */
int cut_tree(const struct cut *cut, struct micro_ops *ops, struct tree **tree);

#endif
