/*
 * Method: each recording is taken apart as the model sees it, and every crash state is put before
 * recovery and reader and judged against what was known when the crash came: just before the
 * next sync took effect, for then the most was acknowledged, and before each update that was
 * refused meanwhile. Of all violations of a property the one that loses the fewest
 * micro-operations is the witness, at the earliest moment at which it is one.
 */
#include "harness/power.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/explain.h"
#include "harness/explain_cut.h"

/* States that crashed recoveries may leave under one model: so many, and, where each leaves many (a
 * database that rewrites its log costs milliseconds a state), fewer. */
enum { MAX_RECOVERED = 30000, MAX_RECOVERED_IF_MANY = 6000, MANY = 20 };

enum { SCHEDULE_BYTES = 400 };

/* The witness of one property so far. */
struct best {
	bool is_found;
	size_t lost_count;
	struct plan plan;
	struct cut cut, recovery_cut;
	struct schedule schedule;
	char text[SCHEDULE_BYTES + POWER_CAUSE_BYTES + FINDING_TEXT_BYTES + 4];
};

struct outcome {
	struct sweep *sweep;
	const struct power *power;
	const char *skipped, *incomplete; /* why nothing could be run, or not all; NULL */
	struct evidence evidence;
	struct crash_coverage coverage; /* the least of all recordings */
	bool is_bounded;
	uint64_t recovered;             /* states that crashed recoveries left */
	uint64_t sound[PROPERTY_COUNT]; /* of those, from a crash state that does not break it */
	uint64_t unrecovered; /* crash states whose recovery was not crashed: they were too many */
	struct best best[PROPERTY_COUNT];
	struct crew_coverage schedules; /* of several workers */
	unsigned acknowledged;          /* the most in a recording */
};

/* One recording that is crashed. */
struct crashing {
	struct outcome *outcome;
	const struct plan *plan;
	const struct recording *recording;
	const struct schedule *schedule; /* of several workers; NULL: there is one */
	struct history **histories;      /* owned; by number of events; NULL: not made yet */
	size_t struck;                   /* the first event that the fault struck; 0: none */
	/* Of a recovery: the crash before it, and what is known not to hold without another. */
	struct crashing *base;
	const struct crash_state *base_state;
	const struct judgement *base_judgement;
};

void power_name(const struct power *power, char name[POWER_NAME_BYTES])
{
	if (power->crew.writers)
		snprintf(name, POWER_NAME_BYTES, "concurrent-power");
	else if (power->fault)
		snprintf(name, POWER_NAME_BYTES, "power-after-%s", power->fault->name);
	else
		snprintf(name, POWER_NAME_BYTES, "%s", power->is_recovery ? "recovery" : "power");
}

const char *power_name_fault(const char *name)
{
	static const char prefix[] = "power-after-";

	return strncmp(name, prefix, sizeof(prefix) - 1) ? NULL : name + sizeof(prefix) - 1;
}

void power_explain(const struct plan *plan, const struct micro_ops *ops, const struct cut *cut,
	const struct micro_ops *again_ops, const struct cut *again, char text[POWER_CAUSE_BYTES])
{
	char struck[200], cause[300], recovery[200];

	explain_cut(ops, cut, cause, sizeof(cause));
	if (again) {
		explain_cut(again_ops, again, recovery, sizeof(recovery));
		snprintf(text, POWER_CAUSE_BYTES, "%s; then in recovery a %s", cause, recovery);
	} else if (plan->fault) {
		explain_cause(ops->recording, plan, struck, sizeof(struck));
		snprintf(text, POWER_CAUSE_BYTES, "%s; %s", struck, cause);
	} else {
		snprintf(text, POWER_CAUSE_BYTES, "%s", cause);
	}
}

/* ---- what was known ---- */

static const struct history *history_at(struct crashing *crashing, size_t count)
{
	struct history **history = &crashing->histories[count];

	if (!*history)
		*history =
			history_new(crashing->outcome->sweep->subject, crashing->recording, count);
	return *history;
}

