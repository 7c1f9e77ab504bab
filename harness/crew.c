/* An explorer after the other, each asked by the tracer through a scheduler. */
#include "harness/crew.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/explore.h"

/* Of the first look, of the last, and which share of what is left is for random schedules. */
enum { FIRST_PREEMPTIONS = 1, MOST_PREEMPTIONS = 3, RANDOM_SHARE = 10, RANDOM_DEPTH = 3 };

struct session {
	const struct sweep *sweep;
	const struct crew *crew;
	const struct plan *plan;
	uint64_t max_runs;
	const struct crew_visit *visit;
	struct crew_coverage *coverage;
	struct reading *readings;
	struct explorer *explorer;
	bool is_kind; /* see struct crew_run */
};

/* ---- one run ---- */

static int choose(void *context, unsigned enabled)
{
	return explorer_choose(((struct session *)context)->explorer, enabled);
}

static int went(void *context, const struct footprint *footprint)
{
	return explorer_went(((struct session *)context)->explorer, footprint);
}

static int waits(void *context, unsigned worker, const struct footprint *footprint)
{
	return explorer_waits(((struct session *)context)->explorer, worker, footprint);
}

static int say_different(const struct session *session)
{
	fprintf(stderr,
		"%s: a schedule that was run again went another way: the recording cannot be "
		"trusted\n",
		session->sweep->recorder ? session->sweep->recorder->name
					 : session->sweep->subject->strategy->name);
	return -EPROTO;
}

static int hand_over(struct session *session, const struct recording *recording)
{
	struct schedule schedule;
	size_t count;
	const unsigned char *choices = explorer_schedule(session->explorer, &count);
	struct crew_run run = {
		session->plan, &schedule, recording, session->readings, session->is_kind};
	int err = schedule_init(&schedule, choices, count, explorer_preemptions(session->explorer));

	session->coverage->runs++;
	session->coverage->has_unseen |= recording->has_unseen;
	session->coverage->has_waiting |= recording->has_waiting;
	session->coverage->has_unfair |= recording->is_unfair;
	if (!err)
		err = session->visit->run(session->visit->context, &run);
	schedule_release(&schedule);
	return err;
}

static int record(const struct sweep *sweep, const struct crew *crew, const struct plan *plan,
	const struct trace_scheduler *scheduler, struct recording *recording,
	struct reading *readings)
{
	const struct crew_recorder *recorder = sweep->recorder;

	if (recorder)
		return recorder->record(recorder->context, crew, plan, scheduler, recording);
	return record_crew(sweep->subject, crew, plan, scheduler, sweep->workspace,
		sweep->crew_filter, recording, readings);
}

static int run_once(struct session *session)
{
	struct trace_scheduler scheduler = {choose, went, waits, session};
	struct recording recording;
	int end_err, err = record(session->sweep, session->crew, session->plan, &scheduler,
			     &recording, session->readings);

	end_err = explorer_end(session->explorer, !err);
	if (err == -EPROTO)
		err = say_different(session);
	else if (err == -EAGAIN)
		err = 0;
	else if (!err)
		err = hand_over(session, &recording);
	recording_release(&recording);
	return err ? err : end_err;
}

/* ---- one explorer ---- */

static bool is_over(struct session *session)
{
	session->coverage->is_over |= session->visit->is_over(session->visit->context);
	return session->coverage->is_over;
}

/* Runs what the explorer has, up to `most` runs, given up ones included. */
static int explore(struct session *session, const struct explore_options *options, uint64_t most,
	struct explore_count *count)
{
	int next, err = 0;

	session->explorer = explorer_new(options);
	if (!session->explorer)
		return -ENOMEM;
	for (uint64_t i = 0; !err && i < most && !is_over(session); i++) {
		next = explorer_begin(session->explorer);
		if (next < 0)
			err = next;
		if (next <= 0)
			break;
		err = run_once(session);
	}
	explorer_count(session->explorer, count);
	explorer_free(session->explorer);
	session->explorer = NULL;
	return err;
}

static uint64_t left(const struct session *session)
{
	uint64_t used = session->coverage->runs + session->coverage->given_up;

	return used < session->max_runs ? session->max_runs - used : 0;
}

static int explore_preemptions(struct session *session, unsigned most, uint64_t budget)
{
	struct explore_options options = {.order = EXPLORE_PREEMPTIONS,
		.workers = session->crew->writers + session->crew->readers,
		.preemptions = most};
	struct explore_count count;
	int err = explore(session, &options, budget, &count);

	session->coverage->is_exhaustive |= count.is_exhaustive;
	if (count.preemptions > session->coverage->preemptions)
		session->coverage->preemptions = count.preemptions;
	return err;
}

static int explore_kinds(struct session *session)
{
	struct explore_options options = {.order = EXPLORE_REDUCED,
		.workers = session->crew->writers + session->crew->readers};
	struct explore_count count;
	int err = explore(session, &options, left(session), &count);

	session->coverage->is_exhaustive |= count.is_exhaustive;
	session->coverage->kinds = count.runs;
	session->coverage->given_up += count.given_up;
	return err;
}

static int explore_randomly(struct session *session)
{
	struct explore_options options = {.order = EXPLORE_RANDOM,
		.workers = session->crew->writers + session->crew->readers,
		.seed = session->plan->seed,
		.random_runs = left(session),
		.depth = RANDOM_DEPTH};
	struct explore_count count;
	int err = explore(session, &options, options.random_runs, &count);

	session->coverage->random = count.runs;
	return err;
}

/* Half of what is left for one of each kind; where that does not suffice, the other half for what
 * can be said then. */
