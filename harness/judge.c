/*
 * Method: the recording is replayed; at each moment that matters the tree is probed and the view
 * compared with the history so far. The first violation of a property is the one that is told.
 * One worker: acknowledgements come in the order of ids.
 */
#include "harness/judge.h"

#include <assert.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/judge_private.h"
#include "harness/sync_loss.h"

const char *const property_names[PROPERTY_COUNT] = {
	[ATOMICITY] = "atomicity",
	[CONSISTENCY] = "consistency",
	[ISOLATION] = "isolation",
	[DURABILITY] = "durability",
};

enum { ENDLESS_SIGNALS = 100 };

/* When something may have gone wrong. */
const struct anomaly_meaning crash_meanings[ANOMALY_COUNT] = {
	[ANOMALY_TORN] = {1U << ATOMICITY},
	[ANOMALY_REFUSED] = {1U << ATOMICITY},
	[ANOMALY_NOT_WHOLE] = {1U << ATOMICITY},
	[ANOMALY_IN_PART] = {1U << ATOMICITY},
	[ANOMALY_DISAGREE] = {1U << CONSISTENCY},
	[ANOMALY_UNREADABLE] = {1U << ATOMICITY},
	[ANOMALY_FAILS] = {1U << CONSISTENCY},
	[ANOMALY_GARBAGE] = {1U << CONSISTENCY},
	[ANOMALY_TWICE] = {1U << CONSISTENCY},
	[ANOMALY_ORDER] = {1U << CONSISTENCY},
	[ANOMALY_MISSING] = {1U << DURABILITY},
	[ANOMALY_LIFE] = {1U << CONSISTENCY},
	[ANOMALY_NEVER_ENDS] = {1U << CONSISTENCY},
	[ANOMALY_DEADLOCK] = {1U << CONSISTENCY},
};

/* ---- one recording ---- */

static int ask(struct judge *judge, const struct tree *tree, enum probe_depth depth,
	const struct probe **probe)
{
	int err = prober_ask(judge->prober, tree, depth, probe);

	if (!err)
		*probe = judge_counter_tell(*probe, judge->states, judge->count, judge->told);
	return err;
}

/* After a failed sync: what would a power cut leave of what was acknowledged? */
static int judge_lost(struct judge *judge, const struct sync_loss *loss, struct tree *tree)
{
	const struct probe *probe;
	struct tree *left;
	uint64_t gone = 0;
	int err;

	if (!sync_loss_any(loss))
		return 0;
	err = sync_loss_tree(loss, tree, &left);
	if (err)
		return err;
	err = ask(judge, left, PROBE_LIFE, &probe);
	tree_unref(left);
	if (err)
		return err;
	for (uint64_t id = 0; id < judge->count; id++)
		gone += judge->states[id] == TXN_ACKNOWLEDGED &&
		        !view_has(probe->view, id, judge->members);
	if (gone)
		judge_violate(judge, ANOMALY_MISSING,
			"after the failed sync a power cut takes %" PRIu64
			" acknowledged transaction%s",
			gone, judge_plural(gone));
	return 0;
}

/* After a refused update the program may go on, or end and be started again. */
static int judge_refusal(struct judge *judge, const struct tree *tree)
{
	const struct probe *probe;
	int err = ask(judge, tree, PROBE_READ, &probe);

	if (err)
		return err;
	judge_view(judge, probe);
	err = ask(judge, tree, PROBE_LIFE, &probe);
	if (err)
		return err;
	judge_view(judge, probe);
	judge_life(judge, probe);
	return 0;
}

struct residue_walk {
	const char *pattern;
	unsigned count;
};

static void count_residue(void *context, const char *path, uint32_t object)
{
	struct residue_walk *walk = context;

	(void)object;
	walk->count += !fnmatch(walk->pattern, path, FNM_PATHNAME);
}

/* A signal that interrupts every retry, without end, is no fault but one that nobody could survive.
 * One EINTR before a hang is the strategy's own affair. */
static bool is_endless_signal(const struct recording *recording)
{
	unsigned interrupted = 0;

	if (recording->ending != ENDED_ENDLESS)
		return false;
	for (size_t i = recording->count; i-- > 0 && interrupted < ENDLESS_SIGNALS;) {
		if (recording->events[i].kind != EVENT_OP)
			continue;
		if (recording->events[i].op.strike.error != EINTR)
			return false;
		interrupted++;
	}
	return interrupted == ENDLESS_SIGNALS;
}

