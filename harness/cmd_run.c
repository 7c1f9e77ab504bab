/*
 * tornwrite run: plans units (a scenario's strategy each), has the jobs work on them, and turns
 * what they send into reports, witnesses and an exit status.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "harness/cmd_plan.h"
#include "harness/commands.h"
#include "harness/filter.h"
#include "harness/interrupt.h"
#include "harness/jobs.h"
#include "harness/machine.h"
#include "harness/options.h"
#include "harness/plugins.h"
#include "harness/progress.h"
#include "harness/publish.h"
#include "harness/scenario.h"
#include "harness/sweep.h"
#include "harness/witness.h"
#include "harness/workspace.h"

enum { MAX_SCENARIOS = 32 };

/* Fixed, so that two people who type the same see the same. */
static const uint64_t default_seed = 0x746f726e77726974;

struct options {
	const char *scenario_names[MAX_SCENARIOS];
	size_t scenario_count;
	const char *strategy, *models, *directory, *json, *junit, *witness_directory;
	const char *color, *progress;
	enum tear tear;
	bool has_tear;
	uint64_t seed, jobs, time_limit_s, max_states;
	bool is_dry, requires_complete;
};

struct unit {
	const struct scenario *scenario;
	const struct strategy *strategy;
	struct result_list results; /* in the calling process */
	bool is_done;
};

struct run {
	struct options options;
	struct scenario scenarios[MAX_SCENARIOS];
	struct unit *units;
	size_t unit_count;
	struct scratch scratch;
	struct filter filter, crew_filter;
	struct timespec start, deadline;
	struct progress progress;
	struct result_list results; /* all, in planned order */
	bool has_failed;            /* the harness */
	bool is_refused;            /* ptrace or seccomp */
};

/* ---- arguments ---- */

enum { KEY_COLOR = 256, KEY_PROGRESS, KEY_DRY_RUN, KEY_COMPLETE, KEY_WITNESS, KEY_JUNIT };

