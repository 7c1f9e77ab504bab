/*
 * tornwrite check: somebody's own program. This process stays outside of the sandbox and writes
 * what is to be written; a conductor that it forks goes inside, records, and has jobs play out the
 * stages.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/child.h"
#include "harness/cmd_check.h"
#include "harness/commands.h"
#include "harness/interrupt.h"
#include "harness/jobs.h"
#include "harness/machine.h"
#include "harness/options.h"
#include "harness/plugins.h"
#include "harness/progress.h"
#include "harness/publish.h"
#include "harness/witness.h"
#include "harness/workspace.h"

/* In the conductor and its jobs. */
struct conductor {
	const struct check_arguments *options;
	struct check *check;
	struct timespec deadline;
	struct progress progress;
	int fd; /* where messages go */
	bool has_failed;
};

/* In the calling process. */
struct outcome {
	struct result_list results;
	enum check_end end;
	char message[CHECK_MESSAGE_BYTES], cwd[PATH_MAX];
	bool has_opened, has_failed;
};

/* ---- in the conductor and its jobs ---- */

static void send(struct conductor *conductor, json_t *message)
{
	char *line = json_dumps(message, JSON_COMPACT);
	size_t size = line ? strlen(line) : 0;

	if (line)
		line[size++] = '\n';
	for (size_t at = 0; at < size;) {
		ssize_t put = write(conductor->fd, line + at, size - at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			break;
		at += (size_t)put;
	}
	free(line);
}

static double seconds_left(const struct conductor *conductor)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(conductor->deadline.tv_sec - now.tv_sec) +
	       (double)(conductor->deadline.tv_nsec - now.tv_nsec) / 1e9;
}

/* What is left is shared by the stages that are left; who needs less leaves it to the others. */
static struct timespec share_time(const struct conductor *conductor, size_t unit)
{
	const struct check_arguments *options = conductor->options;
	double left = seconds_left(conductor), share;
	size_t stages = options->check.stage_count - unit;
	struct timespec end;

	share = left * (double)options->jobs / (double)stages;
	if (share > left)
		share = left;
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (share > 0) {
		end.tv_sec += (time_t)share;
		end.tv_nsec += (long)((share - (double)(time_t)share) * 1e9);
		if (end.tv_nsec >= 1000000000) {
			end.tv_sec++;
			end.tv_nsec -= 1000000000;
		}
	}
	return end;
}

static void work(void *context, unsigned job, size_t unit, volatile const bool *stop)
{
	static bool is_attached;
	struct conductor *conductor = context;
	const struct check_options *options = &conductor->options->check;
	const struct check_stage *stage = &options->stages[unit];
	struct sweep_options sweep = {.scenario = options->scenario,
		.seed = options->seed,
		.max_states = options->max_states,
		.deadline = share_time(conductor, unit),
		.is_interrupted = stop};
	struct result_list results = {0};
	char message[CHECK_MESSAGE_BYTES] = "";
	int err = is_attached ? 0 : check_attach(conductor->check, job);

	is_attached = true;
	if (!err)
		err = check_run(conductor->check, stage, &sweep, &results, message);
	for (size_t i = 0; i < results.count; i++)
		jobs_send(json_pack("{s:I, s:o}", "unit", (json_int_t)unit, "result",
			result_to_json(&results.items[i])));
	if (err)
		jobs_send(json_pack("{s:I, s:i, s:s}", "unit", (json_int_t)unit, "error", err,
			"text", *message ? message : strerror(-err)));
	jobs_send(json_pack("{s:I, s:b, s:I}", "unit", (json_int_t)unit, "done", 1, "runs",
		(json_int_t)(results.count ? results.items[0].evidence.states +
						     results.items[0].evidence.runs
					   : 0)));
	result_list_release(&results);
}

static void receive(void *context, json_t *message)
{
	struct conductor *conductor = context;
	size_t unit = (size_t)json_integer_value(json_object_get(message, "unit"));

	if (unit >= conductor->options->check.stage_count)
		return;
	if (json_object_get(message, "error")) {
		progress_clear(&conductor->progress);
		fprintf(stderr, "error: %s: %s\n",
			check_stage_name(&conductor->options->check.stages[unit]),
			json_string_value(json_object_get(message, "text")));
		conductor->has_failed = true;
	}
	if (json_object_get(message, "result"))
		send(conductor, message);
	if (json_object_get(message, "done")) {
		progress_add(&conductor->progress,
			(uint64_t)json_integer_value(json_object_get(message, "runs")));
		progress_unit(&conductor->progress,
			check_stage_name(&conductor->options->check.stages[unit]));
	}
}

static bool tick(void *context)
{
	struct conductor *conductor = context;

	progress_show(&conductor->progress);
	return interrupt_signal();
}

