/* Groups: which states belong together. */
#include "harness/blame.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/blame_private.h"

struct blame_group {
	struct site site;
	/* Owned; of a site that loses nothing all moments at which it is so, one after the other.
	 */
	char **moments;
	size_t moment_count;
	bool is_elsewhere; /* some of its states are of another moment than its site is */
	size_t size;       /* of its witness */
};

/* ---- sites ---- */

static bool is_lost_within(const struct site *less, const struct site *more)
{
	size_t k = 0;

	for (size_t i = 0; i < less->loss_count; i++) {
		while (k < more->loss_count &&
			strcmp(more->losses[k].name, less->losses[i].name) < 0)
			k++;
		if (k == more->loss_count ||
			strcmp(more->losses[k].name, less->losses[i].name) != 0 ||
			less->losses[i].parts & ~more->losses[k].parts)
			return false;
	}
	return true;
}

static bool is_at(const struct blame_group *group, const char *moment)
{
	for (size_t i = 0; moment && i < group->moment_count; i++) {
		if (!strcmp(group->moments[i], moment))
			return true;
	}
	return false;
}

static int add_moment(struct blame_group *group, const char *moment)
{
	char **moments = realloc(group->moments, (group->moment_count + 1) * sizeof(*moments));

	if (!moments)
		return -ENOMEM;
	group->moments = moments;
	moments[group->moment_count] = strdup(moment);
	return moments[group->moment_count] ? (group->moment_count++, 0) : -ENOMEM;
}

static void group_release(struct blame_group *group)
{
	for (size_t i = 0; i < group->moment_count; i++)
		free(group->moments[i]);
	free(group->moments);
	site_release(&group->site);
}

/* Whether a state at `site` is no wonder where those of the group break the property. */
static bool explains(const struct blame_group *group, const struct site *site)
{
	if (group->site.loss_count)
		return is_lost_within(&group->site, site);
	/* What lasts from one moment to the next is one cause. */
	return is_at(group, site->moment) || (!site->loss_count && is_at(group, site->previous));
}

/* Whether a group is no wonder where a state at `site`, which is new, breaks the property. */
static bool is_explained(const struct blame_group *group, const struct site *site)
{
	if (site->loss_count)
		return is_lost_within(site, &group->site);
	/* A moment explains only what is of that moment. */
	return !group->is_elsewhere && !strcmp(group->site.moment, site->moment);
}

/* ---- groups ---- */

void blame_begin(struct blame *blame, struct causes *causes, size_t max_groups)
{
	assert(!causes->count);
	assert(max_groups > 0);
	*blame = (struct blame){.causes = causes, .max_groups = max_groups};
}

/* What leads to a witness, which is no longer the smallest. */
static void forget_witness(struct cause *cause)
{
	struct cause kept = {
		.site = cause->site, .difference = cause->difference, .count = cause->count};

	cause->site = cause->difference = NULL;
	cause_release(cause);
	*cause = kept;
}

/* Gives a new group its site, which is taken over. */
static int set_site(struct blame *blame, size_t index, struct site *site, size_t size)
{
	struct blame_group *group = &blame->groups[index];
	struct cause *cause = &blame->causes->items[index];
	char text[SITE_TEXT_BYTES];

	site_say(site, text, sizeof(text));
	group->site = *site;
	group->size = size;
	*site = (struct site){0};
	cause->site = strdup(text);
	if (!cause->site)
		return -ENOMEM;
	return group->site.loss_count ? 0 : add_moment(group, group->site.moment);
}

static int add_group(struct blame *blame, const char *difference)
{
	struct cause cause = {.difference = strdup(difference)};

	if (!cause.difference)
		return -ENOMEM;
	if (blame->causes->count == blame->capacity) {
		size_t capacity = blame->capacity * 2 + 8;
		struct blame_group *groups = realloc(blame->groups, capacity * sizeof(*groups));

		if (!groups) {
			cause_release(&cause);
			return -ENOMEM;
		}
		blame->groups = groups;
		blame->capacity = capacity;
	}
	blame->groups[blame->causes->count] = (struct blame_group){.size = SIZE_MAX};
	return causes_add(blame->causes, &cause);
}

static void remove_group(struct blame *blame, size_t index)
{
	size_t last = --blame->causes->count;

	cause_release(&blame->causes->items[index]);
	group_release(&blame->groups[index]);
	if (index == last)
		return;
	blame->causes->items[index] = blame->causes->items[last];
	blame->groups[index] = blame->groups[last];
}

/* Smaller witnesses first. Then by name, so that it is the same whatever came first. */
static int compare_causes(
	const struct cause *a, size_t a_size, const struct cause *b, size_t b_size)
{
	int order = (a_size > b_size) - (a_size < b_size);

	if (!order)
		order = strcmp(a->site, b->site);
	return order ? order : strcmp(a->difference, b->difference);
}

