/*
 * A counter's number, told as transactions. The rules are in judge_private.h.
 *
 * Limits: one worker, whose updates are acknowledged in the order of ids.
 */
#include "harness/judge_private.h"

#include <assert.h>

enum { TXN_STATES = TXN_REFUSED + 1 };

static void add(struct view *view, uint64_t id, enum txn_match match)
{
	assert(view->count < VIEW_MAX_ENTRIES);
	view->entries[view->count++] = (struct view_entry){.id = id, .match = (uint8_t)match};
}

/* Transaction 0 and `number` more, in the order of ids, as every store has them. */
static void tell(struct view *view, uint64_t number, const enum txn_state *states, uint64_t count)
{
	static const enum txn_state order[TXN_STATES] = {
		TXN_ACKNOWLEDGED, TXN_IN_DOUBT, TXN_REFUSED, TXN_NOT_STARTED};
	uint64_t sizes[TXN_STATES] = {0};
	uint64_t ranks[TXN_STATES]; /* how many are there before the next one of this state is */
	uint64_t before = 0;

	for (uint64_t id = 1; id < count; id++)
		sizes[states[id]]++;
	for (int i = 0; i < TXN_STATES; i++) {
		ranks[order[i]] = before;
		before += sizes[order[i]];
	}
	add(view, 0, TXN_INTACT);
	for (uint64_t id = 1; id < count; id++) {
		if (ranks[states[id]]++ < number)
			add(view, id, TXN_INTACT);
	}
	/* More updates than there are. One shows it. */
	if (number >= count)
		add(view, count, TXN_INTACT);
}

const struct probe *judge_counter_tell(const struct probe *probe, const enum txn_state *states,
	uint64_t count, struct told_probe *told)
{
	const struct view *view = probe->view, *after = probe->after;
	uint64_t before = view->number;

	if (!view->has_number && !after->has_number)
		return probe;
	told->probe = *probe;
	told->probe.view = &told->view;
	told->probe.after = &told->after;
	view_init(&told->view, view->base_bytes);
	view_init(&told->after, after->base_bytes);
	if (view->has_number)
		tell(&told->view, before, states, count);
	if (after->has_number)
		tell(&told->after, after->number > before ? before : after->number, states, count);
	if (after->number > before)
		add(&told->after, count, TXN_INTACT);
	if (after->number > before + 1)
		add(&told->after, UINT64_MAX, TXN_GARBAGE);
	return &told->probe;
}
