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
#include <stdarg.h>
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

struct judge {
	const struct subject *subject;
	struct prober *prober;
	struct judgement *judgement;
	unsigned members;
	uint64_t count;          /* of transactions, 0 included */
	enum txn_state *states;  /* by id; borrowed by judge_crash() */
	struct told_probe *told; /* room for judge_counter_tell() */
};

__attribute__((format(printf, 3, 4))) static void violate(
	struct judge *judge, enum property property, const char *format, ...)
{
	struct finding *finding = &judge->judgement->findings[property];
	va_list arguments;

	if (finding->is_violated)
		return;
	finding->is_violated = true;
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* "fails: ENOENT", "crashes (SIGSEGV)", "hangs" */
static const char *step_text(const struct step *step)
{
	static char text[64];

	assert(step->end > STEP_OK);
	switch (step->end) {
	case STEP_ERROR:
		snprintf(text, sizeof(text), "fails: %s",
			strerrorname_np(-step->detail) ? strerrorname_np(-step->detail)
						       : "unknown error");
		break;
	case STEP_CRASH:
		if (step->detail)
			snprintf(text, sizeof(text), "crashes (SIG%s)", sigabbrev_np(step->detail));
		else
			snprintf(text, sizeof(text), "exits");
		break;
	default:
		snprintf(text, sizeof(text), "hangs");
	}
	return text;
}

/* ---- one view against one history ---- */

static bool has_in_member(const struct view *view, uint64_t id, unsigned member)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct view_entry *entry = &view->entries[i];

		if (entry->match == TXN_INTACT && entry->id == id && entry->member == member)
			return true;
	}
	return false;
}

static void judge_torn(struct judge *judge, const struct view_entry *entry)
{
	size_t whole;

	if (!entry->size_bytes) {
		violate(judge, ATOMICITY, "an empty record is there");
		return;
	}
	if (entry->id == UINT64_MAX) {
		violate(judge, ATOMICITY, "a piece of a transaction is there (%u byte%s)",
			entry->size_bytes, plural(entry->size_bytes));
		return;
	}
	whole = txn_record_bytes(entry->id, entry->member, judge->subject->workload.base_bytes);
	if (entry->intact_bytes >= whole)
		violate(judge, ATOMICITY, "transaction %" PRIu64 " runs into %u bytes of another",
			entry->id, entry->size_bytes - entry->intact_bytes);
	else
		violate(judge, ATOMICITY,
			"transaction %" PRIu64 " is there in part (%u of %zu bytes)", entry->id,
			entry->intact_bytes, whole);
}

static void judge_intact(struct judge *judge, const struct view *view, size_t index)
{
	const struct view_entry *entry = &view->entries[index];

	if (entry->id >= judge->count || judge->states[entry->id] == TXN_NOT_STARTED) {
		violate(judge, CONSISTENCY, "transaction %" PRIu64 " is there, but never began",
			entry->id);
		return;
	}
	if (judge->states[entry->id] == TXN_REFUSED)
		violate(judge, ATOMICITY, "update %" PRIu64 " reported an error but is visible",
			entry->id);
	for (size_t i = 0; i < index; i++) {
		const struct view_entry *earlier = &view->entries[i];

		if (earlier->match != TXN_INTACT || earlier->member != entry->member)
			continue;
		if (earlier->id == entry->id)
			violate(judge, CONSISTENCY, "transaction %" PRIu64 " is there twice",
				entry->id);
		else if (earlier->id > entry->id && judge->subject->strategy->store != STORE_SPOOL)
			violate(judge, CONSISTENCY,
				"transaction %" PRIu64 " stands before %" PRIu64, earlier->id,
				entry->id);
	}
}

static void judge_missing(struct judge *judge, const struct view *view)
{
	uint64_t gone = 0;

	for (uint64_t id = 0; id < judge->count; id++)
		gone += judge->states[id] == TXN_ACKNOWLEDGED &&
		        !view_has(view, id, judge->members);
	if (gone)
		violate(judge, DURABILITY, "%" PRIu64 " acknowledged transaction%s gone", gone,
			plural(gone));
}

/* A document is rewritten as a whole, so what it holds must have been its contents once: the
 * acknowledged transactions up to some id, with the one in doubt after all of them or not. */