static int crashing_init(struct crashing *crashing)
{
	crashing->histories = calloc(crashing->recording->count + 1, sizeof(struct history *));
	return crashing->histories ? 0 : -ENOMEM;
}

static void crashing_release(struct crashing *crashing)
{
	for (size_t i = 0; crashing->histories && i <= crashing->recording->count; i++)
		history_free(crashing->histories[i]);
	free(crashing->histories);
}

static int judge_at(struct crashing *crashing, const struct probe *probe, size_t event,
	struct judgement *judgement)
{
	const struct history *history = history_at(crashing, event);

	if (!history)
		return -ENOMEM;
	judge_crash(crashing->outcome->sweep->subject, history, probe, judgement);
	return 0;
}

/* At every moment at which the state may be found and the rules differ: the last, and before
 * each refusal, after which "in doubt" is no excuse any more, but no claim either. */
static int judge_state(struct crashing *crashing, const struct crash_state *state,
	const struct probe *probe, struct judgement *judgement)
{
	int err = judge_at(crashing, probe, state->event, judgement);

	for (size_t i = state->birth; !err && i < state->event; i++) {
		if (crashing->recording->events[i].kind == EVENT_REFUSE)
			err = judge_at(crashing, probe, i, judgement);
	}
	return err;
}

/* ---- witnesses ---- */

static size_t count_lost(const struct crash_state *state, size_t event)
{
	size_t count = 0;

	for (size_t i = 0; i < state->end && state->ops->items[i].event <= event; i++)
		count += bits_has(state->lost, i);
	return count;
}

/* The earliest moment at which the state breaks the property. */
static int earliest(struct crashing *crashing, const struct crash_state *state,
	const struct probe *probe, enum property property, size_t *event, struct finding *finding)
{
	/* A cut before the fault is a plain power cut, and has results of its own. */
	size_t first =
		crash_birth(state) > crashing->struck ? crash_birth(state) : crashing->struck;

	for (size_t i = first; i <= state->event; i++) {
		struct judgement judgement = {0};
		bool is_history = i > 0 && i <= crashing->recording->count &&
		                  crashing->recording->events[i - 1].kind != EVENT_OP;
		int err;

		/* Between two events that are no operations nothing changes. */
		if (i != first && !is_history && i != state->event)
			continue;
		err = judge_at(crashing, probe, i, &judgement);
		if (err)
			return err;
		if (!judgement.findings[property].is_violated)
			continue;
		*event = i;
		*finding = judgement.findings[property];
		return 0;
	}
	return -ENOENT;
}

static int keep_best(struct crashing *crashing, const struct crash_state *state,
	const struct probe *probe, enum property property)
{
	struct outcome *outcome = crashing->outcome;
	struct best *best = &outcome->best[property];
	/* A recovery is judged by what was known at the crash before it. */
	struct crashing *judged = crashing->base ? crashing->base : crashing;
	const struct crash_state *known = crashing->base ? crashing->base_state : state;
	size_t event, lost_count, base_lost = 0;
	struct finding finding;
	char cause[POWER_CAUSE_BYTES], schedule[SCHEDULE_BYTES] = "";
	int err;

	if (best->is_found && count_lost(state, crash_birth(state)) >= best->lost_count)
		return 0;
	err = earliest(judged, known, probe, property, &event, &finding);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (crashing->base)
		base_lost = count_lost(known, event);
	lost_count = base_lost + count_lost(state, crashing->base ? crash_birth(state) : event);
	if (best->is_found && lost_count >= best->lost_count)
		return 0;
	cut_release(&best->cut);
	cut_release(&best->recovery_cut);
	schedule_release(&best->schedule);
	best->is_found = true;
	best->lost_count = lost_count;
	best->plan = *crashing->plan;
	err = cut_init(&best->cut, known->ops, event, known->lost);
	if (!err && crashing->base)
		err = cut_init(&best->recovery_cut, state->ops, crash_birth(state), state->lost);
	if (!err && crashing->schedule)
		err = schedule_init(&best->schedule, crashing->schedule->choices,
			crashing->schedule->count, crashing->schedule->preemptions);
	if (err)
		return err;
	power_explain(crashing->plan, known->ops, &best->cut, state->ops,
		crashing->base ? &best->recovery_cut : NULL, cause);
	if (crashing->schedule)
		explain_schedule(crashing->recording, outcome->power->crew.writers, schedule,
			sizeof(schedule));
	snprintf(best->text, sizeof(best->text), "%s%s%s: %s", schedule, *schedule ? "; " : "",
		cause, finding.text);
	return 0;
}

