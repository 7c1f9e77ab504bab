/*
 * The process is killed: before, after and in the middle of every operation that changes files.
 * The kernel looks for a fatal signal between the pages of a write, so a kill cuts a write only at
 * a page boundary of the file, never at any other byte.
 */
#include "harness/fault.h"
#include "harness/tree.h"

enum { KILL_BEFORE, KILL_MIDDLE, KILL_AFTER };

static unsigned kill_chances(const struct op *op, unsigned variant)
{
	uint64_t start, end;

	if (!op_is_change(op))
		return 0;
	if (variant != KILL_MIDDLE)
		return 1;
	if (op->kind != OP_WRITE || !op->size_bytes)
		return 0;
	start = (uint64_t)op->offset;
	end = start + op->size_bytes;
	return (unsigned)((end - 1) / TREE_PAGE_BYTES - start / TREE_PAGE_BYTES);
}

static void kill_strike(
	const struct op *op, unsigned variant, uint64_t chance, struct strike *strike)
{
	uint64_t start = (uint64_t)op->offset;

	switch (variant) {
	case KILL_BEFORE:
		strike->action = STRIKE_KILL_BEFORE;
		break;
	case KILL_MIDDLE:
		strike->action = STRIKE_KILL_MIDDLE;
		strike->bytes = (start / TREE_PAGE_BYTES + 1 + chance) * TREE_PAGE_BYTES - start;
		break;
	default:
		strike->action = STRIKE_KILL_AFTER;
	}
}

static const struct fault_variant kill_variants[] = {
	[KILL_BEFORE] = {"before", REPEAT_NEVER},
	[KILL_MIDDLE] = {"middle", REPEAT_NEVER},
	[KILL_AFTER] = {"after", REPEAT_NEVER},
};

const struct fault fault_kill = {
	.name = "kill",
	.summary = "the process is killed before, in or after an operation",
	.class = SURVIVES_KILL,
	.variants = kill_variants,
	.variant_count = 3,
	.chances = kill_chances,
	.strike = kill_strike,
};
