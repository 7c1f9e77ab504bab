/*
 * Opening a check: the sandbox, the copy of the user's directory, two clean runs, what is legal,
 * and the judge, who is tried on what no crash has touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/check_private.h"
#include "harness/printable.h"
#include "harness/sandbox.h"

enum { SETUP_TIMEOUT_MS = 60000, SHOWN_OUTPUT = 2000, MAX_FILES = 50000, SETUP_SKIPS = 77 };

/* ---- words ---- */

__attribute__((format(printf, 2, 3))) static void say(char *message, const char *format, ...)
{
	char text[CHECK_MESSAGE_BYTES];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	for (char *line = text, *next; line; line = next) {
		size_t length = strlen(message);

		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (length && length + 1 < CHECK_MESSAGE_BYTES) {
			message[length++] = '\n';
			message[length] = 0;
		}
		printable_add(message, CHECK_MESSAGE_BYTES, line, strlen(line));
	}
}

/* The end of what a program said on standard output and error. */
static void say_output(char *message, const char *path)
{
	char text[SHOWN_OUTPUT + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	ssize_t got = fd < 0 ? 0
	                     : pread(fd, text, SHOWN_OUTPUT,
				       size > SHOWN_OUTPUT ? size - SHOWN_OUTPUT : 0);

	if (fd >= 0)
		close(fd);
	while (got > 0 && text[got - 1] == '\n')
		got--;
	if (got <= 0)
		return;
	text[got] = 0;
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		say(message, "  | %s", line);
	}
}

