/*
 * Method: each schedule's recording is judged as it ends, with what its readers saw. Of all
 * violations of a property the one with the fewest pre-emptions is the witness; it is run a second
 * time at once, for a schedule that does not repeat is no finding. If the search came upon it with
 * more pre-emptions than were tried in order, fewer are tried.
 */
#include "harness/concurrent.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/explain.h"

/* The witness of one property so far. */
struct best {
	bool is_found;
	struct schedule schedule;
	struct plan plan;
	char text[960];
};

struct outcome {
	struct sweep *sweep;
	const struct concurrent *concurrent;
	const char *skipped, *incomplete; /* why nothing could be run, or not all; NULL */
	struct evidence evidence;
	struct crew_coverage coverage;
	unsigned acknowledged; /* the most in a run */
	enum isolation_level level;
	struct best best[PROPERTY_COUNT];
	uint64_t violating[PROPERTY_COUNT], violating_kinds[PROPERTY_COUNT]; /* runs */
	bool has_fired; /* in a run of the plan that goes on */
	int tried;      /* all schedules with so many pre-emptions were run in order */
	enum property improving;
};

static const char prefix[] = "concurrent";

void concurrent_name(const struct concurrent *concurrent, char name[CONCURRENT_NAME_BYTES])
{
	const char *what = concurrent->fault           ? concurrent->fault->name
	                   : concurrent->crew.is_naive ? "naive-reader"
	                   : concurrent->crew.readers  ? "reader"
	                                               : "";

	snprintf(name, CONCURRENT_NAME_BYTES, "%s%s%s", prefix, *what ? "-" : "", what);
}

const char *concurrent_name_fault(const char *name)
{
	if (strncmp(name, "concurrent-", sizeof(prefix)) ||
		!strcmp(name + sizeof(prefix), "reader") ||
		!strcmp(name + sizeof(prefix), "naive-reader"))
		return NULL;
	return name + sizeof(prefix);
}

/* ---- one schedule ---- */

static bool is_over(void *context)
{
	struct outcome *outcome = context;
	const char *reason = sweep_reason_to_stop(outcome->sweep, outcome->evidence.runs);

	if (reason)
		outcome->incomplete = reason;
	return reason != NULL;
}

static int keep_best(struct outcome *outcome, const struct crew_run *run, enum property property,
	const struct finding *finding)
{
	const struct crew *crew = &outcome->concurrent->crew;
	struct best *best = &outcome->best[property];
	char cause[420], where[300] = "";
	int err;

	if (best->is_found && run->schedule->preemptions >= best->schedule.preemptions)
		return 0;
	err = crew_check_again(outcome->sweep, crew, run);
	if (err)
		return err;
	schedule_release(&best->schedule);
	err = schedule_init(&best->schedule, run->schedule->choices, run->schedule->count,
		run->schedule->preemptions);
	if (err)
		return err;
	best->is_found = true;
	best->plan = *run->plan;
	explain_schedule(run->recording, crew->writers, cause, sizeof(cause));
	if (run->recording->fired) {
		explain_cause(run->recording, run->plan, where, sizeof(where) - 2);
		strcat(where, "; ");
	}
	snprintf(best->text, sizeof(best->text), "%s%s: %s", where, cause, finding->text);
	return 0;
}

static int judge_run(void *context, const struct crew_run *run)
{
	struct outcome *outcome = context;
	struct judgement judgement;
	int err;

	outcome->evidence.runs++;
	outcome->evidence.fired += run->recording->fired > 0;
	outcome->has_fired |= run->recording->fired > 0;
	/* Without its fault it is a schedule like those of the runs without any. */
	if (run->plan->fault && !run->recording->fired)
		return 0;
	err = judge_crew(outcome->sweep->subject, &outcome->concurrent->crew,
		outcome->sweep->prober, run->recording, run->readings, &judgement);
	if (err)
		return err;
	if (judgement.acknowledged > outcome->acknowledged)
		outcome->acknowledged = judgement.acknowledged;
	if (judgement.level < outcome->level)
		outcome->level = judgement.level;
	for (int i = 0; !err && i < PROPERTY_COUNT; i++) {
		if (!judgement.findings[i].is_violated)
			continue;
		outcome->violating[i]++;
		outcome->violating_kinds[i] += run->is_kind;
		err = keep_best(outcome, run, (enum property)i, &judgement.findings[i]);
	}
	return err;
}

/* ---- all of them ---- */

