/* Follows the syncs of a recording: see epoch.h. */
#include "harness/epoch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct follow {
	const struct micro_ops *ops;
	size_t end;         /* micro-operations issued so far */
	uint64_t *required; /* promised */
	uint64_t *orphaned; /* whose sync failed, and that were not written again since */
	uint64_t *adrift;   /* the same, also if they were */
	uint64_t *fresh;    /* of the sync that is looked at: what it is about */
};

static bool is_sync(const struct op *op)
{
	return op->kind == OP_FSYNC || op->kind == OP_FDATASYNC || op->kind == OP_SYNC ||
	       (op->kind == OP_WRITE && op->is_synchronous && op->effect > 0);
}

static bool changes_directory(const struct micro_op *item, uint32_t directory)
{
	return item->kind == MICRO_NAME &&
	       (item->directory[0] == directory || item->directory[1] == directory);
}

/* O_DSYNC writes back the pages of its own range (generic_write_sync), and the file's size; so does
 * msync(2). */
static bool is_in_range(const struct op *sync, size_t event, const struct micro_op *micro)
{
	uint64_t size = sync->kind == OP_WRITE ? (uint64_t)sync->effect : sync->size_bytes;
	uint64_t end = (uint64_t)sync->offset + size;

	if (micro->object != sync->object)
		return false;
	if (micro->kind == MICRO_SIZE || micro->event == event)
		return true;
	return micro->kind == MICRO_DATA &&
	       micro->page >= (uint64_t)sync->offset / TREE_PAGE_BYTES &&
	       micro->last_page * TREE_PAGE_BYTES < end;
}

/* Whether a sync is about a micro-operation. */
static bool is_covered(
	const struct follow *follow, const struct op *sync, size_t event, size_t item)
{
	const struct micro_op *micro = &follow->ops->items[item];
	bool is_full = sync->kind == OP_FSYNC;

	if (sync->kind == OP_SYNC)
		return true;
	if (sync->kind == OP_WRITE || sync->point == POINT_MSYNC)
		return is_in_range(sync, event, micro);
	/* Debian's SQLite syncs directories with fdatasync(2): entries are a directory's data. */
	if (changes_directory(micro, sync->object))
		return true;
	if (micro->object != sync->object)
		return false;
	switch (micro->kind) {
	case MICRO_NAME:
		/* Its names are none of the pages that a failed sync of a file leaves clean. */
		return is_full && follow->ops->model->syncs_names && sync->result >= 0;
	case MICRO_MODE:
		return is_full;
	default:
		return true;
	}
}

/* Whether `later` writes again what a failed sync of `item` left clean, with all of its pages. */
static bool is_rewritten(const struct micro_op *item, const struct micro_op *later)
{
	/* Writing a page back makes the size reach to its end again (ext4_writepages). */
	if (item->kind == MICRO_SIZE && item->is_growth && later->kind == MICRO_DATA)
		return item->object == later->object && later->page <= item->page &&
		       item->page <= later->last_page;
	if (item->kind != later->kind)
		return false;
	if (item->kind == MICRO_NAME)
		return changes_directory(later, item->directory[0]) ||
		       (item->directory[1] != UINT32_MAX &&
			       changes_directory(later, item->directory[1]));
	return item->object == later->object &&
	       (item->kind != MICRO_DATA ||
		       (later->page <= item->page && item->last_page <= later->last_page));
}

static void forgive(struct follow *follow, size_t later)
{
	for (size_t i = 0; i < later; i++) {
		if (bits_has(follow->orphaned, i) &&
			is_rewritten(&follow->ops->items[i], &follow->ops->items[later]))
			bits_remove(follow->orphaned, i);
	}
}

/* What must be there because something promised may not overtake it. */
static void carry(struct follow *follow)
{
	const struct micro_ops *ops = follow->ops;

	for (size_t later = follow->end; later-- > 0;) {
		if (!bits_has(follow->fresh, later))
			continue;
		for (size_t earlier = 0; earlier < later; earlier++) {
			if (!bits_has(follow->required, earlier) &&
				!bits_has(follow->fresh, earlier) &&
				!bits_has(follow->adrift, earlier) &&
				micro_ops_orders(ops, earlier, later))
				bits_add(follow->fresh, earlier);
		}
	}
}

