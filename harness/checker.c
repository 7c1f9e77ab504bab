/*
 * Method: one question is a state and a number of acks; its answer is remembered under a hash of
 * both and of what had been printed. An answer about a state goes through such questions, from all
 * acks down to none. It stops at the first that is legal, and skips none: a checker may accept a
 * state for three acks and for one, but not for two. So a state that was asked about with fewer
 * acks before costs one more run.
 */
#include "harness/checker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/command.h"
#include "harness/interrupt.h"
#include "harness/io.h"
#include "harness/printable.h"

enum { SHELL_CANNOT_EXECUTE = 126, SHELL_NOT_FOUND = 127, SHELL_SIGNAL = 128 };

/* ANSWER_BROKEN here means: not legal for this number of acks. */
struct memory {
	XXH128_hash_t key;
	bool is_used;
	enum answer_kind kind;
	char *text; /* NULL when legal; owned */
};

struct checker {
	struct checker_options options;
	struct command *command;
	struct stat directory;
	char *output_path, *directory_variable, *output_variable, *pwd_variable;
	struct memory *memories; /* a hash table with linear probing */
	size_t used, capacity;   /* capacity is a power of two */
	struct checker_count count;
};

/* ---- words ---- */

/* What happened, and the last words. */
static void tell(char *text, const struct command_outcome *outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void tell(char *text, const struct command_outcome *outcome, const char *format, ...)
{
	const char *line = NULL;
	size_t size =
		outcome ? printable_last_line(outcome->output, outcome->output_bytes, &line) : 0;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, ANSWER_TEXT_BYTES, format, arguments);
	va_end(arguments);
	if (size) {
		if (text[0])
			printable_add(text, ANSWER_TEXT_BYTES, ": ", 2);
		printable_add(text, ANSWER_TEXT_BYTES, line, size);
	}
}

/* ---- memory ---- */

static XXH128_hash_t question_key(
	XXH128_hash_t tree, unsigned acked, const char *output, size_t output_bytes)
{
	struct {
		XXH128_hash_t tree, output;
		uint64_t acked;
	} question = {tree, XXH3_128bits(output, output_bytes), acked};

	return XXH3_128bits(&question, sizeof(question));
}

static struct memory *find_memory(const struct checker *checker, XXH128_hash_t key)
{
	size_t i = key.low64 & (checker->capacity - 1);

	while (checker->memories[i].is_used && !XXH128_isEqual(checker->memories[i].key, key))
		i = (i + 1) & (checker->capacity - 1);
	return &checker->memories[i];
}

static int grow_memory(struct checker *checker)
{
	struct checker larger = {.capacity = checker->capacity ? checker->capacity * 2 : 256};

	larger.memories = calloc(larger.capacity, sizeof(*larger.memories));
	if (!larger.memories)
		return -ENOMEM;
	for (size_t i = 0; i < checker->capacity; i++) {
		if (checker->memories[i].is_used)
			*find_memory(&larger, checker->memories[i].key) = checker->memories[i];
	}
	free(checker->memories);
	checker->memories = larger.memories;
	checker->capacity = larger.capacity;
	return 0;
}

/* ---- the state and what was printed, where the checker finds them ---- */

/* Only a missing directory is made anew. What else is there may be somebody's, for without a
 * namespace of its own a checker can take away what hid it; we would empty it. */
static int mend_directory(const struct checker *checker)
{
	const struct checker_options *options = &checker->options;
	struct stat mine, seen;
	int fd;

	if (fstat(options->directory_fd, &mine))
		return -errno;
	if (!lstat(options->directory, &seen)) {
		if (mine.st_dev != seen.st_dev || mine.st_ino != seen.st_ino)
			return -ESTALE;
		/* A mode could keep us out. */
		return mine.st_mode != checker->directory.st_mode &&
		                       fchmod(options->directory_fd,
					       checker->directory.st_mode & 07777)
		               ? -errno
		               : 0;
	}
	if (errno != ENOENT || mkdir(options->directory, 0700))
		return -errno;
	fd = open(options->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, checker->directory.st_mode & 07777) ||
		dup3(fd, options->directory_fd, O_CLOEXEC) < 0) {
		int err = -errno;

		if (fd >= 0)
			close(fd);
		return err;
	}
	close(fd);
	return 0;
}

