/* Pieces compared one by one; there are few. */
#include "harness/footprint.h"

void footprint_add(struct footprint *footprint, enum piece_kind kind, enum access_mode access,
	uint32_t object, uint64_t start, uint64_t end)
{
	const struct piece all = {PIECE_EVERYTHING, ACCESS_WRITE, 0, 0, UINT64_MAX};

	if (start >= end)
		return;
	if (footprint->count == FOOTPRINT_PIECES) {
		footprint->pieces[0] = all;
		return;
	}
	footprint->pieces[footprint->count++] = (struct piece){kind, access, object, start, end};
}

static bool pieces_conflict(const struct piece *a, const struct piece *b)
{
	if (a->access == b->access && a->access != ACCESS_WRITE)
		return false;
	if (a->kind == PIECE_EVERYTHING || b->kind == PIECE_EVERYTHING)
		return true;
	return a->kind == b->kind && a->object == b->object && a->start < b->end &&
	       b->start < a->end;
}

bool footprints_conflict(const struct footprint *a, const struct footprint *b)
{
	for (unsigned i = 0; i < a->count; i++) {
		for (unsigned k = 0; k < b->count; k++) {
			if (pieces_conflict(&a->pieces[i], &b->pieces[k]))
				return true;
		}
	}
	return false;
}

static bool pieces_equal(const struct piece *a, const struct piece *b)
{
	return a->kind == b->kind && a->access == b->access && a->object == b->object &&
	       a->start == b->start && a->end == b->end;
}

bool footprints_equal(const struct footprint *a, const struct footprint *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++) {
		if (!pieces_equal(&a->pieces[i], &b->pieces[i]))
			return false;
	}
	return true;
}
