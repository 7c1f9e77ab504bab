/*
 * The disk runs full and stays full: a short write, then ENOSPC, while unlink and rename still
 * work.
 *   blocks  a budget of free 4096-byte blocks, every number of them. Freed blocks can be used
 *           again; new names are free, as on tmpfs and as small creates are on ext4.
 *   bytes   a write is cut where a disk that allocates by other units could cut it: at its ends,
 *           in the middle and around every end of line; from then on nothing can be allocated,
 *           new names neither, because somebody else takes whatever is freed.
 */
#include <errno.h>
#include <string.h>

#include "harness/fault.h"

enum { FULL_BLOCKS, FULL_BYTES };

/* Whether the operation needs space that is not yet the file's own. */
static bool needs_space(const struct op *op)
{
	switch (op->kind) {
	case OP_WRITE:
		return op->size_bytes && (op->is_growing || op->new_blocks);
	case OP_OPEN:
	case OP_MKDIR:
	case OP_SYMLINK:
	case OP_LINK:
	case OP_FALLOCATE:
		return op_may_allocate(op);
	default:
		return false;
	}
}

/* The next place after `cut` where the write may end short; op->size_bytes: none. */
static uint64_t next_cut(const struct op *op, uint64_t cut)
{
	uint64_t half = op->size_bytes / 2, last = op->size_bytes - 1, next = op->size_bytes;
	/* Just before a newline and just after one. */
	const uint8_t *newline = memchr(op->data + cut, '\n', op->size_bytes - cut);

	if (newline) {
		uint64_t at = (uint64_t)(newline - op->data);

		next = at > cut ? at : at + 1;
	}
	if (cut < 1 && 1 < next)
		next = 1;
	if (cut < half && half < next)
		next = half;
	if (cut < last && last < next)
		next = last;
	return next;
}

static unsigned full_disk_chances(const struct op *op, unsigned variant)
{
	unsigned count = 1;

	if (variant == FULL_BLOCKS)
		return op->new_blocks > 0;
	if (!needs_space(op))
		return 0;
	if (op->kind == OP_WRITE) {
		for (uint64_t cut = next_cut(op, 0); cut < op->size_bytes; cut = next_cut(op, cut))
			count++;
	}
	return count;
}

static void refuse(struct strike *strike, uint64_t bytes)
{
	strike->action = bytes ? STRIKE_SHORT : STRIKE_ERROR;
	strike->error = bytes ? 0 : ENOSPC;
	strike->bytes = bytes;
}

/* How much of a write fits when `free` more blocks can be had: it goes on page by page, and stops
 * at the first page that is neither there nor to be had. Pages behind the old end are new. */
static uint64_t fitting_bytes(const struct op *op, uint64_t free_blocks)
{
	uint64_t start = (uint64_t)op->offset, end = start + op->size_bytes;
	uint64_t last_page = (end - 1) / 4096, missing = op->new_blocks - free_blocks;
	uint64_t cut_page = last_page + 1 - missing;

	return cut_page * 4096 > start ? cut_page * 4096 - start : 0;
}

static void full_disk_strike(
	const struct op *op, unsigned variant, uint64_t chance, struct strike *strike)
{
	uint64_t cut = 0;

	if (variant == FULL_BYTES) {
		for (uint64_t i = 0; i < chance; i++)
			cut = next_cut(op, cut);
		refuse(strike, cut);
	} else if (op->new_blocks > chance) {
		refuse(strike, op->kind == OP_WRITE ? fitting_bytes(op, chance) : 0);
	}
}

static const struct fault_variant full_disk_variants[] = {
	[FULL_BLOCKS] = {"blocks", REPEAT_BUDGET},
	[FULL_BYTES] = {"bytes", REPEAT_EVERYWHERE},
};

const struct fault fault_full_disk = {
	.name = "full-disk",
	.summary = "the disk runs full and stays full: a short write, then ENOSPC",
	.class = SURVIVES_SHORTAGE,
	.variants = full_disk_variants,
	.variant_count = 2,
	.chances = full_disk_chances,
	.strike = full_disk_strike,
};