static int run_plan(void *context, const struct plan *plan, bool *fired)
{
	struct outcome *outcome = context;
	const struct concurrent *concurrent = outcome->concurrent;
	struct crew_coverage coverage;
	int err;

	outcome->has_fired = false;
	err = crew_each_schedule(outcome->sweep, &concurrent->crew, plan, &concurrent->budget,
		&(struct crew_visit){is_over, judge_run, outcome}, &coverage);
	crew_coverage_add(&outcome->coverage, &coverage);
	outcome->tried = coverage.preemptions;
	*fired = outcome->has_fired;
	return err;
}

static bool is_improved(void *context)
{
	struct outcome *outcome = context;

	return is_over(outcome) || outcome->best[outcome->improving].schedule.preemptions <=
	                                   (unsigned)(outcome->tried + 1);
}

/* A witness that the search found by chance may have more pre-emptions than it needs. */
static int improve(struct outcome *outcome, enum property property)
{
	const struct concurrent *concurrent = outcome->concurrent;
	struct best *best = &outcome->best[property];
	struct crew_coverage coverage;
	struct plan plan = best->plan;
	uint64_t violating[PROPERTY_COUNT];
	int err = 0;

	memcpy(violating, outcome->violating, sizeof(violating));
	outcome->improving = property;
	if (best->is_found && !is_improved(outcome))
		err = crew_with_preemptions(outcome->sweep, &concurrent->crew, &plan,
			best->schedule.preemptions - 1, concurrent->budget.max_runs,
			&(struct crew_visit){is_improved, judge_run, outcome}, &coverage);
	memcpy(outcome->violating, violating, sizeof(violating));
	return err;
}

/* ---- verdicts ---- */

static bool is_claimed(const struct outcome *outcome, enum property property)
{
	const struct concurrent *concurrent = outcome->concurrent;
	const struct claims *claims = &outcome->sweep->subject->strategy->claims;
	unsigned of[PROPERTY_COUNT] = {
		[ATOMICITY] = claims->atomic,
		[CONSISTENCY] = claims->consistent,
		[ISOLATION] = SURVIVES_ALL,
		[DURABILITY] = claims->durable,
	};

	/* Nothing is promised to readers that do not keep to the rules. */
	if (!claims->isolated || concurrent->crew.is_naive)
		return false;
	if (concurrent->fault)
		return of[property] & concurrent->fault->class;
	/* What a reader may see at any moment is what a kill at that moment would leave. */
	if (concurrent->crew.readers && property != ISOLATION)
		return of[property] & SURVIVES_KILL;
	return of[property];
}

/* Why a property cannot be told from this at all; NULL: it can. */
static const char *why_not_tested(const struct outcome *outcome, enum property property)
{
	const struct concurrent *concurrent = outcome->concurrent;

	if (outcome->skipped)
		return outcome->skipped;
	if (concurrent->fault && outcome->sweep->is_contended)
		return "updates are lost or mixed up without a fault, too";
	if (property == ISOLATION && concurrent->fault)
		return "is about what happens without a fault";
	if (property == DURABILITY && !concurrent->fault)
		return "nothing fails";
	if (property == ATOMICITY && !concurrent->fault && !concurrent->crew.readers)
		return "needs a reader";
	if (!outcome->incomplete && concurrent->fault && !outcome->evidence.fired)
		return "the fault never fired";
	if (!outcome->incomplete && property != CONSISTENCY && !outcome->acknowledged)
		return "no update is acknowledged";
	return NULL;
}

static enum verdict verdict_of(
	const struct outcome *outcome, enum property property, char *why, size_t why_size)
{
	const struct best *best = &outcome->best[property];
	const struct crew_coverage *coverage = &outcome->coverage;
	const char *untested = why_not_tested(outcome, property);
	char covered[160];

	crew_describe(coverage, covered, sizeof(covered));
	if (best->is_found) {
		snprintf(why, why_size, "%s", best->text);
		return VERDICT_VIOLATED;
	}
	if (untested) {
		snprintf(why, why_size, "%s", untested);
		return VERDICT_NOT_TESTED;
	}
	if (outcome->incomplete) {
		snprintf(why, why_size, "%s: %s", outcome->incomplete, covered);
		return VERDICT_UNKNOWN;
	}
	if (!coverage->is_exhaustive) {
		snprintf(why, why_size, "too many schedules: nothing was found in %s", covered);
		return VERDICT_UNKNOWN;
	}
	if (coverage->has_unfair) {
		snprintf(why, why_size,
			"nothing was found in %s, but some were ended in which a worker went on "
			"for ever before the others",
			covered);
		return VERDICT_UNKNOWN;
	}
	if (coverage->has_unseen) {
		snprintf(why, why_size,
			"nothing was found in %s, but workers share memory or signals, and what "
			"they do there is not scheduled",
			covered);
		return VERDICT_UNKNOWN;
	}
	snprintf(why, why_size, "%s", covered);
	return VERDICT_HOLDS;
}

