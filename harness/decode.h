/*
 * From a stopped call to an operation on objects: what it touches, where its name is, what it
 * writes.
 */
#ifndef TORNWRITE_DECODE_H
#define TORNWRITE_DECODE_H

#include "harness/op.h"
#include "harness/task.h"

/* Decodes a call at its entry stop. Returns 1 with *op filled in when the call is an operation
 * inside the data directory, 0 when it is none of our business, or -errno when the task could not
 * be read. */
int decode_entry(const struct task *task, const struct call *call, struct op *op);

/* The part of decode_entry() for calls that look at names and sizes, and for locks of fcntl(2):
 * they stop only where schedules are chosen. */
int decode_look(const struct task *task, const struct call *call, struct op *op);

/* What decode_entry() says is none of our business may still look for something in the data
 * directory, and not find it: then 1 with *op an OP_LOOK. Otherwise as decode_entry(). */
int decode_missing(const struct task *task, const struct call *call, struct op *op);

/* Completes the operation at its exit stop: op->effect and op->result are the call's result, and
 * the inode that it made is bound to op->object. Returns 0 or -errno. */
int decode_exit(const struct task *task, const struct call *call, struct op *op);

#endif