static const struct argp_option argp_options[] = {
	{0, 0, 0, 0, "What to run:", 1},
	{"strategy", 's', "GLOB", 0, "only these strategies (globs, separated by commas)", 1},
	{"model", 'm', "LIST", 0,
		"power cuts under these persistence models (globs, separated by commas), whatever "
		"the scenario says",
		1},
	{"tear", 'T', "BYTES", 0, "at what a write tears: 4096 (the default), 512 or none", 1},
	{"dir", 'd', "DIR", 0,
		"work in a fresh directory inside DIR (default: /dev/shm); nothing else in DIR is "
		"touched, and it is removed after",
		1},
	{"seed", 'S', "N", 0, "seed of all that is random", 1},
	{0, 0, 0, 0, "How much:", 2},
	{"jobs", 'j', "N", 0, "driver processes (default: one a CPU)", 2},
	{"time-limit", 't', "S", 0, "stop after S seconds; what is then open is unknown", 2},
	{"max-states", 'n', "N", 0,
		"at most N runs, or states of power cuts, for each strategy and fault", 2},
	{"dry-run", KEY_DRY_RUN, 0, 0, "say what would be run, and run nothing", 2},
	{0, 0, 0, 0, "Results:", 3},
	{"json", 'o', "FILE", 0, "write the results as JSON; - is standard output", 3},
	{"junit", KEY_JUNIT, "FILE", 0, "write the results as JUnit XML, for a CI server", 3},
	{"witness-dir", KEY_WITNESS, "DIR", 0, "where violations are kept (default: witness)", 3},
	{"require-complete", KEY_COMPLETE, 0, 0, "exit 5 if anything remains unknown", 3},
	{"color", KEY_COLOR, "WHEN", 0, "auto, always or never; NO_COLOR is honoured", 3},
	{"progress", KEY_PROGRESS, "WHEN", 0,
		"auto (a bar on a terminal, lines elsewhere), "
		"always or never",
		3},
	{0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 's':
		options->strategy = argument;
		return 0;
	case 'm':
		options->models = argument;
		return 0;
	case 'T':
		options->has_tear = true;
		if (!strcmp(argument, "none"))
			options->tear = TEAR_NONE;
		else if (!strcmp(argument, "512") || !strcmp(argument, "4096"))
			options->tear = (enum tear)atoi(argument);
		else
			options_fail("--tear %s: want 512, 4096 or none", argument);
		return 0;
	case 'd':
		options->directory = argument;
		return 0;
	case 'S':
		options->seed = options_number("seed", argument, 0, UINT64_MAX);
		return 0;
	case 'j':
		options->jobs = options_number("jobs", argument, 1, 256);
		return 0;
	case 't':
		options->time_limit_s = options_number("time-limit", argument, 1, 1000000);
		return 0;
	case 'n':
		options->max_states = options_number("max-states", argument, 1, UINT32_MAX);
		return 0;
	case 'o':
		options->json = argument;
		return 0;
	case KEY_JUNIT:
		options->junit = argument;
		return 0;
	case KEY_DRY_RUN:
		options->is_dry = true;
		return 0;
	case KEY_COMPLETE:
		options->requires_complete = true;
		return 0;
	case KEY_WITNESS:
		options->witness_directory = argument;
		return 0;
	case KEY_COLOR:
		options->color = argument;
		return 0;
	case KEY_PROGRESS:
		options->progress = argument;
		return 0;
	case ARGP_KEY_ARG:
		if (options->scenario_count == MAX_SCENARIOS)
			options_fail("more than %d scenarios", MAX_SCENARIOS);
		options->scenario_names[options->scenario_count++] = argument;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void parse_arguments(struct options *options, int argc, char **argv)
{
	static const struct argp argp = {.options = argp_options,
		.parser = parse_option,
		.args_doc = "[SCENARIO...]",
		.doc = "Runs built-in update strategies while libfiu strikes their operations, and "
		       "tells which ACID properties held.\v"
		       "SCENARIO is a name of 'tornwrite list scenarios' or an .ini file; the "
		       "default is quick. Exit status: 0 all claims held, 1 a claim broke, 2 "
		       "usage, "
		       "3 the harness failed, 4 nothing selected, 5 incomplete, 77 skipped."};

	*options = (struct options){.seed = default_seed,
		.jobs = jobs_cpu_count(),
		.witness_directory = "witness",
		.color = "auto",
		.progress = "auto"};
	options_parse(&argp, argc, argv, options);
	if (!options->scenario_count)
		options->scenario_names[options->scenario_count++] = "quick";
}

/* ---- planning ---- */

static void load_scenarios(struct run *run)
{
	const struct options *options = &run->options;
	size_t total = 0;
	char message[1024];

	for (size_t i = 0; i < options->scenario_count; i++) {
		struct scenario *scenario = &run->scenarios[i];

		if (scenario_load(scenario, options->scenario_names[i], message, sizeof(message)))
			options_fail("%s", message);
		if (options->strategy &&
			scenario_select(scenario, options->strategy, message, sizeof(message)))
			options_fail("%s", message);
		if (options->models &&
			scenario_set_models(scenario, options->models, message, sizeof(message)))
			options_fail("%s", message);
		if (options->has_tear)
			scenario->tear = options->tear;
		total += scenario->strategy_count;
	}
	run->units = calloc(total + 1, sizeof(*run->units));
	if (!run->units)
		options_fail("out of memory");
	for (size_t i = 0; i < options->scenario_count; i++) {
		for (size_t k = 0; k < run->scenarios[i].strategy_count; k++)
			run->units[run->unit_count++] =
				(struct unit){.scenario = &run->scenarios[i],
					.strategy = run->scenarios[i].strategies[k]};
	}
}

/* ---- in a job process ---- */

static void send_failure(size_t unit, int err, const char *text)
{
	jobs_send(
		json_pack("{s:I, s:i, s:s}", "unit", (json_int_t)unit, "error", err, "text", text));
}

static void send_results(size_t unit, struct result_list *results)
{
	json_t *array = json_array();
	uint64_t runs = results->count ? results->items[0].evidence.runs : 0;

	for (size_t i = 0; i < results->count; i++)
		json_array_append_new(array, result_to_json(&results->items[i]));
	result_list_release(results);
	jobs_send(json_pack("{s:I, s:I, s:o}", "unit", (json_int_t)unit, "runs", (json_int_t)runs,
		"results", array));
}

/* One strategy with one workload. */
struct portion {
	struct run *run;
	const struct unit *unit;
	size_t number; /* of the unit */
	enum part part;
	const struct workspace *workspace;
	const struct sweep_options *options;
};

static int run_stages(const struct portion *portion, const struct stage *stages, size_t count,
	struct sweep *sweep)
{
	struct result_list results = {0};
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		if (stages[i].part != portion->part)
			continue;
		err = plan_run_stage(sweep, &stages[i], &results);
		if (!err)
			send_results(portion->number, &results);
	}
	result_list_release(&results);
	return err;
}

static int run_portion(const struct portion *portion, const struct stage *stages, size_t count,
	char *message, size_t message_size)
{
	const struct unit *unit = portion->unit;
	struct workload workload = plan_workload(unit->scenario, unit->strategy, portion->part);
	struct subject subject = {0};
	struct sweep sweep = {.subject = &subject,
		.workspace = portion->workspace,
		.filter = &portion->run->filter,
		.crew_filter = &portion->run->crew_filter,
		.options = portion->options};
	int err = subject_init(
		&subject, unit->strategy, &workload, portion->workspace, message, message_size);

	if (!err) {
		sweep.prober = prober_new(&subject, portion->workspace);
		err = sweep.prober ? run_stages(portion, stages, count, &sweep) : -ENOMEM;
	}
	prober_free(sweep.prober);
	subject_release(&subject);
	return err;
}

/* The portions that have a stage. */
static int run_portions(struct portion *portion, char *message, size_t message_size)
{
	size_t count;
	struct stage *stages =
		plan_stages(portion->unit->scenario, portion->unit->strategy, &count);
	int err = stages ? 0 : -ENOMEM;

	for (int part = 0; !err && part < PART_COUNT; part++) {
		bool has_any = false;

		for (size_t i = 0; i < count; i++)
			has_any |= stages[i].part == (enum part)part;
		portion->part = (enum part)part;
		if (has_any)
			err = run_portion(portion, stages, count, message, message_size);
	}
	free(stages);
	return err;
}

static void work_on_unit(void *context, unsigned job, size_t number, volatile const bool *stop)
{
	static struct workspace workspace = {.data_fd = -1};
	struct run *run = context;
	const struct unit *unit = &run->units[number];
	struct sweep_options options = {.scenario = unit->scenario->name,
		.seed = run->options.seed,
		.max_states = run->options.max_states,
		.deadline = run->deadline,
		.is_interrupted = stop};
	struct portion portion = {.run = run,
		.unit = unit,
		.number = number,
		.workspace = &workspace,
		.options = &options};
	char message[PATH_MAX + 256] = "";
	int err = 0;

	if (workspace.data_fd < 0) {
		machine_unmap_clock();
		err = workspace_init(&workspace, &run->scratch, job);
	}
	if (!err)
		err = run_portions(&portion, message, sizeof(message));
	if (err && !message[0])
		snprintf(message, sizeof(message), "%s: %s", unit->strategy->name,
			err == -EPROTO      ? "the recording is wrong: please report this"
			: err == -EREMOTEIO ? "not judged, for this host fails by itself"
					    : strerror(-err));
	if (err)
		send_failure(number, err, message);
	jobs_send(json_pack("{s:I, s:b}", "unit", (json_int_t)number, "done", 1));
}

/* ---- in the calling process ---- */

static void receive(void *context, json_t *message)
{
	struct run *run = context;
	size_t number = (size_t)json_integer_value(json_object_get(message, "unit")), i;
	struct unit *unit = &run->units[number];
	json_t *item;

	if (number >= run->unit_count)
		return;
	if (json_object_get(message, "error")) {
		progress_clear(&run->progress);
		fprintf(stderr, "error: %s\n", json_string_value(json_object_get(message, "text")));
		if (json_integer_value(json_object_get(message, "error")) == -ENOTRECOVERABLE)
			run->is_refused = true;
		else
			run->has_failed = true;
	}
	json_array_foreach(json_object_get(message, "results"), i, item)
	{
		struct result result;

		if (result_from_json(item, &result) || result_list_add(&unit->results, &result))
			run->has_failed = true;
	}
	progress_add(
		&run->progress, (uint64_t)json_integer_value(json_object_get(message, "runs")));
	if (json_object_get(message, "done")) {
		unit->is_done = true;
		progress_unit(&run->progress, unit->strategy->name);
	}
}

static bool tick(void *context)
{
	struct run *run = context;

	progress_show(&run->progress);
	return interrupt_signal() || run->is_refused;
}

static void gather(struct run *run)
{
	for (size_t i = 0; i < run->unit_count; i++) {
		struct result_list *results = &run->units[i].results;

		if (plan_add_missing(run->units[i].scenario, run->units[i].strategy, results))
			run->has_failed = true;
		for (size_t k = 0; k < results->count; k++) {
			if (result_list_add(&run->results, &results->items[k]))
				run->has_failed = true;
		}
		result_list_release(results);
	}
}

/* ---- reports ---- */

static int write_reports(struct run *run)
{
	const struct options *options = &run->options;
	bool json_on_stdout = options->json && !strcmp(options->json, "-");
	const char **subjects = calloc(run->unit_count + 1, sizeof(*subjects));
	struct utsname system;
	struct timespec now;
	struct report_input input = {.results = &run->results,
		.subjects = subjects,
		.seed = options->seed,
		.filesystem = publish_filesystem_name(run->scratch.path),
		.libfiu = TORNWRITE_LIBFIU_VERSION,
		.interrupted_by = interrupt_signal()};
	int err = 0;

	if (!subjects)
		return -ENOMEM;
	for (size_t i = 0; i < run->unit_count; i++) {
		bool is_known = false;

		for (size_t k = 0; k < input.subject_count; k++)
			is_known |= !strcmp(subjects[k], run->units[i].strategy->name);
		if (!is_known)
			subjects[input.subject_count++] = run->units[i].strategy->name;
	}
	uname(&system);
	input.kernel = system.release;
	clock_gettime(CLOCK_MONOTONIC, &now);
	input.seconds = (double)(now.tv_sec - run->start.tv_sec) +
	                (double)(now.tv_nsec - run->start.tv_nsec) / 1e9;
	input.is_colored =
		options_when("color", options->color, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"));
	if (options->json)
		err = publish_report(&input, "json", options->json);
	if (options->junit && publish_report(&input, "junit", options->junit))
		err = -EIO;
	if (!json_on_stdout && publish_report(&input, "table", "-"))
		err = -EIO;
	free(subjects);
	return err;
}

/* ---- the exit status ---- */

static bool expectations_hold(const struct run *run)
{
	bool all_hold = true;

	for (size_t i = 0; i < run->options.scenario_count; i++)
		all_hold &= scenario_expectations_hold(&run->scenarios[i], &run->results);
	return all_hold;
}

static int exit_status(const struct run *run)
{
	bool is_broken = false, is_unknown = false, is_tested = false;

	for (size_t i = 0; i < run->results.count; i++) {
		const struct result *result = &run->results.items[i];

		is_broken |= result->verdict == VERDICT_VIOLATED && result->is_claimed;
		is_unknown |= result->verdict == VERDICT_UNKNOWN &&
		              result->evidence.coverage != COVERAGE_SAMPLED;
		is_tested |= strcmp(result->fault, "none") && result->evidence.runs;
	}
	if (run->has_failed)
		return EXIT_HARNESS;
	if (interrupt_signal())
		return EXIT_SIGNAL + interrupt_signal();
	if (run->is_refused)
		return EXIT_SKIPPED;
	if (is_broken)
		return EXIT_VIOLATED;
	if (!is_tested)
		return EXIT_SKIPPED;
	if (!expectations_hold(run))
		return EXIT_VIOLATED;
	return is_unknown && run->options.requires_complete ? EXIT_INCOMPLETE : EXIT_HELD;
}

static void say_refused(void)
{
	fputs("skipped: this host does not let a process trace its own child with ptrace and "
	      "seccomp.\nIn a container, allow ptrace and seccomp filters (docker run --cap-add "
	      "SYS_PTRACE --security-opt seccomp=unconfined);\nelsewhere, set "
	      "kernel.yama.ptrace_scope to 0 or 1.\n",
		stderr);
}

static void prepare(struct run *run)
{
	char message[PATH_MAX + 256];

	publish_check_path("json", run->options.json);
	publish_check_path("junit", run->options.junit);
	publish_check_path("witness-dir", run->options.witness_directory);
	options_when("color", run->options.color, false);
	if (scratch_init(&run->scratch, run->options.directory, message, sizeof(message)))
		options_fail("%s%s", run->options.directory ? "--dir " : "", message);
	if (scratch_check_space(
		    &run->scratch, run->options.jobs * WORKSPACE_BYTES, message, sizeof(message))) {
		scratch_release(&run->scratch);
		options_fail("--dir %s", message);
	}
	clock_gettime(CLOCK_MONOTONIC, &run->start);
	if (run->options.time_limit_s) {
		run->deadline = run->start;
		run->deadline.tv_sec += (time_t)run->options.time_limit_s;
	}
}

static void release(struct run *run)
{
	scratch_release(&run->scratch);
	filter_release(&run->filter);
	filter_release(&run->crew_filter);
	result_list_release(&run->results);
	for (size_t i = 0; i < run->options.scenario_count; i++)
		scenario_release(&run->scenarios[i]);
	free(run->units);
}

int cmd_run(int argc, char **argv)
{
	static struct run run;
	struct jobs jobs = {
		.work = work_on_unit, .receive = receive, .tick = tick, .context = &run};
	char message[PATH_MAX + 256];
	int status;

	parse_arguments(&run.options, argc, argv);
	load_scenarios(&run);
	if (!run.unit_count) {
		fprintf(stderr,
			"nothing is selected: --strategy %s matches no strategy of the "
			"scenario; see 'tornwrite list strategies'\n",
			run.options.strategy ? run.options.strategy : "");
		return EXIT_NOTHING;
	}
	if (run.options.is_dry) {
		for (size_t i = 0; i < run.options.scenario_count; i++)
			plan_print(&run.scenarios[i]);
		return EXIT_HELD;
	}
	/* Before anything is there that a signal would leave behind. */
	interrupt_catch();
	prepare(&run);
	progress_init(&run.progress, run.unit_count,
		options_when("progress", run.options.progress, true));
	if (inject_init() || filter_init(&run.filter, 0) ||
		filter_init(&run.crew_filter, FILTER_LOOKS)) {
		fputs("error: libfiu or libseccomp could not be started\n", stderr);
		release(&run);
		return EXIT_HARNESS;
	}
	jobs.count = (unsigned)run.options.jobs;
	if (jobs.count > run.unit_count)
		jobs.count = (unsigned)run.unit_count;
	jobs.unit_count = run.unit_count;
	if (jobs_run(&jobs))
		run.has_failed = true;
	progress_clear(&run.progress);
	gather(&run);
	if (run.is_refused) {
		say_refused();
	} else {
		if (witness_write_all(&run.results, run.options.witness_directory, message,
			    sizeof(message))) {
			fprintf(stderr, "error: --witness-dir %s\n", message);
			run.has_failed = true;
		}
		if (write_reports(&run))
			run.has_failed = true;
	}
	status = exit_status(&run);
	release(&run);
	return status;
}