static bool is_whole(const struct judge *judge, const struct view *view, unsigned member)
{
	bool has_ended = false, has_any = false, has_doubt = false;

	for (uint64_t id = 0; id < judge->count; id++) {
		bool is_there = has_in_member(view, id, member);

		if (judge->states[id] == TXN_ACKNOWLEDGED) {
			if (is_there && has_ended)
				return false;
			has_ended |= !is_there;
		} else if (judge->states[id] == TXN_IN_DOUBT) {
			has_doubt |= is_there;
		}
		has_any |= is_there;
	}
	return has_any && !(has_doubt && has_ended);
}

static void judge_whole(struct judge *judge, const struct view *view)
{
	for (unsigned member = 0; member < judge->members; member++) {
		size_t entries = 0;

		for (size_t i = 0; i < view->count; i++)
			entries += view->entries[i].member == member;
		if (is_whole(judge, view, member))
			continue;
		if (entries)
			violate(judge, ATOMICITY,
				"neither the state before the update nor the one after");
		else
			violate(judge, ATOMICITY, "%s",
				judge->members > 1 ? "a file is empty" : "the file is empty");
	}
}

static void judge_agreement(struct judge *judge, const struct view *view)
{
	for (uint64_t id = 0; id < judge->count; id++) {
		unsigned found = 0;

		for (unsigned member = 0; member < judge->members; member++)
			found += has_in_member(view, id, member);
		if (!found || found == judge->members)
			continue;
		violate(judge, ATOMICITY,
			"transaction %" PRIu64 " is in %u of %u files that must agree", id, found,
			judge->members);
		violate(judge, CONSISTENCY,
			"the files do not agree: transaction %" PRIu64 " is in %u of %u", id, found,
			judge->members);
	}
}

static void judge_view(struct judge *judge, const struct probe *probe)
{
	const struct view *view = probe->view;
	enum store store = judge->subject->strategy->store;

	if (probe->read.end != STEP_OK) {
		/* A recovery that dies takes the reader with it. */
		bool has_begun = probe->read.end != STEP_NOT_RUN;
		const char *who = has_begun ? "the reader" : "recovery";
		const char *how = step_text(has_begun ? &probe->read : &probe->recover);

		violate(judge, CONSISTENCY, "%s %s", who, how);
		violate(judge, ATOMICITY, "nothing can be read: %s %s", who, how);
		judge_missing(judge, view);
		return;
	}
	for (size_t i = 0; i < view->count; i++) {
		switch ((enum txn_match)view->entries[i].match) {
		case TXN_INTACT:
			judge_intact(judge, view, i);
			break;
		case TXN_TORN:
			judge_torn(judge, &view->entries[i]);
			break;
		default:
			violate(judge, CONSISTENCY,
				"%u bytes that belong to no transaction are read as one",
				view->entries[i].size_bytes);
		}
	}
	if (store == STORE_TREE)
		judge_agreement(judge, view);
	if (store == STORE_TREE || store == STORE_DOCUMENT)
		judge_whole(judge, view);
	judge_missing(judge, view);
}

/* ---- life goes on ---- */

static size_t count_damaged(const struct view *view)
{
	size_t damaged = 0;

	for (size_t i = 0; i < view->count; i++)
		damaged += view->entries[i].match != TXN_INTACT;
	return damaged;
}

static void judge_life(struct judge *judge, const struct probe *probe)
{
	uint64_t life = prober_life_txn(judge->subject);

	if (probe->recover.end > STEP_OK)
		violate(judge, CONSISTENCY, "recovery %s", step_text(&probe->recover));
	/* What died before it was told in judge_view(). */
	if (probe->update.end == STEP_NOT_RUN)
		return;
	if (probe->update.end != STEP_OK) {
		violate(judge, CONSISTENCY, "the next update %s", step_text(&probe->update));
		return;
	}
	if (probe->reread.end != STEP_OK) {
		violate(judge, CONSISTENCY, "after the next update the reader %s",
			step_text(&probe->reread));
		return;
	}
	if (!view_has(probe->after, life, judge->members))
		violate(judge, CONSISTENCY, "the next update is acknowledged but not there");
	for (size_t i = 0; i < probe->view->count; i++) {
		const struct view_entry *entry = &probe->view->entries[i];

		/* What was refused and is visible all the same is told as that. */
		if (entry->match == TXN_INTACT && entry->id < judge->count &&
			judge->states[entry->id] != TXN_REFUSED &&
			!has_in_member(probe->after, entry->id, entry->member))
			violate(judge, CONSISTENCY, "the next update destroys transaction %" PRIu64,
				entry->id);
	}
	if (count_damaged(probe->after) > count_damaged(probe->view))
		violate(judge, CONSISTENCY, "the next update leaves damage behind");
}

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
		violate(judge, DURABILITY,
			"after the failed sync a power cut takes %" PRIu64
			" acknowledged transaction%s",
			gone, plural(gone));
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
			violate(judge, CONSISTENCY, "the update never ends");
		return 0;
	}
	err = ask(judge, recording->final, PROBE_LIFE, &probe);
	if (err)
		return err;
	if (recording->ending == ENDED_CRASH && WIFSIGNALED(recording->status))
		violate(judge, CONSISTENCY, "the worker dies from SIG%s",
			sigabbrev_np(WTERMSIG(recording->status)));
	else if (recording->ending == ENDED_CRASH)
		violate(judge, CONSISTENCY, "the worker exits with status %d",
			WEXITSTATUS(recording->status));
	judge_view(judge, probe);
	judge_life(judge, probe);
	if (residue.pattern)
		tree_walk(recording->final, count_residue, &residue);
	judge->judgement->residue = residue.count;
	return 0;
}

