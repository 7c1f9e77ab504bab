/* The pool of contents: each different unit has one number. For micro_op.c only. */
#ifndef TORNWRITE_MICRO_OP_POOL_H
#define TORNWRITE_MICRO_OP_POOL_H

#include "harness/micro_op.h"

/* Number 0 is a unit of zeros. Returns 0 or -ENOMEM. */
int pool_init(struct micro_ops *ops);
void pool_release(struct micro_ops *ops);

/* The number of these bytes. UINT32_MAX: out of memory, here and below. */
uint32_t pool_number(struct micro_ops *ops, const uint8_t *bytes);

/* What an effect on a unit makes of its contents. */
uint32_t pool_change(struct micro_ops *ops, struct effect *effect, uint32_t from);

#endif
