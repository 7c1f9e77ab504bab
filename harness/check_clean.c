/*
 * The clean runs: recorded twice, held against each other, and taken apart into what is legal after
 * each acknowledgement.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/check_private.h"

static bool is_change(const struct event *event)
{
	return event->kind == EVENT_OP && op_is_change(&event->op) && event->op.effect >= 0 &&
	       event->op.kind != OP_LOCK && event->op.kind != OP_CLOSE &&
	       event->op.kind != OP_FSYNC && event->op.kind != OP_FDATASYNC &&
	       event->op.kind != OP_SYNC && event->op.kind != OP_METADATA;
}

static bool changes_anything(const struct recording *recording)
{
	for (size_t i = 0; i < recording->count; i++) {
		if (is_change(&recording->events[i]))
			return true;
	}
	return false;
}

/* Why a clean run cannot be judged. */
static enum check_end judge_clean_run(
	struct check *check, const struct recording *recording, char *message)
{
	const char *name = check->argv[0];

	if (recording->ending == ENDED_HANG || recording->ending == ENDED_ENDLESS) {
		check_say(message,
			recording->ending == ENDED_HANG
				? "%s hangs without any fault"
				: "%s makes more operations than can be recorded",
			name);
	} else if (recording->notes & NOTE_LOUD) {
		check_say(message,
			"%s prints more than %d MiB: what it acknowledges after that is not heard",
			name, PROGRAM_MAX_OUTPUT >> 20);
		return CHECK_REFUSED;
	} else if (recording->ending != ENDED_DONE) {
		char what[PATH_MAX];

		snprintf(what, sizeof(what), "without any fault %s", name);
		check_say_status(message, what, recording->status);
	} else if (!changes_anything(recording)) {
		check_say(message, "%s changes nothing in %s", name, check->options->directory);
		for (size_t i = 0; i < recording->outside_count; i++)
			check_say(message, "  it writes to %s", recording->outside[i]);
		return CHECK_NOTHING;
	} else {
		return CHECK_OK;
	}
	check_say_output(message, check->output);
	check_say_output(message, check->errors);
	return CHECK_REFUSED;
}

static void warn(struct check *check, const struct recording *recording, char *message)
{
	const char *name = check->argv[0];

	for (size_t i = 0; i < recording->outside_count; i++)
		check_say(message, "warning: it also writes to %s, which is not watched",
			recording->outside[i]);
	if (recording->notes & NOTE_SETUID)
		check_say(message, "warning: a set-uid program was run, without its privileges");
	if (recording->notes & NOTE_PTRACE)
		check_say(message, "warning: it wanted to trace a process (ptrace), and cannot");
	if (recording->notes & NOTE_SPECIAL)
		check_say(
			message, "warning: it makes a device, fifo or socket, which is not judged");
	if (recording->notes & NOTE_LEFT_RUNNING)
		check_say(message, "warning: %s left processes running, which were killed", name);
}

int check_record(struct check *check, const struct plan *plan, struct recording *recording)
{
	const struct filter *filter = plan->fault ? &check->reads_filter : &check->filter;

	return program_record(&check->program, plan, filter, recording);
}

/* ---- what is legal ---- */

static int find_acks(struct check *check)
{
	const struct recording *clean = &check->clean;
	struct acks *acks = &check->acks;

	int err = check_find_acks(clean, clean->count, acks, &check->ends);

	if (err)
		return err;
	check->has_stores = check_has_stores(check);
	return check_find_legal(clean, &check->legal, &check->legal_count);
}

static int compare_runs(struct check *check, const struct recording *again, char *message)
{
	const struct check_options *options = check->options;
	const struct oracle_rules rules = {
		.ignored = options->ignored, .ignored_count = options->ignored_count};
	struct tree **legal;
	size_t count;
	char text[PATH_MAX + 64];
	int err = check_find_legal(again, &legal, &count);

	check->has_steady_names = recordings_have_same_shape(&check->clean, again, true);
	/* The same names in another order are no random names. */
	check->is_unsteady =
		!recordings_have_same_shape(&check->clean, again, false) ||
		(!check->has_steady_names && recordings_have_same_names(&check->clean, again));
	if (check->is_unsteady)
		check_say(message,
			"note: two clean runs made different operations; what follows is "
			"about the first");
	if (!err)
		err = check_compare_legal(check, legal, count, &rules, &check->varying);
	for (size_t i = 0; !err && !options->checker && i < check->varying.count; i++) {
		varying_say(&check->varying.items[i], text, sizeof(text));
		check_say(message, "note: %s", text);
	}
	check_free_legal(legal, count);
	return err;
}

