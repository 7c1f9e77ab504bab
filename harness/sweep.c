/*
 * Method: for each variant of the fault N counts up until a run in which nothing fires; that run
 * is the proof that there are no more places. Each run that fired is judged, and the first that
 * breaks a property is its witness. A sweep that was cut short is never `holds`.
 */
#include "harness/sweep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/explain.h"
#include "harness/sandbox.h"

struct outcome {
	struct sweep *sweep;
	const char *skipped;    /* why nothing could be run here; NULL */
	const char *incomplete; /* why the sweep ended before its time; NULL */
	struct evidence evidence;
	struct plan plans[PROPERTY_COUNT];
	char details[PROPERTY_COUNT][512];
};

const char *sweep_fault_name(const struct sweep_fault *fault)
{
	if (fault->fault)
		return fault->fault->name;
	return fault->commands ? "fiu" : "none";
}

const char *sweep_reason_to_stop(const struct sweep *sweep, uint64_t count)
{
	const struct sweep_options *options = sweep->options;
	struct timespec now;

	if (options->is_interrupted && *options->is_interrupted)
		return "interrupted";
	if (options->max_states && count >= options->max_states)
		return "--max-states reached";
	if (options->deadline.tv_sec) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > options->deadline.tv_sec ||
			(now.tv_sec == options->deadline.tv_sec &&
				now.tv_nsec >= options->deadline.tv_nsec))
			return "--time-limit reached";
	}
	return NULL;
}

static void count_points(const struct recording *recording, struct evidence *evidence)
{
	for (size_t i = 0; i < recording->count; i++) {
		const struct event *event = &recording->events[i];

		if (event->kind == EVENT_OP && event->op.strike.action != STRIKE_NONE)
			evidence->points[event->op.point]++;
	}
}

static void note_findings(const struct plan *plan, const struct recording *recording,
	const struct judgement *judgement, struct outcome *outcome)
{
	char cause[300];

	for (int property = 0; property < PROPERTY_COUNT; property++) {
		const struct finding *finding = &judgement->findings[property];

		if (!finding->is_violated || outcome->details[property][0])
			continue;
		explain_cause(recording, plan, cause, sizeof(cause));
		snprintf(outcome->details[property], sizeof(outcome->details[property]), "%s: %s",
			cause, finding->text);
		outcome->plans[property] = *plan;
	}
}

int sweep_record(const struct sweep *sweep, const struct plan *plan, struct recording *recording)
{
	int err = record_run(sweep->subject, plan, sweep->workspace, sweep->filter, recording);

	if (!err && recording->ending == ENDED_HANG) {
		/* Believed only if it happens again: this machine, too, may stand still. */
		recording_release(recording);
		err = record_run(sweep->subject, plan, sweep->workspace, sweep->filter, recording);
	}
	return err;
}

/* Runs one plan and judges it. *fired is whether the fault struck. */
static int run_plan(void *context, const struct plan *plan, bool *fired)
{
	struct outcome *outcome = context;
	struct sweep *sweep = outcome->sweep;
	bool is_baseline = !plan->fault && !plan->commands;
	struct recording recording;
	struct judgement judgement;
	int err = sweep_record(sweep, plan, &recording);

	if (err)
		goto out;
	*fired = recording.fired > 0;
	outcome->evidence.runs++;
	outcome->evidence.fired += *fired;
	if (!*fired && !is_baseline)
		goto out;
	err = judge_recording(sweep->subject, sweep->prober, &recording, &judgement);
	if (err)
		goto out;
	if (is_baseline)
		sweep->baseline_acknowledged = judgement.acknowledged;
	if (judgement.residue > outcome->evidence.residue)
		outcome->evidence.residue = judgement.residue;
	count_points(&recording, &outcome->evidence);
	note_findings(plan, &recording, &judgement, outcome);
out:
	recording_release(&recording);
	return err;
}

int sweep_each_plan(const struct sweep *sweep, const struct fault *fault,
	const struct sweep_visit *visit, const char **skipped)
{
	int err = 0;

	if (fault->is_real && sandbox_enter()) {
		*skipped = "skipped: user namespaces are not allowed here";
		return 0;
	}
	for (unsigned variant = 0; variant < fault_variant_count(fault); variant++) {
		bool fired = true;

		for (uint64_t n = 1; !err && fired; n++) {
			struct plan plan = {.fault = fault,
				.variant = variant,
				.n = n,
				.seed = sweep->options->seed};

			if (visit->is_over(visit->context))
				return 0;
			err = visit->run(visit->context, &plan, &fired);
			/* A real disk that did not run full is asked twice: its size is the
			 * kernel's business, and one lenient moment must not end the sweep. */
			if (!err && !fired && fault->is_real)
				err = visit->run(visit->context, &plan, &fired);
		}
	}
	return err;
}

