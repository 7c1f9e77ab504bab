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

/* Completes the operation at its exit stop: op->effect and op->result are the call's result, the
 * inode that it made is bound to op->object, and what was written by a call that copies is read
 * back. Returns 0 or -errno. */
int decode_exit(const struct task *task, const struct call *call, struct op *op);

/* Which argument of a call that moves data says how many bytes, or how many vectors. */
unsigned decode_count_argument(long number);

/* Whether the call closes a descriptor that is the last reference to an open file: no other
 * descriptor of the task and its peers, and no mapping. Where it cannot be told: no. Looks only if
 * the recording made the object's file empty (tree_was_emptied()); otherwise nothing depends on it,
 * and the answer is yes. */
bool decode_is_last(const struct task *task, int fd, uint32_t object);

/* The closes that nobody calls: of all descriptors of a task that ends, or, `is_exec`, of those
 * that its exec closes. One OP_CLOSE, complete, for each open file that decode_is_last() would say
 * yes of, and only for files that the recording made empty. To be asked before it happens, while
 * /proc shows the descriptors. `add` takes over *op and returns 0 or -errno. Returns 0 or -errno;
 * a task that is gone has none. */
int decode_closes(const struct task *task, bool is_exec, int (*add)(void *context, struct op *op),
	void *context);

#endif
