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
#include "harness/sandbox.h"

enum { SETUP_TIMEOUT_MS = 60000, MAX_FILES = 50000, LOOKS_LOSS_US = 1000000 };

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
	check_say(message,
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
		check_say(message, "%s: %s", options->directory, strerror(-err));
		return CHECK_REFUSED;
	}
	if (notes.special_count)
		check_say(message,
			"warning: left out of the copy: %s%s, no file, directory or link",
			notes.special, notes.special_count > 1 ? " and more like it" : "");
	if (notes.unreadable_count)
		check_say(message, "warning: left out of the copy: %s%s, which may not be read",
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
		check_say(message,
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
		check_say(message, "the copy of %s could not be made: %s", options->directory,
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
		check_say(message, "--setup: %s", strerror(-status));
	else
		check_say_status(message, "--setup", status);
	check_say_output(message, check->output);
	check_say_output(message, check->errors);
	return CHECK_REFUSED;
}
/* ---- the judge ---- */

static int make_checker(struct check *check)
{
	const struct check_options *options = check->options;
	const struct program *program = &check->program;
	int err =
		checker_new(&check->checker, &(struct checker_options){.command = options->checker,
						     .is_server = options->is_server,
						     .timeout_ms = options->checker_timeout_ms,
						     .directory = program->directory,
						     .directory_fd = program->directory_fd,
						     .scratch = check->scratch});

	if (err || !options->has_looks)
		return err;
	return check_looks_new(
		&check->looks, &(struct check_looks_options){.command = options->checker,
				       .directory = program->directory,
				       .directory_fd = program->directory_fd,
				       .scratch = check->output,
				       .timeout_ms = options->checker_timeout_ms,
				       .seed = options->seed,
				       .loss_us = LOOKS_LOSS_US});
}

int check_make_judge(struct check *check)
{
	const struct check_options *options = check->options;
	struct oracle_rules own = {
		.ignored = options->ignored, .ignored_count = options->ignored_count};
	struct oracle_rules other = own, lenient = own;
	int err;

	if (options->checker)
		return make_checker(check);
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
	check_looks_free(check->looks);
	check->own = check->other = check->lenient = NULL;
	check->checker = NULL;
	check->looks = NULL;
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
		check_say(message, "%s", *why ? why : strerror(-err));
		return err == -ENOEXEC || err == -EPROTO || err == -ESTALE ? CHECK_REFUSED
		                                                           : CHECK_FAILED;
	}
	if (before.is_legal && after.is_legal)
		return CHECK_OK;
	check_say(message, "the checker rejects the state %s, without any crash: %s",
		!before.is_legal ? "before the command" : "after the command",
		!before.is_legal ? before.items[0].text : after.items[0].text);
	check_say(message, "It is wrong, or the program is.");
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
		check_say(message, "--ack %s: no regular expression", options->ack);
		return CHECK_REFUSED;
	}
	check->has_ack = options->ack;
	check->program.ack = options->ack ? &check->ack : NULL;
	if (filter_init(&check->filter, FILTER_PROGRAM) ||
		filter_init(&check->reads_filter, FILTER_PROGRAM | FILTER_READS) ||
		filter_init(&check->crew_filter, FILTER_PROGRAM | FILTER_LOOKS)) {
		check_say(message, "libseccomp could not be started");
		return CHECK_FAILED;
	}
	end = load_directory(check, message);
	if (end == CHECK_OK)
		end = run_setup(check, message);
	if (end == CHECK_OK && program_init(&check->program)) {
		check_say(message, "the directory could not be read after the set-up");
		end = CHECK_REFUSED;
	}
	if (end == CHECK_OK)
		end = check_record_clean(check, message);
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
