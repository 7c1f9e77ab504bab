/*
 * Power cuts: every crash state of the clean run under one model.
 *
 * Violations are grouped by the smallest losses that show them (harness/blame.h). The states that
 * lose nothing come first, so that what a plain interruption does is blamed on that.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/blame.h"
#include "harness/check_private.h"
#include "harness/explain_cut.h"

struct crashing {
	struct stage_run *run;
	const struct recording *recording;
	struct micro_ops *ops;
	unsigned *acks; /* owned; before each event, and at the end */
	struct blame blames[PROPERTY_COUNT];
};

static bool is_over(void *context)
{
	struct stage_run *run = context;

	run->incomplete = sweep_reason_to_stop(&run->sweep, run->evidence.states);
	return run->incomplete != NULL;
}

/* ---- moments ---- */

/* The first moment of the state with so many acknowledgements. */
static size_t find_moment(
	const struct crashing *crashing, const struct crash_state *state, unsigned acks)
{
	size_t event = crash_birth(state);

	while (event < state->event && crashing->acks[event] < acks)
		event++;
	return event;
}

/* ---- causes ---- */

static int add_cause(
	struct crashing *crashing, const struct crash_state *state, const struct flaw *flaw)
{
	/* The flaw tells of so many acknowledgements. */
	unsigned needed = flaw->property == DURABILITY ? crashing->acks[state->event] : 0;
	size_t event = find_moment(crashing, state, needed);
	char how[420], text[680];
	struct cause *cause = NULL;
	struct cut cut;
	int err = cut_init(&cut, crashing->ops, event, state->lost);

	if (!err)
		err = blame_cut(&crashing->blames[flaw->property], &cut, flaw->key, &cause);
	if (err || !cause) {
		cut_release(&cut);
		return err;
	}
	explain_cut(crashing->ops, &cut, how, sizeof(how));
	snprintf(text, sizeof(text), "%s: %s", how, flaw->text);
	cause->cut = cut;
	cause->detail = strdup(text);
	return cause->detail ? 0 : -ENOMEM;
}

static int visit(void *context, const struct crash_state *state)
{
	struct crashing *crashing = context;
	struct stage_run *run = crashing->run;
	struct acks acks = run->check->acks;
	struct flaws flaws;
	int err;

	if (run->stage->parts > 1 &&
		tree_hash(state->tree).low64 % run->stage->parts != run->stage->part)
		return 0;
	run->evidence.states++;
	acks.count = crashing->acks[state->event];
	acks.output_bytes = check_output_at(crashing->recording, state->event);
	run->has_acked |= acks.count > 0;
	err = check_state(run->check, state->tree, &acks, true, &flaws, run->message);
	if (!err && flaws.residue > run->evidence.residue)
		run->evidence.residue = flaws.residue;
	for (unsigned i = 0; !err && i < flaws.count; i++)
		err = add_cause(crashing, state, &flaws.items[i]);
	return err;
}

/* The first `end` micro-operations, and nothing lost, until the next one. */
static int visit_beginning(struct crashing *crashing, const uint64_t *nothing, size_t end)
{
	struct micro_ops *ops = crashing->ops;
	size_t next = end < ops->count ? ops->items[end].event : crashing->recording->count + 1;
	struct cut cut = {.event = next - 1, .micro_ops = ops->count, .tear = ops->tear};
	struct crash_state state = {.ops = ops,
		.event = next - 1,
		.birth = end ? ops->items[end - 1].event : 0,
		.end = end,
		.lost = nothing};
	int err = cut_tree(&cut, ops, &state.tree);

	state.start = state.birth;
	if (!err)
		err = visit(crashing, &state);
	tree_unref(state.tree);
	return err;
}

static int visit_beginnings(struct crashing *crashing)
{
	const struct micro_ops *ops = crashing->ops;
	uint64_t *nothing = calloc(bits_words(ops->count) + 1, sizeof(*nothing));
	int err = nothing ? 0 : -ENOMEM;

	for (size_t end = 0; !err && end <= ops->count && !is_over(crashing->run); end++) {
		bool is_inside = end && end < ops->count &&
		                 ops->items[end - 1].event == ops->items[end].event;

		if (!is_inside && (end || (ops->count && ops->items[0].event)))
			err = visit_beginning(crashing, nothing, end);
	}
	free(nothing);
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

static int begin(struct crashing *crashing)
{
	int err = count_acks(crashing);

	for (int i = 0; i < PROPERTY_COUNT; i++) {
		blame_begin(&crashing->blames[i], &crashing->run->causes[i], BLAME_MAX_GROUPS);
		if (!err)
			err = blame_recording(&crashing->blames[i], crashing->ops);
	}
	return err;
}

static void end(struct crashing *crashing)
{
	for (int i = 0; i < PROPERTY_COUNT; i++)
		blame_end(&crashing->blames[i]);
	free(crashing->acks);
}

/* Half of the time that is left. */
static struct timespec half_time(const struct timespec *deadline)
{
	struct timespec now, half = {0};
	double left;

	if (!deadline->tv_sec)
		return half;
	clock_gettime(CLOCK_MONOTONIC, &now);
	left = ((double)(deadline->tv_sec - now.tv_sec) +
		       (double)(deadline->tv_nsec - now.tv_nsec) / 1e9) /
	       2;
	if (left < 0)
		left = 0;
	half.tv_sec = now.tv_sec + (time_t)left;
	half.tv_nsec = now.tv_nsec + (long)((left - (double)(time_t)left) * 1e9);
	if (half.tv_nsec >= 1000000000) {
		half.tv_sec++;
		half.tv_nsec -= 1000000000;
	}
	return half;
}

/* States of each epoch, for a first look. */
enum { FIRST_BUDGET = 120 };

/* A checker takes milliseconds a state: what loses little comes first, of the whole run, so that
 * time runs out where least is to be found. What is asked again later costs nothing. */
static int widen(struct crashing *crashing, struct crash_limits limits)
{
	struct stage_run *run = crashing->run;
	const struct sweep_options *options = run->sweep.options;
	struct sweep_options half = *options;
	struct crash_coverage wider = {0};
	int err;

	half.deadline = half_time(&options->deadline);
	run->sweep.options = &half;
	limits.is_bounded = true;
	/* A little of each epoch before more of any: the last ones have the most to lose. */
	limits.budget = FIRST_BUDGET;
	err = crash_each(crashing->ops, &limits, visit, crashing, &run->widened);
	limits.budget = 0;
	if (!err && !run->widened.is_cut)
		err = crash_each(crashing->ops, &limits, visit, crashing, &wider);
	if (wider.epochs && !wider.is_cut)
		run->widened = wider;
	run->sweep.options = options;
	run->incomplete = NULL;
	return err;
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
		err = begin(&crashing);
	if (!err)
		err = visit_beginnings(&crashing);
	if (!err && run->check->checker)
		err = widen(&crashing, limits);
	if (!err)
		err = crash_each(&ops, &limits, visit, &crashing, &run->coverage);
	if (!err && run->coverage.is_cut)
		is_over(run);
	run->evidence.sets = run->coverage.sets;
	run->evidence.runs = 1;
	run->evidence.fired = run->evidence.states;
	end(&crashing);
	micro_ops_release(&ops);
	return err;
}
