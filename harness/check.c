/*
 * Playing out a stage, and turning what it found into results. What counts in which stage is in
 * check_kill.c, check_power.c and check_fault.c.
 */
#include "harness/check.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "harness/check_private.h"

enum { WHY_BYTES = 300 };

const char *check_stage_name(const struct check_stage *stage)
{
	return stage->kind == STAGE_KILL    ? "kill"
	       : stage->kind == STAGE_POWER ? "power"
	       : stage->kind == STAGE_CREW  ? "concurrent"
	                                    : stage->fault->name;
}

/* Whether something was done between acknowledgement `number` and the one before. */
static bool changes_with(const struct recording *recording, unsigned number)
{
	unsigned acks = 0;

	for (size_t i = 0; i < recording->count && acks < number; i++) {
		const struct event *event = &recording->events[i];

		acks += event->kind == EVENT_ACK;
		if (acks + 1 == number && event->kind == EVENT_OP && op_is_change(&event->op))
			return true;
	}
	return false;
}

/* Whether the oracle could tell of every update that it is not there. Several that are acknowledged
 * at one moment are one. One that comes to what was there before loses nothing; but what is
 * acknowledged before anything is done at all is perhaps done later. */
static bool sees_updates(const struct check *check)
{
	for (unsigned i = 1; i <= check->acks.count; i++) {
		bool is_same =
			XXH128_isEqual(tree_hash(check->legal[i - 1]), tree_hash(check->legal[i]));

		if (!oracle_sees(check->own, i) && (!is_same || i == 1 || i == check->acks.count) &&
			!(i > 1 && !changes_with(&check->clean, i)))
			return false;
	}
	return true;
}

/* What weakens `holds`; NULL: nothing. */
static const char *reason_for_doubt(const struct stage_run *run, enum property property)
{
	const struct check *check = run->check;

	if (run->incomplete)
		return run->incomplete;
	if (check->checker && checker_count(check->checker).unsteady)
		return "the checker crashed or hung once and did not when it was asked again";
	if (check->looks && check_looks_count(check->looks).is_refuted)
		return "the checker says something else of states that agree on all that it looks "
		       "at: without --check-looks";
	if (check->is_unsteady)
		return "two clean runs made different operations: other orders were not tried";
	if (check->clean.notes & NOTE_LEFT_RUNNING || run->left_running)
		return "the program left processes running";
	if (check->has_stores && run->stage->kind != STAGE_FAULT)
		return "it writes through a shared mapping: in which order is not known";
	if (run->stage->kind == STAGE_FAULT && !check->checker && check->varying.count)
		return "files differ from run to run by themselves: give a checker";
	if (run->has_chance)
		return "names or contents depend on time or chance: give a checker";
	if (property == DURABILITY && !check->checker && !sees_updates(check))
		return check->acks.count == 1
		               ? "the update changes nothing that can be seen: give a checker"
		               : "an update changes nothing that can be seen: give a checker";
	return NULL;
}

static enum verdict verdict_of_crew(
	const struct stage_run *run, enum property property, char why[WHY_BYTES])
{
	const struct crew_coverage *schedules = &run->schedules;
	char covered[160];

	if (property == ATOMICITY || property == DURABILITY) {
		snprintf(why, WHY_BYTES, "is about crashes; here it is called isolation");
		return VERDICT_NOT_TESTED;
	}
	if (property == ISOLATION && !run->has_acked) {
		snprintf(why, WHY_BYTES, "nothing was acknowledged in any schedule");
		return VERDICT_NOT_TESTED;
	}
	crew_describe(schedules, covered, sizeof(covered));
	snprintf(why, WHY_BYTES, "%s", covered);
	if (run->incomplete || !schedules->is_exhaustive)
		snprintf(why, WHY_BYTES, "%s: nothing was found in %s",
			run->incomplete ? run->incomplete : "too many schedules", covered);
	else if (schedules->has_unseen)
		snprintf(why, WHY_BYTES, "they may have met elsewhere: nothing was found in %s",
			covered);
	else if (run->has_chance)
		snprintf(why, WHY_BYTES,
			"it is not known in which order, or with which time and chance, this would "
			"be right: give a checker");
	else if (!run->check->checker && run->check->varying.count)
		snprintf(why, WHY_BYTES,
			"files differ from run to run by themselves: give a checker");
	else if (!schedules->has_unfair)
		return VERDICT_HOLDS;
	return VERDICT_UNKNOWN;
}

/* What was covered of the power cuts before the time was over. */
static void say_covered(const struct crash_coverage *coverage, char *text, size_t text_size)
{
	if (coverage->lost == UINT_MAX || coverage->surviving == UINT_MAX)
		snprintf(text, text_size, "not even all with one lost");
	else
		snprintf(text, text_size,
			"all with at most %u lost or at most %u surviving of up to %zu unsynced "
			"micro-operations, and %llu random ones",
			coverage->lost, coverage->surviving, coverage->widest,
			(unsigned long long)coverage->samples);
}

