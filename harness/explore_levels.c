/*
 * EXPLORE_PREEMPTIONS. Each schedule but the first has one parent: the run that is the same up to
 * the last choice that is not the default, and goes on by default from there. So a run that was
 * made is kept as the parent of its children, at first of those with as many pre-emptions, then of
 * those with one more, when that level begins. Which children there are is read off its steps, so
 * memory grows with runs and not with children.
 */
#include "harness/explore_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Whether to leave a run at this step is a pre-emption. By default one goes on while one can. */
static bool is_preemption(const struct explore_parent *parent, size_t at)
{
	return at && parent->steps[at].enabled >> parent->steps[at - 1].worker & 1;
}

/* Who may go instead at the next step where there are children. 0: nowhere. */
static unsigned find_children(struct explore_parent *parent)
{
	for (; parent->at < parent->count; parent->at++, parent->tried = 0) {
		const struct explore_step *step = &parent->steps[parent->at];
		unsigned others = step->enabled & ~(1U << step->worker) & ~parent->tried;

		if (others && is_preemption(parent, parent->at) == parent->is_preempting)
			return others;
	}
	return 0;
}

/* Turns to the children of one kind, from the first on. Whether there are any. */
static bool turn_to_children(struct explore_parent *parent, bool is_preempting)
{
	parent->at = parent->first;
	parent->tried = 0;
	parent->is_preempting = is_preempting;
	return find_children(parent);
}

static void prepend(struct explore_parent **list, struct explore_parent *parent)
{
	parent->next = *list;
	*list = parent;
}

/* Keeps a parent for the next level, or frees it. */
static void put_off(struct explorer *explorer, struct explore_parent *parent)
{
	struct explore_levels *levels = &explorer->of.levels;

	if (!parent->is_preempting && turn_to_children(parent, true)) {
		if (levels->level < explorer->options.preemptions) {
			prepend(&levels->later, parent);
			return;
		}
		explorer->is_cut = true;
	}
	free(parent);
}

/* Gives the steps of the next child of this level. */
static bool take_child(struct explorer *explorer)
{
	struct explore_levels *levels = &explorer->of.levels;

	while (levels->now) {
		struct explore_parent *parent = levels->now;
		unsigned others = find_children(parent);

		if (others) {
			levels->prefix = parent->at + 1;
			assert(levels->prefix <= levels->capacity);
			memcpy(levels->steps, parent->steps,
				levels->prefix * sizeof(*levels->steps));
			levels->steps[parent->at].worker = (uint8_t)__builtin_ctz(others);
			parent->tried |= others & -others;
			return true;
		}
		levels->now = parent->next;
		put_off(explorer, parent);
	}
	return false;
}

static int levels_begin(struct explorer *explorer)
{
	struct explore_levels *levels = &explorer->of.levels;

	if (!explorer->begun)
		return 1;
	while (!take_child(explorer)) {
		if (!explorer->is_aborted)
			explorer->count.preemptions = (int)levels->level;
		if (!levels->later)
			return 0;
		levels->now = levels->later;
		levels->later = NULL;
		levels->level++;
	}
	return 1;
}

static int levels_choose(struct explorer *explorer, unsigned enabled)
{
	struct explore_levels *levels = &explorer->of.levels;
	struct explore_step *steps;

	if (explorer->length < levels->prefix) {
		const struct explore_step *given = &levels->steps[explorer->length];

		return given->enabled == enabled ? given->worker : -EPROTO;
	}
	steps = explore_grow(levels->steps, explorer->length, &levels->capacity, sizeof(*steps));
	if (!steps)
		return -ENOMEM;
	levels->steps = steps;
	steps[explorer->length] = (struct explore_step){
		(uint8_t)explore_default(explorer, enabled), (uint8_t)enabled, 0};
	return steps[explorer->length].worker;
}

static uint16_t check_of(const struct footprint *footprint)
{
	uint64_t hash = footprint->count;

	for (unsigned i = 0; i < footprint->count; i++) {
		const struct piece *piece = &footprint->pieces[i];
		uint64_t words[] = {
			piece->kind, piece->access, piece->object, piece->start, piece->end};

		for (int k = 0; k < 5; k++) {
			hash ^= words[k];
			hash = explore_next(&hash);
		}
	}
	return (uint16_t)hash;
}

static int levels_went(struct explorer *explorer, const struct footprint *footprint)
{
	struct explore_levels *levels = &explorer->of.levels;
	struct explore_step *step = &levels->steps[explorer->length - 1];
	uint16_t check = check_of(footprint);

	if (explorer->length < levels->prefix)
		return step->check == check ? 0 : -EPROTO;
	step->check = check;
	return 0;
}

static int levels_end(struct explorer *explorer, bool is_complete)
{
	struct explore_levels *levels = &explorer->of.levels;
	size_t count = explorer->length, size_bytes = count * sizeof(*levels->steps);
	struct explore_parent *parent;

	if (count <= levels->prefix)
		return is_complete && count < levels->prefix ? -EPROTO : 0;
	parent = malloc(sizeof(*parent) + size_bytes);
	if (!parent)
		return -ENOMEM;
	parent->first = levels->prefix;
	parent->count = count;
	memcpy(parent->steps, levels->steps, size_bytes);
	if (turn_to_children(parent, false))
		prepend(&levels->now, parent);
	else
		put_off(explorer, parent);
	return 0;
}

static void free_list(struct explore_parent *list)
{
	while (list) {
		struct explore_parent *next = list->next;

		free(list);
		list = next;
	}
}

static void levels_release(struct explorer *explorer)
{
	free_list(explorer->of.levels.now);
	free_list(explorer->of.levels.later);
	free(explorer->of.levels.steps);
}

const struct explore_search explore_by_level = {
	.begin = levels_begin,
	.choose = levels_choose,
	.went = levels_went,
	.end = levels_end,
	.release = levels_release,
};