/* The first clean run. */
static enum check_end record_first(struct check *check, const char *cwd, char *message)
{
	struct plan plan = {.seed = check->options->seed};
	int err;

	check->program.cwd = cwd;
	recording_release(&check->clean);
	err = check_record(check, &plan, &check->clean);
	if (err == -ENOEXEC) {
		check_say(message, "%s: %s", check->argv[0],
			strerror(program_start_error(&check->program)));
		return CHECK_REFUSED;
	}
	if (err == -ENOTRECOVERABLE)
		return CHECK_UNABLE;
	if (!err)
		return judge_clean_run(check, &check->clean, message);
	check_say(message, "%s could not be recorded: %s", check->argv[0], strerror(-err));
	return CHECK_FAILED;
}

/* Without a sandbox a command that names the directory would change the user's files. */
static bool is_safe(const struct check *check, const char *cwd)
{
	char *const *argv = check->options->argv;

	if (check->is_in_sandbox || cwd == check->program.directory)
		return true;
	for (size_t i = 0; argv[i]; i++) {
		if (strstr(argv[i], "{dir}"))
			return true;
	}
	return false;
}

/* A command that does not say where is run in the directory, or else where the user is. */
static enum check_end find_cwd(struct check *check, char *message)
{
	const struct check_options *options = check->options;
	const char *here = options->here, *cwd = options->cwd;
	char other[CHECK_MESSAGE_BYTES] = "";
	enum check_end end;

	if (cwd && !strcmp(cwd, options->directory))
		cwd = check->program.directory;
	if (cwd && !is_safe(check, cwd)) {
		check_say(message,
			"the command is not run, for it would change your own files; write "
			"'{dir}' in place of the directory");
		return CHECK_UNABLE;
	}
	if (cwd)
		return record_first(check, cwd, message);
	end = record_first(check, check->program.directory, other);
	if ((end != CHECK_REFUSED && end != CHECK_NOTHING) || !here || !is_safe(check, here) ||
		!strcmp(here, options->directory)) {
		check_say(message, "%s", other);
		return end;
	}
	if (record_first(check, here, message) == CHECK_OK) {
		check_say(message,
			"note: the command is run in %s; in %s it fails, or changes nothing", here,
			options->directory);
		return CHECK_OK;
	}
	*message = 0;
	check_say(message, "%s", other);
	check_say(message, "(it was run in %s)", options->directory);
	return end;
}

enum check_end check_record_clean(struct check *check, char *message)
{
	struct plan plan = {.seed = check->options->seed};
	struct recording again;
	enum check_end end = find_cwd(check, message);
	bool was_unsteady;
	int err;

	if (end != CHECK_OK)
		return end;
	warn(check, &check->clean, message);
	err = check_record(check, &plan, &again);
	if (!err)
		err = find_acks(check);
	if (!err && again.ending != ENDED_DONE) {
		recording_release(&again);
		check_say(message, "%s fails when it is run a second time from the same files",
			check->argv[0]);
		return CHECK_REFUSED;
	}
	if (!err)
		err = compare_runs(check, &again, message);
	recording_release(&again);
	if (!err)
		err = check_find_chance(check);
	was_unsteady = check->is_unsteady;
	if (!err)
		err = check_find_order(check);
	if (!err && check->is_unsteady && !was_unsteady)
		check_say(message,
			"note: its tasks may come in another order; what follows is about one");
	if (err)
		check_say(message, "%s could not be recorded again: %s", check->argv[0],
			strerror(-err));
	return err ? CHECK_FAILED : CHECK_OK;
}

const char *check_cwd(const struct check *check)
{
	const struct program *program = &check->program;

	return !strcmp(program->cwd, program->directory) ? check->options->directory : program->cwd;
}