static void tell_recorded(const struct check_arguments *options, const struct check *check)
{
	const struct recording *clean = check_clean(check);
	size_t ops = 0, acks = 0;

	for (size_t i = 0; i < clean->count; i++) {
		ops += clean->events[i].kind == EVENT_OP;
		acks += clean->events[i].kind == EVENT_ACK;
	}
	fprintf(stderr, "recorded: %zu operations in %s, %zu acknowledgement%s (%s)\n", ops,
		options->check.directory, acks, acks == 1 ? "" : "s",
		options->check.ack ? options->check.ack : "exit status 0");
}

static _Noreturn void conduct(
	const struct check_arguments *options, const struct scratch *scratch, pid_t parent, int fd)
{
	static struct conductor conductor;
	struct jobs jobs = {.work = work, .receive = receive, .tick = tick, .context = &conductor};
	char message[CHECK_MESSAGE_BYTES];
	enum check_end end;
	json_t *opened;

	child_die_with(parent);
	conductor = (struct conductor){.options = options, .fd = fd};
	clock_gettime(CLOCK_MONOTONIC, &conductor.deadline);
	conductor.deadline.tv_sec += (time_t)options->time_limit_s;
	end = check_open(&conductor.check, &options->check, scratch->path, message);
	opened = json_pack("{s:i, s:s, s:s?}", "opened", (int)end, "text", message, "cwd",
		end == CHECK_OK ? check_cwd(conductor.check) : NULL);
	send(&conductor, opened);
	json_decref(opened);
	if (end == CHECK_OK) {
		if (*message)
			fprintf(stderr, "%s\n", message);
		tell_recorded(options, conductor.check);
		progress_init(&conductor.progress, options->check.stage_count,
			options_when("progress", options->progress, true));
		jobs.count = (unsigned)options->jobs;
		if (jobs.count > options->check.stage_count)
			jobs.count = (unsigned)options->check.stage_count;
		jobs.unit_count = options->check.stage_count;
		if (jobs_run(&jobs))
			conductor.has_failed = true;
		progress_clear(&conductor.progress);
	}
	check_close(conductor.check);
	_exit(conductor.has_failed ? EXIT_HARNESS : EXIT_HELD);
}

/* ---- in the calling process ---- */

static void take_message(struct outcome *outcome, json_t *message)
{
	struct result result;

	if (json_object_get(message, "opened")) {
		outcome->has_opened = true;
		outcome->end =
			(enum check_end)json_integer_value(json_object_get(message, "opened"));
		snprintf(outcome->message, sizeof(outcome->message), "%s",
			json_string_value(json_object_get(message, "text")));
		snprintf(outcome->cwd, sizeof(outcome->cwd), "%s",
			json_is_string(json_object_get(message, "cwd"))
				? json_string_value(json_object_get(message, "cwd"))
				: "");
	}
	if (!json_object_get(message, "result"))
		return;
	if (result_from_json(json_object_get(message, "result"), &result) ||
		result_list_add(&outcome->results, &result))
		outcome->has_failed = true;
}

static void listen_to(int fd, struct outcome *outcome)
{
	FILE *stream = fdopen(fd, "r");
	json_t *message;

	while (stream && (message = json_loadf(stream, JSON_DISABLE_EOF_CHECK, NULL))) {
		take_message(outcome, message);
		json_decref(message);
	}
	if (stream)
		fclose(stream);
}

static void await_conductor(pid_t pid, struct outcome *outcome)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return;
		kill(pid, interrupt_signal() ? interrupt_signal() : SIGTERM);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		outcome->has_failed = true;
}

static struct result *find_result(
	struct outcome *outcome, const struct check_stage *stage, enum property property)
{
	for (size_t i = 0; i < outcome->results.count; i++) {
		struct result *result = &outcome->results.items[i];

		/* Those that were found before are empty. */
		if (result->fault && result->property == property &&
			!strcmp(result->fault, check_stage_name(stage)) &&
			(!stage->model || !strcmp(result->model, stage->model->name)))
			return result;
	}
	return NULL;
}

static void add_missing(const struct check_options *check, const struct check_stage *stage,
	enum property property, struct result_list *results)
{
	struct result result = {.workers = 1,
		.property = property,
		.verdict = property == ISOLATION && stage->kind != STAGE_CREW ? VERDICT_NOT_TESTED
	                                                                      : VERDICT_UNKNOWN,
		.evidence = {.coverage = COVERAGE_BOUNDED},
		.is_claimed = true,
		.subject = strdup(check->subject),
		.scenario = strdup(check->scenario),
		.fault = strdup(check_stage_name(stage)),
		.model = stage->model ? strdup(stage->model->name) : NULL,
		.detail = strdup("not run")};

	result_list_add(results, &result);
}

