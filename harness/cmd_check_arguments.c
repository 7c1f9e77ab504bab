/* The arguments of `tornwrite check`, and what follows from them. */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cmd_check.h"
#include "harness/jobs.h"
#include "harness/options.h"
#include "harness/plugins.h"
#include "harness/publish.h"

static const uint64_t default_seed = 0x746f726e77726974;
static const char default_faults[] = "kill,eio,enospc,full-disk,short-write,eintr";

enum {
	DEFAULT_TIME_LIMIT_S = 60,
	DEFAULT_TIMEOUT_S = 20,
	DEFAULT_CHECKER_TIMEOUT_S = 10,
	DEFAULT_MAX_MIB = 256,
};

enum {
	KEY_COLOR = 256,
	KEY_PROGRESS,
	KEY_DRY_RUN,
	KEY_COMPLETE,
	KEY_WITNESS,
	KEY_JUNIT,
	KEY_SETUP,
	KEY_SERVER,
	KEY_LOOKS,
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
	{"check-looks", KEY_LOOKS, 0, 0,
		"the checker of --check is deterministic: a state that agrees with an earlier one "
		"on all that the checker looked at is not checked again",
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
	{"workers", 'w', "N", 0,
		"also N copies of the command at once, in every order of their operations", 3},
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

static error_t parse_result_option(int key, char *argument, struct check_arguments *options)
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

static error_t parse_amount(int key, char *argument, struct check_arguments *options)
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
	case 'w':
		options->workers = options_number("workers", argument, 2, TRACE_MAX_WORKERS);
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
	struct check_arguments *options = state->input;
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
	case KEY_LOOKS:
		check->has_looks = true;
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

static void parse_arguments(struct check_arguments *options, int argc, char **argv)
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

	*options = (struct check_arguments){.jobs = jobs_cpu_count(),
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
static void name_subject(struct check_arguments *options)
{
	struct check_options *check = &options->check;
	size_t length = 0;

	if (check->subject)
		return;
	for (size_t i = 0; check->argv[i] && length + 1 < CHECK_SUBJECT_BYTES; i++)
		length += (size_t)snprintf(options->subject + length, CHECK_SUBJECT_BYTES - length,
			"%s%s", i ? " " : "", check->argv[i]);
	if (length >= CHECK_SUBJECT_BYTES)
		strcpy(options->subject + CHECK_SUBJECT_BYTES - 4, "...");
	for (char *at = options->subject; *at; at++) {
		if (*at == '\n')
			*at = ' ';
	}
	check->subject = options->subject;
}

/* Whether the command says where its files are by the name that --dir was given: "data" in
 * "data/f.txt", and not in "update" or "data.py". */
static bool names_directory(const struct check_arguments *options, const char *typed)
{
	static const char ends[] = "/ \t\n'\";)&|";
	char *const *argv = options->check.argv;
	size_t length = strlen(typed);

	while (length > 1 && typed[length - 1] == '/')
		length--;
	for (size_t i = 0; argv[i]; i++) {
		if (strstr(argv[i], "{dir}"))
			return true;
		for (const char *at = argv[i]; *at; at++) {
			if (!strncmp(at, typed, length) &&
				(at == argv[i] || !isalnum((unsigned char)at[-1])) &&
				(!at[length] || strchr(ends, at[length])))
				return true;
		}
	}
	return false;
}

/* "./verify.py" is looked for in the directory, and else here. */
static const char *find_command(const struct check_arguments *options, const char *command)
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

/* Where a scenario has its directory, at a path that is the same each time: a directory that every
 * system has, and that is covered while it runs. */
static const char *find_place(void)
{
	static const char *const places[] = {"/srv", "/mnt", "/media", "/opt"};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (!access(places[i], X_OK))
			return places[i];
	}
	options_fail("none of /srv, /mnt, /media and /opt exists: use --dir");
}

static void find_places(struct check_arguments *options)
{
	struct check_options *check = &options->check;
	const char *typed = check->directory ? check->directory : ".";

	if (!getcwd(options->here, sizeof(options->here)))
		options_fail("the current directory: %s", strerror(errno));
	check->is_empty = options->scenario && !check->directory;
	if (check->is_empty)
		snprintf(options->directory, sizeof(options->directory), "%s/data", find_place());
	if (!check->is_empty && !realpath(typed, options->directory))
		options_fail("--dir %s: %s", typed, strerror(errno));
	check->here = options->here;
	if (check->is_empty) {
		check->cwd = options->directory;
	} else if (check->cwd) {
		if (!realpath(check->cwd, options->cwd))
			options_fail("--cwd %s: %s", check->cwd, strerror(errno));
		check->cwd = options->cwd;
	} else if (check->directory && names_directory(options, typed)) {
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

static void plan_stages(struct check_arguments *options)
{
	struct check_options *check = &options->check;
	const char *chosen_faults = options->faults ? options->faults : default_faults;
	char chosen_models[64];

	options->filesystem = check->is_empty ? "ext4" : publish_filesystem_name(check->directory);
	snprintf(chosen_models, sizeof(chosen_models), "posix,%s", options->filesystem);
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
	if (options->workers)
		add_stage(check, (struct check_stage){.kind = STAGE_CREW,
					 .workers = (unsigned)options->workers});
	if (!check->stage_count) {
		fputs("nothing is selected: --fault and --model leave nothing to play out\n",
			stderr);
		exit(EXIT_NOTHING);
	}
}

void check_arguments_print(const struct check_arguments *arguments)
{
	const struct check_options *check = &arguments->check;

	printf("%s\n  in a copy of %s\n  judged by %s\n  ", check->subject, check->directory,
		check->checker ? check->checker : "the files: as before, or as after");
	for (size_t i = 0; i < check->stage_count; i++)
		printf("%s%s%s%s", i ? ", " : "", check_stage_name(&check->stages[i]),
			check->stages[i].model ? " under " : "",
			check->stages[i].model ? check->stages[i].model->name : "");
	putchar('\n');
}

void check_arguments_take(struct check_arguments *arguments, int argc, char **argv)
{
	struct check_options *check = &arguments->check;

	parse_arguments(arguments, argc, argv);
	if (arguments->scenario && check->argv)
		options_fail("a command, or --scenario with one, and not both");
	if (arguments->scenario)
		check_scenario_load(arguments->scenario, check, &arguments->time_limit_s);
	if (!check->argv)
		options_fail("which command? As in: tornwrite check --dir data -- sed -i "
			     "s/old/new/ data/f.txt");
	if (check->has_looks && (!check->checker || check->is_server))
		options_fail("--check-looks is about a checker that is started for each state: "
			     "--check");
	if (!arguments->time_limit_s)
		arguments->time_limit_s = DEFAULT_TIME_LIMIT_S;
	publish_check_path("json", arguments->json);
	publish_check_path("junit", arguments->junit);
	publish_check_path("witness-dir", arguments->witness_directory);
	options_when("color", arguments->color, false);
	name_subject(arguments);
	find_places(arguments);
	plan_stages(arguments);
}
