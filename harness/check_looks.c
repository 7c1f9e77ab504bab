/*
 * Method: a decision tree of what was seen (check_seen.h) is asked first. What it does not know is
 * recorded, if that may pay, and what the recording looked at (check_collect.h) is remembered.
 */
#include "harness/check_looks.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/check_collect.h"
#include "harness/check_seen.h"
#include "harness/io.h"
#include "harness/record_program.h"

/* After so many runs in a row of which nothing certain is known, more would not help; nor after so
 * many that could not be recorded, which is told each time. */
enum { MAX_UNCERTAIN = 16, MAX_FAILURES = 2 };

/* Besides, runs under the recorder may take this part of the time that the others do. */
enum { LOSS_PART = 16 };

struct check_looks {
	struct check_looks_options options;
	struct program program;
	struct filter filter;
	mode_t mode; /* of the directory itself */
	char *argv[4];
	char *output, *errors, *printed; /* owned paths */
	char *variables[4];              /* owned; the environment */
	struct check_seen *seen;
	void *answers; /* owned; exact states that were asked about: see tsearch(3) */
	unsigned uncertain_in_a_row, failures;
	uint64_t recorded_us,
		legal_runs;            /* runs under the recorder, and those that were worth it */
	uint64_t asked_us, asked_runs; /* the others */
	uint64_t covered; /* count.alike, and those that were asked about all the same */
	struct check_looks_count count;
};

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- states that were asked about ---- */

struct known {
	XXH128_hash_t state; /* with the question */
	bool is_legal;
};

static int compare_known(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(XXH128_hash_t));
}

static XXH128_hash_t hash_question(const struct acks *acks)
{
	struct {
		XXH128_hash_t output;
		uint64_t count;
	} question = {XXH3_128bits(acks->output, acks->output_bytes), acks->count};

	return XXH3_128bits(&question, sizeof(question));
}

static XXH128_hash_t hash_state(const struct tree *tree, XXH128_hash_t question)
{
	XXH128_hash_t both[2] = {tree_hash(tree), question};

	return XXH3_128bits(both, sizeof(both));
}

static int add_known(struct check_looks *looks, XXH128_hash_t state, bool is_legal)
{
	struct known *known = malloc(sizeof(*known));
	void **found;

	if (!known)
		return -ENOMEM;
	*known = (struct known){state, is_legal};
	found = tsearch(known, &looks->answers, compare_known);
	if (!found || *(struct known **)found != known)
		free(known);
	return found ? 0 : -ENOMEM;
}

/* ---- a run ---- */

static bool is_same_file(const char *path, const char *other)
{
	struct stat st, other_st;

	return !stat(path, &st) && !stat(other, &other_st) && st.st_dev == other_st.st_dev &&
	       st.st_ino == other_st.st_ino;
}

/* Whether it writes to other files than those that take what it prints. */
static bool writes_outside(const struct check_looks *looks, const struct recording *recording)
{
	for (size_t i = 0; i < recording->outside_count; i++) {
		if (!is_same_file(recording->outside[i], looks->output) &&
			!is_same_file(recording->outside[i], looks->errors))
			return true;
	}
	return false;
}

/* Whether the recording holds all that it did, and it ended by itself. Stores through shared
 * mappings are in files that were opened, and so count as read as they were at first. */
static bool is_certain(const struct check_looks *looks, const struct recording *recording)
{
	bool has_exited = recording->ending == ENDED_DONE ||
	                  (recording->ending == ENDED_CRASH && WIFEXITED(recording->status));

	return has_exited && !(recording->notes & ~(unsigned)(NOTE_MAPPED | NOTE_LOUD)) &&
	       !recording->has_unseen && !writes_outside(looks, recording);
}