/* Stages in the order in which they were planned; of one that did not report, unknown. */
static void arrange(const struct check_arguments *options, struct outcome *outcome)
{
	const struct check_options *check = &options->check;
	struct result_list sorted = {0};

	for (size_t i = 0; i < check->stage_count; i++) {
		for (int property = 0; property < PROPERTY_COUNT; property++) {
			struct result *found =
				find_result(outcome, &check->stages[i], (enum property)property);

			if (found)
				result_list_add(&sorted, found);
			else
				add_missing(
					check, &check->stages[i], (enum property)property, &sorted);
		}
	}
	result_list_release(&outcome->results);
	outcome->results = sorted;
}

static int write_reports(
	const struct check_arguments *options, const struct outcome *outcome, double seconds)
{
	const char *subject = options->check.subject;
	bool json_on_stdout = options->json && !strcmp(options->json, "-");
	struct utsname system;
	struct report_input input = {.results = &outcome->results,
		.subjects = &subject,
		.subject_count = 1,
		.seed = options->check.seed,
		.seconds = seconds,
		.filesystem = publish_filesystem_name(options->check.directory),
		.libfiu = TORNWRITE_LIBFIU_VERSION,
		.interrupted_by = interrupt_signal()};
	int err = 0;

	uname(&system);
	input.kernel = system.release;
	input.is_colored =
		options_when("color", options->color, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"));
	if (options->json)
		err = publish_report(&input, "json", options->json);
	if (options->junit && publish_report(&input, "junit", options->junit))
		err = -EIO;
	if (!json_on_stdout && publish_report(&input, "program", "-"))
		err = -EIO;
	return err;
}

static int exit_status(const struct check_arguments *options, const struct outcome *outcome)
{
	bool is_violated = false, is_unknown = false;

	for (size_t i = 0; i < outcome->results.count; i++) {
		is_violated |= outcome->results.items[i].verdict == VERDICT_VIOLATED;
		is_unknown |= outcome->results.items[i].verdict == VERDICT_UNKNOWN;
	}
	if (outcome->has_failed)
		return EXIT_HARNESS;
	if (interrupt_signal())
		return EXIT_SIGNAL + interrupt_signal();
	if (is_violated)
		return EXIT_VIOLATED;
	return is_unknown && options->requires_complete ? EXIT_INCOMPLETE : EXIT_HELD;
}

/* What is said when nothing could be judged. */
static int tell_end(const struct outcome *outcome)
{
	switch (outcome->end) {
	case CHECK_REFUSED:
		fprintf(stderr, "error: %s\n", outcome->message);
		return EXIT_USAGE;
	case CHECK_NOTHING:
		fprintf(stderr, "%s\n", outcome->message);
		return EXIT_NOTHING;
	case CHECK_UNABLE:
		fputs("skipped: this host does not let a process trace its own child with ptrace\n",
			stderr);
		return EXIT_SKIPPED;
	default:
		fprintf(stderr, "error: %s\n", outcome->message);
		return EXIT_HARNESS;
	}
}

static int report(struct check_arguments *options, struct outcome *outcome, double seconds)
{
	char message[PATH_MAX + 256];
	json_t *program;

	options->check.cwd = outcome->cwd;
	program = check_program_to_json(&options->check);

	arrange(options, outcome);
	if (witness_write_causes(&outcome->results, program, options->witness_directory, message,
		    sizeof(message))) {
		fprintf(stderr, "error: --witness-dir %s\n", message);
		outcome->has_failed = true;
	}
	json_decref(program);
	if (write_reports(options, outcome, seconds))
		outcome->has_failed = true;
	return exit_status(options, outcome);
}

int cmd_check(int argc, char **argv)
{
	static struct check_arguments options;
	static struct outcome outcome;
	struct scratch scratch;
	struct timespec start, end;
	pid_t parent = getpid(), pid;
	char message[PATH_MAX + 256];
	int fds[2], status;

	check_arguments_take(&options, argc, argv);
	if (options.is_dry) {
		check_arguments_print(&options);
		return EXIT_HELD;
	}
	interrupt_catch();
	if (scratch_init(&scratch, options.scratch, message, sizeof(message)))
		options_fail("%s%s", options.scratch ? "--scratch " : "", message);
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (inject_init() || pipe2(fds, O_CLOEXEC)) {
		fputs("error: libfiu could not be started\n", stderr);
		scratch_release(&scratch);
		return EXIT_HARNESS;
	}
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		conduct(&options, &scratch, parent, fds[1]);
	}
	close(fds[1]);
	listen_to(fds[0], &outcome);
	await_conductor(pid, &outcome);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (!outcome.has_opened)
		outcome.end = CHECK_FAILED;
	if (outcome.has_opened && outcome.end != CHECK_OK)
		status = interrupt_signal() ? EXIT_SIGNAL + interrupt_signal() : tell_end(&outcome);
	else
		status = report(&options, &outcome,
			(double)(end.tv_sec - start.tv_sec) +
				(double)(end.tv_nsec - start.tv_nsec) / 1e9);
	result_list_release(&outcome.results);
	scratch_release(&scratch);
	return status;
}
