/*
 * Several workers at once. Without a crash the acknowledged transactions must be there as if they
 * had been made one after the other, in an order that real time does not contradict; what every
 * reader saw must be a state between two of them.
 *
 * The names are Adya's (Weak Consistency, 1999), beside plain words: G0 write cycle, G1a aborted
 * read, G1b intermediate read, G-single; fractured read is Bailis's (RAMP, 2014). Linear in the
 * history times what is read.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/judge_private.h"

const char *const level_names[] = {
	[LEVEL_NONE] = "none",
	[LEVEL_READ_UNCOMMITTED] = "read uncommitted",
	[LEVEL_READ_COMMITTED] = "read committed",
	[LEVEL_SNAPSHOT] = "snapshot",
	[LEVEL_SERIALIZABLE] = "serializable",
	[LEVEL_STRICT] = "strict serializable",
};

/* The state at the end, when nothing went wrong but that others were there. */
static const struct anomaly_meaning final_meanings[ANOMALY_COUNT] = {
	[ANOMALY_TORN] = {1U << ISOLATION, "write cycle (G0)", LEVEL_NONE},
	[ANOMALY_NOT_WHOLE] = {1U << ISOLATION, "write cycle (G0)", LEVEL_NONE},
	[ANOMALY_IN_PART] = {1U << ISOLATION, "write cycle (G0)", LEVEL_NONE},
	[ANOMALY_DISAGREE] = {1U << CONSISTENCY},
	[ANOMALY_GARBAGE] = {1U << ISOLATION, "write cycle (G0)", LEVEL_NONE},
	[ANOMALY_REFUSED] = {1U << ATOMICITY},
	[ANOMALY_UNREADABLE] = {1U << ISOLATION, "write cycle (G0)", LEVEL_NONE},
	[ANOMALY_FAILS] = {1U << CONSISTENCY},
	[ANOMALY_TWICE] = {1U << ISOLATION, "duplicate (G-single)", LEVEL_READ_COMMITTED},
	[ANOMALY_ORDER] = {1U << ISOLATION, "real time violated", LEVEL_SERIALIZABLE},
	[ANOMALY_MISSING] = {1U << ISOLATION, "lost update (G-single)", LEVEL_READ_COMMITTED},
	[ANOMALY_LIFE] = {1U << CONSISTENCY},
	[ANOMALY_NEVER_ENDS] = {1U << CONSISTENCY},
	[ANOMALY_DEADLOCK] = {1U << ISOLATION | 1U << CONSISTENCY},
};

/* What a reader saw. */
static const struct anomaly_meaning reader_meanings[ANOMALY_COUNT] = {
	[ANOMALY_TORN] = {1U << ATOMICITY, "torn read (G1b)", LEVEL_READ_UNCOMMITTED},
	[ANOMALY_NOT_WHOLE] = {1U << ATOMICITY, "intermediate read (G1b)", LEVEL_READ_UNCOMMITTED},
	[ANOMALY_IN_PART] = {1U << ATOMICITY, "fractured read", LEVEL_READ_COMMITTED},
	[ANOMALY_DISAGREE] = {1U << CONSISTENCY},
	[ANOMALY_GARBAGE] = {1U << ATOMICITY, "torn read (G1b)", LEVEL_READ_UNCOMMITTED},
	[ANOMALY_REFUSED] = {1U << ISOLATION, "aborted read (G1a)", LEVEL_READ_UNCOMMITTED},
	[ANOMALY_UNREADABLE] = {1U << ATOMICITY, "intermediate read (G1b)", LEVEL_READ_UNCOMMITTED},
	[ANOMALY_FAILS] = {1U << CONSISTENCY},
	[ANOMALY_TWICE] = {1U << ISOLATION, "duplicate (G-single)", LEVEL_READ_COMMITTED},
	[ANOMALY_ORDER] = {1U << ISOLATION, "real time violated", LEVEL_SERIALIZABLE},
	[ANOMALY_MISSING] = {1U << ISOLATION, "stale read, real time violated", LEVEL_SERIALIZABLE},
};

/* ---- readers ---- */

struct span {
	size_t begin, end; /* events; SIZE_MAX: it did not come to it */
};

static struct span span_of(const struct recording *recording, unsigned worker)
{
	struct span span = {SIZE_MAX, SIZE_MAX};

	for (size_t i = 0; i < recording->count; i++) {
		const struct event *event = &recording->events[i];

		if (event->worker != worker)
			continue;
		if (event->kind == EVENT_LOOK)
			span.begin = i;
		if (event->kind == EVENT_SEEN)
			span.end = i;
	}
	return span;
}

/* What the reader must see, may see, and must not: acknowledged is what was so before it began, in
 * doubt what began before it ended. */
static void note_for_reader(
	struct judge *judge, const struct recording *recording, const struct span *span)
{
	for (size_t i = 0; i < recording->count; i++) {
		const struct event *event = &recording->events[i];
		bool is_over = event->kind == EVENT_ACK || event->kind == EVENT_REFUSE;

		if (event->kind == EVENT_OP || event->kind == EVENT_LOOK ||
			event->kind == EVENT_SEEN)
			continue;
		if ((event->kind == EVENT_START && i < span->end) || (is_over && i < span->begin) ||
			(event->kind == EVENT_REFUSE && judge->states[event->txn] == TXN_IN_DOUBT))
			judge_note(judge->states, judge->times, event, i);
	}
}

/* Where a transaction stands in a view. */
static size_t position_of(const struct view *view, const struct view_entry *wanted)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct view_entry *entry = &view->entries[i];

		if (entry->match == TXN_INTACT && entry->id == wanted->id &&
			entry->member == wanted->member)
			return i;
	}
	return SIZE_MAX;
}

