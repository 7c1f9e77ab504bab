/*
 * The machine-dependent part of the tracer: one implementation an architecture
 * (machine_x86_64.c). A call is what a stopped task asks the kernel to do.
 */
#ifndef TORNWRITE_MACHINE_H
#define TORNWRITE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct call {
	long number;
	uint64_t args[6];
	int64_t result; /* at an exit stop */
	struct user_regs_struct registers;
};

/* Reads the call that a task stopped in `pid` makes or has made. All return 0 or -errno. */
int machine_get_call(pid_t pid, struct call *call);

/* Whether a task that stopped at a call has not made it yet. */
bool machine_is_entry(pid_t pid);

/* At an entry stop: changes one argument. The caller restores it at the exit stop, for compilers
 * assume that the kernel preserves argument registers. */
int machine_set_argument(pid_t pid, struct call *call, unsigned index, uint64_t value);

/* At an entry stop: the kernel is not to make the call, and the task sees `result`. */
int machine_skip_call(pid_t pid, struct call *call, int64_t result);

/* At an exit stop: the task sees `result`. */
int machine_set_result(pid_t pid, struct call *call, int64_t result);

/* At an exit stop: the task makes the call once more, from its entry stop on. */
int machine_repeat_call(pid_t pid, struct call *call);

/* At a stop right after execve(2): what the kernel gives a new program that differs from run to run
 * is made the same (the random bytes of AT_RANDOM are a function of the seed), and the vDSO is
 * hidden, so that its clock is one of calls. */
int machine_calm_image(pid_t pid, uint64_t seed);

/* Makes the clock of this process and of all that it forks ask the kernel each time, so that the
 * filter can stop it: the functions that the kernel maps into every process (vDSO) are overwritten
 * with the calls that they save. Once a process; harmless otherwise. Returns 0 or -errno: clocks
 * then stay what they are, and names made of the time differ from run to run. */
int machine_unmap_clock(void);

#endif
