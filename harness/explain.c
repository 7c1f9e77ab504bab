/* Words for operations and strikes. */
#include "harness/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *call_name(const struct op *op)
{
	return op->kind == OP_EXCHANGE ? "exchange" : points[op->point].call;
}

/* The how-manieth call of its name this is of its worker in the run, from 1. */
static unsigned ordinal(const struct recording *recording, size_t event)
{
	const struct op *op = &recording->events[event].op;
	unsigned count = 0;

	for (size_t i = 0; i <= event; i++)
		count += recording->events[i].kind == EVENT_OP &&
		         recording->events[i].worker == recording->events[event].worker &&
		         !strcmp(call_name(&recording->events[i].op), call_name(op));
	return count;
}

static const char *error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "an unknown error";
}

/* "write #1 (doc.txt)"; a file that was made later has no name that is the same each time. */
static void describe_op(
	const struct recording *recording, size_t event, char *text, size_t text_size)
{
	const struct op *op = &recording->events[event].op;
	char path[PATH_MAX];
	bool has_name = op->object < tree_object_count(recording->initial) &&
	                tree_path(recording->initial, op->object, path, sizeof(path));

	if (has_name && !strcmp(path, "."))
		strcpy(path, "the directory");
	if (has_name)
		snprintf(text, text_size, "%s #%u (%.80s)", call_name(op),
			ordinal(recording, event), path);
	else
		snprintf(text, text_size, "%s #%u", call_name(op), ordinal(recording, event));
}

void explain_op_name(const struct recording *recording, size_t event, char *text, size_t text_size)
{
	const struct op *op = &recording->events[event].op;
	const char *name = NULL;
	unsigned maker = 0;

	/* A temporary name is random; which call made the file is not. */
	for (size_t i = 0; i < event; i++) {
		const struct op *earlier = &recording->events[i].op;

		if (recording->events[i].kind != EVENT_OP || earlier->effect < 0 ||
			earlier->object != op->object)
			continue;
		if (earlier->new_name)
			name = earlier->new_name;
		else if (earlier->kind == OP_OPEN && earlier->is_creating)
			maker = ordinal(recording, i);
	}
	if (op->name || (!name && !maker))
		describe_op(recording, event, text, text_size);
	else if (name)
		snprintf(text, text_size, "%s #%u (%.80s)", call_name(op),
			ordinal(recording, event), name);
	else
		snprintf(text, text_size, "%s #%u (file of open #%u)", call_name(op),
			ordinal(recording, event), maker);
}

static void describe_strike(const struct op *op, const char *what, char *text, size_t text_size)
{
	switch (op->strike.action) {
	case STRIKE_ERROR:
		snprintf(text, text_size, "%s failed with %s", what, error_name(op->strike.error));
		break;
	case STRIKE_LATE_ERROR:
		snprintf(text, text_size, "%s took place and reported %s", what,
			error_name(op->strike.error));
		break;
	case STRIKE_SHORT:
		snprintf(text, text_size, "%s was short (%" PRIu64 " of %" PRIu64 " bytes)", what,
			op->strike.bytes, op->size_bytes);
		break;
	case STRIKE_KILL_BEFORE:
		snprintf(text, text_size, "killed before %s", what);
		break;
	case STRIKE_KILL_MIDDLE:
		snprintf(text, text_size, "killed in %s after %" PRIu64 " of %" PRIu64 " bytes",
			what, op->strike.bytes, op->size_bytes);
		break;
	default:
		snprintf(text, text_size, "killed after %s%s", what,
			op->kind == OP_OPEN && op->is_truncating ? ", which truncated it" : "");
	}
}

static bool is_struck(const struct event *event)
{
	return event->kind == EVENT_OP && event->op.strike.action != STRIKE_NONE;
}

