/* What a reader found, compared with what was written. See view.h. */
#include "harness/view.h"

#include <assert.h>
#include <errno.h>

void view_init(struct view *view, size_t base_bytes)
{
	/* The entries beyond `count` are left alone: a view is large and made for every state. */
	view->base_bytes = base_bytes;
	view->count = 0;
	view->has_number = false;
	view->number = 0;
}

static uint32_t clamp(size_t size_bytes)
{
	return size_bytes < UINT32_MAX ? (uint32_t)size_bytes : UINT32_MAX;
}

int view_add(struct view *view, unsigned member, const void *bytes, size_t size_bytes)
{
	assert(member < TXN_MEMBERS);
	if (view->count >= VIEW_MAX_ENTRIES)
		return -EOVERFLOW;

	uint64_t id;
	size_t intact_bytes;
	enum txn_match match =
		txn_match(bytes, size_bytes, member, view->base_bytes, &id, &intact_bytes);

	view->entries[view->count++] = (struct view_entry){
		.id = id,
		.intact_bytes = clamp(intact_bytes),
		.size_bytes = clamp(size_bytes),
		.member = (uint8_t)member,
		.match = (uint8_t)match,
	};
	return 0;
}

void view_set_number(struct view *view, uint64_t number)
{
	view->has_number = true;
	view->number = number;
}

bool view_has(const struct view *view, uint64_t id, unsigned members)
{
	assert(members <= TXN_MEMBERS);
	unsigned missing = (1U << members) - 1;

	for (size_t i = 0; i < view->count && missing; i++) {
		const struct view_entry *entry = &view->entries[i];

		if (entry->id == id && entry->match == TXN_INTACT)
			missing &= ~(1U << entry->member);
	}
	return !missing;
}