static int explore_reduced(struct session *session)
{
	struct crew_coverage *coverage = session->coverage;
	uint64_t max_runs = session->max_runs;
	int err = explore_preemptions(session, FIRST_PREEMPTIONS, max_runs);

	if (!err && !coverage->is_exhaustive) {
		session->max_runs = coverage->runs + (max_runs - coverage->runs) / 2;
		session->is_kind = true;
		err = explore_kinds(session);
		session->is_kind = false;
		session->max_runs = max_runs;
	}
	if (!err && !coverage->is_exhaustive)
		err = explore_preemptions(
			session, MOST_PREEMPTIONS, left(session) - left(session) / RANDOM_SHARE);
	return err;
}

int crew_each_schedule(const struct sweep *sweep, const struct crew *crew, const struct plan *plan,
	const struct crew_budget *budget, const struct crew_visit *visit,
	struct crew_coverage *coverage)
{
	struct session session = {.sweep = sweep,
		.crew = crew,
		.plan = plan,
		.max_runs = budget->max_runs,
		.visit = visit,
		.coverage = coverage,
		.readings = calloc(crew->readers + 1, sizeof(struct reading))};
	int err = session.readings ? 0 : -ENOMEM;

	*coverage = (struct crew_coverage){.preemptions = -1};
	if (!err)
		err = budget->is_unreduced
		              ? explore_preemptions(&session, UINT_MAX, budget->max_runs)
		              : explore_reduced(&session);
	if (!err && !coverage->is_exhaustive)
		err = explore_randomly(&session);
	free(session.readings);
	return err;
}

int crew_with_preemptions(const struct sweep *sweep, const struct crew *crew,
	const struct plan *plan, unsigned most, uint64_t max_runs, const struct crew_visit *visit,
	struct crew_coverage *coverage)
{
	struct session session = {.sweep = sweep,
		.crew = crew,
		.plan = plan,
		.max_runs = max_runs,
		.visit = visit,
		.coverage = coverage,
		.readings = calloc(crew->readers + 1, sizeof(struct reading))};
	int err = session.readings ? 0 : -ENOMEM;

	*coverage = (struct crew_coverage){.preemptions = -1};
	if (!err)
		err = explore_preemptions(&session, most, max_runs);
	free(session.readings);
	return err;
}

/* ---- once more ---- */

int crew_run_schedule(const struct sweep *sweep, const struct crew *crew, const struct plan *plan,
	const struct schedule *schedule, struct recording *recording, struct reading *readings)
{
	struct schedule_follower follower;

	schedule_follow(&follower, schedule);
	return record(sweep, crew, plan, &follower.scheduler, recording, readings);
}

static bool readings_equal(const struct reading *a, const struct reading *b)
{
	return a->error == b->error && a->view.count == b->view.count &&
	       a->view.has_number == b->view.has_number && a->view.number == b->view.number &&
	       !memcmp(a->view.entries, b->view.entries,
		       a->view.count * sizeof(a->view.entries[0]));
}

int crew_check_again(const struct sweep *sweep, const struct crew *crew, const struct crew_run *run)
{
	struct session session = {.sweep = sweep};
	struct reading *readings = calloc(crew->readers + 1, sizeof(struct reading));
	struct recording recording = {0};
	int err = readings ? crew_run_schedule(
				     sweep, crew, run->plan, run->schedule, &recording, readings)
	                   : -ENOMEM;
	bool is_same = !err && recordings_equal(&recording, run->recording);

	for (unsigned i = 0; is_same && i < crew->readers; i++)
		is_same = readings_equal(&readings[i], &run->readings[i]);
	if (err == -EPROTO || (!err && !is_same))
		err = say_different(&session);
	recording_release(&recording);
	free(readings);
	return err;
}

/* ---- coverage ---- */

void crew_describe(const struct crew_coverage *coverage, char *text, size_t text_size)
{
	const char *patience = coverage->has_waiting ? " in which nobody gives up waiting" : "";
	int length = 0;

	if (coverage->is_exhaustive && coverage->kinds) {
		snprintf(text, text_size, "all %" PRIu64 " kinds of schedules%s", coverage->kinds,
			patience);
		return;
	}
	if (coverage->is_exhaustive) {
		snprintf(text, text_size, "all %" PRIu64 " schedules%s", coverage->runs, patience);
		return;
	}
	if (coverage->preemptions >= 0)
		length = snprintf(text, text_size, "all schedules with at most %d pre-emption%s, ",
			coverage->preemptions, coverage->preemptions == 1 ? "" : "s");
	snprintf(text + length, text_size - (size_t)length,
		"%" PRIu64 " schedules in all, %" PRIu64 " of them random", coverage->runs,
		coverage->random);
}

struct schedules crew_schedules(const struct crew_coverage *coverage)
{
	return (struct schedules){.has_any = true,
		.kinds = coverage->is_exhaustive ? coverage->kinds : 0,
		.given_up = coverage->given_up,
		.random = coverage->random,
		.preemptions = coverage->is_exhaustive ? -1 : coverage->preemptions};
}

void crew_coverage_init(struct crew_coverage *sum)
{
	*sum = (struct crew_coverage){.is_exhaustive = true, .preemptions = INT_MAX};
}

void crew_coverage_add(struct crew_coverage *sum, const struct crew_coverage *coverage)
{
	sum->is_exhaustive &= coverage->is_exhaustive;
	sum->is_over |= coverage->is_over;
	sum->has_unseen |= coverage->has_unseen;
	sum->has_waiting |= coverage->has_waiting;
	sum->has_unfair |= coverage->has_unfair;
	sum->runs += coverage->runs;
	sum->kinds += coverage->kinds;
	sum->given_up += coverage->given_up;
	sum->random += coverage->random;
	if (!coverage->is_exhaustive && coverage->preemptions < sum->preemptions)
		sum->preemptions = coverage->preemptions;
}
