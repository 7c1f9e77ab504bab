/* Several workers, shown: a lane each, and where what is wrong in the end went wrong. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cmd_replay.h"
#include "harness/explain.h"
#include "harness/judge.h"

/* For each transaction that was acknowledged and is not there in the end: the last event after
 * which it was there. 0: it never was. */
struct loss {
	uint64_t txn;
	size_t last_there;
	bool was_there;
};

static unsigned members_of(const struct replay *replay)
{
	return replay->subject.strategy->store == STORE_TREE ? TXN_MEMBERS : 1;
}

static size_t find_losses(struct replay *replay, const struct view *final, struct loss *losses)
{
	const struct recording *recording = &replay->recording;
	size_t count = 0;

	for (size_t i = 0; i < recording->count; i++) {
		const struct event *event = &recording->events[i];

		if (event->kind == EVENT_ACK && !view_has(final, event->txn, members_of(replay)))
			losses[count++] = (struct loss){event->txn, i, false};
	}
	return count;
}

/* Looks at the files after each operation. */
static int follow_losses(struct replay *replay, struct loss *losses, size_t count)
{
	const struct recording *recording = &replay->recording;
	struct tree *tree = tree_ref(recording->initial);
	const struct probe *probe;
	int err = 0;

	for (size_t i = 0; !err && i < recording->count; i++) {
		if (recording->events[i].kind != EVENT_OP ||
			!op_is_change(&recording->events[i].op))
			continue;
		err = tree_apply(&tree, &recording->events[i].op);
		if (!err)
			err = prober_ask(replay->prober, tree, PROBE_READ, &probe);
		for (size_t k = 0; !err && k < count; k++) {
			if (!view_has(probe->view, losses[k].txn, members_of(replay)))
				continue;
			losses[k].was_there = true;
			losses[k].last_there = i;
		}
	}
	tree_unref(tree);
	return err;
}

/* The next operation that changed the files. */
static size_t next_change(const struct recording *recording, size_t event)
{
	for (size_t i = event + 1; i < recording->count; i++) {
		if (recording->events[i].kind == EVENT_OP &&
			op_is_change(&recording->events[i].op) &&
			recording->events[i].op.effect >= 0)
			return i;
	}
	return event;
}

/* ---- the moment ---- */

static int note(char **notes, size_t event, const char *text, uint64_t txn)
{
	free(notes[event]);
	return asprintf(&notes[event], text, txn) < 0 ? -ENOMEM : 0;
}

/* With which operation each lost update went. *count is how many they are. */
static int note_losses(struct replay *replay, const struct view *final, char **notes, size_t *count)
{
	const struct recording *recording = &replay->recording;
	struct loss *losses = calloc(replay->subject.workload.txns + 1, sizeof(*losses));
	int err = losses ? 0 : -ENOMEM;

	*count = 0;
	/* A number names nobody. */
	if (!err && !final->has_number)
		*count = find_losses(replay, final, losses);
	if (*count)
		err = follow_losses(replay, losses, *count);
	for (size_t i = 0; !err && i < *count; i++) {
		if (losses[i].was_there)
			err = note(notes, next_change(recording, losses[i].last_there),
				"update %" PRIu64 " is lost", losses[i].txn);
		else
			err = note(notes, losses[i].last_there,
				"update %" PRIu64 " was never there", losses[i].txn);
	}
	free(losses);
	return err;
}

static size_t last_change(const struct recording *recording)
{
	size_t last = 0;

	for (size_t i = 0; i < recording->count; i++) {
		if (recording->events[i].kind == EVENT_OP &&
			op_is_change(&recording->events[i].op) &&
			recording->events[i].op.kind != OP_CLOSE &&
			recording->events[i].op.kind != OP_LOCK)
			last = i;
	}
	return last;
}