/* ---- one recording ---- */

static bool is_over(void *context)
{
	struct outcome *outcome = context;

	outcome->incomplete = sweep_reason_to_stop(outcome->sweep, outcome->evidence.states);
	return outcome->incomplete != NULL;
}

static int crash_recording(
	struct crashing *crashing, int (*visit)(void *context, const struct crash_state *state));

static int visit_recovered(void *context, const struct crash_state *state)
{
	struct crashing *crashing = context;
	struct judgement judgement = {0};
	const struct probe *probe;
	int err = prober_ask(crashing->outcome->sweep->prober, state->tree, PROBE_LIFE, &probe);

	crashing->outcome->recovered++;
	if (!err)
		err = judge_state(crashing->base, crashing->base_state, probe, &judgement);
	for (int i = 0; !err && i < PROPERTY_COUNT; i++) {
		crashing->outcome->sound[i] += !crashing->base_judgement->findings[i].is_violated;
		/* What is lost without a second crash is no finding about recovery. */
		if (judgement.findings[i].is_violated &&
			!crashing->base_judgement->findings[i].is_violated)
			err = keep_best(crashing, state, probe, (enum property)i);
	}
	return err;
}

/* Records what recovery does with the state, and crashes that. */
static int crash_recovery(
	struct crashing *base, const struct crash_state *state, const struct judgement *judgement)
{
	struct outcome *outcome = base->outcome;
	struct recording recording;
	struct crashing crashing = {.outcome = outcome,
		.plan = base->plan,
		.recording = &recording,
		.base = base,
		.base_state = state,
		.base_judgement = judgement};
	int err;

	if (outcome->recovered >= MAX_RECOVERED ||
		(outcome->recovered >= MAX_RECOVERED_IF_MANY &&
			outcome->recovered > MANY * outcome->evidence.fired)) {
		outcome->unrecovered++;
		return 0;
	}
	err = power_record_recovery(outcome->sweep, state->tree, &recording);
	outcome->evidence.runs++;
	outcome->evidence.fired++;
	if (!err)
		err = crash_recording(&crashing, visit_recovered);
	recording_release(&recording);
	return err;
}

static int visit_state(void *context, const struct crash_state *state)
{
	struct crashing *crashing = context;
	struct outcome *outcome = crashing->outcome;
	struct judgement judgement = {0};
	const struct probe *probe;
	int err;

	outcome->evidence.states++;
	if (state->event < crashing->struck)
		return 0;
	err = prober_ask(outcome->sweep->prober, state->tree, PROBE_LIFE, &probe);
	if (!err)
		err = judge_state(crashing, state, probe, &judgement);
	if (!err && outcome->power->is_recovery)
		return crash_recovery(crashing, state, &judgement);
	for (int i = 0; !err && i < PROPERTY_COUNT; i++) {
		if (judgement.findings[i].is_violated)
			err = keep_best(crashing, state, probe, (enum property)i);
	}
	return err;
}

/* Whether a witness loses something, which a cut at another moment may not need. */
static bool is_improvable(const struct outcome *outcome)
{
	for (int i = 0; i < PROPERTY_COUNT; i++) {
		if (outcome->best[i].is_found && outcome->best[i].lost_count)
			return true;
	}
	return false;
}

/* The cuts after each operation that lose nothing at all, for the sake of the witness: an epoch
 * hands out each tree with what is lost of the whole epoch. */
