/*
 * Several copies of the program at once, in every order of their operations that anybody could tell
 * from another. What they leave must be what as many of them leave that run one after the other, of
 * those that said that they were done.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/check_private.h"
#include "harness/crew.h"
#include "harness/explain.h"

enum { MAX_RUNS = 100000 };

struct contention {
	struct stage_run *run;
	struct crew crew;
	struct serial *serial;
	struct crew_coverage coverage;
};

static int record(void *context, const struct crew *crew, const struct plan *plan,
	const struct trace_scheduler *scheduler, struct recording *recording)
{
	struct check *check = context;
	int err = program_record_crew(
		&check->program, crew->writers, plan, scheduler, &check->crew_filter, recording);

	/* They may have met there. */
	recording->has_unseen |= recording->outside_count > 0;
	return err;
}

static bool is_over(void *context)
{
	struct contention *contention = context;
	struct stage_run *run = contention->run;

	run->incomplete = sweep_reason_to_stop(&run->sweep, run->evidence.runs);
	return run->incomplete != NULL;
}

/* ---- judging ---- */

static int add_cause(struct contention *contention, const struct crew_run *crew_run,
	const struct flaw *flaw, enum property property)
{
	struct causes *causes = &contention->run->causes[property];
	char how[400], text[640];
	struct cause cause = {.difference = strdup(flaw->key), .count = 1};
	int err;

	for (size_t i = 0; i < causes->count; i++) {
		if (strcmp(causes->items[i].difference, flaw->key))
			continue;
		free(cause.difference);
		causes->items[i].count++;
		return 0;
	}
	explain_schedule(crew_run->recording, contention->crew.writers, how, sizeof(how));
	snprintf(text, sizeof(text), "%s: %s", how, flaw->text);
	cause.site = strdup("several at once");
	cause.detail = strdup(text);
	err = schedule_init(&cause.schedule, crew_run->schedule->choices, crew_run->schedule->count,
		crew_run->schedule->preemptions);
	if (!err)
		err = crew_check_again(&contention->run->sweep, &contention->crew, crew_run);
	if (!err)
		return causes_add(causes, &cause);
	cause_release(&cause);
	return err;
}

static int judge_ending(struct contention *contention, const struct crew_run *crew_run)
{
	const struct recording *recording = crew_run->recording;
	struct flaw flaw = {.property = CONSISTENCY};

	if (recording->ending == ENDED_DEADLOCK)
		snprintf(flaw.text, sizeof(flaw.text), "all wait for each other's locks");
	else if (recording->ending == ENDED_HANG || recording->ending == ENDED_ENDLESS)
		snprintf(flaw.text, sizeof(flaw.text), "one of them %s",
			recording->ending == ENDED_HANG ? "hangs" : "goes on without end");
	else if (recording->ending == ENDED_CRASH && WIFSIGNALED(recording->status))
		snprintf(flaw.text, sizeof(flaw.text), "one of them dies of signal %d",
			WTERMSIG(recording->status));
	else
		return 0;
	snprintf(flaw.key, sizeof(flaw.key), "%.119s", flaw.text);
	return add_cause(contention, crew_run, &flaw, CONSISTENCY);
}

static int ask(
	struct contention *contention, const struct recording *recording, struct flaws *flaws)
{
	struct stage_run *run = contention->run;
	struct acks acks;
	size_t *ends;
	int err = check_find_acks(recording, recording->count, &acks, &ends);

	if (!err)
		err = serial_ask(contention->serial, recording->final, &acks, flaws, run->message);
	run->has_chance |= !err && flaws->is_chance;
	free(ends);
	return err;
}

static int judge_run(void *context, const struct crew_run *crew_run)
{
	struct contention *contention = context;
	struct stage_run *run = contention->run;
	const struct recording *recording = crew_run->recording;
	unsigned acked = check_acks_at(recording, recording->count);
	struct flaws flaws = {0};
	int err;

	run->evidence.runs++;
	run->evidence.fired++;
	run->evidence.states++;
	run->has_acked |= acked > 0;
	/* Perhaps it waits for one that we held back. */
	if (recording->ending == ENDED_HANG && recording->has_unseen)
		return 0;
	err = judge_ending(contention, crew_run);
	if (!err)
		err = ask(contention, recording, &flaws);
	if (!err && flaws.residue > run->evidence.residue)
		run->evidence.residue = flaws.residue;
	/* Without any crash it is the others who did it. */
	for (unsigned i = 0; !err && i < flaws.count; i++)
		err = add_cause(contention, crew_run, &flaws.items[i], ISOLATION);
	return err;
}

int check_run_crew(struct stage_run *run)
{
	struct check *check = run->check;
	const struct crew_recorder recorder = {record, check->options->subject, check};
	const struct crew_budget budget = {.max_runs = MAX_RUNS};
	struct contention contention = {.run = run, .crew = {.writers = run->stage->workers}};
	struct plan plan = {.seed = check->options->seed};
	int err = serial_new(&contention.serial, check, run->stage->workers);

	run->sweep.recorder = &recorder;
	if (!err)
		err = crew_each_schedule(&run->sweep, &contention.crew, &plan, &budget,
			&(struct crew_visit){is_over, judge_run, &contention},
			&contention.coverage);
	run->sweep.recorder = NULL;
	serial_free(contention.serial);
	/* It was said. */
	if (err == -EPROTO) {
		run->incomplete = "the same schedule leads to different ends";
		err = 0;
	}
	run->schedules = contention.coverage;
	run->evidence.schedules = crew_schedules(&contention.coverage);
	return err;
}

int check_rerun_crew(struct check *check, unsigned workers, const struct schedule *schedule,
	struct recording *recording)
{
	const struct crew_recorder recorder = {record, check->options->subject, check};
	struct sweep sweep = {.recorder = &recorder};
	struct crew crew = {.writers = workers};
	struct plan plan = {.seed = check->options->seed};

	return crew_run_schedule(&sweep, &crew, &plan, schedule, recording, NULL);
}

int check_find_crew(struct check *check, unsigned workers, const struct recording *recording,
	struct check_finding findings[CHECK_MAX_FINDINGS], char message[CHECK_MESSAGE_BYTES])
{
	struct stage_run run = {.check = check, .message = message};
	struct contention contention = {.run = &run, .crew = {.writers = workers}};
	struct flaws flaws = {0};
	int err = 0;

	if (!check->own && !check->checker)
		err = check_make_judge(check);
	if (!err)
		err = serial_new(&contention.serial, check, workers);
	if (!err)
		err = ask(&contention, recording, &flaws);
	for (unsigned i = 0; !err && i < flaws.count; i++) {
		findings[i].property = ISOLATION;
		memcpy(findings[i].text, flaws.items[i].text, sizeof(findings[i].text));
	}
	serial_free(contention.serial);
	return err ? err : (int)flaws.count;
}
