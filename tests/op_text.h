/*
 * An operation as a line of text, for tests that compare recordings: objects by number, names as
 * DIRECTORY/NAME.
 */
#ifndef TORNWRITE_TESTS_OP_TEXT_H
#define TORNWRITE_TESTS_OP_TEXT_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/op.h"

static inline void op_text_add_bytes(FILE *stream, const struct op *op)
{
	fputc('\'', stream);
	for (int64_t i = 0; i < op->effect && i < 24; i++)
		fputc(op->data[i] >= ' ' ? op->data[i] : '.', stream);
	fputc('\'', stream);
}

static inline void op_text_add_flags(FILE *stream, const struct op *op)
{
	if (op->is_creating)
		fputs(" creates", stream);
	if (op->is_truncating)
		fputs(" truncates", stream);
	if (op->is_growing)
		fputs(" grows", stream);
	if (op->is_synchronous)
		fputs(" syncs", stream);
	if (op->kind == OP_PUNCH)
		fputs(op->is_hole ? " hole" : " zeros", stream);
	if (op->keeps_size)
		fputs(" keeps-size", stream);
	if (op->new_blocks)
		fprintf(stream, " +%" PRIu64 "blk", op->new_blocks);
}

static inline void op_text_add(FILE *stream, const struct op *op)
{
	bool makes_mode = (op->kind == OP_OPEN && op->is_creating) || op->kind == OP_MKDIR ||
	                  op->kind == OP_CHMOD || op->kind == OP_MKNOD;

	fputs(op->kind == OP_EXCHANGE ? "exchange" : points[op->point].call, stream);
	if (op->object != UINT32_MAX)
		fprintf(stream, " %" PRIu32, op->object);
	if (op->name)
		fprintf(stream, " %d/%s", (int)op->directory, op->name);
	if (op->new_name)
		fprintf(stream, " > %d/%s", (int)op->new_directory, op->new_name);
	if (op->kind == OP_SYMLINK)
		fprintf(stream, " to %s", (const char *)op->data);
	if (op->kind == OP_READ || op->kind == OP_WRITE || op->kind == OP_STORE ||
		op->kind == OP_FALLOCATE || op->kind == OP_PUNCH || op->point == POINT_MSYNC)
		fprintf(stream, " @%" PRId64 "+%" PRIu64, op->offset, op->size_bytes);
	if (op->kind == OP_TRUNCATE)
		fprintf(stream, " to %" PRIu64, op->size_bytes);
	if (op->kind == OP_WRITE && op->effect >= 0) {
		fputc(' ', stream);
		op_text_add_bytes(stream, op);
	}
	if (makes_mode && op->effect >= 0)
		fprintf(stream, " %o", op->mode);
	op_text_add_flags(stream, op);
	if (op->result < 0)
		fprintf(stream, " = %s", strerrorname_np((int)-op->result));
	else if (op->kind == OP_READ || op->kind == OP_WRITE)
		fprintf(stream, " = %" PRId64, op->result);
	if (op->result != op->effect)
		fprintf(stream, " (really %" PRId64 ")", op->kind == OP_CLOSE ? 0 : op->effect);
	fputc('\n', stream);
}

#endif
