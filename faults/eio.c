/*
 * The device fails. A write to an O_DSYNC or O_SYNC descriptor can fail in two ways: before
 * anything is in the cache ("once"), or after, when the sync half of it fails ("late"): then the
 * bytes can be read, and a power cut takes them away.
 */
#include <errno.h>

#include "harness/fault.h"

enum { EIO_ONCE, EIO_PERSISTENT, EIO_LATE };

static unsigned eio_chances(const struct op *op, unsigned variant)
{
	if (variant == EIO_LATE)
		return op->kind == OP_WRITE && op->is_synchronous;
	switch (op->kind) {
	case OP_READ:
	case OP_WRITE:
	case OP_FSYNC:
	case OP_FDATASYNC:
	case OP_SYNC:
	case OP_CLOSE:
	case OP_RENAME:
	case OP_EXCHANGE:
	case OP_TRUNCATE:
	case OP_UNLINK:
		return 1;
	default:
		return 0;
	}
}

static void eio_strike(
	const struct op *op, unsigned variant, uint64_t chance, struct strike *strike)
{
	(void)op;
	(void)chance;
	strike->action = variant == EIO_LATE ? STRIKE_LATE_ERROR : STRIKE_ERROR;
	strike->error = EIO;
}

static const struct fault_variant eio_variants[] = {
	[EIO_ONCE] = {"once", REPEAT_NEVER},
	[EIO_PERSISTENT] = {"persistent", REPEAT_SAME_POINT},
	[EIO_LATE] = {"late", REPEAT_NEVER},
};

const struct fault fault_eio = {
	.name = "eio",
	.summary = "a read, write, sync, close or change of names fails with EIO",
	.class = SURVIVES_IO_ERROR,
	.variants = eio_variants,
	.variant_count = 3,
	.chances = eio_chances,
	.strike = eio_strike,
};