static enum verdict verdict_of(
	const struct stage_run *run, enum property property, char why[WHY_BYTES])
{
	const struct crash_coverage *coverage = &run->coverage;
	char covered[200];
	const char *doubt;

	*why = 0;
	if (run->causes[property].count)
		return VERDICT_VIOLATED;
	if (run->stage->kind == STAGE_CREW)
		return verdict_of_crew(run, property, why);
	if (property == ISOLATION) {
		snprintf(why, WHY_BYTES, "needs several at once: --workers");
		return VERDICT_NOT_TESTED;
	}
	if (run->skipped ||
		(run->stage->kind == STAGE_FAULT && !run->incomplete && !run->evidence.fired)) {
		snprintf(why, WHY_BYTES, "%s",
			run->skipped ? run->skipped : "the fault never fired");
		return VERDICT_NOT_TESTED;
	}
	if (property == DURABILITY && !run->check->acks.count) {
		snprintf(why, WHY_BYTES, "nothing is acknowledged: no line matches --ack");
		return VERDICT_NOT_TESTED;
	}
	doubt = reason_for_doubt(run, property);
	if (doubt && run->incomplete && run->widened.epochs && !run->widened.is_cut) {
		say_covered(&run->widened, covered, sizeof(covered));
		snprintf(why, WHY_BYTES, "%s: %s", doubt, covered);
		return VERDICT_UNKNOWN;
	}
	if (doubt) {
		snprintf(why, WHY_BYTES, "%s", doubt);
		return VERDICT_UNKNOWN;
	}
	if (run->stage->kind == STAGE_POWER && !coverage->is_exact) {
		say_covered(coverage, covered, sizeof(covered));
		snprintf(why, WHY_BYTES, "too many states: %s", covered);
		return VERDICT_UNKNOWN;
	}
	return VERDICT_HOLDS;
}

static int add_result(struct stage_run *run, enum property property, struct result_list *results)
{
	const struct check_options *options = run->check->options;
	struct causes *causes = &run->causes[property];
	char why[WHY_BYTES];
	struct result result = {.workers = run->stage->kind == STAGE_CREW ? run->stage->workers : 1,
		.property = property,
		.verdict = verdict_of(run, property, why),
		.is_claimed = true,
		.evidence = run->evidence,
		.seed = options->seed};

	result.subject = strdup(options->subject);
	result.scenario = strdup(options->scenario);
	result.fault = strdup(check_stage_name(run->stage));
	result.model = run->stage->model ? strdup(run->stage->model->name) : NULL;
	result.detail = causes->count ? strdup(causes->items[0].detail) : *why ? strdup(why) : NULL;
	if (causes->count) {
		result.variant = causes->items[0].variant;
		result.n = causes->items[0].n;
	}
	result.causes = *causes;
	*causes = (struct causes){0};
	return result_list_add(results, &result);
}

/* Of the checker, since there is one in this process. */
struct tally {
	uint64_t runs, alike;
};

static struct tally count_answers(const struct check *check)
{
	struct tally tally = {0};

	if (check->checker)
		tally.runs = checker_count(check->checker).run;
	if (check->looks) {
		tally.runs += check_looks_count(check->looks).run;
		tally.alike = check_looks_count(check->looks).alike;
	}
	return tally;
}

int check_run(struct check *check, const struct check_stage *stage,
	const struct sweep_options *options, struct result_list *results,
	char message[CHECK_MESSAGE_BYTES])
{
	struct stage_run run = {
		.check = check, .stage = stage, .sweep = {.options = options}, .message = message};
	struct tally before = count_answers(check);
	int err;

	check_forget(check);
	err = stage->kind == STAGE_KILL    ? check_run_kill(&run)
	      : stage->kind == STAGE_POWER ? check_run_power(&run)
	      : stage->kind == STAGE_CREW  ? check_run_crew(&run)
	                                   : check_run_fault(&run);
	if (run.incomplete || (stage->kind == STAGE_POWER && !run.coverage.is_exact))
		run.evidence.coverage = COVERAGE_BOUNDED;
	run.evidence.unique_states = check->seen_count;
	run.evidence.checker_runs = count_answers(check).runs - before.runs;
	run.evidence.alike = count_answers(check).alike - before.alike;
	for (int i = 0; !err && i < PROPERTY_COUNT; i++)
		err = add_result(&run, (enum property)i, results);
	for (int i = 0; i < PROPERTY_COUNT; i++)
		causes_release(&run.causes[i]);
	return err;
}