void explain_cause(
	const struct recording *recording, const struct plan *plan, char *text, size_t text_size)
{
	char what[128], clause[256];
	size_t first = 0, last = 0;
	unsigned struck = 0;

	for (size_t i = recording->count; i-- > 0;) {
		if (!is_struck(&recording->events[i]))
			continue;
		if (!struck++)
			last = i;
		first = i;
	}
	if (!struck) {
		snprintf(text, text_size, "without any fault");
		return;
	}
	describe_op(recording, first, what, sizeof(what));
	describe_strike(&recording->events[first].op, what, clause, sizeof(clause));
	if (struck == 1) {
		snprintf(text, text_size, "%s", clause);
	} else if (plan->fault &&
		   fault_variant(plan->fault, plan->variant)->repeat == REPEAT_SAME_POINT) {
		snprintf(text, text_size, "%s, and so did later ones", clause);
	} else if (recording->events[first].op.strike.action == STRIKE_SHORT &&
		   recording->events[last].op.strike.action == STRIKE_ERROR) {
		snprintf(text, text_size, "%s, then %s", clause,
			error_name(recording->events[last].op.strike.error));
	} else {
		snprintf(text, text_size, "%s, and %u more call%s", clause, struck - 1,
			struck == 2 ? "" : "s");
	}
}

/* ---- schedules ---- */

enum { TOLD_PREEMPTIONS = 2 };

void explain_worker(unsigned worker, unsigned writers, char name[32])
{
	snprintf(name, 32, "%s %u", worker < writers ? "worker" : "reader",
		worker < writers ? worker + 1 : worker - writers + 1);
}

/* The next operation of a worker from here on; SIZE_MAX: none. */
static size_t next_of(const struct recording *recording, size_t from, unsigned worker)
{
	for (size_t i = from; i < recording->count; i++) {
		if (recording->events[i].kind == EVENT_OP && recording->events[i].worker == worker)
			return i;
	}
	return SIZE_MAX;
}

static void tell_preemption(const struct recording *recording, unsigned writers, size_t before,
	size_t other, size_t after, char text[480])
{
	char first[128], second[128], who[32], whose[32];

	explain_op_name(recording, before, first, sizeof(first));
	explain_op_name(recording, after, second, sizeof(second));
	explain_worker(recording->events[other].worker, writers, who);
	explain_worker(recording->events[before].worker, writers, whose);
	snprintf(text, 480, "%s goes between %s and %s of %s", who, first, second, whose);
}

bool explain_is_ghost(const struct tree *tree, const struct op *op)
{
	char path[PATH_MAX];

	return (op->kind == OP_READ || op->kind == OP_WRITE || op->kind == OP_LOCK) &&
	       op->object != UINT32_MAX && !op->name &&
	       tree_object_type(tree, op->object) == OBJECT_FILE &&
	       !tree_path(tree, op->object, path, sizeof(path));
}

/* The first event that reads from a file that had a name at first and has none then. SIZE_MAX:
 * none, or out of memory. */
static size_t find_ghost(const struct recording *recording)
{
	struct tree *tree = tree_ref(recording->initial);
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < recording->count && found == SIZE_MAX; i++) {
		const struct op *op = &recording->events[i].op;

		if (recording->events[i].kind != EVENT_OP)
			continue;
		if (op->kind == OP_READ && op->effect > 0 &&
			op->object < tree_object_count(recording->initial) &&
			explain_is_ghost(tree, op))
			found = i;
		if (tree_apply(&tree, op))
			break;
	}
	tree_unref(tree);
	return found;
}

void explain_schedule(
	const struct recording *recording, unsigned writers, char *text, size_t text_size)
{
	char who[32];
	size_t ghost = find_ghost(recording);
	size_t last = SIZE_MAX, length = 0;
	unsigned count = 0;

	snprintf(text, text_size, "one after the other");
	for (size_t i = 0; i < recording->count; i++) {
		size_t after;
		char clause[480];

		if (recording->events[i].kind != EVENT_OP)
			continue;
		after = last == SIZE_MAX || recording->events[last].worker ==
		                                    recording->events[i].worker
		                ? SIZE_MAX
		                : next_of(recording, i, recording->events[last].worker);
		if (after != SIZE_MAX && count++ < TOLD_PREEMPTIONS) {
			tell_preemption(recording, writers, last, i, after, clause);
			length += (size_t)snprintf(text + length, text_size - length, "%s%s",
				length ? ", " : "", clause);
			if (length >= text_size)
				length = text_size - 1;
		}
		last = i;
	}
	if (count > TOLD_PREEMPTIONS)
		length += (size_t)snprintf(text + length, text_size - length,
			", and %u more such places", count - TOLD_PREEMPTIONS);
	if (ghost == SIZE_MAX || !count || length >= text_size)
		return;
	explain_worker(recording->events[ghost].worker, writers, who);
	snprintf(text + length, text_size - length,
		"; %s then reads a ghost, a file that has lost its name", who);
}

