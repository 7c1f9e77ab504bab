/* What the parts of ./dev bench about somebody's own programs share. */
#ifndef TORNWRITE_TESTS_BENCH_PROGRAMS_H
#define TORNWRITE_TESTS_BENCH_PROGRAMS_H

#include <sched.h>
#include <sys/types.h>

#include "tests/bench.h"

/* A program that changes files in the directory where it is run. */
struct work {
	const char *name, *setup; /* setup: for sh -c, in that directory */
	const char *argv[8];
};

enum { WORK_GIT, WORK_SQLITE, WORK_SED, WORK_PYTHON, WORK_COUNT };
extern const struct work works[WORK_COUNT];

/* Says so if not. */
bool work_can_run(const struct work *work);
bool is_installed(const char *program);

/* A new directory of this name, as it is before the work. The path is the caller's. */
char *work_make_directory(struct lab *lab, const struct work *work, const char *name);

/* Runs a command in a directory, on these CPUs (NULL: ours). Returns seconds; ends all if its exit
 * status is another one. */
double time_command(
	const char *directory, char *const argv[], const cpu_set_t *cpus, int exit_status);

/* Ends all unless the child ends well. */
void await_child(pid_t pid);

/* Recording, beside strace. */
void measure_recorder(struct lab *lab);

#endif