static int judge_end(struct judge *judge, const struct recording *recording)
{
	struct residue_walk residue = {judge->subject->strategy->residue, 0};
	const struct probe *probe;
	int err;

	if (recording->ending == ENDED_HANG || recording->ending == ENDED_ENDLESS) {
		/* Where it was killed is no state that a fault left. */
		if (!is_endless_signal(recording))
			judge_violate(judge, ANOMALY_NEVER_ENDS, "the update never ends");
		return 0;
	}
	err = ask(judge, recording->final, PROBE_LIFE, &probe);
	if (err)
		return err;
	if (recording->ending == ENDED_CRASH && WIFSIGNALED(recording->status))
		judge_violate(judge, ANOMALY_FAILS, "the worker dies from SIG%s",
			sigabbrev_np(WTERMSIG(recording->status)));
	else if (recording->ending == ENDED_CRASH)
		judge_violate(judge, ANOMALY_FAILS, "the worker exits with status %d",
			WEXITSTATUS(recording->status));
	judge_view(judge, probe);
	judge_life(judge, probe);
	if (residue.pattern)
		tree_walk(recording->final, count_residue, &residue);
	judge->judgement->residue = residue.count;
	return 0;
}

void judge_note(
	enum txn_state *states, struct txn_times *times, const struct event *event, size_t index)
{
	switch (event->kind) {
	case EVENT_START:
		states[event->txn] = TXN_IN_DOUBT;
		times[event->txn].began = index + 1;
		break;
	case EVENT_ACK:
	case EVENT_REFUSE:
		states[event->txn] = event->kind == EVENT_ACK ? TXN_ACKNOWLEDGED : TXN_REFUSED;
		times[event->txn].ended = index + 1;
		break;
	default:
		break;
	}
}

struct history *history_alloc(uint64_t count)
{
	struct history *history = calloc(1, sizeof(*history));

	if (!history)
		return NULL;
	*history = (struct history){.count = count,
		.states = calloc(count, sizeof(*history->states)),
		.times = calloc(count, sizeof(*history->times))};
	if (!history->states || !history->times) {
		history_free(history);
		return NULL;
	}
	for (uint64_t id = 0; id < count; id++)
		history->times[id] = (struct txn_times){SIZE_MAX, SIZE_MAX};
	history->states[0] = TXN_ACKNOWLEDGED;
	history->times[0] = (struct txn_times){0, 0};
	return history;
}

static int follow_event(struct judge *judge, const struct event *event, size_t index,
	struct tree **tree, struct sync_loss *loss)
{
	int err;

	if (event->kind != EVENT_OP && event->txn >= judge->count)
		return -EPROTO;
	judge_note(judge->states, judge->times, event, index);
	switch (event->kind) {
	case EVENT_OP:
		err = tree_apply(tree, &event->op);
		return err ? err : sync_loss_follow(loss, &event->op, *tree);
	case EVENT_START:
		return 0;
	case EVENT_ACK:
		judge->judgement->acknowledged++;
		return judge_lost(judge, loss, *tree);
	default:
		err = judge_lost(judge, loss, *tree);
		return err ? err : judge_refusal(judge, *tree);
	}
}

int judge_recording(const struct subject *subject, struct prober *prober,
	const struct recording *recording, struct judgement *judgement)
{
	struct told_probe told;
	struct judge judge = {.subject = subject,
		.prober = prober,
		.judgement = judgement,
		.meanings = crash_meanings,
		.members = subject->strategy->store == STORE_TREE ? TXN_MEMBERS : 1,
		.count = subject->workload.txns + 1,
		.told = &told};
	struct history *history = history_alloc(judge.count);
	struct tree *tree = tree_ref(recording->initial);
	struct sync_loss *loss = sync_loss_new(recording->initial);
	int err = 0;

	memset(judgement, 0, sizeof(*judgement));
	judgement->level = LEVEL_STRICT;
	if (!history || !loss) {
		err = -ENOMEM;
		goto out;
	}
	judge.states = history->states;
	judge.times = history->times;
	for (size_t i = 0; !err && i < recording->count; i++)
		err = follow_event(&judge, &recording->events[i], i, &tree, loss);
	if (!err)
		err = judge_lost(&judge, loss, tree);
	if (!err)
		err = judge_end(&judge, recording);
out:
	history_free(history);
	sync_loss_free(loss);
	tree_unref(tree);
	return err;
}

/* ---- a crash ---- */

struct history *history_new(
	const struct subject *subject, const struct recording *recording, size_t count)
{
	uint64_t txns = subject->workload.txns + 1;
	struct history *history = history_alloc(txns);

	for (size_t i = 0; history && i < count && i < recording->count; i++) {
		const struct event *event = &recording->events[i];

		if (event->kind != EVENT_OP && event->txn < txns)
			judge_note(history->states, history->times, event, i);
	}
	return history;
}

void history_free(struct history *history)
{
	if (!history)
		return;
	free(history->states);
	free(history->times);
	free(history);
}

void judge_crash(const struct subject *subject, const struct history *history,
	const struct probe *probe, struct judgement *judgement)
{
	struct told_probe told;
	struct judge judge = {.subject = subject,
		.judgement = judgement,
		.meanings = crash_meanings,
		.members = subject->strategy->store == STORE_TREE ? TXN_MEMBERS : 1,
		.count = history->count,
		.states = history->states,
		.times = history->times};

	probe = judge_counter_tell(probe, history->states, history->count, &told);
	judge_view(&judge, probe);
	judge_life(&judge, probe);
}
