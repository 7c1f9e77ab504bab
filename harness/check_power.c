/*
 * Power cuts: every crash state of the clean run under one model.
 *
 * Violations are grouped by what looks alike and by the fewest operations that must be lost for
 * it: a state that loses at least what the smallest state of a group does belongs to that group.
 * States in which nothing overtakes what is lost are groups of their own, so that a plain
 * interruption does not hide what the disk's order does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/check_private.h"
#include "harness/explain_cut.h"

/* The events of which something is lost. */
struct shape {
	uint64_t *lost; /* owned; a bit each */
	bool overtakes; /* something later is on the disk */
};

enum { MAX_CAUSES = 200 };

struct group {
	struct shape shape;
	size_t lost_count; /* micro-operations; what makes a witness small */
};

struct crashing {
	struct stage_run *run;
	const struct recording *recording;
	struct micro_ops *ops;
	unsigned *acks;                       /* owned; before each event, and at the end */
	struct group *groups[PROPERTY_COUNT]; /* owned; of the causes, by index */
};

static bool is_over(void *context)
{
	struct stage_run *run = context;

	run->incomplete = sweep_reason_to_stop(&run->sweep, run->evidence.states);
	return run->incomplete != NULL;
}

/* ---- shapes ---- */

static void shape_release(struct shape *shape)
{
	free(shape->lost);
	*shape = (struct shape){0};
}

/* Of what was issued until `event`. */
static int shape_init(
	struct shape *shape, const struct crashing *crashing, const uint64_t *lost, size_t event)
{
	const struct micro_ops *ops = crashing->ops;
	size_t words = bits_words(crashing->recording->count);
	bool has_lost = false;

	*shape = (struct shape){calloc(words, sizeof(uint64_t)), false};
	if (!shape->lost)
		return -ENOMEM;
	for (size_t i = 0; i < ops->count && ops->items[i].event <= event; i++) {
		if (bits_has(lost, i))
			bits_add(shape->lost, ops->items[i].event);
		shape->overtakes |= has_lost && !bits_has(lost, i);
		has_lost |= bits_has(lost, i);
	}
	return 0;
}

static bool is_subset(const uint64_t *a, const uint64_t *b, size_t words)
{
	for (size_t i = 0; i < words; i++) {
		if (a[i] & ~b[i])
			return false;
	}
	return true;
}

static bool shape_is_within(
	const struct shape *a, const struct shape *b, enum property property, size_t words)
{
	/* What was acknowledged is lost, whatever else is on the disk. */
	return (property == DURABILITY || a->overtakes == b->overtakes) &&
	       is_subset(a->lost, b->lost, words);
}

/* ---- moments ---- */

/* From when on this very set can be found. */
static size_t birth_of(const struct crash_state *state)
{
	size_t birth = state->start;

	for (size_t i = state->end; i-- > 0;) {
		if (bits_has(state->lost, i))
			continue;
		return state->ops->items[i].event > birth ? state->ops->items[i].event : birth;
	}
	return birth;
}

/* The first moment of the state with so many acknowledgements. */
static size_t find_moment(
	const struct crashing *crashing, const struct crash_state *state, unsigned acks)
{
	size_t event = birth_of(state);

	while (event < state->event && crashing->acks[event] < acks)
		event++;
	return event;
}

static size_t count_lost(const struct crash_state *state, size_t event)
{
	size_t count = 0;

	for (size_t i = 0; i < state->end && state->ops->items[i].event <= event; i++)
		count += bits_has(state->lost, i);
	return count;
}

/* ---- causes ---- */

/* Makes the state the witness of a group. Takes over the shape. */
static int set_witness(struct crashing *crashing, struct cause *cause, struct group *group,
	const struct crash_state *state, size_t event, const struct flaw *flaw, struct shape *shape)
{
	char how[420], text[680];
	int err;

	cut_release(&cause->cut);
	err = cut_init(&cause->cut, crashing->ops, event, state->lost);
	if (err)
		return err;
	explain_cut(crashing->ops, &cause->cut, how, sizeof(how));
	snprintf(text, sizeof(text), "%s: %s", how, flaw->text);
	free(cause->detail);
	free(cause->site);
	cause->detail = strdup(text);
	cause->site = strdup(how);
	if (!cause->detail || !cause->site)
		return -ENOMEM;
	shape_release(&group->shape);
	group->shape = *shape;
	group->lost_count = count_lost(state, event);
	*shape = (struct shape){0};
	return 0;
}

