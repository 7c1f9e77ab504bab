/*
 * A signal interrupts a call before it did anything (POSIX lists EINTR for each of these). The
 * persistent form interrupts every first try and lets the retry through, since a signal that
 * comes without end is no fault but a program that hangs.
 */
#include <errno.h>

#include "harness/fault.h"

static unsigned eintr_chances(const struct op *op, unsigned variant)
{
	(void)variant;
	switch (op->kind) {
	case OP_OPEN:
	case OP_CLOSE:
	case OP_READ:
	case OP_WRITE:
	case OP_TRUNCATE:
	case OP_FALLOCATE:
	case OP_PUNCH:
	case OP_FSYNC:
	case OP_LOCK:
		return 1;
	case OP_FDATASYNC:
		return op->point != POINT_MSYNC;
	default:
		return 0;
	}
}

static const struct fault_variant eintr_variants[] = {
	{"once", REPEAT_NEVER},
	{"every first try", REPEAT_ALTERNATE},
};

const struct fault fault_eintr = {
	.name = "eintr",
	.summary = "a signal interrupts a call",
	.class = SURVIVES_INTERRUPTION,
	.error = EINTR,
	.variants = eintr_variants,
	.variant_count = 2,
	.chances = eintr_chances,
};
