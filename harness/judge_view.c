/* The rules for one view against what is known, and for life after it. They find anomalies; of
 * which property that is a violation depends on what happened. */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "harness/judge_private.h"

void judge_violate(struct judge *judge, enum anomaly anomaly, const char *format, ...)
{
	const struct anomaly_meaning *meaning = &judge->meanings[anomaly];
	char text[FINDING_TEXT_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	judge->seen |= 1U << anomaly;
	if (meaning->name && meaning->strongest < judge->judgement->level)
		judge->judgement->level = meaning->strongest;
	for (int property = 0; property < PROPERTY_COUNT; property++) {
		struct finding *finding = &judge->judgement->findings[property];

		if (!(meaning->properties >> property & 1) || finding->is_violated)
			continue;
		finding->is_violated = true;
		snprintf(finding->text, sizeof(finding->text), "%s%s%.150s",
			meaning->name ? meaning->name : "", meaning->name ? ": " : "", text);
	}
}

const char *judge_plural(uint64_t count)
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

bool judge_has(const struct view *view, uint64_t id, unsigned member)
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
		judge_violate(judge, ANOMALY_TORN, "an empty record is there");
		return;
	}
	if (entry->id == UINT64_MAX) {
		judge_violate(judge, ANOMALY_TORN, "a piece of a transaction is there (%u byte%s)",
			entry->size_bytes, judge_plural(entry->size_bytes));
		return;
	}
	whole = txn_record_bytes(entry->id, entry->member, judge->subject->workload.base_bytes);
	if (entry->intact_bytes >= whole)
		judge_violate(judge, ANOMALY_TORN,
			"transaction %" PRIu64 " runs into %u bytes of another", entry->id,
			entry->size_bytes - entry->intact_bytes);
	else
		judge_violate(judge, ANOMALY_TORN,
			"transaction %" PRIu64 " is there in part (%u of %zu bytes)", entry->id,
			entry->intact_bytes, whole);
}

/* Whether the places of transactions in a view say which came first. */
static bool has_order(const struct judge *judge)
{
	enum store store = judge->subject->strategy->store;

	return store != STORE_SPOOL && store != STORE_COUNTER;
}

/* Whether transaction `a` was over before `b` began. Of one worker: whether its id is less. */
static bool precedes(const struct judge *judge, uint64_t a, uint64_t b)
{
	return a < judge->count && b < judge->count &&
	       judge->times[a].ended < judge->times[b].began;
}

static void judge_intact(struct judge *judge, const struct view *view, size_t index)
{
	const struct view_entry *entry = &view->entries[index];

	if (entry->id >= judge->count || judge->states[entry->id] == TXN_NOT_STARTED) {
		judge_violate(judge, ANOMALY_GARBAGE,
			"transaction %" PRIu64 " is there, but never began", entry->id);
		return;
	}
	if (judge->states[entry->id] == TXN_REFUSED)
		judge_violate(judge, ANOMALY_REFUSED,
			"update %" PRIu64 " reported an error but is visible", entry->id);
	for (size_t i = 0; i < index; i++) {
		const struct view_entry *earlier = &view->entries[i];

		if (earlier->match != TXN_INTACT || earlier->member != entry->member)
			continue;
		if (earlier->id == entry->id)
			judge_violate(judge, ANOMALY_TWICE,
				"transaction %" PRIu64 " is there twice", entry->id);
		else if (has_order(judge) && precedes(judge, entry->id, earlier->id))
			judge_violate(judge, ANOMALY_ORDER,
				"transaction %" PRIu64 " stands before %" PRIu64, earlier->id,
				entry->id);
	}
}

static void judge_missing(struct judge *judge, const struct view *view)
{
	uint64_t gone = 0;

	if (judge->wants_whole && judge->seen)
		return;
	for (uint64_t id = 0; id < judge->count; id++)
		gone += judge->states[id] == TXN_ACKNOWLEDGED &&
		        !view_has(view, id, judge->members);
	if (gone)
		judge_violate(judge, ANOMALY_MISSING, "%" PRIu64 " acknowledged transaction%s gone",
			gone, judge_plural(gone));
}

