/*
 * ./dev bench, somebody's own programs: what it costs to record one, beside strace of the same
 * calls. Every sample is one run of each kind, in changing order, from the same files; what is
 * shown are medians, and the medians of the ratios of each sample. The recorded run alone is the
 * whole less a restoring and a replay check that are timed right after it.
 * Limit: strace cannot look at arguments, and stops at every open; the recorder's filter lets
 * those pass that only read.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/jobs.h"
#include "harness/record_private.h"
#include "harness/record_program.h"
#include "harness/sandbox.h"
#include "tests/bench_programs.h"

enum { SAMPLES = 41, TIMEOUT_MS = 20000, MAX_CALLS = 512 };

/* Seconds, by sample. */
struct samples {
	double native[SAMPLES];
	double strace[SAMPLES], pinned[SAMPLES]; /* on all CPUs, and on one with what it traces */
	double whole[SAMPLES];                   /* program_record() */
	double around[SAMPLES];                  /* restoring and a replay check, once more */
	size_t ops;
};

/* The calls at which the filter stops, for some argument or other, as strace wants them. */
static void name_calls(const struct filter *filter, char *list, size_t size)
{
	static const uint64_t kinds[][6] = {{0}, {0x41, 0x41, 0x41, 0x41, 0x41, 0x41}};
	size_t length = (size_t)snprintf(list, size, "trace=");

	for (int number = 0; number < MAX_CALLS; number++) {
		char *name;

		if (filter_ask(filter, number, kinds[0]) != FILTER_STOP &&
			filter_ask(filter, number, kinds[1]) != FILTER_STOP)
			continue;
		name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number);
		if (name && length < size)
			length += (size_t)snprintf(list + length, size - length, "?%s,", name);
		free(name);
	}
	if (length >= size)
		fail("names of calls", -ENOBUFS);
	list[length - 1] = 0;
}

static void restore(const struct program *program)
{
	struct inode_map *inodes = NULL;
	struct tree *tree = NULL;
	int err = record_restore(
		program->name, program->initial, program->directory_fd, &tree, &inodes);

	tree_unref(tree);
	inode_map_free(inodes);
	if (err)
		fail(program->name, err);
}

/* Leaves the directory as it was. */
static void record(
	struct program *program, const struct filter *filter, struct samples *samples, int sample)
{
	const struct plan plan = {.seed = 1};
	struct recording recording;
	double start = now();
	int err = program_record(program, &plan, filter, &recording);

	samples->whole[sample] = now() - start;
	if (err || recording.ending != ENDED_DONE)
		fail(program->name, err ? err : -EIO);
	start = now();
	if (record_check_replay(program->name, &recording, program->directory_fd))
		fail(program->name, -EIO);
	restore(program);
	samples->around[sample] = now() - start;
	samples->ops = 0;
	for (size_t i = 0; i < recording.count; i++)
		samples->ops += recording.events[i].kind == EVENT_OP;
	recording_release(&recording);
}

enum kind { NATIVE, RECORDED, STRACE, STRACE_ALL, KINDS };

static void take_samples(struct program *program, const struct filter *filter, const cpu_set_t *all,
	struct samples *samples)
{
	enum { WORDS = 8 };
	const char *directory = program->directory;
	char calls[4096];
	char *strace[16] = {"strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", calls};
	bool has_strace = is_installed("strace");

	name_calls(filter, calls, sizeof(calls));
	for (size_t i = 0; program->argv[i]; i++)
		strace[WORDS + i] = program->argv[i];
	*samples = (struct samples){0};
	for (int i = 0; i < SAMPLES * KINDS; i++) {
		int sample = i / KINDS;
		/* Each comes after each of the others: it leaves its mark on the caches. */
		int at = sample % 2 ? i % KINDS : KINDS - 1 - i % KINDS;
		enum kind kind = (enum kind)((at + sample / 2) % KINDS);

		if (kind >= STRACE && !has_strace)
			continue;
		restore(program);
		if (kind == NATIVE)
			samples->native[sample] = time_command(directory, program->argv, NULL, 0);
		else if (kind == RECORDED)
			record(program, filter, samples, sample);
		else if (kind == STRACE)
			samples->pinned[sample] = time_command(directory, strace, NULL, 0);
		else
			samples->strace[sample] = time_command(directory, strace, all, 0);
	}
}

