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

static const uint64_t default_seed = 0x746f726e77726974;
static const char default_faults[] = "kill,eio,enospc,full-disk,short-write,eintr";

enum {
	DEFAULT_TIME_LIMIT_S = 60,
	DEFAULT_TIMEOUT_S = 20,
	DEFAULT_CHECKER_TIMEOUT_S = 10,
	DEFAULT_MAX_MIB = 256,
	SUBJECT_BYTES = 100,
};

struct options {
	struct check_options check;
	const char *scenario, *models, *faults, *json, *junit, *witness_directory, *color,
		*progress, *scratch;
	uint64_t jobs, time_limit_s;
	bool is_dry, requires_complete;
	char subject[SUBJECT_BYTES];
	char directory[PATH_MAX], cwd[PATH_MAX], here[PATH_MAX];
};

/* In the conductor and its jobs. */
struct conductor {
	const struct options *options;
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

/* ---- arguments ---- */

enum {
	KEY_COLOR = 256,
	KEY_PROGRESS,
	KEY_DRY_RUN,
	KEY_COMPLETE,
	KEY_WITNESS,
	KEY_JUNIT,
	KEY_SETUP,
	KEY_SERVER,
	KEY_ACK,
	KEY_IGNORE,
	KEY_TIMEOUT,
	KEY_CHECK_TIMEOUT,
	KEY_MAX_SIZE,
	KEY_SCRATCH,
};

static const struct argp_option argp_options[] = {
	{0, 0, 0, 0, "What is run:", 1},
	{"dir", 'd', "DIR", 0,
		"the directory that is watched (default: the current one); the command works on a "
		"copy of it, at the same path",
		1},
	{"cwd", 'C', "DIR", 0,
		"where the command is run (default: here if it names --dir as you typed it, else "
		"in that directory)",
		1},
	{"setup", KEY_SETUP, "CMD", 0, "a shell command that prepares the copy first", 1},
	{"scenario", 's', "FILE", 0, "take all this from a file, as in scenarios/programs/", 1},
	{"timeout", KEY_TIMEOUT, "S", 0, "the command hangs when it does nothing for S seconds", 1},
	{"max-size", KEY_MAX_SIZE, "MIB", 0, "refuse a directory that holds more (default: 256)",
		1},
	{0, 0, 0, 0, "What is right:", 2},
	{"check", 'c', "CMD", 0,
		"a shell command that says by exit status 0 that a state is legal, for so many "
		"updates as TORNWRITE_ACKED says (default: the files must be as before the update "
		"or as after)",
		2},
	{"check-server", KEY_SERVER, "CMD", 0,
		"the same, but started once: for each state it reads a line, and answers 'ok' or a "
		"reason",
		2},
	{"check-timeout", KEY_CHECK_TIMEOUT, "S", 0, "for one state (default: 10)", 2},
	{"ack", KEY_ACK, "REGEX", 0,
		"a line on standard output that matches acknowledges an update (default: exit "
		"status 0 does)",
		2},
	{"ignore", KEY_IGNORE, "GLOB", 0, "files that do not count; may be given again", 2},
	{0, 0, 0, 0, "What goes wrong:", 3},
	{"fault", 'f', "LIST", 0,
		"faults (globs, separated by commas; 'none'); default: kill, eio, enospc, "
		"full-disk, short-write, eintr",
		3},
	{"model", 'm', "LIST", 0,
		"power cuts under these persistence models (the same); default: posix, and that of "
		"the directory's file system",
		3},
	{"tear", 'T', "BYTES", 0, "at what a write tears: 4096 (the default), 512 or none", 3},
	{"seed", 'S', "N", 0, "seed of all that is random", 3},
	{0, 0, 0, 0, "How much:", 4},
	{"jobs", 'j', "N", 0, "processes (default: one a CPU)", 4},
	{"time-limit", 't', "S", 0, "stop after S seconds (default: 60); the rest is unknown", 4},
	{"max-states", 'n', "N", 0, "at most N runs, or states, of each fault and model", 4},
	{"scratch", KEY_SCRATCH, "DIR", 0, "where small files go (default: /dev/shm)", 4},
	{"dry-run", KEY_DRY_RUN, 0, 0, "say what would be played out, and do nothing", 4},
	{0, 0, 0, 0, "Results:", 5},
	{"json", 'o', "FILE", 0, "write the results as JSON; - is standard output", 5},
	{"junit", KEY_JUNIT, "FILE", 0, "write the results as JUnit XML, for a CI server", 5},
	{"witness-dir", KEY_WITNESS, "DIR", 0, "where violations are kept (default: witness)", 5},
	{"require-complete", KEY_COMPLETE, 0, 0, "exit 5 if anything remains unknown", 5},
	{"color", KEY_COLOR, "WHEN", 0, "auto, always or never; NO_COLOR is honoured", 5},
	{"progress", KEY_PROGRESS, "WHEN", 0,
		"auto (a bar on a terminal, lines elsewhere), always or never", 5},
	{0},
};

static void set_tear(struct check_options *check, const char *argument)
{
	if (!strcmp(argument, "none"))
		check->tear = TEAR_NONE;
	else if (!strcmp(argument, "512") || !strcmp(argument, "4096"))
		check->tear = (enum tear)atoi(argument);
	else
		options_fail("--tear %s: want 512, 4096 or none", argument);
}

static void set_checker(struct check_options *check, const char *command, bool is_server)
{
	if (check->checker)
		options_fail("one of --check and --check-server, and once");
	if (!*command)
		options_fail("--check%s: the command is empty", is_server ? "-server" : "");
	check->checker = command;
	check->is_server = is_server;
}

static error_t parse_result_option(int key, char *argument, struct options *options)
{
	switch (key) {
	case 'o':
		options->json = argument;
		return 0;
	case KEY_JUNIT:
		options->junit = argument;
		return 0;
	case KEY_WITNESS:
		options->witness_directory = argument;
		return 0;
	case KEY_COMPLETE:
		options->requires_complete = true;
		return 0;
	case KEY_COLOR:
		options->color = argument;
		return 0;
	case KEY_PROGRESS:
		options->progress = argument;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_amount(int key, char *argument, struct options *options)
{
	struct check_options *check = &options->check;

	switch (key) {
	case KEY_TIMEOUT:
		check->timeout_ms = 1000 * (unsigned)options_number("timeout", argument, 1, 86400);
		return 0;
	case KEY_CHECK_TIMEOUT:
		check->checker_timeout_ms =
			1000 * (unsigned)options_number("check-timeout", argument, 1, 86400);
		return 0;
	case KEY_MAX_SIZE:
		check->max_bytes = options_number("max-size", argument, 1, 1 << 20) << 20;
		return 0;
	case 'S':
		check->seed = options_number("seed", argument, 0, UINT64_MAX);
		return 0;
	case 'j':
		options->jobs = options_number("jobs", argument, 1, 256);
		return 0;
	case 't':
		options->time_limit_s = options_number("time-limit", argument, 1, 1000000);
		return 0;
	case 'n':
		check->max_states = options_number("max-states", argument, 1, UINT32_MAX);
		return 0;
	default:
		return parse_result_option(key, argument, options);
	}
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;
	struct check_options *check = &options->check;

	switch (key) {
	case 'd':
		check->directory = argument;
		return 0;
	case 'C':
		check->cwd = argument;
		return 0;
	case KEY_SETUP:
		check->setup = argument;
		return 0;
	case 's':
		options->scenario = argument;
		return 0;
	case 'c':
	case KEY_SERVER:
		set_checker(check, argument, key == KEY_SERVER);
		return 0;
	case KEY_ACK:
		check->ack = argument;
		return 0;
	case KEY_IGNORE:
		if (check->ignored_count == CHECK_MAX_IGNORED)
			options_fail("more than %d times --ignore", CHECK_MAX_IGNORED);
		check->ignored[check->ignored_count++] = argument;
		return 0;
	case 'f':
		options->faults = argument;
		return 0;
	case 'm':
		options->models = argument;
		return 0;
	case 'T':
		set_tear(check, argument);
		return 0;
	case KEY_SCRATCH:
		options->scratch = argument;
		return 0;
	case KEY_DRY_RUN:
		options->is_dry = true;
		return 0;
	case ARGP_KEY_ARGS:
		check->argv = state->argv + state->next;
		return 0;
	case ARGP_KEY_ARG:
		return ARGP_ERR_UNKNOWN; /* all of them at once */
	default:
		return parse_amount(key, argument, options);
	}
}

static void parse_arguments(struct options *options, int argc, char **argv)
{
	static const struct argp argp = {.options = argp_options,
		.parser = parse_option,
		.args_doc = "-- COMMAND [ARGUMENT...]",
		.doc = "Runs your own program on a copy of a directory, plays out what kills, "
		       "power cuts and failed calls leave of it, and tells which ACID properties "
		       "held.\v"
		       "Example: tornwrite check --dir data -- sed -i s/old/new/ data/f.txt\n"
		       "Exit status: 0 all held, 1 something is violated, 2 usage, or the command "
		       "or the checker fails by itself, 3 the harness failed, 4 the command "
		       "changes "
		       "nothing there, 5 incomplete, 77 skipped."};

	*options = (struct options){.jobs = jobs_cpu_count(),
		.witness_directory = "witness",
		.color = "auto",
		.progress = "auto",
		.check = {.seed = default_seed,
			.scenario = "check",
			.tear = TEAR_PAGE,
			.timeout_ms = DEFAULT_TIMEOUT_S * 1000,
			.checker_timeout_ms = DEFAULT_CHECKER_TIMEOUT_S * 1000,
			.max_bytes = (uint64_t)DEFAULT_MAX_MIB << 20}};
	options_parse(&argp, argc, argv, options);
}

/* ---- what to do ---- */

/* The words of the command as one line. */
static void name_subject(struct options *options)
{
	struct check_options *check = &options->check;
	size_t length = 0;

	if (check->subject)
		return;
	for (size_t i = 0; check->argv[i] && length + 1 < SUBJECT_BYTES; i++)
		length += (size_t)snprintf(options->subject + length, SUBJECT_BYTES - length,
			"%s%s", i ? " " : "", check->argv[i]);
	if (length >= SUBJECT_BYTES)
		strcpy(options->subject + SUBJECT_BYTES - 4, "...");
	for (char *at = options->subject; *at; at++) {
		if (*at == '\n')
			*at = ' ';
	}
	check->subject = options->subject;
}

/* Whether the command says where its files are by the name that --dir was given. */
static bool names_directory(const struct options *options, const char *typed)
{
	char *const *argv = options->check.argv;
	size_t length = strlen(typed);

	while (length > 1 && typed[length - 1] == '/')
		length--;
	for (size_t i = 0; argv[i]; i++) {
		if (strstr(argv[i], "{dir}"))
			return true;
		for (const char *at = argv[i]; *at; at++) {
			if (!strncmp(at, typed, length) && (at == argv[i] || !isalnum(at[-1])) &&
				!isalnum((unsigned char)at[length]))
				return true;
		}
	}
	return false;
}

/* "./verify.py" is looked for in the directory, and else here. */
static const char *find_command(const struct options *options, const char *command)
{
	char path[PATH_MAX * 2], *found;
	size_t length = command ? strcspn(command, " \t\n") : 0;

	if (!command || command[0] == '/' || !memchr(command, '/', length))
		return command;
	snprintf(path, sizeof(path), "%s/%.*s", options->directory, (int)length, command);
	if (!access(path, F_OK))
		return command;
	snprintf(path, sizeof(path), "%s/%.*s", options->here, (int)length, command);
	if (access(path, F_OK))
		return command;
	if (asprintf(&found, "%s%s", path, command + length) < 0)
		options_fail("out of memory");
	return found;
}

static void find_places(struct options *options, const struct scratch *scratch)
{
	struct check_options *check = &options->check;
	const char *typed = check->directory ? check->directory : ".";

	if (!getcwd(options->here, sizeof(options->here)))
		options_fail("the current directory: %s", strerror(errno));
	/* A scenario begins with nothing, at a path that is the same each time. */
	if (options->scenario && !check->directory) {
		snprintf(options->directory, sizeof(options->directory), "%.*s/data",
			(int)sizeof(options->directory) - 8, scratch->path);
		mkdir(options->directory, 0777);
		check->is_empty = true;
		check->cwd = options->directory;
	} else if (!realpath(typed, options->directory)) {
		options_fail("--dir %s: %s", typed, strerror(errno));
	}
	check->here = options->here;
	if (check->cwd && check->cwd != options->directory) {
		if (!realpath(check->cwd, options->cwd))
			options_fail("--cwd %s: %s", check->cwd, strerror(errno));
		check->cwd = options->cwd;
	} else if (!check->cwd && check->directory && names_directory(options, typed)) {
		check->cwd = options->here;
	}
	check->directory = options->directory;
	check->checker = find_command(options, check->checker);
	check->setup = find_command(options, check->setup);
	check->argv[0] = (char *)(uintptr_t)find_command(options, check->argv[0]);
}

static bool is_selected(const char *name, const char *list)
{
	char *copy = strdup(list), *rest = NULL;
	bool is_one = false;

	for (char *glob = copy ? strtok_r(copy, ", ", &rest) : NULL; glob && !is_one;
		glob = strtok_r(NULL, ", ", &rest))
		is_one = !fnmatch(glob, name, 0);
	free(copy);
	return is_one;
}

static void add_stage(struct check_options *check, struct check_stage stage)
{
	if (check->stage_count < CHECK_MAX_STAGES)
		check->stages[check->stage_count++] = stage;
}

/* Each word of the list must name something. */
static void check_words(const char *option, const char *list)
{
	char *copy = strdup(list), *rest = NULL;
	bool is_model = !strcmp(option, "model");

	for (char *glob = copy ? strtok_r(copy, ", ", &rest) : NULL; glob;
		glob = strtok_r(NULL, ", ", &rest)) {
		bool is_known = !strcmp(glob, "none") || (!is_model && !fnmatch(glob, "kill", 0));

		for (size_t i = 0; i < (is_model ? model_count : fault_count); i++)
			is_known |= !fnmatch(glob, is_model ? models[i]->name : faults[i]->name, 0);
		if (!is_known)
			options_fail("--%s %s: there is no such %s; see 'tornwrite list %ss'",
				option, glob, option, option);
	}
	free(copy);
}

static void plan_stages(struct options *options)
{
	struct check_options *check = &options->check;
	const char *chosen_faults = options->faults ? options->faults : default_faults;
	char chosen_models[64];

	snprintf(chosen_models, sizeof(chosen_models), "posix,%s",
		check->is_empty ? "ext4" : publish_filesystem_name(check->directory));
	if (options->models)
		check_words("model", options->models);
	check_words("fault", chosen_faults);
	if (is_selected("kill", chosen_faults))
		add_stage(check, (struct check_stage){.kind = STAGE_KILL});
	for (size_t i = 0; i < model_count; i++) {
		if (is_selected(models[i]->name, options->models ? options->models : chosen_models))
			add_stage(check,
				(struct check_stage){.kind = STAGE_POWER, .model = models[i]});
	}
	for (size_t i = 0; i < fault_count; i++) {
		if (strcmp(faults[i]->name, "kill") && !faults[i]->is_real &&
			is_selected(faults[i]->name, chosen_faults))
			add_stage(check,
				(struct check_stage){.kind = STAGE_FAULT, .fault = faults[i]});
	}
	if (!check->stage_count) {
		fputs("nothing is selected: --fault and --model leave nothing to play out\n",
			stderr);
		exit(EXIT_NOTHING);
	}
}

static void print_plan(const struct check_options *check)
{
	printf("%s\n  in a copy of %s\n  judged by %s\n  ", check->subject, check->directory,
		check->checker ? check->checker : "the files: as before, or as after");
	for (size_t i = 0; i < check->stage_count; i++)
		printf("%s%s%s%s", i ? ", " : "", check_stage_name(&check->stages[i]),
			check->stages[i].model ? " under " : "",
			check->stages[i].model ? check->stages[i].model->name : "");
	putchar('\n');
}

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
	const struct options *options = conductor->options;
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

static _Noreturn void conduct(
	const struct options *options, const struct scratch *scratch, pid_t parent, int fd)
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

/* Stages in the order in which they were planned; of one that did not report, unknown. */
static void arrange(const struct options *options, struct outcome *outcome)
{
	const struct check_options *check = &options->check;
	struct result_list sorted = {0};

	for (size_t i = 0; i < check->stage_count; i++) {
		const struct check_stage *stage = &check->stages[i];

		for (int property = 0; property < PROPERTY_COUNT; property++) {
			struct result missing = {.workers = 1,
				.property = (enum property)property,
				.verdict = property == ISOLATION ? VERDICT_NOT_TESTED
			                                         : VERDICT_UNKNOWN,
				.evidence = {.coverage = COVERAGE_BOUNDED},
				.is_claimed = true};
			struct result *found = NULL;

			for (size_t k = 0; k < outcome->results.count && !found; k++) {
				struct result *result = &outcome->results.items[k];

				if (result->fault && result->property == (enum property)property &&
					!strcmp(result->fault, check_stage_name(stage)) &&
					(!stage->model ||
						!strcmp(result->model, stage->model->name)))
					found = result;
			}
			if (!found) {
				found = &missing;
				missing.subject = strdup(check->subject);
				missing.scenario = strdup(check->scenario);
				missing.fault = strdup(check_stage_name(stage));
				missing.model = stage->model ? strdup(stage->model->name) : NULL;
				missing.detail = strdup("not run");
			}
			result_list_add(&sorted, found);
		}
	}
	result_list_release(&outcome->results);
	outcome->results = sorted;
}

static int write_reports(
	const struct options *options, const struct outcome *outcome, double seconds)
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

static int exit_status(const struct options *options, const struct outcome *outcome)
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

static int report(struct options *options, struct outcome *outcome, double seconds)
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

static void prepare(struct options *options, struct scratch *scratch)
{
	char message[PATH_MAX + 256];

	if (options->scenario && options->check.argv)
		options_fail("a command, or --scenario with one, and not both");
	if (options->scenario)
		check_scenario_load(options->scenario, &options->check, &options->time_limit_s);
	if (!options->check.argv)
		options_fail("which command? As in: tornwrite check --dir data -- sed -i "
			     "s/old/new/ data/f.txt");
	if (!options->time_limit_s)
		options->time_limit_s = DEFAULT_TIME_LIMIT_S;
	publish_check_path("json", options->json);
	publish_check_path("junit", options->junit);
	publish_check_path("witness-dir", options->witness_directory);
	options_when("color", options->color, false);
	name_subject(options);
	if (scratch_init(scratch, options->scratch, message, sizeof(message)))
		options_fail("%s%s", options->scratch ? "--scratch " : "", message);
}

int cmd_check(int argc, char **argv)
{
	static struct options options;
	static struct outcome outcome;
	struct scratch scratch;
	struct timespec start, end;
	pid_t parent = getpid(), pid;
	int fds[2], status;

	parse_arguments(&options, argc, argv);
	interrupt_catch();
	prepare(&options, &scratch);
	find_places(&options, &scratch);
	plan_stages(&options);
	if (options.is_dry) {
		print_plan(&options.check);
		scratch_release(&scratch);
		return EXIT_HELD;
	}
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