/* Takes one sync into account. True: there are other crash states from now on. */
static bool follow_sync(struct follow *follow, const struct op *sync, size_t event)
{
	bool is_good = sync->result >= 0, has_any = false;

	if (sync->result == -EINTR || follow->ops->model->ignores_syncs)
		return false;
	memset(follow->fresh, 0, bits_words(follow->ops->count) * sizeof(*follow->fresh));
	for (size_t i = 0; i < follow->end; i++) {
		if (bits_has(follow->required, i) || !is_covered(follow, sync, event, i))
			continue;
		if (!is_good) {
			has_any |= !bits_has(follow->adrift, i);
			bits_add(follow->orphaned, i);
			bits_add(follow->adrift, i);
		} else if (!bits_has(follow->orphaned, i)) {
			bits_add(follow->fresh, i);
		}
	}
	if (follow->ops->model->carries_order)
		carry(follow);
	for (size_t i = 0; i < bits_words(follow->ops->count); i++) {
		has_any |= follow->fresh[i] != 0;
		follow->required[i] |= follow->fresh[i];
	}
	return has_any;
}

static int follow_init(struct follow *follow, const struct micro_ops *ops)
{
	size_t words = bits_words(ops->count);

	*follow = (struct follow){.ops = ops,
		.required = calloc(words, 8),
		.orphaned = calloc(words, 8),
		.adrift = calloc(words, 8),
		.fresh = calloc(words, 8)};
	return follow->required && follow->orphaned && follow->adrift && follow->fresh ? 0
	                                                                               : -ENOMEM;
}

static void follow_release(struct follow *follow)
{
	free(follow->required);
	free(follow->orphaned);
	free(follow->adrift);
	free(follow->fresh);
}

static void follow_issue(struct follow *follow, size_t event)
{
	while (follow->end < follow->ops->count && follow->ops->items[follow->end].event <= event)
		forgive(follow, follow->end++);
}

/* Takes over both sets. */
static int add_epoch(
	struct epochs *epochs, size_t event, size_t end, uint64_t *required, uint64_t *adrift)
{
	struct epoch *items = realloc(epochs->items, (epochs->count + 1) * sizeof(*items));

	if (items)
		epochs->items = items;
	if (!items || !required || !adrift) {
		free(required);
		free(adrift);
		return -ENOMEM;
	}
	items[epochs->count] =
		(struct epoch){epochs->count ? items[epochs->count - 1].event + 1 : 0, event, end,
			required, adrift};
	epochs->count++;
	return 0;
}

/* NULL: out of memory. */
static uint64_t *bits_copy(const uint64_t *bits, size_t words)
{
	uint64_t *copy = malloc(words * sizeof(*copy));

	return copy ? memcpy(copy, bits, words * sizeof(*copy)) : NULL;
}

int epochs_init(struct epochs *epochs, const struct micro_ops *ops)
{
	const struct recording *recording = ops->recording;
	size_t words = bits_words(ops->count);
	struct follow follow;
	int err = follow_init(&follow, ops);

	*epochs = (struct epochs){0};
	for (size_t i = 0; !err && i < recording->count; i++) {
		const struct event *event = &recording->events[i];
		uint64_t *required, *adrift;

		follow_issue(&follow, i);
		if (event->kind != EVENT_OP || !is_sync(&event->op))
			continue;
		required = bits_copy(follow.required, words);
		adrift = bits_copy(follow.adrift, words);
		if (follow_sync(&follow, &event->op, i)) {
			err = add_epoch(epochs, i, follow.end, required, adrift);
		} else {
			free(required);
			free(adrift);
		}
	}
	if (!err)
		err = add_epoch(epochs, recording->count, follow.end,
			bits_copy(follow.required, words), bits_copy(follow.adrift, words));
	follow_release(&follow);
	return err;
}

void epochs_release(struct epochs *epochs)
{
	for (size_t i = 0; i < epochs->count; i++) {
		free(epochs->items[i].required);
		free(epochs->items[i].adrift);
	}
	free(epochs->items);
	*epochs = (struct epochs){0};
}
