/*
 * A crash state: cells of a recording (harness/micro_op.h) that become a directory tree.
 */
#ifndef TORNWRITE_CRASH_STATE_H
#define TORNWRITE_CRASH_STATE_H

#include "harness/micro_op.h"

/* What micro-operations that are still to come may do, for crash_state_tidy(). */
struct future {
	uint8_t *is_named;    /* owned; by object: a name may be given to it */
	uint32_t *size_bytes; /* owned; by object: the largest size that it may get */
};

/* What micro-operations [from, end) may do. Pair with future_release() in every case. Returns 0 or
 * -ENOMEM. */
int future_init(struct future *future, const struct micro_ops *ops, size_t from, size_t end);
void future_release(struct future *future);

/* Builds trees; objects and pages that occur again are shared between them. */
struct crash_builder;

/* Returns NULL when out of memory. `ops` is borrowed. */
struct crash_builder *crash_builder_new(struct micro_ops *ops);
void crash_builder_free(struct crash_builder *builder);

/* Clears every cell that no reader can see, now or after what is still to come: bytes behind the
 * end of a file, and whatever has no name. So cells are equal where trees are. `future` NULL:
 * nothing is to come, and a directory found under two names keeps the first, as fsck would have it.
 * Returns 0 or -ENOMEM. */
int crash_state_tidy(struct crash_builder *builder, uint32_t *values, const struct future *future);

/* The tree of the cells that crash_state_tidy() tidied last, without a future; the caller holds a
 * reference. NULL: out of memory. */
struct tree *crash_state_tree(struct crash_builder *builder, const uint32_t *values);

/* The cells when the crash comes after micro-operations [0, end) without those that are `lost`.
 * Not tidy. Returns 0 or -ENOMEM. */
int crash_state_apply(struct micro_ops *ops, size_t end, const uint64_t *lost, uint32_t *values);

#endif
