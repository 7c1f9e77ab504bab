/*
 * No space left on device.
 *   once, persistent  one call that may allocate fails, or all of its kind from there on
 *   full              a byte budget: a write is cut at its ends, in the middle, at every page and
 *                     around each end of line (of many: of the first and the last eight), for
 *                     inside a record one byte is like another; from then on nothing can be
 * allocated, new names neither, while unlink and rename still work passing           the same cuts
 * and one ENOSPC, and then there is space again: what the update left behind meets the next one The
 * disk that runs full by blocks, as real ones do, is full_disk.c.
 */
#include <errno.h>
#include <string.h>

#include "harness/fault.h"
#include "harness/tree.h"

enum { ENOSPC_ONCE, ENOSPC_PERSISTENT, ENOSPC_FULL, ENOSPC_PASSING };

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

enum { NEWLINES = 8 };

/* The next end of line from `cut` on that counts; NULL: none. What comes out of a pipe is not
 * known.
 */
static const uint8_t *next_newline(const struct op *op, uint64_t cut)
{
	const uint8_t *data = op->data, *end = data + op->size_bytes, *first = data, *last = end;
	const uint8_t *found = data ? memchr(data + cut, '\n', op->size_bytes - cut) : NULL;

	if (!found)
		return NULL;
	for (int i = 0; i < NEWLINES && first; i++)
		first = memchr(first + (i > 0), '\n', (size_t)(end - first) - (i > 0));
	for (int i = 0; i < NEWLINES && last; i++)
		last = memrchr(data, '\n', (size_t)(last - data));
	return first && last && found > first && found < last ? last : found;
}

/* The next place after `cut` where the write may end short; op->size_bytes: none. */
static uint64_t next_cut(const struct op *op, uint64_t cut)
{
	uint64_t half = op->size_bytes / 2, last = op->size_bytes - 1, next = op->size_bytes;
	uint64_t start = (uint64_t)op->offset;
	uint64_t page = ((start + cut) / TREE_PAGE_BYTES + 1) * TREE_PAGE_BYTES - start;
	/* Just before a newline and just after one. */
	const uint8_t *newline = next_newline(op, cut);

	if (newline) {
		uint64_t at = (uint64_t)(newline - op->data);

		next = at > cut ? at : at + 1;
	}
	if (page < next)
		next = page;
	if (cut < 1 && 1 < next)
		next = 1;
	if (cut < half && half < next)
		next = half;
	if (cut < last && last < next)
		next = last;
	return next;
}

static unsigned enospc_chances(const struct op *op, unsigned variant)
{
	unsigned count = 1;

	if (variant == ENOSPC_ONCE || variant == ENOSPC_PERSISTENT)
		return op_may_allocate(op);
	if (!needs_space(op))
		return 0;
	if (op->kind == OP_WRITE) {
		for (uint64_t cut = next_cut(op, 0); cut < op->size_bytes; cut = next_cut(op, cut))
			count++;
	}
	return count;
}

static void enospc_strike(
	const struct op *op, unsigned variant, uint64_t chance, struct strike *strike)
{
	uint64_t cut = 0;

	(void)variant;
	for (uint64_t i = 0; i < chance; i++)
		cut = next_cut(op, cut);
	strike->action = cut ? STRIKE_SHORT : STRIKE_ERROR;
	strike->error = cut ? 0 : ENOSPC;
	strike->bytes = cut;
}

static const struct fault_variant enospc_variants[] = {
	[ENOSPC_ONCE] = {"once", REPEAT_NEVER},
	[ENOSPC_PERSISTENT] = {"persistent", REPEAT_SAME_POINT},
	[ENOSPC_FULL] = {"full", REPEAT_EVERYWHERE},
	[ENOSPC_PASSING] = {"passing", REPEAT_NEXT},
};

const struct fault fault_enospc = {
	.name = "enospc",
	.summary = "no space for a write, a new name or growth, for once, for a while or for good",
	.class = SURVIVES_SHORTAGE,
	.variants = enospc_variants,
	.variant_count = 4,
	.chances = enospc_chances,
	.strike = enospc_strike,
};
