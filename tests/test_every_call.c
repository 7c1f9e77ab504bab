/*
 * The recording of a program that makes every call replays: record_program.h holds it against the
 * files on disk. What is looked at here is that the calls were seen, and how it ended.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/explain.h"
#include "harness/record_program.h"
#include "tests/scratch.h"

enum { TIMEOUT_MS = 20000 };

static struct filter filter;
static char program_path[PATH_MAX];

/* Records `every_call recorded` in a directory of its own. */
static int record(const char *path, const struct plan *plan, struct recording *recording)
{
	char *arguments[] = {(char *)path, (char *)"recorded", NULL};
	char directory[PATH_MAX + 8], output[PATH_MAX + 8], errors[PATH_MAX + 8];
	struct program program = {.name = "every_call",
		.argv = arguments,
		.directory = directory,
		.cwd = directory,
		.output = output,
		.errors = errors,
		.timeout_ms = TIMEOUT_MS};
	int err;

	snprintf(directory, sizeof(directory), "%s/data", scratch_path);
	snprintf(output, sizeof(output), "%s/output", scratch_path);
	snprintf(errors, sizeof(errors), "%s/errors", scratch_path);
	assert_true(!mkdir(directory, 0700) || errno == EEXIST);
	program.directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(program.directory_fd >= 0);
	assert_int_equal(tree_wipe(program.directory_fd), 0);
	err = program_init(&program);
	if (!err)
		err = program_record(&program, plan, &filter, recording);
	program_release(&program);
	close(program.directory_fd);
	return err;
}

static void print(const struct recording *recording)
{
	char path[PATH_MAX + 8], line[256];
	FILE *errors;

	for (size_t i = 0; i < recording->count; i++) {
		if (recording->events[i].kind != EVENT_OP)
			continue;
		explain_op(recording, i, stderr);
		fputc('\n', stderr);
	}
	snprintf(path, sizeof(path), "%s/errors", scratch_path);
	errors = fopen(path, "re");
	while (errors && fgets(line, sizeof(line), errors))
		fputs(line, stderr);
	if (errors)
		fclose(errors);
}

static void assert_replays(const char *name)
{
	static const struct plan no_fault;
	static const enum point_id points_seen[] = {POINT_OPEN, POINT_CLOSE, POINT_WRITE,
		POINT_PWRITE, POINT_WRITEV, POINT_PWRITEV, POINT_TRUNCATE, POINT_FTRUNCATE,
		POINT_FALLOCATE, POINT_FSYNC, POINT_FDATASYNC, POINT_SYNC, POINT_SYNCFS,
		POINT_FLOCK, POINT_RENAME, POINT_LINK, POINT_UNLINK, POINT_MKDIR, POINT_RMDIR,
		POINT_SYMLINK, POINT_CHMOD, POINT_SENDFILE, POINT_SPLICE, POINT_MKNOD, POINT_MSYNC,
		POINT_CHOWN, POINT_UTIME, POINT_SYNC_FILE_RANGE, POINT_STORE, POINT_DUP};
	char path[PATH_MAX + 32];
	struct recording recording;
	bool has[POINT_COUNT] = {false};
	int err;

	snprintf(path, sizeof(path), "%s/%s", program_path, name);
	if (access(path, X_OK)) {
		print_message("there is no %s\n", name);
		skip();
	}
	err = record(path, &no_fault, &recording);
	if (err || recording.ending != ENDED_DONE || getenv("PRINT"))
		print(&recording);
	assert_int_equal(err, 0);
	assert_int_equal(recording.ending, ENDED_DONE);
	for (size_t i = 0; i < recording.count; i++) {
		if (recording.events[i].kind == EVENT_OP)
			has[recording.events[i].op.point] = true;
	}
	for (size_t i = 0; i < sizeof(points_seen) / sizeof(*points_seen); i++) {
		if (!has[points_seen[i]])
			fail_msg("no %s was recorded", points[points_seen[i]].call);
	}
	recording_release(&recording);
}

static void test_every_call__its_recording_replays(void **state)
{
	(void)state;
	assert_replays("every_call");
}

static void test_every_call__its_static_twins_recording_replays(void **state)
{
	(void)state;
	assert_replays("every_call_static");
}

int main(int count, char **arguments)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_call__its_recording_replays),
		cmocka_unit_test(test_every_call__its_static_twins_recording_replays),
	};
	char *slash;
	int failures;

	(void)count;
	if (!realpath(arguments[0], program_path))
		return 1;
	slash = strrchr(program_path, '/');
	*slash = 0;
	if (inject_init() || filter_init(&filter, FILTER_PROGRAM) || scratch_enter(NULL))
		return 1;
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	scratch_leave(NULL);
	filter_release(&filter);
	return failures;
}
