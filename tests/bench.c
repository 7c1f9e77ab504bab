/*
 * ./dev bench: what a run and a traced operation cost. Never a test: machines are noisy, so every
 * comparison alternates its two sides in one run and gives medians and their ratio.
 *
 *   bench TORNWRITE DIR        measure; DIR is a directory on a disk
 *   bench TORNWRITE DIR PART   one part of it only: power, schedules or check
 *   bench --work COUNT         the work itself: COUNT writes of 100 bytes (what strace follows)
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/inject.h"
#include "harness/jobs.h"
#include "harness/machine.h"
#include "harness/plugins.h"
#include "harness/record.h"
#include "harness/store.h"
#include "tests/bench.h"

enum { WRITES = 3000, RUNS = 300 };

double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median_of(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

double median(double values[ROUNDS])
{
	return median_of(values, ROUNDS);
}

_Noreturn void fail(const char *what, int err)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(-err));
	exit(3);
}

/* ---- the work: the same calls natively, under the tracer and under strace ---- */

static int write_many(unsigned count)
{
	char bytes[100];
	int fd = open("work", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int err = 0;

	if (fd < 0)
		return -errno;
	memset(bytes, 'x', sizeof(bytes));
	for (unsigned i = 0; i < count && !err; i++) {
		if (pwrite(fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
			err = -errno;
	}
	close(fd);
	return err;
}

static int work_update(const struct txn *txn)
{
	(void)txn;
	return write_many(WRITES);
}

static const struct strategy work = {
	.name = "work",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = work_update,
	.read = document_read,
};

static double time_child(char *const argv[])
{
	double start = now();
	int status;
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return -1;
	return now() - start;
}

static double time_run(struct lab *lab, const struct subject *subject)
{
	struct plan plan = {0};
	struct recording recording;
	double start = now(), end;
	int err = record_run(subject, &plan, &lab->workspace, &lab->filter, &recording);

	end = now();
	recording_release(&recording);
	if (err)
		fail("record", err);
	return end - start;
}

static void measure_calls(struct lab *lab, char *self)
{
	struct workload workload = {1, TXN_MIN_BYTES};
	struct subject subject;
	char count[16], message[512];
	char *native[] = {self, "--work", count, NULL};
	char *strace[] = {"strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e",
		"trace=pwrite64", self, "--work", count, NULL};
	double plain[ROUNDS], traced[ROUNDS], followed[ROUNDS];
	double plain_us, traced_us, followed_us;

	snprintf(count, sizeof(count), "%d", WRITES);
	if (subject_init(&subject, &work, &workload, &lab->workspace, message, sizeof(message)))
		fail(message, -EIO);
	for (int i = 0; i < ROUNDS; i++) {
		plain[i] = time_child(native);
		traced[i] = time_run(lab, &subject);
		followed[i] = time_child(strace);
	}
	subject_release(&subject);
	plain_us = median(plain) / WRITES * 1e6;
	traced_us = median(traced) / WRITES * 1e6;
	followed_us = median(followed) / WRITES * 1e6;
	printf("a write of 100 bytes, whole process / %d writes, median of %d rounds:\n", WRITES,
		ROUNDS);
	printf("  untraced                     %8.2f us\n", plain_us);
	printf("  recorded by tornwrite        %8.2f us   %.1f x untraced\n", traced_us,
		traced_us / plain_us);
	if (followed_us > 0)
		printf("  strace -f --seccomp-bpf      %8.2f us   tornwrite takes %.2f of it\n",
			followed_us, traced_us / followed_us);
	else
		printf("  strace -f --seccomp-bpf      not available\n");
}

/* ---- a whole run of a built-in strategy ---- */

const struct strategy *find(const char *name)
{
	for (size_t i = 0; i < strategy_count; i++) {
		if (!strcmp(strategies[i]->name, name))
			return strategies[i];
	}
	fail(name, -ENOENT);
}

static size_t count_ops(struct lab *lab, const struct subject *subject)
{
	struct plan plan = {0};
	struct recording recording;
	size_t ops = 0;

	if (record_run(subject, &plan, &lab->workspace, &lab->filter, &recording))
		fail("record", -EIO);
	for (size_t i = 0; i < recording.count; i++)
		ops += recording.events[i].kind == EVENT_OP;
	recording_release(&recording);
	return ops;
}

static void measure_growth(struct lab *lab)
{
	static const unsigned txns[] = {1, 2, 4, 8, 16, 32};
	char message[512];

	printf("\none recorded and checked run of replace-fsync-dir, median of %d rounds of %d:\n",
		ROUNDS, RUNS / 10);
	printf("  updates   ops    ms a run   us an op\n");
	for (size_t i = 0; i < sizeof(txns) / sizeof(*txns); i++) {
		struct workload workload = {txns[i], TXN_DEFAULT_BYTES};
		struct subject subject;
		double rounds[ROUNDS], ms;
		size_t ops;

		if (subject_init(&subject, find("replace-fsync-dir"), &workload, &lab->workspace,
			    message, sizeof(message)))
			fail(message, -EIO);
		ops = count_ops(lab, &subject);
		for (int round = 0; round < ROUNDS; round++) {
			rounds[round] = 0;
			for (int run = 0; run < RUNS / 10; run++)
				rounds[round] += time_run(lab, &subject);
		}
		ms = median(rounds) / (RUNS / 10) * 1e3;
		printf("  %7u %5zu %11.3f %10.1f\n", txns[i], ops, ms, ms * 1e3 / (double)ops);
		subject_release(&subject);
	}
}

/* ---- sweeps, as a user runs them ---- */

static double runs_a_second(char *tornwrite, const char *scenario, const char *directory,
	const char *output, double *seconds)
{
	char *argv[] = {tornwrite, "run", (char *)scenario, "--progress", "never", "--json",
		(char *)output, "--witness-dir", "witness", "--dir", (char *)directory, NULL};
	pid_t pid = fork();
	json_t *json, *item;
	double runs = 0;
	size_t i;
	int status;

	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDOUT_FILENO);
		execv(tornwrite, argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	json = json_load_file(output, 0, NULL);
	if (!json)
		fail(scenario, -EIO);
	*seconds = json_real_value(json_object_get(json_object_get(json, "timing"), "seconds"));
	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		if (!strcmp(json_string_value(json_object_get(item, "property")), "atomicity"))
			runs += (double)json_integer_value(
				json_object_get(json_object_get(item, "evidence"), "runs"));
	}
	json_decref(json);
	return runs / *seconds;
}

static void measure_sweeps(struct lab *lab, char *tornwrite, const char *disk)
{
	char output[PATH_MAX + 16];
	double tmpfs[ROUNDS], on_disk[ROUNDS], seconds;

	snprintf(output, sizeof(output), "%s/bench.json", lab->scratch.path);
	for (int i = 0; i < 3; i++) {
		tmpfs[i] = runs_a_second(tornwrite, "kill", "/dev/shm", output, &seconds);
		on_disk[i] = runs_a_second(tornwrite, "kill", disk, output, &seconds);
	}
	median_of(tmpfs, 3);
	median_of(on_disk, 3);
	printf("\nruns a second of 'run kill', all strategies, median of 3:\n");
	printf("  tmpfs %8.0f\n  disk  %8.0f   %.2f of tmpfs\n", tmpfs[1], on_disk[1],
		on_disk[1] / tmpfs[1]);
	runs_a_second(tornwrite, "quick", "/dev/shm", output, &seconds);
	printf("\n'run quick' took %.1f s (aim: under 40)\n", seconds);
}

static bool is_part(const char *name)
{
	return !strcmp(name, "power") || !strcmp(name, "schedules") || !strcmp(name, "check");
}

int main(int argc, char **argv)
{
	struct lab lab;
	char message[512], *self, *tornwrite, *disk;

	if (argc == 3 && !strcmp(argv[1], "--work"))
		return write_many((unsigned)atoi(argv[2])) ? 1 : 0;
	if (argc != 3 && (argc != 4 || !is_part(argv[3]))) {
		fputs("usage: bench TORNWRITE DIR [power|schedules|check]\n", stderr);
		return 2;
	}
	self = realpath("/proc/self/exe", NULL);
	tornwrite = realpath(argv[1], NULL);
	disk = realpath(argv[2], NULL);
	if (!self || !tornwrite || !disk)
		fail("realpath", -errno);
	if (scratch_init(&lab.scratch, NULL, message, sizeof(message)))
		fail(message, -EIO);
	if (inject_init() || filter_init(&lab.filter, 0) ||
		filter_init(&lab.crew_filter, FILTER_LOOKS) ||
		workspace_init(&lab.workspace, &lab.scratch, 0) || chdir(lab.scratch.path))
		fail("set-up", -EIO);
	if (argc == 3)
		measure_sweeps(&lab, tornwrite, disk);
	if (argc == 3 || !strcmp(argv[3], "check"))
		measure_check(&lab, tornwrite);
	/* As a job does it: one CPU for the tracer and its worker, and no vDSO clock. */
	machine_unmap_clock();
	jobs_pin(0);
	if (argc == 3) {
		putchar('\n');
		measure_calls(&lab, self);
		measure_growth(&lab);
	}
	if (argc == 3 || !strcmp(argv[3], "power"))
		measure_power(&lab);
	if (argc == 3 || !strcmp(argv[3], "schedules"))
		measure_schedules(&lab);
	workspace_release(&lab.workspace);
	filter_release(&lab.filter);
	filter_release(&lab.crew_filter);
	if (chdir("/"))
		return 3;
	scratch_release(&lab.scratch);
	free(self);
	free(tornwrite);
	free(disk);
	return 0;
}
