/*
 * Widening from both ends: see crash.h. A set of micro-operations is made legal before it is
 * played: whatever may not be there without something lost is lost, too; and for the
 * survivors, whatever they may not overtake survives with them.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "harness/crash_private.h"

enum { MAX_WIDTH = 3, GRAINS = 3 };

/* Micro-operations that are lost, or survive, together: of one object, of one operation, or one. */
struct grain {
	uint32_t *group_of; /* owned; by place in `open` */
	uint32_t groups;
};

struct widen {
	struct crash_run *run;
	const struct epoch *epoch;
	uint32_t *open; /* owned; the undecided micro-operations, in program order */
	size_t open_count;
	struct grain grains[GRAINS];
	uint32_t *values, *start; /* owned; cells: of a set, and before the first undecided one */
	uint64_t *lost;           /* owned; the set that is being made */
	uint64_t **before;        /* owned; which undecided ones must be there first; NULL: later */
	XXH128_hash_t *seen;      /* owned; hash table of cells; all zero: free */
	size_t seen_count, seen_size;
	uint64_t left; /* of the budget */
	uint64_t random;
};

/* splitmix64: Steele, Lea, Flood, 2014. */
static uint64_t next_random(struct widen *widen)
{
	uint64_t z = widen->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* ---- making a set legal ---- */

static const uint64_t *before_of(struct widen *widen, size_t place)
{
	uint64_t *row = widen->before[place];

	if (row)
		return row;
	row = calloc(bits_words(widen->open_count), sizeof(*row));
	for (size_t i = 0; row && i < place; i++) {
		if (micro_ops_orders(widen->run->ops, widen->open[i], widen->open[place]))
			bits_add(row, i);
	}
	widen->before[place] = row;
	return row;
}

static int lose_followers(struct widen *widen)
{
	for (size_t i = 0; i < widen->open_count; i++) {
		const uint64_t *after;

		if (!bits_has(widen->lost, widen->open[i]) ||
			bits_has(widen->epoch->adrift, widen->open[i]))
			continue;
		after = crash_after(widen->run, widen->open[i]);
		if (!after)
			return -ENOMEM;
		for (size_t k = 0; k < widen->run->words; k++)
			widen->lost[k] |= after[k] & widen->run->open[k];
	}
	return 0;
}

static int keep_forerunners(struct widen *widen)
{
	for (size_t i = widen->open_count; i-- > 0;) {
		const uint64_t *before;

		if (bits_has(widen->lost, widen->open[i]))
			continue;
		before = before_of(widen, i);
		if (!before)
			return -ENOMEM;
		for (size_t k = 0; k < i; k++) {
			if (bits_has(before, k) && !bits_has(widen->epoch->adrift, widen->open[k]))
				bits_remove(widen->lost, widen->open[k]);
		}
	}
	return 0;
}

/* ---- playing it ---- */

static bool is_seen(struct widen *widen, XXH128_hash_t hash)
{
	size_t at = hash.low64 & (widen->seen_size - 1);

	for (; widen->seen[at].low64 | widen->seen[at].high64;
		at = (at + 1) & (widen->seen_size - 1)) {
		if (XXH128_isEqual(widen->seen[at], hash))
			return true;
	}
	widen->seen[at] = hash;
	widen->seen_count++;
	return false;
}

static int grow_seen(struct widen *widen)
{
	XXH128_hash_t *old = widen->seen;
	size_t size = widen->seen_size;

	if (widen->seen_count * 2 < size)
		return 0;
	widen->seen = calloc(size * 2, sizeof(*old));
	if (!widen->seen) {
		widen->seen = old;
		return -ENOMEM;
	}
	widen->seen_size *= 2;
	widen->seen_count = 0;
	for (size_t i = 0; i < size; i++) {
		if (old[i].low64 | old[i].high64)
			is_seen(widen, old[i]);
	}
	free(old);
	return 0;
}

static int play(struct widen *widen)
{
	struct crash_run *run = widen->run;
	size_t lost_count = 0, birth = widen->epoch->start;
	int err = grow_seen(widen);

	memcpy(widen->values, widen->start, run->ops->cell_count * sizeof(*widen->values));
	for (size_t i = widen->open_count ? widen->open[0] : 0; !err && i < widen->epoch->end;
		i++) {
		if (!bits_has(widen->lost, i)) {
			err = micro_ops_apply(run->ops, i, widen->values);
			if (birth < run->ops->items[i].event)
				birth = run->ops->items[i].event;
		} else {
			lost_count++;
		}
	}
	if (!err)
		err = crash_state_tidy(run->builder, widen->values, NULL);
	run->coverage->sets++;
	if (err || is_seen(widen, XXH3_128bits(widen->values,
					  run->ops->cell_count * sizeof(*widen->values))))
		return err;
	if (widen->left)
		widen->left--;
	return crash_hand_out(run, widen->epoch, widen->values, widen->lost, lost_count, birth);
}

static void lose_all(struct widen *widen, bool is_lost)
{
	memset(widen->lost, 0, widen->run->words * sizeof(*widen->lost));
	for (size_t i = 0; is_lost && i < widen->open_count; i++)
		bits_add(widen->lost, widen->open[i]);
}

/* The set without these groups, or with nothing else. */
static int play_groups(struct widen *widen, const struct grain *grain, const uint32_t *groups,
	unsigned width, bool survive)
{
	int err;

	lose_all(widen, survive);
	for (size_t i = 0; i < widen->open_count; i++) {
		for (unsigned k = 0; k < width; k++) {
			if (grain->group_of[i] != groups[k])
				continue;
			if (survive)
				bits_remove(widen->lost, widen->open[i]);
			else
				bits_add(widen->lost, widen->open[i]);
		}
	}
	err = survive ? keep_forerunners(widen) : lose_followers(widen);
	return err ? err : play(widen);
}

/* How many ways there are to choose; saturates. */
static double ways(uint32_t count, unsigned width)
{
	double product = 1;

	for (unsigned i = 0; i < width; i++)
		product = product * (count - i) / (i + 1);
	return count < width ? 0 : product;
}

/* All choices of `width` groups, the latest operations first. */
static int play_tier(struct widen *widen, const struct grain *grain, unsigned width, bool survive)
{
	uint32_t groups[MAX_WIDTH];
	int err = 0;

	for (unsigned i = 0; i < width; i++)
		groups[i] = grain->groups - 1 - i;
	while (!err && widen->left && !crash_is_over(widen->run)) {
		unsigned at = width;

		err = play_groups(widen, grain, groups, width, survive);
		/* The next choice: count down the last group that can go down. */
		while (at > 0 && groups[at - 1] == width - at)
			at--;
		if (!at)
			break;
		groups[at - 1]--;
		for (; at < width; at++)
			groups[at] = groups[at - 1] - 1;
	}
	return err;
}

/* ---- tiers, then samples ---- */

static int play_tiers(struct widen *widen, uint64_t reserve)
{
	struct crash_coverage *coverage = widen->run->coverage;
	unsigned done[2] = {0, 0};
	int err = 0;

	for (unsigned width = 1; !err && width <= MAX_WIDTH; width++) {
		for (unsigned i = 0; !err && i < GRAINS * 2; i++) {
			const struct grain *grain = &widen->grains[i / 2];
			bool fits =
				ways(grain->groups, width) + (double)reserve <= (double)widen->left;

			if (!fits && width > 1)
				continue;
			/* Otherwise there is no such set, and all of them were there. */
			if (grain->groups >= width)
				err = play_tier(widen, grain, width, i % 2);
			if (i / 2 == GRAINS - 1 && fits && done[i % 2] == width - 1)
				done[i % 2] = width;
		}
	}
	if (coverage->lost > done[0])
		coverage->lost = done[0];
	if (coverage->surviving > done[1])
		coverage->surviving = done[1];
	return err;
}

static int play_samples(struct widen *widen)
{
	const struct grain *operations = &widen->grains[1];
	int err = 0;

	/* Sets that were there already cost nothing of the budget, so count them, too. */
	for (uint64_t tries = widen->left; !err && tries && !crash_is_over(widen->run); tries--) {
		unsigned eighths = 1 + (unsigned)(next_random(widen) % 7);
		bool whole = next_random(widen) % 2;
		uint64_t salt = next_random(widen);

		lose_all(widen, false);
		for (size_t i = 0; i < widen->open_count; i++) {
			uint64_t dice = whole ? salt + operations->group_of[i] : salt + i;

			dice = (dice ^ dice >> 31) * 0x9e3779b97f4a7c15;
			if (dice >> 61 < eighths)
				bits_add(widen->lost, widen->open[i]);
		}
		err = lose_followers(widen);
		if (!err)
			err = play(widen);
		widen->run->coverage->samples++;
	}
	return err;
}

/* ---- set-up ---- */

static int make_grains(struct widen *widen)
{
	const struct micro_op *items = widen->run->ops->items;

	for (int grain = 0; grain < GRAINS; grain++) {
		struct grain *made = &widen->grains[grain];
		uint32_t *group_at =
			malloc((widen->run->ops->object_count + 1) * sizeof(*group_at));

		made->group_of = calloc(widen->open_count + 1, sizeof(*made->group_of));
		if (!made->group_of || !group_at) {
			free(group_at);
			return -ENOMEM;
		}
		memset(group_at, 0xff, (widen->run->ops->object_count + 1) * sizeof(*group_at));
		for (size_t i = 0; i < widen->open_count; i++) {
			const struct micro_op *item = &items[widen->open[i]];
			uint32_t object = item->object < widen->run->ops->object_count
			                          ? item->object
			                          : widen->run->ops->object_count;

			if (grain == 0 && group_at[object] != UINT32_MAX)
				made->group_of[i] = group_at[object];
			else if (i && grain == 1 && items[widen->open[i - 1]].event == item->event)
				made->group_of[i] = made->groups - 1;
			else
				made->group_of[i] = made->groups++;
			if (grain == 0)
				group_at[object] = made->group_of[i];
		}
		free(group_at);
	}
	return 0;
}

static int widen_init(struct widen *widen, struct crash_run *run, const struct epoch *epoch)
{
	size_t cells_bytes = (run->ops->cell_count + 1UL) * sizeof(uint32_t);
	int err = 0;

	*widen = (struct widen){.run = run,
		.epoch = epoch,
		.open = calloc(epoch->end + 1, sizeof(uint32_t)),
		.values = malloc(cells_bytes),
		.start = malloc(cells_bytes),
		.lost = calloc(run->words, sizeof(uint64_t)),
		.before = calloc(epoch->end + 1, sizeof(uint64_t *)),
		.seen_size = 1024,
		.random = run->limits->seed + epoch->event};
	widen->seen = calloc(widen->seen_size, sizeof(*widen->seen));
	if (!widen->open || !widen->values || !widen->start || !widen->lost || !widen->before ||
		!widen->seen)
		return -ENOMEM;
	micro_ops_base(run->ops, widen->start);
	for (size_t i = 0; !err && i < epoch->end; i++) {
		if (!bits_has(epoch->required, i))
			widen->open[widen->open_count++] = (uint32_t)i;
		else if (!widen->open_count)
			err = micro_ops_apply(run->ops, i, widen->start);
	}
	return err ? err : make_grains(widen);
}

static void widen_release(struct widen *widen)
{
	for (size_t i = 0; widen->before && i < widen->open_count; i++)
		free(widen->before[i]);
	for (int i = 0; i < GRAINS; i++)
		free(widen->grains[i].group_of);
	free(widen->open);
	free(widen->values);
	free(widen->start);
	free(widen->lost);
	free(widen->before);
	free(widen->seen);
}

int crash_widen(struct crash_run *run, const struct epoch *epoch, uint64_t budget)
{
	struct widen widen;
	int err = widen_init(&widen, run, epoch);

	widen.left = budget;
	/* Nothing lost, and all. */
	if (!err) {
		lose_all(&widen, false);
		err = play(&widen);
	}
	if (!err) {
		lose_all(&widen, true);
		err = play(&widen);
	}
	if (!err)
		err = play_tiers(&widen, budget / 4);
	if (!err)
		err = play_samples(&widen);
	widen_release(&widen);
	return err;
}
