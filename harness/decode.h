/*
 * From a stopped call to an operation on objects: what it touches, where its name is, what it
 * writes. No table of descriptors is kept; the kernel is asked each time (pidfd_getfd, fstat),
 * and an object is known by its inode.
 */
#ifndef TORNWRITE_DECODE_H
#define TORNWRITE_DECODE_H

#include <stdbool.h>

#include "harness/machine.h"
#include "harness/op.h"
#include "harness/tree.h"

struct task {
	pid_t pid;
	int pidfd;
	/* The data directory as it is now; borrowed. */
	const struct tree *tree;
	struct inode_map *inodes;
};

/* Decodes a call at its entry stop. Returns 1 with *op filled in when the call is an operation
 * inside the data directory, 0 when it is none of our business, or -errno when the task could not
 * be read. */
int decode_entry(const struct task *task, const struct call *call, struct op *op);

/* Completes the operation at its exit stop: op->effect and op->result are the call's result, and
 * the inode that it made is bound to op->object. Returns 0 or -errno. */
int decode_exit(const struct task *task, const struct call *call, struct op *op);

/* The file behind a shared mapping: its object, opened anew for reading in *fd (close it).
 * Returns 1, 0 when it is not in the data directory or cannot be written through, or -errno. */
int decode_mapping(const struct task *task, const struct call *call, uint32_t *object, int *fd);

/* Whether a descriptor of the task is /dev/random or /dev/urandom. */
bool decode_is_random_device(const struct task *task, int fd);

/* Copies between us and a stopped task. Return 0 or -errno. */
int decode_peek(const struct task *task, uint64_t address, void *bytes, size_t size_bytes);
int decode_poke(const struct task *task, uint64_t address, const void *bytes, size_t size_bytes);

#endif