static int put_printed(const struct check_looks *looks, const struct acks *acks)
{
	int fd, err;

	if (unlink(looks->printed) && errno != ENOENT)
		return -errno;
	fd = open(looks->printed, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	err = io_write_all(fd, acks->output, acks->output_bytes);
	close(fd);
	return err;
}

static int record(struct check_looks *looks, const struct tree *tree, const struct acks *acks,
	struct recording *recording)
{
	struct program *program = &looks->program;
	struct plan plan = {.seed = looks->options.seed};
	struct stat st;
	int err = put_printed(looks, acks);

	/* No tree holds it, and the checker may have changed it. */
	if (!err && (fstat(program->directory_fd, &st) ||
			    (st.st_mode != looks->mode &&
				    fchmod(program->directory_fd, looks->mode & 07777))))
		err = -errno;
	memset(recording, 0, sizeof(*recording));
	if (err)
		return err;
	snprintf(program->variable, sizeof(program->variable), "TORNWRITE_ACKED=%u", acks->count);
	program->initial = (struct tree *)(uintptr_t)tree;
	err = program_record(program, &plan, &looks->filter, recording);
	program->initial = NULL;
	return err;
}

/* Returns 1: it is known how it ended, and remembered. 0: it is not. Or -ENOMEM. */
static int remember(struct check_looks *looks, const struct recording *recording,
	const struct tree *tree, const uint32_t *name_counts, XXH128_hash_t question)
{
	struct look_list list = {0};
	int err = check_collect(recording, &list);

	if (!err)
		err = check_seen_add(looks->seen, question, tree, name_counts, &list,
			recording->ending == ENDED_DONE);
	look_list_release(&list);
	return err == -ENOMEM ? err : !err;
}

/* Runs the checker under the recorder. Returns an answer or -ENOMEM. */
static int run(struct check_looks *looks, const struct tree *tree, const uint32_t *name_counts,
	const struct acks *acks, XXH128_hash_t question)
{
	uint64_t start_us = now_us();
	struct recording recording;
	int found = 0, err = record(looks, tree, acks, &recording);
	bool is_legal = !err && is_certain(looks, &recording) && recording.ending == ENDED_DONE;

	looks->count.run++;
	if (!err && is_certain(looks, &recording))
		found = remember(looks, &recording, tree, name_counts, question);
	recording_release(&recording);
	if (found < 0 || err == -ENOMEM)
		return -ENOMEM;
	looks->failures += err != 0;
	looks->count.uncertain += !found;
	looks->recorded_us += now_us() - start_us;
	looks->legal_runs += found && is_legal;
	looks->uncertain_in_a_row = found ? 0 : looks->uncertain_in_a_row + 1;
	return found && is_legal ? LOOKS_LEGAL : LOOKS_UNKNOWN;
}

/* ---- questions ---- */

static bool may_run(const struct check_looks *looks)
{
	uint64_t saved = looks->legal_runs + looks->count.alike;

	if (looks->uncertain_in_a_row >= MAX_UNCERTAIN || looks->failures >= MAX_FAILURES)
		return false;
	if (looks->asked_runs)
		saved = saved * looks->asked_us / looks->asked_runs;
	else
		saved = 0;
	return looks->recorded_us <= saved + looks->options.loss_us + looks->asked_us / LOSS_PART;
}

/* What follows from a run that saw the same. */
static int cover(struct check_looks *looks)
{
	looks->covered++;
	if (looks->covered & (looks->covered - 1)) {
		looks->count.alike++;
		return LOOKS_LEGAL;
	}
	return LOOKS_PROVE;
}

int check_looks_ask(struct check_looks *looks, const struct tree *tree, const struct acks *acks)
{
	XXH128_hash_t question = hash_question(acks), state = hash_state(tree, question);
	struct known **known = tfind(&state, &looks->answers, compare_known);
	enum check_seen_answer seen;
	uint32_t *name_counts;
	int found, err;

	if (looks->count.is_refuted)
		return LOOKS_UNKNOWN;
	if (known)
		return (*known)->is_legal ? LOOKS_LEGAL : LOOKS_UNKNOWN;
	name_counts = tree_count_names(tree);
	if (!name_counts)
		return -ENOMEM;
	seen = check_seen_find(looks->seen, question, tree, name_counts);
	if (seen == SEEN_LEGAL)
		found = cover(looks);
	else if (seen == SEEN_OTHER || !may_run(looks))
		found = LOOKS_UNKNOWN;
	else
		found = run(looks, tree, name_counts, acks, question);
	free(name_counts);
	if (found < 0)
		return found;
	err = add_known(looks, state, found != LOOKS_UNKNOWN);
	return err ? err : found;
}

void check_looks_refute(struct check_looks *looks)
{
	looks->count.is_refuted = true;
}

int check_looks_let(struct check_looks *looks, struct checker *checker, const struct tree *tree,
	const struct acks *acks, struct answer *answer)
{
	uint64_t start_us = now_us(), runs = checker_count(checker).run;
	int err = checker_ask(checker, tree, acks, answer);

	runs = checker_count(checker).run - runs;
	looks->asked_runs += runs;
	looks->asked_us += runs ? now_us() - start_us : 0;
	return err;
}

struct check_looks_count check_looks_count(const struct check_looks *looks)
{
	return looks->count;
}

/* ---- beginning and end ---- */

static char *join(const char *before, const char *after)
{
	char *text;

	return asprintf(&text, "%s%s", before, after) < 0 ? NULL : text;
}

static int name_all(struct check_looks *looks)
{
	const struct check_looks_options *options = &looks->options;

	looks->output = join(options->scratch, "-output");
	looks->errors = join(options->scratch, "-errors");
	looks->printed = join(options->scratch, "-printed");
	if (!looks->printed)
		return -ENOMEM;
	/* As in checker.c. */
	looks->variables[0] = join("TORNWRITE_DIR=", options->directory);
	looks->variables[1] = join("TORNWRITE_OUTPUT=", looks->printed);
	looks->variables[2] = join("PWD=", options->directory);
	looks->argv[0] = strdup("/bin/sh");
	looks->argv[1] = strdup("-c");
	looks->argv[2] = strdup(options->command);
	for (int i = 0; i < 3; i++) {
		if (!looks->variables[i] || !looks->argv[i])
			return -ENOMEM;
	}
	return looks->output && looks->errors ? 0 : -ENOMEM;
}

int check_looks_new(struct check_looks **out, const struct check_looks_options *options)
{
	struct check_looks *looks = calloc(1, sizeof(*looks));
	struct stat st;
	int err;

	*out = NULL;
	if (!looks)
		return -ENOMEM;
	looks->options = *options;
	looks->seen = check_seen_new();
	err = looks->seen ? name_all(looks) : -ENOMEM;
	if (!err && fstat(options->directory_fd, &st))
		err = -errno;
	if (!err)
		err = filter_init(&looks->filter,
			FILTER_PROGRAM | FILTER_LOOKS | FILTER_READS | FILTER_PATHS);
	looks->program = (struct program){.name = "the checker, under the recorder",
		.argv = looks->argv,
		.directory = options->directory,
		.cwd = options->directory,
		.directory_fd = options->directory_fd,
		.output = looks->output,
		.errors = looks->errors,
		.timeout_ms = options->timeout_ms,
		.is_limited = true,
		.environment = (const char *const *)looks->variables};
	if (!err) {
		looks->mode = st.st_mode;
		err = program_attach(&looks->program);
	}
	if (err) {
		check_looks_free(looks);
		return err;
	}
	*out = looks;
	return 0;
}

void check_looks_free(struct check_looks *looks)
{
	if (!looks)
		return;
	program_release(&looks->program);
	filter_release(&looks->filter);
	check_seen_free(looks->seen);
	tdestroy(looks->answers, free);
	if (looks->printed)
		unlink(looks->printed);
	if (looks->output)
		unlink(looks->output);
	if (looks->errors)
		unlink(looks->errors);
	for (int i = 0; i < 3; i++) {
		free(looks->variables[i]);
		free(looks->argv[i]);
	}
	free(looks->output);
	free(looks->errors);
	free(looks->printed);
	free(looks);
}
