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

/* A stage, or a part of one. */
struct unit {
	size_t stage;
	unsigned part, parts;
};

enum { MAX_PARTS = 16 };

/* In the conductor and its jobs. */
struct conductor {
	const struct check_arguments *options;
	struct check *check;
	struct timespec deadline;
	struct progress progress;
	struct unit units[CHECK_MAX_STAGES * MAX_PARTS];
	size_t unit_count;
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

/* Stages that take long come last, and get what time the others leave. Where a checker is asked,
 * power cuts are shared out among the jobs. */
static size_t plan_units(
	const struct check_arguments *options, struct unit units[CHECK_MAX_STAGES * MAX_PARTS])
{
	const struct check_options *check = &options->check;
	unsigned jobs = options->jobs < MAX_PARTS ? (unsigned)options->jobs : MAX_PARTS;
	size_t count = 0;

	for (int is_long = 0; is_long < 2; is_long++) {
		for (size_t i = 0; i < check->stage_count; i++) {
			bool is_power = check->stages[i].kind == STAGE_POWER;
			bool takes_long = is_power || check->stages[i].kind == STAGE_CREW;
			unsigned parts = is_power && check->checker ? jobs : 1;

			for (unsigned part = 0; takes_long == is_long && part < parts; part++)
				units[count++] = (struct unit){i, part, parts};
		}
	}
	return count;
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
	size_t units = conductor->unit_count - unit;
	struct timespec end;

	share = left * (double)options->jobs / (double)units;
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
	const struct unit *portion = &conductor->units[unit];
	struct check_stage stage = options->stages[portion->stage];
	struct sweep_options sweep = {.scenario = options->scenario,
		.seed = options->seed,
		.max_states = options->max_states,
		.deadline = share_time(conductor, unit),
		.is_interrupted = stop};
	struct result_list results = {0};
	char message[CHECK_MESSAGE_BYTES] = "";
	int err = is_attached ? 0 : check_attach(conductor->check, job);

	is_attached = true;
	stage.part = portion->part;
	stage.parts = portion->parts;
	if (!err)
		err = check_run(conductor->check, &stage, &sweep, &results, message);
	for (size_t i = 0; i < results.count; i++)
		jobs_send(json_pack("{s:I, s:o}", "unit", (json_int_t)portion->stage, "result",
			result_to_json(&results.items[i])));
	if (err)
		jobs_send(json_pack("{s:I, s:i, s:s}", "unit", (json_int_t)portion->stage, "error",
			err, "text", *message ? message : strerror(-err)));
	jobs_send(
		json_pack("{s:I, s:b, s:I}", "unit", (json_int_t)portion->stage, "done", 1, "runs",
			(json_int_t)(results.count ? results.items[0].evidence.states +
							     results.items[0].evidence.runs
						   : 0)));
	result_list_release(&results);
}

static void receive(void *context, json_t *message)
{
	struct conductor *conductor = context;
	size_t unit = (size_t)json_integer_value(json_object_get(message, "unit"));
	const struct check_stage *stage = &conductor->options->check.stages[unit];
	char name[64];

	if (unit >= conductor->options->check.stage_count)
		return;
	if (json_object_get(message, "error")) {
		progress_clear(&conductor->progress);
		fprintf(stderr, "error: %s: %s\n", check_stage_name(stage),
			json_string_value(json_object_get(message, "text")));
		conductor->has_failed = true;
	}
	if (json_object_get(message, "result"))
		send(conductor, message);
	if (json_object_get(message, "done")) {
		progress_add(&conductor->progress,
			(uint64_t)json_integer_value(json_object_get(message, "runs")));
		snprintf(name, sizeof(name), "%s%s%s", check_stage_name(stage),
			stage->model ? " " : "", stage->model ? stage->model->name : "");
		progress_unit(&conductor->progress, name);
	}
}

static bool tick(void *context)
{
	struct conductor *conductor = context;

	progress_show(&conductor->progress);
	return interrupt_signal();
}

/* Whether some stage is about the file system that the directory is on. */
static void tell_model(const struct check_arguments *options)
{
	bool is_known = options->models;

	for (size_t i = 0; i < model_count; i++)
		is_known |= !strcmp(models[i]->name, options->filesystem);
	if (!is_known)
		fprintf(stderr,
			"note: there is no model of %s: the power is cut under posix only\n",
			options->filesystem);
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

	/* A group of its own: the terminal's Ctrl-C is for the parent, which tells us. */
	setpgid(0, 0);
	child_die_with(parent);
	conductor = (struct conductor){.options = options, .fd = fd};
	clock_gettime(CLOCK_MONOTONIC, &conductor.deadline);
	conductor.deadline.tv_sec += (time_t)options->time_limit_s;
	/* Until there is something to report, who interrupts wants it to end. */
	interrupt_leave();
	end = check_open(&conductor.check, &options->check, scratch->path, message);
	interrupt_catch();
	opened = json_pack("{s:i, s:s, s:s?}", "opened", (int)end, "text", message, "cwd",
		end == CHECK_OK ? check_cwd(conductor.check) : NULL);
	/* A path that is no UTF-8. */
	if (!opened)
		opened = json_pack("{s:i, s:s}", "opened", (int)end, "text", message);
	send(&conductor, opened);
	json_decref(opened);
	if (end == CHECK_OK) {
		if (*message)
			fprintf(stderr, "%s\n", message);
		tell_model(options);
		tell_recorded(options, conductor.check);
		conductor.unit_count = plan_units(options, conductor.units);
		jobs.count = (unsigned)options->jobs;
		if (jobs.count > conductor.unit_count)
			jobs.count = (unsigned)conductor.unit_count;
		jobs.unit_count = conductor.unit_count;
		progress_init(&conductor.progress, conductor.unit_count,
			options_when("progress", options->progress, true));
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

/* One line is one message. */
static void take_lines(struct outcome *outcome, char *lines, size_t *size)
{
	char *end;

	while (*size && (end = memchr(lines, '\n', *size))) {
		size_t length = (size_t)(end - lines) + 1;
		json_t *message = json_loadb(lines, length, 0, NULL);

		if (message)
			take_message(outcome, message);
		outcome->has_failed |= !message;
		json_decref(message);
		*size -= length;
		memmove(lines, lines + length, *size);
	}
}

/* Until the conductor ends, who is told of signals; of a second one it dies. */
static void listen_to(pid_t conductor, int fd, struct outcome *outcome)
{
	enum { CHUNK = 65536 };
	size_t size = 0, capacity = 0;
	char *lines = NULL;
	bool was_told = false;
	ssize_t got;

	for (;;) {
		if (capacity - size < CHUNK) {
			char *more = realloc(lines, capacity * 2 + CHUNK);

			if (!more)
				break;
			lines = more;
			capacity = capacity * 2 + CHUNK;
		}
		got = read(fd, lines + size, capacity - size);
		if (got < 0 && errno == EINTR) {
			kill(conductor, was_told ? SIGKILL : interrupt_signal());
			was_told = true;
			continue;
		}
		if (got <= 0)
			break;
		size += (size_t)got;
		take_lines(outcome, lines, &size);
	}
	free(lines);
	close(fd);
}

static void await_conductor(pid_t pid, struct outcome *outcome)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		kill(pid, SIGKILL);
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

/* Of a stage that was shared out. Returns 0, or -EIO: a part is missing. */
static int merge_parts(
	struct outcome *outcome, const struct check_stage *stage, struct result *result)
{
	struct result whole = *result, *part;
	unsigned parts = 1;

	*result = (struct result){0};
	while ((part = find_result(outcome, stage, whole.property))) {
		outcome->has_failed |= result_merge(&whole, part) != 0;
		parts++;
	}
	if (stage->parts > parts && whole.verdict != VERDICT_VIOLATED) {
		result_release(&whole);
		return -EIO;
	}
	*result = whole;
	return 0;
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
		const struct check_stage *stage = &check->stages[i];

		for (int k = 0; k < PROPERTY_COUNT; k++) {
			enum property property = (enum property)k;
			struct result *found = find_result(outcome, stage, property);

			if (found && !merge_parts(outcome, stage, found))
				result_list_add(&sorted, found);
			else
				add_missing(check, stage, property, &sorted);
			/* Who ran out of time reports that. */
			outcome->has_failed |= !found && !interrupt_signal();
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
		.filesystem = options->filesystem,
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
	if (interrupt_signal())
		return EXIT_SIGNAL + interrupt_signal();
	if (outcome->has_failed)
		return EXIT_HARNESS;
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
		fprintf(stderr, "skipped: %s\n",
			*outcome->message ? outcome->message
					  : "this host does not let a process trace its own child "
					    "with ptrace");
		return EXIT_SKIPPED;
	default:
		fprintf(stderr, "error: %s\n", outcome->message);
		return EXIT_HARNESS;
	}
}

static int report(struct check_arguments *options, struct outcome *outcome, double seconds)
{
	char message[PATH_MAX + 256];
	struct unit units[CHECK_MAX_STAGES * MAX_PARTS];
	size_t count = plan_units(options, units);
	json_t *program;

	for (size_t i = 0; i < count; i++)
		options->check.stages[units[i].stage].parts = units[i].parts;
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
	listen_to(pid, fds[0], &outcome);
	await_conductor(pid, &outcome);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (!outcome.has_opened) {
		outcome.end = CHECK_FAILED;
		snprintf(outcome.message, sizeof(outcome.message),
			"the process that records ended before its time");
	}
	if (outcome.end != CHECK_OK && interrupt_signal())
		status = EXIT_SIGNAL + interrupt_signal();
	else if (outcome.end != CHECK_OK)
		status = tell_end(&outcome);
	else
		status = report(&options, &outcome,
			(double)(end.tv_sec - start.tv_sec) +
				(double)(end.tv_nsec - start.tv_nsec) / 1e9);
	result_list_release(&outcome.results);
	scratch_release(&scratch);
	return status;
}