static void say_status(char *message, const char *what, int status)
{
	if (WIFSIGNALED(status))
		say(message, "%s died of signal %d (%s)", what, WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		say(message, "%s failed with exit status %d", what, WEXITSTATUS(status));
}

/* ---- the directory ---- */

/* A directory that the user does not have: its parent is covered, and it made there. */
static int make_place(const char *directory)
{
	char parent[PATH_MAX];
	int err;

	snprintf(parent, sizeof(parent), "%s", directory);
	*strrchr(parent, '/') = 0;
	err = sandbox_cover(parent);
	return err ? err : mkdir(directory, 0755) ? -errno : 0;
}

/* Covers the directory, or makes another one where that is not allowed, and opens it. */
static int take_directory(struct check *check, unsigned job)
{
	const char *directory = check->options->directory;
	int err;

	if (check->is_in_sandbox && check->options->is_empty) {
		err = make_place(directory);
	} else if (check->is_in_sandbox) {
		err = sandbox_cover(directory);
	} else {
		free(check->work);
		if (asprintf(&check->work, "%s/data-%u", check->scratch, job) < 0)
			check->work = NULL;
		directory = check->work;
		err = !directory ? -ENOMEM : mkdir(directory, 0777) && errno != EEXIST ? -errno : 0;
	}
	if (err)
		return err;
	check->program.directory = directory;
	check->program.directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return check->program.directory_fd < 0 ? -errno : 0;
}

static int name_files(struct check *check, unsigned job)
{
	free(check->output);
	free(check->errors);
	check->output = check->errors = NULL;
	if (asprintf(&check->output, "%s/output-%u", check->scratch, job) < 0)
		check->output = NULL;
	if (asprintf(&check->errors, "%s/errors-%u", check->scratch, job) < 0)
		check->errors = NULL;
	check->program.output = check->output;
	check->program.errors = check->errors;
	return check->output && check->errors ? 0 : -ENOMEM;
}

/* ---- the command ---- */

static char *put_directory(const char *word, const char *directory)
{
	const char *at = strstr(word, "{dir}");
	char *put;

	if (!at)
		return strdup(word);
	return asprintf(&put, "%.*s%s%s", (int)(at - word), word, directory, at + 5) < 0 ? NULL
	                                                                                 : put;
}

static int set_command(struct check *check)
{
	char *const *argv = check->options->argv;
	size_t count = 0;

	while (argv[count])
		count++;
	for (size_t i = 0; check->argv && i < count; i++)
		free(check->argv[i]);
	free(check->argv);
	check->argv = calloc(count + 1, sizeof(*check->argv));
	for (size_t i = 0; check->argv && i < count; i++) {
		check->argv[i] = put_directory(argv[i], check->program.directory);
		if (!check->argv[i])
			return -ENOMEM;
	}
	check->program.argv = check->argv;
	return check->argv ? 0 : -ENOMEM;
}

/* ---- opening ---- */

/* A copy of it is held in memory several times. */
static enum check_end check_size(const struct check_options *options, char *message)
{
	char *paths[] = {(char *)(uintptr_t)options->directory, NULL};
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	uint64_t bytes = 0, count = 0;
	FTSENT *entry;

	while (walk && (entry = fts_read(walk))) {
		if (entry->fts_info == FTS_D || entry->fts_info == FTS_F)
			count++;
		if (entry->fts_info == FTS_F)
			bytes += (uint64_t)entry->fts_statp->st_size;
	}
	if (walk)
		fts_close(walk);
	if (bytes <= options->max_bytes && count <= MAX_FILES)
		return CHECK_OK;
	say(message,
		"%s holds %llu MiB in %llu files, and that is too much; watch a smaller directory "
		"(--dir)%s",
		options->directory, (unsigned long long)bytes >> 20, (unsigned long long)count,
		bytes > options->max_bytes ? ", or allow it (--max-size)" : "");
	return CHECK_REFUSED;
}

/* The user's own files. */
static enum check_end read_users(
	const struct check_options *options, struct tree **users, char *message)
{
	struct tree_notes notes = {0};
	int fd = open(options->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 ? -errno : tree_load_noting(fd, users, NULL, &notes);

	if (fd >= 0)
		close(fd);
	if (err) {
		say(message, "%s: %s", options->directory, strerror(-err));
		return CHECK_REFUSED;
	}
	if (notes.special_count)
		say(message, "warning: left out of the copy: %s%s, no file, directory or link",
			notes.special, notes.special_count > 1 ? " and more like it" : "");
	if (notes.unreadable_count)
		say(message, "warning: left out of the copy: %s%s, which may not be read",
			notes.unreadable, notes.unreadable_count > 1 ? " and more like it" : "");
	return CHECK_OK;
}

static enum check_end load_directory(struct check *check, char *message)
{
	const struct check_options *options = check->options;
	struct tree *users = NULL;
	enum check_end end = CHECK_OK;
	int err;

	if (!options->is_empty)
		end = check_size(options, message);
	if (!options->is_empty && end == CHECK_OK)
		end = read_users(options, &users, message);
	if (end != CHECK_OK) {
		tree_unref(users);
		return end;
	}
	check->is_in_sandbox = !sandbox_enter();
	if (!check->is_in_sandbox)
		say(message,
			"note: namespaces are not allowed here: the program runs in a copy under "
			"another path;\n'{dir}' in the command stands for it");
	err = take_directory(check, UINT_MAX);
	if (!err)
		err = name_files(check, UINT_MAX);
	if (!err)
		err = set_command(check);
	if (!err && users)
		err = tree_store(users, check->program.directory_fd);
	tree_unref(users);
	if (err)
		say(message, "the copy of %s could not be made: %s", options->directory,
			strerror(-err));
	return err ? CHECK_FAILED : CHECK_OK;
}

static enum check_end run_setup(struct check *check, char *message)
{
	int status;

	if (!check->options->setup)
		return CHECK_OK;
	status = program_shell(&check->program, check->options->setup, SETUP_TIMEOUT_MS);
	if (!status)
		return CHECK_OK;
	if (status < 0)
		say(message, "--setup: %s", strerror(-status));
	else
		say_status(message, "--setup", status);
	say_output(message, check->output);
	say_output(message, check->errors);
	return CHECK_REFUSED;
}

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
static enum check_end check_clean_run(
	struct check *check, const struct recording *recording, char *message)
{
	const char *name = check->argv[0];

	if (recording->ending == ENDED_HANG || recording->ending == ENDED_ENDLESS) {
		say(message,
			recording->ending == ENDED_HANG
				? "%s hangs without any fault"
				: "%s makes more operations than can be recorded",
			name);
	} else if (recording->notes & NOTE_LOUD) {
		say(message,
			"%s prints more than %d MiB: what it acknowledges after that is not heard",
			name, PROGRAM_MAX_OUTPUT >> 20);
		return CHECK_REFUSED;
	} else if (recording->ending != ENDED_DONE) {
		char what[PATH_MAX];

		snprintf(what, sizeof(what), "without any fault %s", name);
		say_status(message, what, recording->status);
	} else if (!changes_anything(recording)) {
		say(message, "%s changes nothing in %s", name, check->options->directory);
		for (size_t i = 0; i < recording->outside_count; i++)
			say(message, "  it writes to %s", recording->outside[i]);
		return CHECK_NOTHING;
	} else {
		return CHECK_OK;
	}
	say_output(message, check->output);
	say_output(message, check->errors);
	return CHECK_REFUSED;
}

static void warn(struct check *check, const struct recording *recording, char *message)
{
	const char *name = check->argv[0];

	for (size_t i = 0; i < recording->outside_count; i++)
		say(message, "warning: it also writes to %s, which is not watched",
			recording->outside[i]);
	if (recording->notes & NOTE_SETUID)
		say(message, "warning: a set-uid program was run, without its privileges");
	if (recording->notes & NOTE_PTRACE)
		say(message, "warning: it wanted to trace a process (ptrace), and cannot");
	if (recording->notes & NOTE_SPECIAL)
		say(message, "warning: it makes a device, fifo or socket, which is not judged");
	if (recording->notes & NOTE_LEFT_RUNNING)
		say(message, "warning: %s left processes running, which were killed", name);
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

	check->is_unsteady = !recordings_have_same_shape(&check->clean, again, false);
	check->has_steady_names = recordings_have_same_shape(&check->clean, again, true);
	if (check->is_unsteady)
		say(message, "note: two clean runs made different operations; what follows is "
			     "about the first");
	if (!err)
		err = check_compare_legal(check, legal, count, &rules, &check->varying);
	for (size_t i = 0; !err && !options->checker && i < check->varying.count; i++) {
		varying_say(&check->varying.items[i], text, sizeof(text));
		say(message, "note: %s", text);
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
		say(message, "%s: %s", check->argv[0],
			strerror(program_start_error(&check->program)));
		return CHECK_REFUSED;
	}
	if (err == -ENOTRECOVERABLE)
		return CHECK_UNABLE;
	if (!err)
		return check_clean_run(check, &check->clean, message);
	say(message, "%s could not be recorded: %s", check->argv[0], strerror(-err));
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
		say(message, "the command is not run, for it would change your own files; write "
			     "'{dir}' in place of the directory");
		return CHECK_UNABLE;
	}
	if (cwd)
		return record_first(check, cwd, message);
	end = record_first(check, check->program.directory, other);
	if ((end != CHECK_REFUSED && end != CHECK_NOTHING) || !here || !is_safe(check, here) ||
		!strcmp(here, options->directory)) {
		say(message, "%s", other);
		return end;
	}
	if (record_first(check, here, message) == CHECK_OK) {
		say(message, "note: the command is run in %s; in %s it fails, or changes nothing",
			here, options->directory);
		return CHECK_OK;
	}
	*message = 0;
	say(message, "%s", other);
	say(message, "(it was run in %s)", options->directory);
	return end;
}

static enum check_end record_clean(struct check *check, char *message)
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
		say(message, "%s fails when it is run a second time from the same files",
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
		say(message,
			"note: its tasks may come in another order; what follows is about one");
	if (err)
		say(message, "%s could not be recorded again: %s", check->argv[0], strerror(-err));
	return err ? CHECK_FAILED : CHECK_OK;
}

const char *check_cwd(const struct check *check)
{
	const struct program *program = &check->program;

	return !strcmp(program->cwd, program->directory) ? check->options->directory : program->cwd;
}

/* ---- the judge ---- */

int check_make_judge(struct check *check)
{
	const struct check_options *options = check->options;
	struct oracle_rules own = {
		.ignored = options->ignored, .ignored_count = options->ignored_count};
	struct oracle_rules other = own, lenient = own;
	int err;

	if (options->checker)
		return checker_new(
			&check->checker, &(struct checker_options){.command = options->checker,
						 .is_server = options->is_server,
						 .timeout_ms = options->checker_timeout_ms,
						 .directory = check->program.directory,
						 .directory_fd = check->program.directory_fd,
						 .scratch = check->scratch});
	other.varying = &check->varying;
	lenient.varying = &check->chance;
	err = oracle_new(&check->own, check->legal, check->legal_count, &own);
	if (!err)
		err = oracle_new(&check->other, check->legal, check->legal_count, &other);
	if (!err && check->chance.count)
		err = oracle_new(&check->lenient, check->legal, check->legal_count, &lenient);
	return err;
}

static void drop_judge(struct check *check)
{
	oracle_free(check->own);
	oracle_free(check->other);
	oracle_free(check->lenient);
	checker_free(check->checker);
	check->own = check->other = check->lenient = NULL;
	check->checker = NULL;
}

/* A judge that rejects what is there without any crash is wrong, or the program is. */
static enum check_end try_judge(struct check *check, char *message)
{
	struct acks none = check->acks;
	struct flaws before, after;
	char why[CHECK_MESSAGE_BYTES] = "";
	int err = check_make_judge(check);

	none.count = none.output_bytes = 0;
	if (!err)
		err = check_state(check, check->clean.initial, &none, true, &before, why);
	if (!err)
		err = check_state(check, check->clean.final, &check->acks, true, &after, why);
	drop_judge(check);
	if (err) {
		say(message, "%s", *why ? why : strerror(-err));
		return err == -ENOEXEC || err == -EPROTO || err == -ESTALE ? CHECK_REFUSED
		                                                           : CHECK_FAILED;
	}
	if (before.is_legal && after.is_legal)
		return CHECK_OK;
	say(message, "the checker rejects the state %s, without any crash: %s",
		!before.is_legal ? "before the command" : "after the command",
		!before.is_legal ? before.items[0].text : after.items[0].text);
	say(message, "It is wrong, or the program is.");
	return CHECK_REFUSED;
}

enum check_end check_open(struct check **out, const struct check_options *options,
	const char *scratch, char message[CHECK_MESSAGE_BYTES])
{
	struct check *check = calloc(1, sizeof(*check));
	enum check_end end;

	*out = check;
	*message = 0;
	if (!check)
		return CHECK_FAILED;
	check->options = options;
	check->scratch = scratch;
	check->program = (struct program){
		.name = options->subject, .directory_fd = -1, .timeout_ms = options->timeout_ms};
	if (options->ack && regcomp(&check->ack, options->ack, REG_EXTENDED | REG_NOSUB)) {
		say(message, "--ack %s: no regular expression", options->ack);
		return CHECK_REFUSED;
	}
	check->has_ack = options->ack;
	check->program.ack = options->ack ? &check->ack : NULL;
	if (filter_init(&check->filter, FILTER_PROGRAM) ||
		filter_init(&check->reads_filter, FILTER_PROGRAM | FILTER_READS) ||
		filter_init(&check->crew_filter, FILTER_PROGRAM | FILTER_LOOKS)) {
		say(message, "libseccomp could not be started");
		return CHECK_FAILED;
	}
	end = load_directory(check, message);
	if (end == CHECK_OK)
		end = run_setup(check, message);
	if (end == CHECK_OK && program_init(&check->program)) {
		say(message, "the directory could not be read after the set-up");
		end = CHECK_REFUSED;
	}
	if (end == CHECK_OK)
		end = record_clean(check, message);
	if (end == CHECK_OK)
		end = try_judge(check, message);
	return end;
}

void check_close(struct check *check)
{
	if (!check)
		return;
	drop_judge(check);
	check_forget(check);
	check_free_legal(check->legal, check->legal_count);
	varying_list_release(&check->varying);
	varying_list_release(&check->chance);
	recording_release(&check->clean);
	if (check->program.directory_fd >= 0)
		close(check->program.directory_fd);
	program_release(&check->program);
	filter_release(&check->filter);
	filter_release(&check->reads_filter);
	filter_release(&check->crew_filter);
	if (check->has_ack)
		regfree(&check->ack);
	for (size_t i = 0; check->argv && check->argv[i]; i++)
		free(check->argv[i]);
	free(check->argv);
	free(check->ends);
	free(check->output);
	free(check->errors);
	free(check->work);
	free(check);
}

int check_attach(struct check *check, unsigned job)
{
	bool was_inside = !strcmp(check->program.cwd, check->program.directory);
	int err = check->is_in_sandbox ? sandbox_part() : 0;

	if (!err)
		err = program_attach(&check->program);
	if (!err)
		err = take_directory(check, job);
	if (!err)
		err = name_files(check, job);
	if (!err && was_inside)
		check->program.cwd = check->program.directory;
	if (!err)
		err = set_command(check);
	return err ? err : check_make_judge(check);
}

const struct recording *check_clean(const struct check *check)
{
	return &check->clean;
}
