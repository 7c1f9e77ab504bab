/* What crash.c and crash_bounded.c share. Nobody else includes it. */
#ifndef TORNWRITE_CRASH_PRIVATE_H
#define TORNWRITE_CRASH_PRIVATE_H

#include "harness/crash.h"
#include "harness/crash_state.h"

struct crash_run {
	struct micro_ops *ops;
	const struct crash_limits *limits;
	int (*visit)(void *context, const struct crash_state *state);
	void *context;
	struct crash_coverage *coverage;
	struct crash_builder *builder;
	size_t words;     /* of a set of micro-operations */
	uint64_t *open;   /* owned; those that are undecided in the epoch that is looked at */
	uint64_t **after; /* owned; by micro-operation: which later ones must not be without it;
	                     NULL: not computed yet */
	uint64_t work;    /* done in exact walks */
	unsigned tick;
};

/* The row run->after[item]. NULL: out of memory. */
const uint64_t *crash_after(struct crash_run *run, size_t item);

/* Whether to stop: limits->is_over(), asked now and then, or max_states. Notes it. */
bool crash_is_over(struct crash_run *run);

/* Makes the tree of cells that are tidy and visits it. */
int crash_hand_out(struct crash_run *run, const struct epoch *epoch, const uint32_t *values,
	const uint64_t *lost, size_t lost_count, size_t birth);

/* The bounded method, for one epoch. */
int crash_widen(struct crash_run *run, const struct epoch *epoch, uint64_t budget);

#endif
