/*
 * From an operation to its footprint.
 */
#ifndef TORNWRITE_TOUCH_H
#define TORNWRITE_TOUCH_H

#include "harness/footprint.h"
#include "harness/op.h"
#include "harness/tree.h"

/* Adds what an operation that is about to happen on `tree` will look at and change. `is_crashed`:
 * the power may fail later, so that it matters what came before a sync. Closing a file releases its
 * locks, which the caller knows of. */
void touch_op(
	const struct op *op, const struct tree *tree, bool is_crashed, struct footprint *footprint);

/* Adds that all locks on a file may be released. */
void touch_locks(uint32_t object, struct footprint *footprint);

#endif