/* What a reader of a document or log finds is how the final order begins. */
static void judge_same_order(struct judge *judge, const struct view *seen, const struct view *final)
{
	for (size_t i = 0; i < seen->count; i++) {
		const struct view_entry *entry = &seen->entries[i];
		size_t position = entry->match == TXN_INTACT ? position_of(final, entry) : SIZE_MAX;

		/* What is not there in the end was lost, and that is told. */
		if (position == SIZE_MAX)
			return;
		if (position == i)
			continue;
		judge_violate(judge, ANOMALY_ORDER,
			"a reader finds transaction %" PRIu64
			" in place %zu, and in the end it stands in place %zu",
			entry->id, i, position);
		return;
	}
}

/* What one reader saw took effect before: whoever begins to read later must see it, too. */
static void note_earlier_readers(struct judge *judge, const struct recording *recording,
	const struct crew *crew, const struct reading *readings, const struct span *span)
{
	for (unsigned i = 0; i < crew->readers; i++) {
		struct span other = span_of(recording, crew->writers + i);
		const struct view *view = &readings[i].view;

		if (other.end >= span->begin || readings[i].error)
			continue;
		for (size_t k = 0; k < view->count; k++) {
			uint64_t id = view->entries[k].id;

			if (view->entries[k].match != TXN_INTACT || id >= judge->count ||
				judge->states[id] != TXN_IN_DOUBT)
				continue;
			judge->states[id] = TXN_ACKNOWLEDGED;
			judge->times[id].ended = other.end + 1;
		}
	}
}

static int judge_reading(struct judge *judge, const struct recording *recording,
	const struct crew *crew, unsigned index, const struct reading *readings,
	const struct view *final)
{
	const struct reading *reading = &readings[index];
	struct history *history = history_alloc(judge->count);
	struct judge reader = *judge;
	struct span span = span_of(recording, crew->writers + index);
	static struct view nothing;
	struct probe probe = {.view = (struct view *)&reading->view, .after = &nothing};
	enum store store = judge->subject->strategy->store;

	if (!history)
		return -ENOMEM;
	reader.states = history->states;
	reader.times = history->times;
	reader.meanings = reader_meanings;
	reader.seen = 0;
	reader.wants_whole = true;
	/* One that did not get to its end has failed, and that is told. */
	if (span.end == SIZE_MAX)
		goto out;
	note_for_reader(&reader, recording, &span);
	note_earlier_readers(&reader, recording, crew, readings, &span);
	probe.read = reading->error ? (struct step){STEP_ERROR, reading->error}
	                            : (struct step){STEP_OK, 0};
	judge_view(
		&reader, judge_counter_tell(&probe, history->states, history->count, judge->told));
	if (!reading->error && (store == STORE_DOCUMENT || store == STORE_LOG))
		judge_same_order(&reader, &reading->view, final);
out:
	history_free(history);
	return 0;
}

/* ---- the run ---- */

/* How it ended. True: the final state is one to be looked at. */
static bool judge_ending(
	struct judge *judge, const struct crew *crew, const struct recording *recording)
{
	bool is_writer = recording->worker < crew->writers;
	char name[32];

	snprintf(name, sizeof(name), "%s %u", is_writer ? "worker" : "reader",
		recording->worker + 1 - (is_writer ? 0 : crew->writers));
	switch (recording->ending) {
	case ENDED_DEADLOCK:
		judge_violate(judge, ANOMALY_DEADLOCK, "deadlock: %s waits for ever", name);
		return false;
	case ENDED_HANG:
	case ENDED_ENDLESS:
		if (recording->is_unfair)
			return false;
		judge_violate(judge, ANOMALY_NEVER_ENDS, "%s never ends", name);
		return false;
	case ENDED_CRASH:
		if (WIFSIGNALED(recording->status))
			judge_violate(judge, ANOMALY_FAILS, "%s dies from SIG%s", name,
				sigabbrev_np(WTERMSIG(recording->status)));
		else
			judge_violate(judge, ANOMALY_FAILS, "%s exits with status %d", name,
				WEXITSTATUS(recording->status));
		return true;
	default:
		return true;
	}
}

int judge_crew(const struct subject *subject, const struct crew *crew, struct prober *prober,
	const struct recording *recording, const struct reading *readings,
	struct judgement *judgement)
{
	struct told_probe told;
	struct judge judge = {.subject = subject,
		.prober = prober,
		.judgement = judgement,
		.meanings = recording->fired ? crash_meanings : final_meanings,
		.members = subject->strategy->store == STORE_TREE ? TXN_MEMBERS : 1,
		.count = subject->workload.txns + 1,
		.told = &told};
	struct history *history = history_alloc(judge.count);
	const struct probe *probe;
	int err = history ? 0 : -ENOMEM;

	*judgement = (struct judgement){.level = LEVEL_STRICT};
	if (err || !judge_ending(&judge, crew, recording))
		goto out;
	judge.states = history->states;
	judge.times = history->times;
	for (size_t i = 0; i < recording->count; i++) {
		const struct event *event = &recording->events[i];

		if (event->kind == EVENT_OP || event->kind == EVENT_LOOK ||
			event->kind == EVENT_SEEN)
			continue;
		judge_note(judge.states, judge.times, event, i);
		judgement->acknowledged += event->kind == EVENT_ACK;
	}
	err = prober_ask(prober, recording->final, PROBE_LIFE, &probe);
	if (err)
		goto out;
	for (unsigned i = 0; !err && i < crew->readers; i++)
		err = judge_reading(&judge, recording, crew, i, readings, probe->view);
	probe = judge_counter_tell(probe, judge.states, judge.count, &told);
	judge_view(&judge, probe);
	judge_life(&judge, probe);
out:
	history_free(history);
	return err;
}
