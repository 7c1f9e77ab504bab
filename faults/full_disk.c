/*
 * A disk that runs full by blocks of 4096 bytes, as file systems do: a short write, then ENOSPC,
 * with every number of free blocks. New names are free, as on tmpfs and as small creates are on
 * ext4; rename and unlink work.
 *   reused  freed blocks can be used again
 *   taken   what is freed is taken by somebody else at once: the run-away log of the article
 */
#include <errno.h>

#include "harness/fault.h"
#include "harness/tree.h"

static unsigned full_disk_chances(const struct op *op, unsigned variant)
{
	(void)variant;
	return op->new_blocks > 0;
}

/* How much of a write fits when `free_blocks` more can be had. It goes on page by page and stops
 * at the first page that is neither there nor to be had; missing pages are behind the old end. */
static uint64_t fitting_bytes(const struct op *op, uint64_t free_blocks)
{
	uint64_t start = (uint64_t)op->offset, end = start + op->size_bytes;
	uint64_t page_after = (end - 1) / TREE_PAGE_BYTES + 1;
	uint64_t fitting_end = (page_after - (op->new_blocks - free_blocks)) * TREE_PAGE_BYTES;

	return fitting_end > start ? fitting_end - start : 0;
}

static void full_disk_strike(
	const struct op *op, unsigned variant, uint64_t free_blocks, struct strike *strike)
{
	(void)variant;
	if (op->new_blocks <= free_blocks)
		return;
	strike->bytes = op->kind == OP_WRITE ? fitting_bytes(op, free_blocks) : 0;
	strike->action = strike->bytes ? STRIKE_SHORT : STRIKE_ERROR;
	strike->error = strike->bytes ? 0 : ENOSPC;
}

static const struct fault_variant full_disk_variants[] = {
	{"reused", REPEAT_BUDGET},
	{"taken", REPEAT_SHRINKING},
};

const struct fault fault_full_disk = {
	.name = "full-disk",
	.summary = "a disk with every number of free blocks runs full",
	.class = SURVIVES_SHORTAGE,
	.variants = full_disk_variants,
	.variant_count = 2,
	.chances = full_disk_chances,
	.strike = full_disk_strike,
};