static int try_prefixes(struct crashing *crashing, struct micro_ops *ops)
{
	uint64_t *lost = calloc(bits_words(ops->count), sizeof(*lost));
	int err = lost ? 0 : -ENOMEM;

	for (size_t end = 1; !err && end <= ops->count && is_improvable(crashing->outcome); end++) {
		size_t event = ops->items[end - 1].event;
		struct cut cut = {.event = event, .micro_ops = ops->count, .tear = ops->tear};
		struct crash_state state = {.ops = ops,
			.event = event,
			.birth = event,
			.start = event,
			.end = end,
			.lost = lost};

		if (event < crashing->struck ||
			(end < ops->count && ops->items[end].event == event))
			continue;
		err = cut_tree(&cut, ops, &state.tree);
		if (!err)
			err = visit_state(crashing, &state);
		tree_unref(state.tree);
	}
	free(lost);
	return err;
}

static void add_coverage(struct outcome *outcome, const struct crash_coverage *coverage)
{
	struct crash_coverage *least = &outcome->coverage;

	outcome->evidence.sets += coverage->sets;
	if (coverage->is_exact)
		return;
	outcome->is_bounded = true;
	if (!least->epochs || coverage->lost < least->lost)
		least->lost = coverage->lost;
	if (!least->epochs || coverage->surviving < least->surviving)
		least->surviving = coverage->surviving;
	if (coverage->widest > least->widest)
		least->widest = coverage->widest;
	least->samples += coverage->samples;
	least->epochs = 1;
}

static int crash_recording(
	struct crashing *crashing, int (*visit)(void *context, const struct crash_state *state))
{
	struct outcome *outcome = crashing->outcome;
	struct crash_limits limits = {
		.seed = outcome->sweep->options->seed, .is_over = is_over, .context = outcome};
	struct crash_coverage coverage = {0};
	uint64_t max_states = outcome->sweep->options->max_states;
	struct micro_ops ops;
	int err = micro_ops_init(
		&ops, crashing->recording, outcome->power->model, outcome->power->tear);

	if (max_states > outcome->evidence.states && !crashing->base)
		limits.max_states = max_states - outcome->evidence.states;
	if (!err)
		err = crashing_init(crashing);
	if (!err)
		err = crash_each(&ops, &limits, visit, crashing, &coverage);
	if (!err && visit == visit_state && !coverage.is_cut && !outcome->power->is_recovery)
		err = try_prefixes(crashing, &ops);
	if (!err && coverage.is_cut)
		is_over(outcome);
	if (!err)
		add_coverage(outcome, &coverage);
	crashing_release(crashing);
	micro_ops_release(&ops);
	return err;
}

/* ---- recordings ---- */

static unsigned count_acknowledged(const struct recording *recording)
{
	unsigned count = 0;

	for (size_t i = 0; i < recording->count; i++)
		count += recording->events[i].kind == EVENT_ACK;
	return count;
}

static size_t first_struck(const struct recording *recording)
{
	size_t i = 0;

	while (i < recording->count &&
		(recording->events[i].kind != EVENT_OP ||
			recording->events[i].op.strike.action == STRIKE_NONE))
		i++;
	return i;
}

/* Records a plan and crashes it. *fired is whether the fault struck. */
static int run_plan(void *context, const struct plan *plan, bool *fired)
{
	struct outcome *outcome = context;
	struct recording recording;
	struct crashing crashing = {.outcome = outcome, .plan = plan, .recording = &recording};
	int err = sweep_record(outcome->sweep, plan, &recording);

	*fired = !err && recording.fired > 0;
	outcome->evidence.runs += !outcome->power->is_recovery;
	outcome->evidence.fired += *fired || !(plan->fault || outcome->power->is_recovery);
	if (*fired)
		crashing.struck = first_struck(&recording);
	if (!err && (*fired || !plan->fault))
		err = crash_recording(&crashing, visit_state);
	if (!plan->fault && !err)
		outcome->sweep->baseline_acknowledged = count_acknowledged(&recording);
	recording_release(&recording);
	return err;
}