/* Removes the last group in order, if there are too many. Returns the cause that was added last;
 * NULL: that is the one. */
static struct cause *keep_to_limit(struct blame *blame)
{
	struct cause *items = blame->causes->items;
	size_t added = blame->causes->count - 1, last = 0;

	if (added < blame->max_groups)
		return &items[added];
	for (size_t i = 1; i < blame->causes->count; i++) {
		if (compare_causes(&items[i], blame->groups[i].size, &items[last],
			    blame->groups[last].size) > 0)
			last = i;
	}
	blame->causes->left_out += items[last].count;
	remove_group(blame, last);
	/* It has moved into the gap. */
	return last == added ? NULL : &items[last];
}

/* Counts a state for a group that explains it. */
static int count_in(struct blame *blame, size_t index, const struct site *site, size_t size,
	struct cause **smallest)
{
	struct blame_group *group = &blame->groups[index];
	struct cause *cause = &blame->causes->items[index];

	cause->count++;
	group->is_elsewhere |= strcmp(group->site.moment, site->moment) != 0;
	if (!site->loss_count && !is_at(group, site->moment))
		return add_moment(group, site->moment);
	/* The witness must show what the site says, and not more. */
	if (size >= group->size || !is_lost_within(site, &group->site))
		return 0;
	group->size = size;
	forget_witness(cause);
	*smallest = cause;
	return 0;
}

/* Removes the groups that a new site explains. Returns how many states they had. */
static uint64_t absorb(
	struct blame *blame, const struct site *site, const char *difference, bool *is_elsewhere)
{
	uint64_t count = 0;

	for (size_t i = blame->causes->count; i-- > 0;) {
		const struct blame_group *group = &blame->groups[i];

		if (strcmp(blame->causes->items[i].difference, difference) != 0 ||
			!is_explained(group, site))
			continue;
		*is_elsewhere |=
			group->is_elsewhere || strcmp(group->site.moment, site->moment) != 0;
		count += blame->causes->items[i].count;
		remove_group(blame, i);
	}
	return count;
}

/* Takes over the site in every case. */
static int blame_site(struct blame *blame, struct site *site, size_t size, const char *difference,
	struct cause **smallest)
{
	struct causes *causes = blame->causes;
	bool is_elsewhere = false;
	uint64_t count = 1;
	int err;

	*smallest = NULL;
	for (size_t i = 0; i < causes->count; i++) {
		if (strcmp(causes->items[i].difference, difference) != 0 ||
			!explains(&blame->groups[i], site))
			continue;
		err = count_in(blame, i, site, size, smallest);
		site_release(site);
		return err;
	}
	count += absorb(blame, site, difference, &is_elsewhere);
	err = add_group(blame, difference);
	if (!err)
		err = set_site(blame, causes->count - 1, site, size);
	site_release(site);
	if (err)
		return err;
	blame->groups[causes->count - 1].is_elsewhere = is_elsewhere;
	causes->items[causes->count - 1].count = count;
	*smallest = keep_to_limit(blame);
	return 0;
}

int blame_cut(
	struct blame *blame, const struct cut *cut, const char *difference, struct cause **smallest)
{
	struct site site;
	int err = site_of_cut(&site, blame, cut);

	*smallest = NULL;
	if (err) {
		site_release(&site);
		return err;
	}
	return blame_site(blame, &site, cut->lost_count, difference, smallest);
}

int blame_moment(struct blame *blame, const char *moment, size_t size, const char *difference,
	struct cause **smallest)
{
	struct site site = {.moment = strdup(moment)};

	*smallest = NULL;
	return site.moment ? blame_site(blame, &site, size, difference, smallest) : -ENOMEM;
}

/* ---- the end ---- */

struct ranked {
	struct cause cause;
	size_t size;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return compare_causes(&x->cause, x->size, &y->cause, y->size);
}

static void sort_causes(struct blame *blame)
{
	struct causes *causes = blame->causes;
	struct ranked *ranked = malloc((causes->count + 1) * sizeof(*ranked));

	/* They are as good in another order. */
	if (!ranked)
		return;
	for (size_t i = 0; i < causes->count; i++)
		ranked[i] = (struct ranked){causes->items[i], blame->groups[i].size};
	qsort(ranked, causes->count, sizeof(*ranked), compare_ranked);
	for (size_t i = 0; i < causes->count; i++)
		causes->items[i] = ranked[i].cause;
	free(ranked);
}

void blame_end(struct blame *blame)
{
	if (!blame->causes)
		return;
	sort_causes(blame);
	for (size_t i = 0; i < blame->causes->count; i++)
		group_release(&blame->groups[i]);
	free(blame->groups);
	blame_forget_names(blame);
	*blame = (struct blame){0};
}