static bool is_over(void *context)
{
	struct outcome *outcome = context;

	outcome->incomplete = sweep_reason_to_stop(outcome->sweep, outcome->evidence.runs);
	return outcome->incomplete != NULL;
}

static int sweep_samples(
	struct sweep *sweep, const struct sweep_fault *fault, struct outcome *outcome)
{
	int err = 0;

	outcome->evidence.coverage = COVERAGE_SAMPLED;
	for (unsigned i = 0; !err && i < fault->samples; i++) {
		struct plan plan = {
			.commands = fault->commands, .n = i + 1, .seed = sweep->options->seed + i};
		bool fired;

		if (is_over(outcome))
			return 0;
		err = run_plan(outcome, &plan, &fired);
	}
	return err;
}

static bool is_claimed(
	const struct strategy *strategy, const struct sweep_fault *fault, enum property property)
{
	unsigned claims[PROPERTY_COUNT] = {
		[ATOMICITY] = strategy->claims.atomic,
		[CONSISTENCY] = strategy->claims.consistent,
		[ISOLATION] = strategy->claims.isolated ? SURVIVES_ALL : 0,
		[DURABILITY] = strategy->claims.durable,
	};

	if (fault->fault)
		return claims[property] & fault->fault->class;
	/* libfiu's commands fail many calls at once, and claims are about one fault at a time;
	 * without a fault any claim at all is enough. */
	return !fault->commands && claims[property];
}

/* The verdict where nothing was violated, and the sentence that says why it is not `holds`. */
static enum verdict verdict_of(const struct sweep *sweep, const struct sweep_fault *fault,
	const struct outcome *outcome, enum property property, const char **why)
{
	bool needs_acknowledgement = property == ATOMICITY || property == DURABILITY;
	bool is_baseline = !fault->fault && !fault->commands;

	if (property == ISOLATION) {
		*why = "needs several workers";
		return VERDICT_NOT_TESTED;
	}
	if (outcome->skipped) {
		*why = outcome->skipped;
		return VERDICT_NOT_TESTED;
	}
	if (outcome->incomplete) {
		*why = outcome->incomplete;
		return VERDICT_UNKNOWN;
	}
	if (!is_baseline && !outcome->evidence.fired) {
		*why = "the fault never fired";
		return VERDICT_NOT_TESTED;
	}
	if (needs_acknowledgement && !sweep->baseline_acknowledged) {
		*why = "no update is acknowledged even without a fault";
		return VERDICT_NOT_TESTED;
	}
	if (outcome->evidence.coverage != COVERAGE_EXHAUSTIVE) {
		*why = "sampled: nothing was found, which proves nothing";
		return VERDICT_UNKNOWN;
	}
	*why = NULL;
	return VERDICT_HOLDS;
}

static int add_result(const struct sweep *sweep, const struct sweep_fault *fault,
	const struct outcome *outcome, enum property property, struct result_list *results)
{
	const struct plan *plan = &outcome->plans[property];
	struct result result = {.workers = 1,
		.property = property,
		.evidence = outcome->evidence,
		.variant = plan->variant,
		.n = plan->n,
		.seed = plan->seed,
		.workload = sweep->subject->workload};
	const char *why;

	if (outcome->details[property][0]) {
		result.verdict = VERDICT_VIOLATED;
		why = outcome->details[property];
	} else {
		result.verdict = verdict_of(sweep, fault, outcome, property, &why);
	}
	result.is_claimed = is_claimed(sweep->subject->strategy, fault, property);
	result.subject = strdup(sweep->subject->strategy->name);
	result.scenario = strdup(sweep->options->scenario);
	result.fault = strdup(sweep_fault_name(fault));
	result.detail = why ? strdup(why) : NULL;
	result.commands = fault->commands ? strdup(fault->commands) : NULL;
	return result_list_add(results, &result);
}

int sweep_run(struct sweep *sweep, const struct sweep_fault *fault, struct result_list *results)
{
	struct outcome *outcome = calloc(1, sizeof(*outcome));
	struct plan baseline = {.seed = sweep->options->seed};
	bool fired;
	int err = 0;

	if (!outcome)
		return -ENOMEM;
	prober_start_count(sweep->prober);
	outcome->sweep = sweep;
	if (fault->fault)
		err = sweep_each_plan(sweep, fault->fault,
			&(struct sweep_visit){is_over, run_plan, outcome}, &outcome->skipped);
	else if (fault->commands)
		err = sweep_samples(sweep, fault, outcome);
	else
		err = run_plan(outcome, &baseline, &fired);
	if (outcome->incomplete && outcome->evidence.coverage == COVERAGE_EXHAUSTIVE)
		outcome->evidence.coverage = COVERAGE_BOUNDED;
	prober_count(sweep->prober, &outcome->evidence.states, &outcome->evidence.unique_states);
	for (int property = 0; !err && property < PROPERTY_COUNT; property++)
		err = add_result(sweep, fault, outcome, (enum property)property, results);
	free(outcome);
	return err;
}