/* ---- several workers ---- */

static int crash_run(void *context, const struct crew_run *run)
{
	struct outcome *outcome = context;
	struct crashing crashing = {.outcome = outcome,
		.plan = run->plan,
		.recording = run->recording,
		.schedule = run->schedule};
	unsigned acknowledged = count_acknowledged(run->recording);

	outcome->evidence.runs++;
	outcome->evidence.fired++;
	if (acknowledged > outcome->acknowledged)
		outcome->acknowledged = acknowledged;
	return crash_recording(&crashing, visit_state);
}

static int run_crew(struct outcome *outcome, const struct plan *plan)
{
	const struct power *power = outcome->power;
	const struct crew_visit visit = {is_over, crash_run, outcome};

	if (outcome->sweep->is_contended)
		return 0;
	return crew_each_schedule(
		outcome->sweep, &power->crew, plan, &power->budget, &visit, &outcome->schedules);
}

int power_record_recovery(const struct sweep *sweep, struct tree *tree, struct recording *recording)
{
	return record_recovery(sweep->subject, tree, sweep->options->seed, sweep->workspace,
		sweep->filter, recording);
}

/* ---- verdicts ---- */

static bool is_claimed(const struct sweep *sweep, const struct power *power, enum property property)
{
	const struct claims *claims = &sweep->subject->strategy->claims;
	unsigned set = property == ATOMICITY     ? claims->atomic
	               : property == CONSISTENCY ? claims->consistent
	               : property == DURABILITY  ? claims->durable
	                                         : 0;

	return power->model->is_honest && set & SURVIVES_POWER &&
	       (!power->crew.writers || claims->isolated) &&
	       (!power->fault || set & power->fault->class);
}

static enum verdict verdict_of(
	const struct outcome *outcome, enum property property, char *why, size_t why_size)
{
	const struct sweep *sweep = outcome->sweep;
	const struct crash_coverage *coverage = &outcome->coverage;
	bool is_crew = outcome->power->crew.writers > 0;
	unsigned acknowledged = is_crew ? outcome->acknowledged : sweep->baseline_acknowledged;
	char covered[160];

	*why = 0;
	if (property == ISOLATION) {
		snprintf(why, why_size, "%s",
			is_crew ? "is about what happens without a crash"
				: "needs several workers");
		return VERDICT_NOT_TESTED;
	}
	if (is_crew && sweep->is_contended) {
		snprintf(why, why_size, "updates are lost or mixed up without a power cut, too");
		return VERDICT_NOT_TESTED;
	}
	if (outcome->power->is_recovery && !sweep->subject->strategy->recover) {
		snprintf(why, why_size, "the strategy has no recovery");
		return VERDICT_NOT_TESTED;
	}
	if (outcome->best[property].is_found) {
		snprintf(why, why_size, "%s", outcome->best[property].text);
		return VERDICT_VIOLATED;
	}
	if (outcome->skipped) {
		snprintf(why, why_size, "%s", outcome->skipped);
		return VERDICT_NOT_TESTED;
	}
	if (outcome->incomplete) {
		snprintf(why, why_size, "%s", outcome->incomplete);
		return VERDICT_UNKNOWN;
	}
	if (!outcome->evidence.fired) {
		snprintf(why, why_size, "the fault never fired");
		return VERDICT_NOT_TESTED;
	}
	if (outcome->power->is_recovery && !outcome->sound[property]) {
		snprintf(why, why_size, "every crash state breaks it without a second crash");
		return VERDICT_NOT_TESTED;
	}
	if (property != CONSISTENCY && !acknowledged) {
		snprintf(why, why_size, "no update is acknowledged even without a fault");
		return VERDICT_NOT_TESTED;
	}
	if (outcome->is_bounded && coverage->epochs) {
		snprintf(why, why_size,
			"too many states: all with at most %u lost or at most %u surviving of up "
			"to %zu unsynced micro-operations, and %llu random ones",
			coverage->lost, coverage->surviving, coverage->widest,
			(unsigned long long)coverage->samples);
		return VERDICT_UNKNOWN;
	}
	if (outcome->unrecovered) {
		snprintf(why, why_size,
			"too many states: recovery was crashed in %llu of them, not in %llu",
			(unsigned long long)outcome->evidence.fired,
			(unsigned long long)outcome->unrecovered);
		return VERDICT_UNKNOWN;
	}
	if (!is_crew)
		return VERDICT_HOLDS;
	crew_describe(&outcome->schedules, covered, sizeof(covered));
	if (!outcome->schedules.is_exhaustive || outcome->schedules.has_unseen ||
		outcome->schedules.has_unfair) {
		snprintf(why, why_size, "%s: nothing was found in %s",
			outcome->schedules.is_exhaustive ? "not all that they do is scheduled"
							 : "too many schedules",
			covered);
		return VERDICT_UNKNOWN;
	}
	snprintf(why, why_size, "every crash state of %s", covered);
	return VERDICT_HOLDS;
}

