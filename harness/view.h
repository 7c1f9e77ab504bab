/*
 * A view: what a strategy's reader found, as a list of records, or as a number.
 *
 * A reader hands over raw records in the order in which it found them and judges nothing;
 * view_add() compares each with what its transaction must be. A view has a fixed size and no
 * pointers, so that a reader in another process can fill it in shared memory.
 */
#ifndef TORNWRITE_VIEW_H
#define TORNWRITE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/txn.h"

enum { VIEW_MAX_ENTRIES = 4096 };

struct view_entry {
	uint64_t id; /* UINT64_MAX: not known */
	uint32_t intact_bytes;
	uint32_t size_bytes;
	uint8_t member;
	uint8_t match; /* enum txn_match */
};

struct view {
	size_t base_bytes; /* of the workload: see txn_init() */
	size_t count;
	bool has_number; /* a counter's: there are no entries */
	uint64_t number;
	struct view_entry entries[VIEW_MAX_ENTRIES];
};

void view_init(struct view *view, size_t base_bytes);

/* Adds one record. `member` is 0 but for tree stores.
 * Returns 0, or -EOVERFLOW when the view is full. */
int view_add(struct view *view, unsigned member, const void *bytes, size_t size_bytes);

/* For counters, in place of records: how many updates took place, as the store has it. */
void view_set_number(struct view *view, uint64_t number);

/* Whether transaction `id` is there, intact, in every one of `members` members. */
bool view_has(const struct view *view, uint64_t id, unsigned members);

#endif
