/*
 * ./dev bench, `tornwrite check`: how many states are judged a second, how often a checker is
 * spared, and how long it all takes.
 * Method: states are judged as in a stage of a check, in the same process that starts bare
 * checkers in between; rates are compared chunk by chunk, as the machine is in that moment.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/check_private.h"
#include "harness/exit_code.h"
#include "harness/jobs.h"
#include "harness/plugins.h"
#include "tests/bench_programs.h"

enum {
	CHUNKS = 41,
	STARTS = 20,        /* of a bare checker, before each chunk */
	CHUNK_RUNS = 20,    /* states that a checker is asked about */
	CHUNK_STATES = 100, /* without one */
	COVER_STATES = 2000,
	TIMEOUT_MS = 20000,
};

static const struct model *find_model(const char *name)
{
	for (size_t i = 0; i < model_count; i++) {
		if (!strcmp(models[i]->name, name))
			return models[i];
	}
	fail(name, -ENOENT);
}

/* ---- what a check is about ---- */

/* Opens the check and attaches to it, in two processes of their own as in tornwrite check, and has
 * the second do something. */
static void in_job(struct lab *lab, const struct check_options *options,
	void (*act)(struct check *check, const char *name), const char *name)
{
	char message[CHECK_MESSAGE_BYTES];
	struct check *check;
	pid_t pid;
	int err;

	fflush(stdout);
	pid = fork();
	if (pid) {
		await_child(pid);
		return;
	}
	if (check_open(&check, options, lab->scratch.path, message) != CHECK_OK)
		fail(message, -EIO);
	pid = fork();
	if (pid) {
		await_child(pid);
	} else {
		jobs_pin(0);
		err = check_attach(check, 0);
		if (err)
			fail(options->subject, err);
		act(check, name);
		fflush(stdout);
	}
	check_close(check);
	_exit(0);
}

/* ---- states a second ---- */

struct rating {
	struct check *check;
	unsigned chunk_size, chunk, in_chunk;
	double start;
	double bare[CHUNKS], checked[CHUNKS]; /* a second */
};