/* ---- one operation a line ---- */

static void print_object(const struct recording *recording, uint32_t object, FILE *stream)
{
	char path[PATH_MAX];

	if (object == UINT32_MAX)
		return;
	/* A file may have lost its name by the end, or had none at the start. */
	if (tree_path(recording->initial, object, path, sizeof(path)) ||
		tree_path(recording->final, object, path, sizeof(path)))
		fprintf(stream, " %s", path);
	else
		fprintf(stream, " (file %" PRIu32 ")", object);
}

static void print_name(
	const struct recording *recording, uint32_t directory, const char *name, FILE *stream)
{
	char path[PATH_MAX];

	if (!name)
		return;
	if (directory != TREE_ROOT && directory != UINT32_MAX &&
		(tree_path(recording->final, directory, path, sizeof(path)) ||
			tree_path(recording->initial, directory, path, sizeof(path))))
		fprintf(stream, " %s/%s", path, name);
	else
		fprintf(stream, " %s", name);
}

static void print_lock(const struct op *op, FILE *stream)
{
	static const char *const words[] = {
		[LOCK_NONE] = "",
		[LOCK_SHARE] = " shared",
		[LOCK_EXCLUDE] = " exclusive",
		[LOCK_RELEASE] = " released",
		[LOCK_TEST] = " asked for",
	};

	fprintf(stream, "%s", words[op->lock]);
	if (op->point == POINT_FCNTL && op->size_bytes)
		fprintf(stream, ", %" PRIu64 " bytes at %" PRId64, op->size_bytes, op->offset);
}

static void print_result(const struct op *op, FILE *stream)
{
	if (op->strike.action == STRIKE_KILL_BEFORE)
		return;
	if (op->result < 0)
		fprintf(stream, " = %s", error_name((int)-op->result));
	else if (op->kind == OP_READ || op->kind == OP_WRITE)
		fprintf(stream, " = %" PRId64, op->result);
}

void explain_op(const struct recording *recording, size_t index, FILE *stream)
{
	const struct event *event = &recording->events[index];
	const struct op *op = &event->op;
	char what[128], clause[256];

	fprintf(stream, "%s #%u", call_name(op), ordinal(recording, index));
	if (op->name)
		print_name(recording, op->directory, op->name, stream);
	else
		print_object(recording, op->object, stream);
	if (op->new_name) {
		fprintf(stream, " ->");
		print_name(recording, op->new_directory, op->new_name, stream);
	}
	if (op->kind == OP_SYMLINK)
		fprintf(stream, " -> %s", (const char *)op->data);
	if (op->is_creating)
		fprintf(stream, op->kind == OP_OPEN && !op->name ? " (creates without a name)"
								 : " (creates)");
	if (op->point == POINT_RENAME && (op->kind == OP_UNLINK || op->kind == OP_RMDIR))
		fprintf(stream, " (which is gone then)");
	if (op->is_truncating)
		fprintf(stream, " (truncates)");
	if (op->kind == OP_READ || op->kind == OP_WRITE || op->kind == OP_STORE)
		fprintf(stream, " at %" PRId64 ", %" PRIu64 " bytes", op->offset, op->size_bytes);
	if (op->kind == OP_PUNCH)
		fprintf(stream, " %s at %" PRId64 ", %" PRIu64 " bytes",
			op->is_hole ? "a hole" : "zeros", op->offset, op->size_bytes);
	if (op->kind == OP_LOCK)
		print_lock(op, stream);
	if (op->kind == OP_TRUNCATE)
		fprintf(stream, " to %" PRIu64 " bytes", op->size_bytes);
	print_result(op, stream);
	if (is_struck(event)) {
		snprintf(what, sizeof(what), "this call");
		describe_strike(op, what, clause, sizeof(clause));
		fprintf(stream, "   <== %s", clause);
	}
}
