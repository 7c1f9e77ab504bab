/* Starting the program as a user does, in the current directory, and reading what it says. The
 * including test fills `program` in main(). */
#ifndef TORNWRITE_TESTS_CLI_H
#define TORNWRITE_TESTS_CLI_H

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ARGUMENTS = 32 };

struct outcome {
	int status; /* exit status, or 128 + signal */
	char *out, *err;
};

static const char *program;

static inline char *read_all(const char *path)
{
	FILE *stream = fopen(path, "r");
	size_t size;
	char *text;

	assert_non_null(stream);
	assert_int_equal(fseek(stream, 0, SEEK_END), 0);
	size = (size_t)ftell(stream);
	rewind(stream);
	text = malloc(size + 1);
	assert_non_null(text);
	text[fread(text, 1, size, stream)] = 0;
	fclose(stream);
	return text;
}

static inline void write_file(const char *path, const char *text)
{
	FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	assert_true(fputs(text, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
}

/* In the child, before the program starts. */
typedef void (*prepare_fn)(void);

static inline pid_t start(prepare_fn prepare, const char *const *arguments)
{
	const char *argv[MAX_ARGUMENTS + 2] = {program};
	pid_t pid;

	for (int i = 0; arguments[i]; i++) {
		assert_true(i < MAX_ARGUMENTS);
		argv[i + 1] = arguments[i];
	}
	pid = fork();
	if (!pid) {
		int out = open("out", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		int err = open("err", O_WRONLY | O_CREAT | O_TRUNC, 0600);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		if (prepare)
			prepare();
		execv(program, (char **)argv);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

static inline struct outcome finish(pid_t pid)
{
	struct outcome outcome;
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	outcome.out = read_all("out");
	outcome.err = read_all("err");
	return outcome;
}

#define RUN(...) finish(start(NULL, (const char *const[]){__VA_ARGS__, NULL}))

static inline void release(struct outcome *outcome)
{
	free(outcome->out);
	free(outcome->err);
}

static inline void expect_failure(struct outcome outcome, int status, const char *words)
{
	if (outcome.status != status || !strstr(outcome.err, words))
		fail_msg("status %d, want %d; standard error: %s; want in it: %s", outcome.status,
			status, outcome.err, words);
	release(&outcome);
}

static inline json_t *parse(struct outcome *outcome)
{
	json_error_t error;
	json_t *json = json_loads(outcome->out, 0, &error);

	if (outcome->status == 77)
		skip();
	if (!json)
		fail_msg("no JSON: %s; status %d; standard error: %s", error.text, outcome->status,
			outcome->err);
	release(outcome);
	return json;
}

static inline const char *text(json_t *json, const char *key)
{
	const char *value = json_string_value(json_object_get(json, key));

	return value ? value : "";
}

static inline unsigned count_entries(const char *path)
{
	DIR *stream = opendir(path);
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(stream);
	while ((entry = readdir(stream)))
		count += entry->d_name[0] != '.';
	closedir(stream);
	return count;
}

/* Waits, without a fixed sleep, until a run has made its scratch directory. */
static inline void wait_for_scratch(const char *path)
{
	for (int i = 0; i < 5000 && count_entries(path) < 2; i++)
		usleep(1000);
	assert_int_equal(count_entries(path), 2);
}

static inline bool is(json_t *json, const char *key, const char *value)
{
	return !strcmp(text(json, key), value);
}

static inline void assert_has(const char *where, const char *what)
{
	if (!strstr(where, what))
		fail_msg("want in it: %s; found: %s", what, where);
}

static inline void skip_without_ptrace(struct outcome *outcome)
{
	if (outcome->status == 77)
		skip();
}

static inline json_t *run_json(const char *scenario, const char *strategies, const char *models)
{
	struct outcome outcome = RUN("run", scenario, "--strategy", strategies, "--model", models,
		"--json", "-", "--progress", "never");

	return parse(&outcome);
}

#endif