/* A document is rewritten as a whole, so what it holds must have been its contents once: with a
 * transaction there are all those that were acknowledged before it began. */
static bool is_whole(const struct judge *judge, const struct view *view, unsigned member)
{
	size_t last_began = 0;
	bool has_any = false;

	for (uint64_t id = 0; id < judge->count; id++) {
		if (!judge_has(view, id, member))
			continue;
		has_any = true;
		if (judge->states[id] != TXN_REFUSED && judge->times[id].began > last_began)
			last_began = judge->times[id].began;
	}
	for (uint64_t id = 0; has_any && id < judge->count; id++) {
		if (judge->states[id] == TXN_ACKNOWLEDGED && judge->times[id].ended < last_began &&
			!judge_has(view, id, member))
			return false;
	}
	return has_any;
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
			judge_violate(judge, ANOMALY_NOT_WHOLE,
				"neither the state before the update nor the one after");
		else
			judge_violate(judge, ANOMALY_NOT_WHOLE, "%s",
				judge->members > 1 ? "a file is empty" : "the file is empty");
	}
}

static void judge_agreement(struct judge *judge, const struct view *view)
{
	for (uint64_t id = 0; id < judge->count; id++) {
		unsigned found = 0;

		for (unsigned member = 0; member < judge->members; member++)
			found += judge_has(view, id, member);
		if (!found || found == judge->members)
			continue;
		judge_violate(judge, ANOMALY_IN_PART,
			"transaction %" PRIu64 " is in %u of %u files that must agree", id, found,
			judge->members);
		judge_violate(judge, ANOMALY_DISAGREE,
			"the files do not agree: transaction %" PRIu64 " is in %u of %u", id, found,
			judge->members);
	}
}

void judge_view(struct judge *judge, const struct probe *probe)
{
	const struct view *view = probe->view;
	enum store store = judge->subject->strategy->store;

	if (probe->read.end != STEP_OK) {
		/* A recovery that dies takes the reader with it. */
		bool has_begun = probe->read.end != STEP_NOT_RUN;
		const char *who = has_begun ? "the reader" : "recovery";
		const char *how = step_text(has_begun ? &probe->read : &probe->recover);

		judge_violate(judge, ANOMALY_FAILS, "%s %s", who, how);
		judge_violate(judge, ANOMALY_UNREADABLE, "nothing can be read: %s %s", who, how);
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
			judge_violate(judge, ANOMALY_GARBAGE,
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

void judge_life(struct judge *judge, const struct probe *probe)
{
	uint64_t life = prober_life_txn(judge->subject);

	if (probe->recover.end > STEP_OK)
		judge_violate(judge, ANOMALY_FAILS, "recovery %s", step_text(&probe->recover));
	/* What died before it was told in judge_view(). */
	if (probe->update.end == STEP_NOT_RUN)
		return;
	if (probe->update.end != STEP_OK) {
		judge_violate(judge, ANOMALY_LIFE, "the next update %s", step_text(&probe->update));
		return;
	}
	if (probe->reread.end != STEP_OK) {
		judge_violate(judge, ANOMALY_LIFE, "after the next update the reader %s",
			step_text(&probe->reread));
		return;
	}
	if (!view_has(probe->after, life, judge->members))
		judge_violate(judge, ANOMALY_LIFE, "the next update is acknowledged but not there");
	for (size_t i = 0; i < probe->view->count; i++) {
		const struct view_entry *entry = &probe->view->entries[i];

		/* What was refused and is visible all the same is told as that. */
		if (entry->match == TXN_INTACT && entry->id < judge->count &&
			judge->states[entry->id] != TXN_REFUSED &&
			!judge_has(probe->after, entry->id, entry->member))
			judge_violate(judge, ANOMALY_LIFE,
				"the next update destroys transaction %" PRIu64, entry->id);
	}
	if (count_damaged(probe->after) > count_damaged(probe->view))
		judge_violate(judge, ANOMALY_LIFE, "the next update leaves damage behind");
}