/* The quickest way: nothing of us is copied. */
static double start_bare(void)
{
	double start = now();

	for (int i = 0; i < STARTS; i++) {
		int status;
		pid_t pid = vfork();

		if (!pid) {
			execl("/bin/sh", "sh", "-c", "true", (char *)NULL);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			fail("sh -c true", -ECHILD);
	}
	return STARTS / (now() - start);
}

static uint64_t count_runs(const struct check *check)
{
	return check->checker ? checker_count(check->checker).run : 0;
}

static int rate(void *context, const struct crash_state *state)
{
	struct rating *rating = context;
	struct check *check = rating->check;
	uint64_t runs = count_runs(check);
	char message[CHECK_MESSAGE_BYTES];
	struct acks acks = check->acks;
	struct flaws flaws;
	int err;

	if (rating->chunk == CHUNKS)
		return 0;
	if (!rating->in_chunk) {
		rating->bare[rating->chunk] = start_bare();
		rating->start = now();
	}
	acks.count = check_acks_at(&check->clean, state->event);
	err = check_state(check, state->tree, &acks, true, &flaws, message);
	/* What the checker remembers is no run. */
	rating->in_chunk += !check->checker || count_runs(check) > runs;
	if (rating->in_chunk < rating->chunk_size)
		return err;
	rating->checked[rating->chunk++] = rating->chunk_size / (now() - rating->start);
	rating->in_chunk = 0;
	return err;
}

static bool has_all(void *context)
{
	return ((struct rating *)context)->chunk == CHUNKS;
}

static void print_rate(struct check *check, const char *name)
{
	struct rating rating = {
		.check = check, .chunk_size = check->checker ? CHUNK_RUNS : CHUNK_STATES};
	const struct crash_limits limits = {.seed = 1, .is_over = has_all, .context = &rating};
	struct crash_coverage coverage;
	struct micro_ops ops;
	double ratio[CHUNKS];
	int err = micro_ops_init(&ops, &check->clean, find_model("posix"), TEAR_PAGE);

	if (!err)
		err = crash_each(&ops, &limits, rate, &rating, &coverage);
	if (err || rating.chunk < CHUNKS)
		fail(name, err ? err : -ERANGE);
	micro_ops_release(&ops);
	for (int i = 0; i < CHUNKS; i++)
		ratio[i] = rating.checked[i] / rating.bare[i];
	printf("  %-16s %10.0f %10.0f %8.2f\n", name, median_of(rating.bare, CHUNKS),
		median_of(rating.checked, CHUNKS), median_of(ratio, CHUNKS));
}

/* ---- states for which the checker is not run ---- */

static void print_cover(struct check *check, const char *name)
{
	const struct check_options *options = check->options;
	const struct check_stage *stage = &options->stages[0];
	const struct sweep_options sweep = {
		.scenario = "bench", .seed = 1, .max_states = options->max_states};
	struct result_list results = {0};
	char message[CHECK_MESSAGE_BYTES] = "";
	double start = now(), seconds;
	int err = check_run(check, stage, &sweep, &results, message);
	struct checker_count count = checker_count(check->checker);
	uint64_t states;

	seconds = now() - start;
	if (err || !results.count)
		fail(*message ? message : name, err ? err : -EIO);
	states = results.items[0].evidence.states;
	printf("  %-14s %10.4g %8llu %8llu %10llu %8.2f %8.1f\n", name,
		results.items[0].evidence.sets, (unsigned long long)states,
		(unsigned long long)count.run, (unsigned long long)count.remembered,
		(double)states / (double)count.run, seconds);
	result_list_release(&results);
}

static void measure_cover(struct lab *lab, const struct check_options *git)
{
	const struct check_stage stages[] = {{.kind = STAGE_KILL},
		{.kind = STAGE_POWER, .model = find_model("ext4")},
		{.kind = STAGE_POWER, .model = find_model("posix")}};
	static const char *const names[] = {"kill", "power, ext4", "power, posix"};
	struct check_options options = *git;

	printf("\ngit commit judged by git fsck (at most %d states): how often that is run. A "
	       "state that is not legal is\nasked about again, with fewer acknowledgements:\n",
		COVER_STATES);
	printf("  %-14s %10s %8s %8s %10s %8s %8s\n", "", "sets", "states", "runs", "remembered",
		"a run", "seconds");
	options.checker = "git fsck";
	options.max_states = COVER_STATES;
	options.stage_count = 1;
	for (size_t i = 0; i < sizeof(stages) / sizeof(*stages); i++) {
		options.stages[0] = stages[i];
		in_job(lab, &options, print_cover, names[i]);
	}
}

static void measure_states(struct lab *lab)
{
	char *directory = work_make_directory(lab, &works[WORK_GIT], "states");
	struct check_options git = {.subject = works[WORK_GIT].name,
		.scenario = "bench",
		.argv = (char **)(uintptr_t)works[WORK_GIT].argv,
		.directory = directory,
		.cwd = directory,
		.tear = TEAR_PAGE,
		.seed = 1,
		.timeout_ms = TIMEOUT_MS,
		.checker_timeout_ms = TIMEOUT_MS,
		.max_bytes = UINT64_MAX};

	printf("\nstates of git commit judged a second on one CPU, each another one, beside bare "
	       "starts of sh -c true, median of\n%d chunks (aim: 0.70):\n",
		CHUNKS);
	printf("  %-16s %10s %10s %8s\n", "", "bare", "judged", "ratio");
	in_job(lab, &git, print_rate, "no checker");
	git.checker = "true";
	in_job(lab, &git, print_rate, "--check true");
	measure_cover(lab, &git);
	free(directory);
}

/* ---- as a user runs it ---- */

static void measure_command(struct lab *lab, char *tornwrite, const struct work *work)
{
	char *directory = work_make_directory(
		lab, work, work == &works[WORK_GIT] ? "git-whole" : "sed-whole");
	char *argv[20] = {
		tornwrite, "check", "--progress", "never", "--witness-dir", "../witness", "--"};
	double seconds[ROUNDS];

	for (size_t i = 0; work->argv[i]; i++)
		argv[7 + i] = (char *)(uintptr_t)work->argv[i];
	for (int i = 0; i < ROUNDS; i++)
		seconds[i] = time_command(directory, argv, NULL, EXIT_VIOLATED);
	printf("  %-16s %8.2f s\n", work->name, median(seconds));
	fflush(stdout);
	free(directory);
}

/* Everybody finds the same programs, and git knows who it is. */
static void set_environment(void)
{
	char path[4096];

	snprintf(path, sizeof(path), "/usr/bin:%s", getenv("PATH") ? getenv("PATH") : "/bin");
	setenv("PATH", path, 1);
	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("GIT_AUTHOR_NAME", "T", 1);
	setenv("GIT_AUTHOR_EMAIL", "t@example.org", 1);
	setenv("GIT_COMMITTER_NAME", "T", 1);
	setenv("GIT_COMMITTER_EMAIL", "t@example.org", 1);
}

void measure_check(struct lab *lab, char *tornwrite)
{
	set_environment();
	measure_recorder(lab);
	printf("\n'tornwrite check' without a checker, on all CPUs, median of %d:\n", ROUNDS);
	if (work_can_run(&works[WORK_SED]))
		measure_command(lab, tornwrite, &works[WORK_SED]);
	if (work_can_run(&works[WORK_GIT])) {
		measure_command(lab, tornwrite, &works[WORK_GIT]);
		measure_states(lab);
	}
}
