/* Recording somebody's program in a directory of its own: for tests of record_program.h. The
 * including test is in a scratch directory and fills `program_filter` in main(). */
#ifndef TORNWRITE_TESTS_PROGRAM_RUN_H
#define TORNWRITE_TESTS_PROGRAM_RUN_H

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/explain.h"
#include "harness/record_program.h"
#include "tests/scratch.h"

enum { PROGRAM_TIMEOUT_MS = 30000, PROGRAM_MAX_WORDS = 8 };

static struct filter program_filter;

/* What is recorded, again and again. */
struct recorded {
	struct program program;
	char *argv[PROGRAM_MAX_WORDS + 1];
	char directory[PATH_MAX + 16], output[PATH_MAX + 16], errors[PATH_MAX + 16];
	regex_t ack;
};

static inline char *recorded_read(const char *path)
{
	static char text[4096];
	FILE *stream = fopen(path, "re");
	size_t got = stream ? fread(text, 1, sizeof(text) - 1, stream) : 0;

	if (stream)
		fclose(stream);
	text[got] = 0;
	return text;
}

/* Fails the test when the command fails. It is no part of what is recorded. */
static inline void recorded_shell(struct recorded *recorded, const char *command)
{
	int status = program_shell(&recorded->program, command, PROGRAM_TIMEOUT_MS);

	if (status)
		fail_msg("status %d of: %s: %s", status, command, recorded_read(recorded->errors));
}

/* An empty directory in which `setup` (NULL: nothing) has run, and the command. `ack` is a regular
 * expression, or NULL. Pair with recorded_release(). */
static inline void recorded_init(
	struct recorded *recorded, const char *setup, const char *const *argv, const char *ack)
{
	memset(recorded, 0, sizeof(*recorded));
	snprintf(recorded->directory, sizeof(recorded->directory), "%s/data", scratch_path);
	snprintf(recorded->output, sizeof(recorded->output), "%s/output", scratch_path);
	snprintf(recorded->errors, sizeof(recorded->errors), "%s/errors", scratch_path);
	for (int i = 0; argv[i]; i++) {
		assert_true(i < PROGRAM_MAX_WORDS);
		recorded->argv[i] = (char *)(uintptr_t)argv[i];
	}
	recorded->program = (struct program){.name = argv[0],
		.argv = recorded->argv,
		.directory = recorded->directory,
		.cwd = recorded->directory,
		.output = recorded->output,
		.errors = recorded->errors,
		.timeout_ms = PROGRAM_TIMEOUT_MS};
	if (ack) {
		assert_int_equal(regcomp(&recorded->ack, ack, REG_EXTENDED | REG_NOSUB), 0);
		recorded->program.ack = &recorded->ack;
	}
	assert_true(!mkdir(recorded->directory, 0755) || errno == EEXIST);
	recorded->program.directory_fd =
		open(recorded->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(recorded->program.directory_fd >= 0);
	assert_int_equal(tree_wipe(recorded->program.directory_fd), 0);
	if (setup)
		recorded_shell(recorded, setup);
	assert_int_equal(program_init(&recorded->program), 0);
}

static inline void recorded_release(struct recorded *recorded)
{
	if (recorded->program.ack)
		regfree(&recorded->ack);
	close(recorded->program.directory_fd);
	program_release(&recorded->program);
}

static inline void recorded_print(
	const struct recorded *recorded, const struct recording *recording)
{
	for (size_t i = 0; i < recording->count; i++) {
		if (recording->events[i].kind != EVENT_OP)
			continue;
		explain_op(recording, i, stderr);
		fputc('\n', stderr);
	}
	fprintf(stderr, "ending %d, status %#x, notes %#x\n%s", recording->ending,
		recording->status, recording->notes, recorded_read(recorded->errors));
}

/* Runs it once under the plan; NULL: without a fault. program_record() itself holds the recording
 * against the files on disk. */
static inline void recorded_record(
	struct recorded *recorded, const struct plan *plan, struct recording *recording)
{
	static const struct plan no_fault;
	int err = program_record(
		&recorded->program, plan ? plan : &no_fault, &program_filter, recording);

	if (err || getenv("PRINT"))
		recorded_print(recorded, recording);
	if (err)
		fail_msg("%s: %s", recorded->program.name, strerror(-err));
}

static inline size_t recorded_acks(const struct recording *recording)
{
	size_t acks = 0;

	for (size_t i = 0; i < recording->count; i++)
		acks += recording->events[i].kind == EVENT_ACK;
	return acks;
}

#endif