static int add_result(struct outcome *outcome, enum property property, struct result_list *results)
{
	const struct sweep *sweep = outcome->sweep;
	struct best *best = &outcome->best[property];
	char name[POWER_NAME_BYTES], why[sizeof(best->text)];
	const struct crew *crew = &outcome->power->crew;
	struct result result = {.workers = crew->writers ? crew->writers : 1,
		.property = property,
		.verdict = verdict_of(outcome, property, why, sizeof(why)),
		.is_claimed = is_claimed(sweep, outcome->power, property),
		.evidence = outcome->evidence,
		.variant = best->plan.variant,
		.n = best->plan.n,
		.seed = sweep->options->seed,
		.workload = sweep->subject->workload,
		.cut = best->cut,
		.recovery_cut = best->recovery_cut,
		.schedule = best->schedule};

	best->cut = best->recovery_cut = (struct cut){0};
	best->schedule = (struct schedule){0};
	power_name(outcome->power, name);
	result.subject = strdup(sweep->subject->strategy->name);
	result.scenario = strdup(sweep->options->scenario);
	result.fault = strdup(name);
	result.model = strdup(outcome->power->model->name);
	result.detail = *why ? strdup(why) : NULL;
	return result_list_add(results, &result);
}

int power_run(struct sweep *sweep, const struct power *power, struct result_list *results)
{
	struct outcome *outcome = calloc(1, sizeof(*outcome));
	struct plan baseline = {.seed = sweep->options->seed};
	bool fired;
	int err = 0;

	if (!outcome)
		return -ENOMEM;
	outcome->sweep = sweep;
	outcome->power = power;
	prober_start_count(sweep->prober);
	if (power->crew.writers)
		err = run_crew(outcome, &baseline);
	else if (power->fault)
		err = sweep_each_plan(sweep, power->fault,
			&(struct sweep_visit){is_over, run_plan, outcome}, &outcome->skipped);
	else if (!power->is_recovery || sweep->subject->strategy->recover)
		err = run_plan(outcome, &baseline, &fired);
	prober_count(sweep->prober, &outcome->evidence.states, &outcome->evidence.unique_states);
	if (power->crew.writers)
		outcome->evidence.schedules = crew_schedules(&outcome->schedules);
	if (outcome->is_bounded || outcome->unrecovered || outcome->incomplete ||
		(power->crew.writers && !outcome->schedules.is_exhaustive))
		outcome->evidence.coverage = COVERAGE_BOUNDED;
	for (int i = 0; !err && i < PROPERTY_COUNT; i++)
		err = add_result(outcome, (enum property)i, results);
	for (int i = 0; i < PROPERTY_COUNT; i++) {
		cut_release(&outcome->best[i].cut);
		cut_release(&outcome->best[i].recovery_cut);
		schedule_release(&outcome->best[i].schedule);
	}
	free(outcome);
	return err;
}