static int add_group(struct crashing *crashing, const struct flaw *flaw, size_t *index)
{
	struct causes *causes = &crashing->run->causes[flaw->property];
	struct group **groups = &crashing->groups[flaw->property];
	struct group *more = realloc(*groups, (causes->count + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	*groups = more;
	more[causes->count] = (struct group){.lost_count = SIZE_MAX};
	*index = causes->count;
	return causes_add(causes, &(struct cause){.difference = strdup(flaw->key)});
}

static int add_cause(
	struct crashing *crashing, const struct crash_state *state, const struct flaw *flaw)
{
	struct causes *causes = &crashing->run->causes[flaw->property];
	size_t words = bits_words(crashing->recording->count), found = SIZE_MAX;
	unsigned needed = flaw->property == DURABILITY ? flaw->legal_for + 1 : 0;
	size_t event = find_moment(crashing, state, needed);
	size_t lost_count = count_lost(state, event);
	struct group *groups = crashing->groups[flaw->property];
	struct shape shape;
	int err = shape_init(&shape, crashing, state->lost, event);

	for (size_t i = 0; !err && i < causes->count && found == SIZE_MAX; i++) {
		if (strcmp(causes->items[i].difference, flaw->key))
			continue;
		if (shape_is_within(&groups[i].shape, &shape, flaw->property, words) ||
			shape_is_within(&shape, &groups[i].shape, flaw->property, words))
			found = i;
	}
	if (!err && found == SIZE_MAX && causes->count == MAX_CAUSES)
		causes->left_out++;
	else if (!err && found == SIZE_MAX)
		err = add_group(crashing, flaw, &found);
	if (!err && found != SIZE_MAX) {
		struct group *group = &crashing->groups[flaw->property][found];

		causes->items[found].count++;
		if (lost_count < group->lost_count ||
			!shape_is_within(&group->shape, &shape, flaw->property, words))
			err = set_witness(
				crashing, &causes->items[found], group, state, event, flaw, &shape);
	}
	shape_release(&shape);
	return err;
}

static int visit(void *context, const struct crash_state *state)
{
	struct crashing *crashing = context;
	struct stage_run *run = crashing->run;
	struct acks acks = run->check->acks;
	struct flaws flaws;
	int err;

	run->evidence.states++;
	acks.count = crashing->acks[state->event];
	run->has_acked |= acks.count > 0;
	err = check_state(run->check, state->tree, &acks, true, &flaws, run->message);
	if (!err && flaws.residue > run->evidence.residue)
		run->evidence.residue = flaws.residue;
	for (unsigned i = 0; !err && i < flaws.count; i++)
		err = add_cause(crashing, state, &flaws.items[i]);
	return err;
}

/* ---- the recording ---- */

static int count_acks(struct crashing *crashing)
{
	size_t count = crashing->recording->count;

	crashing->acks = calloc(count + 1, sizeof(*crashing->acks));
	if (!crashing->acks)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		crashing->acks[i + 1] =
			crashing->acks[i] + (crashing->recording->events[i].kind == EVENT_ACK);
	return 0;
}

/* A group that was begun before a smaller one of its kind was found is a part of that. */
static void prune(struct crashing *crashing, enum property property)
{
	struct causes *causes = &crashing->run->causes[property];
	struct group *groups = crashing->groups[property];
	size_t words = bits_words(crashing->recording->count), kept = 0;

	for (size_t i = 0; i < causes->count; i++) {
		size_t smaller = 0;

		while (smaller < causes->count &&
			(smaller == i || !groups[smaller].shape.lost ||
				strcmp(causes->items[smaller].difference,
					causes->items[i].difference) ||
				!shape_is_within(
					&groups[smaller].shape, &groups[i].shape, property, words)))
			smaller++;
		if (smaller == causes->count)
			continue;
		causes->items[smaller].count += causes->items[i].count;
		cause_release(&causes->items[i]);
		shape_release(&groups[i].shape);
	}
	for (size_t i = 0; i < causes->count; i++) {
		if (!groups[i].shape.lost)
			continue;
		groups[kept] = groups[i];
		causes->items[kept++] = causes->items[i];
	}
	causes->count = kept;
}

static void release(struct crashing *crashing)
{
	for (int property = 0; property < PROPERTY_COUNT; property++) {
		size_t count = crashing->run->causes[property].count;

		for (size_t i = 0; crashing->groups[property] && i < count; i++)
			shape_release(&crashing->groups[property][i].shape);
		free(crashing->groups[property]);
	}
	free(crashing->acks);
}

int check_run_power(struct stage_run *run)
{
	struct micro_ops ops;
	struct crashing crashing = {.run = run, .recording = &run->check->clean, .ops = &ops};
	struct crash_limits limits = {.seed = run->sweep.options->seed,
		.max_states = run->sweep.options->max_states,
		.is_over = is_over,
		.context = run};
	int err = micro_ops_init(
		&ops, &run->check->clean, run->stage->model, run->check->options->tear);

	if (!err)
		err = count_acks(&crashing);
	if (!err)
		err = crash_each(&ops, &limits, visit, &crashing, &run->coverage);
	for (int property = 0; !err && property < PROPERTY_COUNT; property++)
		prune(&crashing, (enum property)property);
	if (!err && run->coverage.is_cut)
		is_over(run);
	run->evidence.sets = run->coverage.sets;
	run->evidence.runs = 1;
	run->evidence.fired = run->evidence.states;
	release(&crashing);
	micro_ops_release(&ops);
	return err;
}