/* A new file: whatever a checker has made of the old one does not matter. */
static int put_output(const struct checker *checker, const char *output, size_t output_bytes)
{
	int fd, err;

	if (unlink(checker->output_path) && errno != ENOENT)
		return -errno;
	fd = open(checker->output_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	err = io_write_all(fd, output, output_bytes);
	close(fd);
	return err;
}

/* ---- one question ---- */

struct question {
	const struct tree *tree;
	unsigned acked;
	const char *output;
	size_t output_bytes;
};

static int put_question(const struct checker *checker, const struct question *question, char *text)
{
	int err = mend_directory(checker);

	if (!err)
		err = tree_store_over(question->tree, checker->options.directory_fd);
	if (err == -ESTALE) {
		tell(text, NULL,
			"the checker has put something else in the place of the data directory");
	} else if (err) {
		tell(text, NULL, "a state cannot be put on disk: %s", strerror(-err));
	} else {
		err = put_output(checker, question->output, question->output_bytes);
		if (err)
			tell(text, NULL, "what had been printed cannot be written: %s",
				strerror(-err));
	}
	return err;
}

/* A signal that says that a program went wrong; others are how git and the like use numbers. */
static bool is_crash(int number)
{
	static const int crashes[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGSEGV,
		SIGSYS, SIGXCPU, SIGXFSZ};

	for (size_t i = 0; i < sizeof(crashes) / sizeof(*crashes); i++) {
		if (number == crashes[i])
			return true;
	}
	return false;
}

static int understand_exit(
	const struct checker *checker, const struct command_outcome *outcome, struct answer *answer)
{
	int status = outcome->number;

	if (status == SHELL_CANNOT_EXECUTE || status == SHELL_NOT_FOUND) {
		tell(answer->text, outcome,
			"the shell cannot run the checker, in the data directory (exit status %d)",
			status);
		return -ENOEXEC;
	}
	if (checker->options.is_server || is_crash(status - SHELL_SIGNAL)) {
		answer->kind = ANSWER_CRASHED;
		if (is_crash(status - SHELL_SIGNAL))
			tell(answer->text, outcome, "killed by SIG%s",
				sigabbrev_np(status - SHELL_SIGNAL));
		else
			tell(answer->text, outcome, "exit status %d", status);
		return 0;
	}
	answer->kind = status ? ANSWER_BROKEN : ANSWER_LEGAL;
	if (status)
		tell(answer->text, outcome, "%s", "");
	if (status && !answer->text[0])
		tell(answer->text, NULL, "exit status %d", status);
	return 0;
}

static void understand_line(const struct command_outcome *outcome, struct answer *answer)
{
	const char *text;
	size_t size = printable_last_line(outcome->line, outcome->line_bytes, &text);

	answer->kind = size == 2 && !memcmp(text, "ok", 2) ? ANSWER_LEGAL : ANSWER_BROKEN;
	if (answer->kind == ANSWER_LEGAL)
		return;
	printable_add(answer->text, sizeof(answer->text), text, size);
	if (!answer->text[0])
		tell(answer->text, NULL, "no reason given");
}

/* Returns 0 or what checker_ask() returns; -EPROTO may be had once. */
static int understand(
	const struct checker *checker, const struct command_outcome *outcome, struct answer *answer)
{
	answer->text[0] = 0;
	switch (outcome->end) {
	case COMMAND_EXITED:
		return understand_exit(checker, outcome, answer);
	case COMMAND_SIGNALLED:
		answer->kind = ANSWER_CRASHED;
		tell(answer->text, outcome, "killed by SIG%s",
			sigabbrev_np(outcome->number) ? sigabbrev_np(outcome->number) : "RT");
		return 0;
	case COMMAND_TIMED_OUT:
		answer->kind = ANSWER_HANGS;
		tell(answer->text, outcome, "no answer within %u ms", checker->options.timeout_ms);
		return 0;
	case COMMAND_ANSWERED:
		understand_line(outcome, answer);
		return 0;
	case COMMAND_BABBLED:
	case COMMAND_UNASKED:
		tell(answer->text, NULL,
			"the checker's answer is not one line for each question, but: ");
		printable_add(
			answer->text, sizeof(answer->text), outcome->line, outcome->line_bytes);
	}
	return -EPROTO;
}

/* Runs the checker once. -EPROTO with *may_retry: a new server may do better. */
static int ask_once(struct checker *checker, const struct question *question, struct answer *answer,
	bool *may_retry)
{
	struct command_outcome outcome;
	char words[2 * PATH_MAX + 32];
	int err;

	*may_retry = false;
	if (interrupt_signal()) {
		tell(answer->text, NULL, "interrupted");
		return -EINTR;
	}
	err = put_question(checker, question, answer->text);
	if (err)
		return err;
	checker->count.run++;
	if (checker->options.is_server) {
		snprintf(words, sizeof(words), "%u\t%s\t%s\n", question->acked,
			checker->options.directory, checker->output_path);
		err = command_ask(checker->command, words, &outcome);
	} else {
		snprintf(words, sizeof(words), "%u", question->acked);
		err = command_run(checker->command, words, &outcome);
	}
	if (err) {
		tell(answer->text, NULL, "the checker cannot be run: %s", strerror(-err));
		return err;
	}
	err = understand(checker, &outcome, answer);
	/* What came unasked may have been the true answer to a question before. */
	*may_retry = (err == -EPROTO && outcome.end == COMMAND_BABBLED) ||
	             (!err && (answer->kind == ANSWER_CRASHED || answer->kind == ANSWER_HANGS));
	return err;
}

/* ---- all questions about a state ---- */

static int ask_question(struct checker *checker, const struct question *question,
	XXH128_hash_t hash, struct answer *answer)
{
	XXH128_hash_t key =
		question_key(hash, question->acked, question->output, question->output_bytes);
	struct memory *memory;
	bool may_retry;
	int err = 0;

	if (checker->used * 2 >= checker->capacity)
		err = grow_memory(checker);
	if (err) {
		tell(answer->text, NULL, "%s", strerror(-err));
		return err;
	}
	memory = find_memory(checker, key);
	if (memory->is_used) {
		checker->count.remembered++;
		answer->kind = memory->kind;
		snprintf(
			answer->text, sizeof(answer->text), "%s", memory->text ? memory->text : "");
		return 0;
	}
	err = ask_once(checker, question, answer, &may_retry);
	if (may_retry) {
		int first_err = err;
		enum answer_kind first = answer->kind;

		err = ask_once(checker, question, answer, &may_retry);
		checker->count.unsteady += err != first_err || (!err && answer->kind != first);
	}
	if (err)
		return err;
	*memory = (struct memory){.key = key, .is_used = true, .kind = answer->kind};
	if (answer->text[0])
		memory->text = strdup(answer->text); /* without it there is no reason, no more */
	checker->used++;
	return 0;
}

int checker_ask(struct checker *checker, const struct tree *tree, const struct acks *acks,
	struct answer *answer)
{
	XXH128_hash_t hash = tree_hash(tree);
	char reason[ANSWER_TEXT_BYTES] = "";

	checker->count.asked++;
	*answer = (struct answer){0};
	for (unsigned acked = acks->count;; acked--) {
		struct question question = {tree, acked, acks->output,
			acked == acks->count ? acks->output_bytes : acks->ends[acked]};
		int err = ask_question(checker, &question, hash, answer);

		if (err)
			return err;
		if (answer->kind == ANSWER_CRASHED || answer->kind == ANSWER_HANGS)
			return 0;
		if (answer->kind == ANSWER_LEGAL) {
			answer->legal_for = acked;
			if (acked == acks->count)
				return 0;
			answer->kind = ANSWER_OLDER;
		}
		if (acked == acks->count)
			memcpy(reason, answer->text, sizeof(reason));
		if (!acked || answer->kind == ANSWER_OLDER)
			break;
	}
	memcpy(answer->text, reason, sizeof(reason));
	return 0;
}

struct checker_count checker_count(const struct checker *checker)
{
	return checker->count;
}

/* ---- a checker's life ---- */

static int make_output(struct checker *checker)
{
	int fd;

	if (asprintf(&checker->output_path, "%s/printed-XXXXXX", checker->options.scratch) < 0) {
		checker->output_path = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(checker->output_path, O_CLOEXEC);
	if (fd < 0) {
		int err = -errno;

		free(checker->output_path);
		checker->output_path = NULL;
		return err;
	}
	close(fd);
	return 0;
}

static char *make_variable(const char *name, const char *value)
{
	char *variable;

	return asprintf(&variable, "%s=%s", name, value) < 0 ? NULL : variable;
}

static int start_command(struct checker *checker)
{
	const struct checker_options *options = &checker->options;
	const char *variables[] = {NULL, NULL, NULL, NULL};
	struct command_options command = {
		.text = options->command,
		.directory = options->directory,
		.variables = variables,
		.changing = "TORNWRITE_ACKED",
		.timeout_ms = options->timeout_ms,
		.is_server = options->is_server,
	};

	variables[0] = checker->directory_variable =
		make_variable("TORNWRITE_DIR", options->directory);
	variables[1] = checker->output_variable =
		make_variable("TORNWRITE_OUTPUT", checker->output_path);
	/* The shell takes it for granted that this is another name of where it is. */
	variables[2] = checker->pwd_variable = make_variable("PWD", options->directory);
	if (!variables[0] || !variables[1] || !variables[2])
		return -ENOMEM;
	return command_new(&checker->command, &command);
}

int checker_new(struct checker **out, const struct checker_options *options)
{
	struct checker *checker;
	struct stat seen;
	int err = 0;

	*out = NULL;
	if (options->is_server && strpbrk(options->directory, "\t\n"))
		return -EINVAL;
	checker = calloc(1, sizeof(*checker));
	if (!checker)
		return -ENOMEM;
	checker->options = *options;
	/* What is in the directory will be removed: it must be the right one. */
	if (fstat(options->directory_fd, &checker->directory) || lstat(options->directory, &seen))
		err = -errno;
	else if (checker->directory.st_dev != seen.st_dev ||
		 checker->directory.st_ino != seen.st_ino)
		err = -EINVAL;
	if (!err)
		err = make_output(checker);
	if (!err)
		err = start_command(checker);
	if (err) {
		checker_free(checker);
		return err;
	}
	*out = checker;
	return 0;
}

void checker_free(struct checker *checker)
{
	if (!checker)
		return;
	command_free(checker->command);
	if (checker->output_path)
		unlink(checker->output_path);
	for (size_t i = 0; i < checker->capacity; i++)
		free(checker->memories[i].text);
	free(checker->memories);
	free(checker->output_path);
	free(checker->directory_variable);
	free(checker->output_variable);
	free(checker->pwd_variable);
	free(checker);
}
