/*
 * A call moves fewer bytes than it was asked to: reads and writes of one byte, of half, of all but
 * one. Half also persistently; one byte persistently would only be the same loop, many times.
 */
#include "harness/fault.h"

enum { SHORT_ONE, SHORT_HALF, SHORT_ALL_BUT_ONE, SHORT_HALF_ALWAYS };

static unsigned short_write_chances(const struct op *op, unsigned variant)
{
	if (op->kind != OP_WRITE && op->kind != OP_READ)
		return 0;
	/* Of two bytes, half and all but one are one byte. */
	return op->size_bytes > (variant == SHORT_ONE ? 1 : 2);
}

static void short_write_strike(
	const struct op *op, unsigned variant, uint64_t chance, struct strike *strike)
{
	(void)chance;
	strike->action = STRIKE_SHORT;
	if (variant == SHORT_ONE)
		strike->bytes = 1;
	else if (variant == SHORT_ALL_BUT_ONE)
		strike->bytes = op->size_bytes - 1;
	else
		strike->bytes = op->size_bytes / 2;
}

static const struct fault_variant short_write_variants[] = {
	[SHORT_ONE] = {"1 byte", REPEAT_NEVER},
	[SHORT_HALF] = {"half", REPEAT_NEVER},
	[SHORT_ALL_BUT_ONE] = {"all but one byte", REPEAT_NEVER},
	[SHORT_HALF_ALWAYS] = {"half, always", REPEAT_SAME_POINT},
};

const struct fault fault_short_write = {
	.name = "short-write",
	.summary = "a read or write moves fewer bytes than it was asked to",
	.class = SURVIVES_INTERRUPTION,
	.variants = short_write_variants,
	.variant_count = 4,
	.chances = short_write_chances,
	.strike = short_write_strike,
};