static int follow_event(
	struct judge *judge, const struct event *event, struct tree **tree, struct sync_loss *loss)
{
	int err;

	if (event->kind != EVENT_OP && event->txn >= judge->count)
		return -EPROTO;
	switch (event->kind) {
	case EVENT_OP:
		err = tree_apply(tree, &event->op);
		return err ? err : sync_loss_follow(loss, &event->op, *tree);
	case EVENT_START:
		judge->states[event->txn] = TXN_IN_DOUBT;
		return 0;
	case EVENT_ACK:
		judge->states[event->txn] = TXN_ACKNOWLEDGED;
		judge->judgement->acknowledged++;
		return judge_lost(judge, loss, *tree);
	default:
		judge->states[event->txn] = TXN_REFUSED;
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
		.members = subject->strategy->store == STORE_TREE ? TXN_MEMBERS : 1,
		.count = subject->workload.txns + 1,
		.told = &told};
	struct tree *tree = tree_ref(recording->initial);
	struct sync_loss *loss = sync_loss_new(recording->initial);
	int err = 0;

	memset(judgement, 0, sizeof(*judgement));
	judge.states = calloc(judge.count, sizeof(*judge.states));
	if (!judge.states || !loss) {
		err = -ENOMEM;
		goto out;
	}
	judge.states[0] = TXN_ACKNOWLEDGED;
	for (size_t i = 0; !err && i < recording->count; i++)
		err = follow_event(&judge, &recording->events[i], &tree, loss);
	if (!err)
		err = judge_lost(&judge, loss, tree);
	if (!err)
		err = judge_end(&judge, recording);
out:
	free(judge.states);
	sync_loss_free(loss);
	tree_unref(tree);
	return err;
}

/* ---- a crash ---- */

struct history {
	uint64_t count;
	enum txn_state states[];
};

struct history *history_new(
	const struct subject *subject, const struct recording *recording, size_t count)
{
	uint64_t txns = subject->workload.txns + 1;
	struct history *history = calloc(1, sizeof(*history) + txns * sizeof(history->states[0]));

	if (!history)
		return NULL;
	history->count = txns;
	history->states[0] = TXN_ACKNOWLEDGED;
	for (size_t i = 0; i < count && i < recording->count; i++) {
		const struct event *event = &recording->events[i];

		if (event->kind != EVENT_OP && event->txn < txns)
			history->states[event->txn] = event->kind == EVENT_START ? TXN_IN_DOUBT
			                              : event->kind == EVENT_ACK ? TXN_ACKNOWLEDGED
			                                                         : TXN_REFUSED;
	}
	return history;
}

void history_free(struct history *history)
{
	free(history);
}

void judge_crash(const struct subject *subject, const struct history *history,
	const struct probe *probe, struct judgement *judgement)
{
	struct told_probe told;
	struct judge judge = {.subject = subject,
		.judgement = judgement,
		.members = subject->strategy->store == STORE_TREE ? TXN_MEMBERS : 1,
		.count = history->count,
		.states = (enum txn_state *)history->states};

	probe = judge_counter_tell(probe, history->states, history->count, &told);
	judge_view(&judge, probe);
	judge_life(&judge, probe);
}