/* The moment that breaks the property, as far as one can be told. */
static int note_moment(struct replay *replay, const struct view *final, char **notes)
{
	const struct recording *recording = &replay->recording;
	size_t losses;
	bool has_any = false;
	int err = note_losses(replay, final, notes, &losses);

	for (size_t i = 0; !err && !losses && i < recording->count; i++) {
		if (recording->events[i].kind != EVENT_SEEN)
			continue;
		err = note(notes, i, "what it found is below", 0);
		has_any = true;
	}
	if (!err && !losses && !has_any && recording->count)
		err = note(notes, last_change(recording), "after this nothing changes any more", 0);
	return err;
}

static void print_readings(const struct replay *replay)
{
	for (unsigned i = 0; i < replay->crew.readers; i++) {
		const struct reading *reading = &replay->readings[i];

		printf("reader %u finds:", i + 1);
		if (reading->error)
			printf(" nothing, for it fails: %s\n", strerror(-reading->error));
		else
			replay_print_view(&reading->view, members_of(replay));
	}
}

static void print_ending(const struct replay *replay)
{
	const struct recording *recording = &replay->recording;
	char who[32];

	explain_worker(recording->worker, replay->crew.writers, who);
	switch (recording->ending) {
	case ENDED_DEADLOCK:
		printf("  deadlock: %s and all that are left wait for locks for ever\n", who);
		break;
	case ENDED_HANG:
	case ENDED_ENDLESS:
		printf("  %s never ends, and is killed\n", who);
		break;
	case ENDED_CRASH:
		printf("  %s crashes\n", who);
		break;
	default:
		break;
	}
}

static int show_verdict(struct replay *replay, bool *is_violated)
{
	const struct result *witness = &replay->witness;
	struct judgement judgement;
	char cause[420];
	int err = judge_crew(&replay->subject, &replay->crew, replay->prober, &replay->recording,
		replay->readings, &judgement);

	if (err)
		return err;
	explain_schedule(&replay->recording, replay->crew.writers, cause, sizeof(cause));
	for (int i = 0; i < PROPERTY_COUNT; i++) {
		if (judgement.findings[i].is_violated)
			printf("%s violated: %s: %s\n", property_names[i], cause,
				judgement.findings[i].text);
	}
	*is_violated = judgement.findings[witness->property].is_violated;
	if (!*is_violated)
		printf("%s is not violated this time: the witness says \"%s\"\n",
			property_names[witness->property], witness->detail ? witness->detail : "");
	return 0;
}

static int show(struct replay *replay, bool *is_violated)
{
	const struct recording *recording = &replay->recording;
	char **notes = calloc(recording->count + 1, sizeof(*notes));
	const struct probe *probe;
	int err = notes ? 0 : -ENOMEM;

	replay->found = tree_ref(recording->final);
	if (!err)
		err = prober_ask(replay->prober, replay->found, PROBE_READ, &probe);
	if (!err)
		err = note_moment(replay, probe->view, notes);
	if (err)
		goto out;
	replay_print_events(recording, SIZE_MAX, NULL, NULL, notes);
	print_ending(replay);
	putchar('\n');
	print_readings(replay);
	replay_print_expected(recording, recording->count);
	err = replay_print_found(replay, replay->found);
	putchar('\n');
	if (!err)
		err = show_verdict(replay, is_violated);
out:
	for (size_t i = 0; notes && i < recording->count; i++)
		free(notes[i]);
	free(notes);
	return err;
}

int replay_crew(struct replay *replay, bool *is_violated)
{
	struct sweep sweep = {.subject = &replay->subject,
		.workspace = &replay->workspace,
		.crew_filter = &replay->crew_filter};
	int err;

	replay->readings = calloc(replay->crew.readers + 1, sizeof(*replay->readings));
	if (!replay->readings)
		return -ENOMEM;
	err = crew_run_schedule(&sweep, &replay->crew, &replay->plan, &replay->witness.schedule,
		&replay->recording, replay->readings);
	if (err == -EPROTO) {
		fputs("error: the schedule of the witness cannot be followed: another version of "
		      "tornwrite, or of a library?\n",
			stderr);
		return -ESTALE;
	}
	if (err)
		return err;
	replay_print_lanes(replay->crew.writers, replay->crew.readers);
	return replay->model ? 0 : show(replay, is_violated);
}