/* In how many of the schedules, and what level of isolation that leaves. */
static void add_measure(const struct outcome *outcome, enum property property,
	const struct schedules *schedules, char *why, size_t why_size)
{
	size_t length = strlen(why);
	bool has_kinds = schedules->kinds > 0;
	uint64_t all = has_kinds ? schedules->kinds : outcome->coverage.runs;

	length += (size_t)snprintf(why + length, why_size - length,
		"; in %" PRIu64 " of %" PRIu64 " %sschedules", schedules->violating, all,
		has_kinds ? "kinds of " : "");
	if ((property == ISOLATION || property == ATOMICITY) && outcome->level < LEVEL_STRICT &&
		length < why_size)
		snprintf(why + length, why_size - length, "; isolation level: %s",
			level_names[outcome->level]);
}

static int add_result(struct outcome *outcome, enum property property, struct result_list *results)
{
	const struct concurrent *concurrent = outcome->concurrent;
	const struct sweep *sweep = outcome->sweep;
	struct best *best = &outcome->best[property];
	char name[CONCURRENT_NAME_BYTES], why[sizeof(best->text) + 120];
	struct result result = {.workers = concurrent->crew.writers,
		.readers = concurrent->crew.readers,
		.is_naive = concurrent->crew.is_naive,
		.property = property,
		.verdict = verdict_of(outcome, property, why, sizeof(why)),
		.is_claimed = is_claimed(outcome, property),
		.evidence = outcome->evidence,
		.level = outcome->level,
		.variant = best->plan.variant,
		.n = best->plan.n,
		.seed = sweep->options->seed,
		.workload = sweep->subject->workload,
		.schedule = best->schedule};

	best->schedule = (struct schedule){0};
	result.evidence.schedules.violating = result.evidence.schedules.kinds
	                                              ? outcome->violating_kinds[property]
	                                              : outcome->violating[property];
	if (result.verdict == VERDICT_VIOLATED && !concurrent->fault &&
		outcome->coverage.is_exhaustive)
		add_measure(outcome, property, &result.evidence.schedules, why, sizeof(why));
	concurrent_name(concurrent, name);
	result.subject = strdup(sweep->subject->strategy->name);
	result.scenario = strdup(sweep->options->scenario);
	result.fault = strdup(name);
	result.detail = strdup(why);
	return result_list_add(results, &result);
}

int concurrent_run(
	struct sweep *sweep, const struct concurrent *concurrent, struct result_list *results)
{
	struct outcome *outcome = calloc(1, sizeof(*outcome));
	struct plan baseline = {.seed = sweep->options->seed};
	bool fired;
	int err = 0;

	if (!outcome)
		return -ENOMEM;
	outcome->sweep = sweep;
	outcome->concurrent = concurrent;
	outcome->level = LEVEL_STRICT;
	crew_coverage_init(&outcome->coverage);
	prober_start_count(sweep->prober);
	if (!concurrent->fault)
		err = run_plan(outcome, &baseline, &fired);
	else if (!sweep->is_contended)
		err = sweep_each_plan(sweep, concurrent->fault,
			&(struct sweep_visit){is_over, run_plan, outcome}, &outcome->skipped);
	for (int i = 0; !err && !concurrent->fault && i < PROPERTY_COUNT; i++)
		err = improve(outcome, (enum property)i);
	prober_count(sweep->prober, &outcome->evidence.states, &outcome->evidence.unique_states);
	if (outcome->incomplete || !outcome->coverage.is_exhaustive)
		outcome->evidence.coverage = COVERAGE_BOUNDED;
	outcome->evidence.schedules = crew_schedules(&outcome->coverage);
	if (!concurrent->fault)
		sweep->is_contended |= outcome->best[ISOLATION].is_found;
	for (int i = 0; !err && i < PROPERTY_COUNT; i++)
		err = add_result(outcome, (enum property)i, results);
	for (int i = 0; i < PROPERTY_COUNT; i++)
		schedule_release(&outcome->best[i].schedule);
	free(outcome);
	return err;
}
