/* Words for crash states. */
#include "harness/explain_cut.h"

#include <inttypes.h>
#include <string.h>

#include "harness/explain.h"

enum { MAX_TOLD = 3 };

/* Of one operation: how many pieces there are, and how many are lost. */
struct tally {
	unsigned data, data_lost, size, size_lost, other, other_lost;
};

static bool is_lost(const struct cut *cut, size_t item)
{
	size_t low = 0, high = cut->lost_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (cut->lost[middle] == item)
			return true;
		if (cut->lost[middle] < item)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static struct tally tally_of(const struct micro_ops *ops, const struct cut *cut, size_t event)
{
	struct tally tally = {0};

	for (size_t i = 0; i < ops->count && ops->items[i].event <= event; i++) {
		bool lost = is_lost(cut, i);

		if (ops->items[i].event != event)
			continue;
		if (ops->items[i].kind == MICRO_DATA) {
			tally.data++;
			tally.data_lost += lost;
		} else if (ops->items[i].kind == MICRO_SIZE && ops->items[i].is_growth) {
			tally.size++;
			tally.size_lost += lost;
		} else {
			tally.other++;
			tally.other_lost += lost;
		}
	}
	return tally;
}

enum mark explain_mark(const struct micro_ops *ops, const struct cut *cut, size_t event)
{
	struct tally tally = tally_of(ops, cut, event);
	unsigned all = tally.data + tally.size + tally.other;
	unsigned lost = tally.data_lost + tally.size_lost + tally.other_lost;

	if (event > cut->event)
		return MARK_AFTER;
	if (!all)
		return MARK_NONE;
	return !lost ? MARK_PERSISTED : lost == all ? MARK_LOST : MARK_TORN;
}

static const char *piece_name(const struct cut *cut)
{
	return cut->tear == TEAR_SECTOR ? "sectors" : "pages";
}

void explain_torn(const struct micro_ops *ops, const struct cut *cut, size_t event, char *text,
	size_t text_size)
{
	struct tally tally = tally_of(ops, cut, event);
	char data[64] = "", size[64] = "";

	if (tally.data_lost && tally.data_lost == tally.data)
		snprintf(data, sizeof(data), "the data");
	else if (tally.data_lost)
		snprintf(data, sizeof(data), "%u of %u %s", tally.data_lost, tally.data,
			piece_name(cut));
	if (tally.size_lost && tally.size_lost == tally.size)
		snprintf(size, sizeof(size), "the size");
	else if (tally.size_lost)
		snprintf(size, sizeof(size), "%u of %u steps of the size", tally.size_lost,
			tally.size);
	snprintf(text, text_size, "%s%s%s", data, *data && *size ? " and " : "",
		*data || *size     ? size
		: tally.other_lost ? "a half"
				   : "");
}

/* "rename #6", or "the data of write #4 (doc.txt.tmp)". */
static void describe_lost(const struct micro_ops *ops, const struct cut *cut, size_t event,
	char *text, size_t text_size)
{
	char name[160], part[140];

	explain_op_name(ops->recording, event, name, sizeof(name));
	if (explain_mark(ops, cut, event) == MARK_LOST) {
		snprintf(text, text_size, "%s", name);
		return;
	}
	explain_torn(ops, cut, event, part, sizeof(part));
	snprintf(text, text_size, "%s of %s", part, name);
}

/* When: after which operation or answer. */
static void describe_moment(
	const struct micro_ops *ops, const struct cut *cut, char *text, size_t text_size)
{
	const struct recording *recording = ops->recording;
	const struct event *before = cut->event ? &recording->events[cut->event - 1] : NULL;
	char name[160];

	if (cut->event < recording->count && recording->events[cut->event].kind == EVENT_OP) {
		const struct op *op = &recording->events[cut->event].op;
		bool is_sync = op->kind == OP_FSYNC || op->kind == OP_FDATASYNC ||
		               op->kind == OP_SYNC || op->is_synchronous;

		explain_op_name(recording, cut->event, name, sizeof(name));
		snprintf(text, text_size, "power cut %s %s", is_sync ? "in" : "after", name);
	} else if (before && before->kind != EVENT_OP) {
		snprintf(text, text_size, "power cut after update %" PRIu64 " %s", before->txn,
			before->kind == EVENT_ACK      ? "was acknowledged"
			: before->kind == EVENT_REFUSE ? "was refused"
						       : "began");
	} else if (before) {
		explain_op_name(recording, cut->event - 1, name, sizeof(name));
		snprintf(text, text_size, "power cut after %s", name);
	} else {
		snprintf(text, text_size, "power cut before anything was done");
	}
}

/* The last operation that is on the disk whole though an earlier one is not. */
static size_t overtaking(const struct micro_ops *ops, const struct cut *cut)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; cut->lost_count && i < ops->count; i++) {
		if (ops->items[i].event <= cut->event && i > cut->lost[0] && !is_lost(cut, i) &&
			explain_mark(ops, cut, ops->items[i].event) == MARK_PERSISTED)
			found = ops->items[i].event;
	}
	return found;
}

void explain_cut(const struct micro_ops *ops, const struct cut *cut, char *text, size_t text_size)
{
	size_t over = overtaking(ops, cut), last = SIZE_MAX;
	unsigned told = 0, more = 0;
	char name[320];
	size_t length;

	describe_moment(ops, cut, text, text_size);
	length = strlen(text);
	if (!cut->lost_count) {
		snprintf(text + length, text_size - length, ", all of it on disk");
		return;
	}
	if (over != SIZE_MAX) {
		explain_op_name(ops->recording, over, name, sizeof(name));
		length += (size_t)snprintf(
			text + length, text_size - length, ": %s is on disk,", name);
	} else {
		length += (size_t)snprintf(text + length, text_size - length, ":");
	}
	for (size_t i = 0; i < cut->lost_count && length < text_size; i++) {
		size_t event = ops->items[cut->lost[i]].event;

		if (event == last)
			continue;
		last = event;
		if (told == MAX_TOLD) {
			more++;
			continue;
		}
		describe_lost(ops, cut, event, name, sizeof(name));
		length += (size_t)snprintf(
			text + length, text_size - length, "%s %s", told++ ? "," : "", name);
	}
	if (length < text_size && more)
		length += (size_t)snprintf(text + length, text_size - length, " and %u more", more);
	if (length < text_size)
		snprintf(text + length, text_size - length, "%s",
			over != SIZE_MAX  ? told + more > 1 ? " are not" : " is not"
			: told + more > 1 ? " are lost"
					  : " is lost");
}