static void print_samples(const struct work *work, struct samples *samples)
{
	double run[SAMPLES], beside_all[SAMPLES], beside_one[SAMPLES], whole[SAMPLES];
	double added[SAMPLES], strace_added[SAMPLES];
	bool has_strace = samples->strace[0] > 0;

	for (int i = 0; i < SAMPLES; i++) {
		run[i] = samples->whole[i] - samples->around[i];
		beside_all[i] = run[i] / samples->strace[i];
		beside_one[i] = run[i] / samples->pinned[i];
		whole[i] = samples->whole[i] / samples->pinned[i];
		added[i] = run[i] - samples->native[i];
		strace_added[i] = samples->pinned[i] - samples->native[i];
	}
	printf("  %-16s %4zu %7.2f %7.2f %7.2f", work->name, samples->ops,
		median_of(samples->native, SAMPLES) * 1e3, median_of(run, SAMPLES) * 1e3,
		median_of(samples->whole, SAMPLES) * 1e3);
	if (has_strace)
		printf(" %7.2f %7.2f  %8.2f %8.2f %8.2f %8.2f\n",
			median_of(samples->strace, SAMPLES) * 1e3,
			median_of(samples->pinned, SAMPLES) * 1e3, median_of(beside_all, SAMPLES),
			median_of(beside_one, SAMPLES), median_of(whole, SAMPLES),
			median_of(added, SAMPLES) / median_of(strace_added, SAMPLES));
	else
		printf("  strace is not installed\n");
	fflush(stdout);
}

static void measure(struct lab *lab, const struct work *work, const cpu_set_t *all)
{
	struct program program = {
		.name = work->name, .argv = (char *const *)work->argv, .timeout_ms = TIMEOUT_MS};
	char output[PATH_MAX + 16], errors[PATH_MAX + 16];
	char *directory = work_make_directory(lab, work, work->argv[0]);
	struct samples samples;
	struct filter filter;
	int err = filter_init(&filter, FILTER_PROGRAM);

	snprintf(output, sizeof(output), "%s/output", lab->scratch.path);
	snprintf(errors, sizeof(errors), "%s/errors", lab->scratch.path);
	program.output = output;
	program.errors = errors;
	program.directory = program.cwd = directory;
	program.directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err)
		err = program.directory_fd < 0 ? -errno : program_init(&program);
	if (err)
		fail(work->name, err);
	take_samples(&program, &filter, all, &samples);
	print_samples(work, &samples);
	close(program.directory_fd);
	program_release(&program);
	filter_release(&filter);
	free(directory);
}

static _Noreturn void measure_all(struct lab *lab)
{
	cpu_set_t all;

	sched_getaffinity(0, sizeof(all), &all);
	if (sandbox_enter())
		printf("  (without namespaces)\n");
	/* As a job does it. */
	jobs_pin(0);
	for (size_t i = 0; i < WORK_COUNT; i++) {
		if (work_can_run(&works[i]))
			measure(lab, &works[i], &all);
	}
	fflush(stdout);
	_exit(0);
}

void measure_recorder(struct lab *lab)
{
	pid_t pid;

	printf("\none run of somebody's program, in ms, median of %d: untraced (native); recorded, "
	       "alone (run) and with restoring and replay\ncheck (with); under strace -f "
	       "--seccomp-bpf of the same calls, on all CPUs and on the one that the others "
	       "have.\nRatios of the recorded run to both (aim: under 0.60), of all that belongs "
	       "to it, and of what is added to native:\n",
		SAMPLES);
	printf("  %-16s %4s %7s %7s %7s %7s %7s  %8s %8s %8s %8s\n", "program", "ops", "native",
		"run", "with", "strace", "one CPU", "run/all", "run/one", "with/one", "added");
	fflush(stdout);
	/* In a process of its own, for a sandbox is never left. */
	pid = fork();
	if (!pid)
		measure_all(lab);
	await_child(pid);
}
