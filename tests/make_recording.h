/*
 * Recordings made by hand: each function adds one operation that took place, and follows it on a
 * tree. make_settle() takes what there is then as the tree before the recording. Failures of the
 * test itself end in assert(3).
 */
#ifndef TORNWRITE_TESTS_MAKE_RECORDING_H
#define TORNWRITE_TESTS_MAKE_RECORDING_H

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/recording.h"

enum { MAKE_PAGE = TREE_PAGE_BYTES };

struct making {
	struct recording recording;
	struct tree *now; /* reference held */
};

/* Pair with make_end(). */
static inline void make_begin(struct making *making)
{
	making->now = tree_new();
	assert(making->now);
	recording_init(&making->recording, making->now);
}

static inline void make_end(struct making *making)
{
	recording_release(&making->recording);
	tree_unref(making->now);
}

/* What was made so far is the initial tree. */
static inline void make_settle(struct making *making)
{
	recording_release(&making->recording);
	recording_init(&making->recording, making->now);
}

/* Forgets the events from `count` on. The tree stays behind. */
static inline void make_cut(struct making *making, size_t count)
{
	while (making->recording.count > count)
		op_release(&making->recording.events[--making->recording.count].op);
}

/* Adds an operation whose strings and data are borrowed. */
static inline void make_add(struct making *making, struct op op)
{
	struct event event = {.kind = EVENT_OP, .op = op};
	int err;

	event.op.name = op.name ? strdup(op.name) : NULL;
	event.op.new_name = op.new_name ? strdup(op.new_name) : NULL;
	if (op.data) {
		size_t count = op.kind == OP_SYMLINK ? strlen((char *)op.data) + 1 : op.size_bytes;

		event.op.data = malloc(count + 1);
		assert(event.op.data);
		memcpy(event.op.data, op.data, count);
	}
	err = tree_apply(&making->now, &event.op);
	assert(!err);
	err = recording_add(&making->recording, &event);
	assert(!err);
}

static inline struct op make_op(enum op_kind kind, uint32_t object)
{
	return (struct op){.kind = kind,
		.object = object,
		.directory = UINT32_MAX,
		.new_directory = UINT32_MAX,
		.mode = 0644};
}

static inline void make_history(struct making *making, enum event_kind kind)
{
	struct event event = {.kind = kind};
	int err = recording_add(&making->recording, &event);

	assert(!err);
}

static inline void make_ack(struct making *making)
{
	make_history(making, EVENT_ACK);
}

/* OP_OPEN, OP_MKDIR. Returns the new object. */
static inline uint32_t make_new(
	struct making *making, enum op_kind kind, uint32_t directory, const char *name)
{
	struct op op = make_op(kind, tree_object_count(making->now));

	op.directory = directory;
	op.name = (char *)name;
	op.is_creating = kind == OP_OPEN;
	make_add(making, op);
	return op.object;
}

static inline uint32_t make_file(struct making *making, const char *name)
{
	return make_new(making, OP_OPEN, TREE_ROOT, name);
}

/* `letter` as often as it says; the strings are borrowed until the next call. */
static inline struct op make_write_op(
	enum op_kind kind, uint32_t object, uint64_t offset, uint64_t size_bytes, char letter)
{
	static uint8_t bytes[16 * MAKE_PAGE];
	struct op op = make_op(kind, object);

	assert(size_bytes <= sizeof(bytes));
	memset(bytes, letter, size_bytes);
	op.data = bytes;
	op.offset = (int64_t)offset;
	op.size_bytes = size_bytes;
	op.effect = op.result = (int64_t)size_bytes;
	return op;
}

static inline void make_write(
	struct making *making, uint32_t object, uint64_t offset, uint64_t size_bytes, char letter)
{
	make_add(making, make_write_op(OP_WRITE, object, offset, size_bytes, letter));
}

/* OP_TRUNCATE. */
static inline void make_truncate(struct making *making, uint32_t object, uint64_t size_bytes)
{
	struct op op = make_op(OP_TRUNCATE, object);

	op.size_bytes = size_bytes;
	make_add(making, op);
}

/* open(2) with O_TRUNC of a file that is there. */
static inline void make_open_truncated(struct making *making, uint32_t object)
{
	struct op op = make_op(OP_OPEN, object);

	op.is_truncating = true;
	make_add(making, op);
}

static inline void make_close(struct making *making, uint32_t object)
{
	struct op op = make_op(OP_CLOSE, object);

	op.is_last = true;
	make_add(making, op);
}

/* OP_RENAME, OP_EXCHANGE. */
static inline void make_move(struct making *making, enum op_kind kind, uint32_t directory,
	const char *name, uint32_t new_directory, const char *new_name)
{
	struct op op = make_op(kind, tree_lookup(making->now, directory, name));

	op.directory = directory;
	op.name = (char *)name;
	op.new_directory = new_directory;
	op.new_name = (char *)new_name;
	make_add(making, op);
}

static inline void make_rename(struct making *making, const char *name, const char *new_name)
{
	make_move(making, OP_RENAME, TREE_ROOT, name, TREE_ROOT, new_name);
}

/* OP_UNLINK, OP_RMDIR. */
static inline void make_remove(
	struct making *making, enum op_kind kind, uint32_t directory, const char *name)
{
	struct op op = make_op(kind, tree_lookup(making->now, directory, name));

	op.directory = directory;
	op.name = (char *)name;
	make_add(making, op);
}

/* OP_FSYNC, OP_FDATASYNC, OP_SYNC, with 0 or -errno. */
static inline void make_sync(
	struct making *making, enum op_kind kind, uint32_t object, int64_t result)
{
	struct op op = make_op(kind, object);

	op.effect = op.result = result;
	make_add(making, op);
}

static inline void make_fsync(struct making *making, uint32_t object)
{
	make_sync(making, OP_FSYNC, object, 0);
}

/* For whoever looks for the reason of a failure. */
static inline void make_print(const struct recording *recording, FILE *stream)
{
	static const char *const kinds[OP_KINDS] = {"open", "close", "read", "write", "truncate",
		"fallocate", "fsync", "fdatasync", "sync", "lock", "rename", "exchange", "link",
		"unlink", "mkdir", "rmdir", "symlink", "chmod", "store", "look", "mknod", "punch",
		"metadata"};

	for (size_t i = 0; i < recording->count; i++) {
		const struct op *op = &recording->events[i].op;

		if (recording->events[i].kind != EVENT_OP) {
			fprintf(stream, "%3zu history\n", i);
			continue;
		}
		fprintf(stream, "%3zu %s object %u", i, kinds[op->kind], op->object);
		if (op->name)
			fprintf(stream, " name %u/%s", op->directory, op->name);
		if (op->new_name)
			fprintf(stream, " to %u/%s", op->new_directory, op->new_name);
		fprintf(stream, " at %lld size %llu%s%s%s '%c' effect %lld result %lld\n",
			(long long)op->offset, (unsigned long long)op->size_bytes,
			op->is_creating ? " new" : "", op->is_truncating ? " trunc" : "",
			op->is_synchronous ? " dsync" : "",
			op->data && op->data[0] ? op->data[0] : '.', (long long)op->effect,
			(long long)op->result);
	}
}

#endif
