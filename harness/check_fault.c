/*
 * Failed calls: the program is run once for each place where the fault can strike, and what it
 * leaves is judged by what it said. A program that says that it is done, and is not, is not honest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/check_private.h"
#include "harness/explain.h"
#include "harness/sync_loss.h"

struct faulted {
	struct stage_run *run;
	const struct plan *plan;
	const struct recording *recording;
	struct acks acks;
	size_t *ends; /* owned */
};

static bool is_over(void *context)
{
	struct stage_run *run = context;

	run->incomplete = sweep_reason_to_stop(&run->sweep, run->evidence.runs);
	return run->incomplete != NULL;
}

/* "write (f.txt) failed with ENOSPC", "write was short (N of N bytes)": the cause less its numbers.
 */
static void make_site(const char *cause, char *site, size_t size)
{
	size_t length = 0;

	for (; *cause && *cause != ',' && length + 1 < size; cause++) {
		bool is_digit = *cause >= '0' && *cause <= '9';

		if (*cause == '#') {
			while (cause[1] >= '0' && cause[1] <= '9')
				cause++;
			if (cause[1] == ' ')
				cause++;
			continue;
		}
		if (is_digit && length && site[length - 1] == 'N')
			continue;
		site[length++] = is_digit ? 'N' : *cause;
	}
	site[length] = 0;
}

static int add_cause(struct faulted *faulted, const struct flaw *flaw, const char *remark)
{
	struct causes *causes = &faulted->run->causes[flaw->property];
	char cause[300], site[300], text[640];

	explain_cause(faulted->recording, faulted->plan, cause, sizeof(cause));
	make_site(cause, site, sizeof(site));
	for (size_t i = 0; i < causes->count; i++) {
		if (strcmp(causes->items[i].difference, flaw->key) ||
			strcmp(causes->items[i].site, site))
			continue;
		causes->items[i].count++;
		return 0;
	}
	snprintf(text, sizeof(text), "%s%s: %s", cause, remark, flaw->text);
	return causes_add(causes,
		&(struct cause){.site = strdup(site),
			.difference = strdup(flaw->key),
			.detail = strdup(text),
			.count = 1,
			.is_dishonest = faulted->acks.count > 0 && flaw->property != CONSISTENCY,
			.variant = faulted->plan->variant,
			.n = faulted->plan->n});
}

static int judge_tree(struct faulted *faulted, const struct tree *tree, const char *remark)
{
	struct stage_run *run = faulted->run;
	struct flaws flaws;
	int err = check_state(run->check, tree, &faulted->acks, false, &flaws, run->message);

	run->evidence.states++;
	run->has_chance |= !err && flaws.is_chance;
	if (!err && flaws.residue > run->evidence.residue)
		run->evidence.residue = flaws.residue;
	for (unsigned i = 0; !err && i < flaws.count; i++)
		err = add_cause(faulted, &flaws.items[i], remark);
	return err;
}

/* How it ended, when that alone is wrong. */
static int judge_ending(struct faulted *faulted)
{
	const struct recording *recording = faulted->recording;
	struct flaw flaw = {.property = CONSISTENCY};

	if (recording->ending == ENDED_HANG || recording->ending == ENDED_ENDLESS)
		snprintf(flaw.text, sizeof(flaw.text), "the program %s",
			recording->ending == ENDED_HANG ? "hangs" : "goes on without end");
	else if (recording->ending == ENDED_CRASH && WIFSIGNALED(recording->status))
		snprintf(flaw.text, sizeof(flaw.text), "the program dies of %s",
			sigabbrev_np(WTERMSIG(recording->status))
				? sigabbrev_np(WTERMSIG(recording->status))
				: "a signal");
	else
		return 0;
	snprintf(flaw.key, sizeof(flaw.key), "%.119s", flaw.text);
	return add_cause(faulted, &flaw, "");
}

int check_left(const struct recording *recording, struct tree **left)
{
	struct sync_loss *loss = sync_loss_new(recording->initial);
	struct tree *tree = tree_ref(recording->initial);
	int err = loss ? 0 : -ENOMEM;

	*left = NULL;
	for (size_t i = 0; !err && i < recording->count; i++) {
		if (recording->events[i].kind != EVENT_OP)
			continue;
		err = tree_apply(&tree, &recording->events[i].op);
		if (!err)
			err = sync_loss_follow(loss, &recording->events[i].op, tree);
	}
	if (!err && sync_loss_any(loss))
		err = sync_loss_tree(loss, tree, left);
	tree_unref(tree);
	sync_loss_free(loss);
	return err;
}

static int judge_lost(struct faulted *faulted)
{
	struct tree *left;
	int err = check_left(faulted->recording, &left);

	if (!err && left)
		err = judge_tree(faulted, left, ", and later the power is cut");
	tree_unref(left);
	return err;
}

static int judge(struct faulted *faulted)
{
	const struct recording *recording = faulted->recording;
	bool is_done = recording->ending == ENDED_DONE;
	char remark[64] = "";
	int err = check_find_acks(recording, recording->count, &faulted->acks, &faulted->ends);

	if (err)
		return err;
	if (is_done)
		snprintf(remark, sizeof(remark), ", and the exit status is 0");
	else if (WIFEXITED(recording->status))
		snprintf(remark, sizeof(remark), ", the exit status is %d",
			WEXITSTATUS(recording->status));
	err = judge_ending(faulted);
	if (!err)
		err = judge_tree(faulted, recording->final, remark);
	if (!err && faulted->acks.count)
		err = judge_lost(faulted);
	free(faulted->ends);
	return err;
}

static void count_points(const struct recording *recording, struct evidence *evidence)
{
	for (size_t i = 0; i < recording->count; i++) {
		const struct event *event = &recording->events[i];

		if (event->kind == EVENT_OP && event->op.strike.action != STRIKE_NONE)
			evidence->points[event->op.point]++;
	}
}

static int run_plan(void *context, const struct plan *plan, bool *fired)
{
	struct stage_run *run = context;
	struct recording recording;
	struct faulted faulted = {.run = run, .plan = plan, .recording = &recording};
	int err = check_record(run->check, plan, &recording);

	/* Believed only if it happens again: this machine, too, may stand still. */
	if (!err && recording.ending == ENDED_HANG) {
		recording_release(&recording);
		err = check_record(run->check, plan, &recording);
	}
	/* Then it was not held against the files. */
	if (!err && recording.notes & NOTE_LEFT_RUNNING)
		run->left_running++;
	*fired = !err && recording.fired > 0;
	run->evidence.runs++;
	run->evidence.fired += *fired;
	if (*fired) {
		count_points(&recording, &run->evidence);
		err = judge(&faulted);
	}
	recording_release(&recording);
	return err;
}

int check_run_fault(struct stage_run *run)
{
	run->has_acked = run->check->acks.count > 0;
	return sweep_each_plan(&run->sweep, run->stage->fault,
		&(struct sweep_visit){is_over, run_plan, run}, &run->skipped);
}
