/*
 * Method: driver, spawner and a worker that is not yet let go share a page and wait for each other
 * with futexes: with the filter on and nobody who traces them, reading and writing would fail.
 */
#include "harness/spawn.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/child.h"
#include "harness/trace.h"

/* The filter could not be installed. */
enum { EXIT_NO_FILTER = 113 };

enum { SLICE_MS = 100 };

enum step { STEP_STARTING, STEP_IDLE, STEP_ORDERED, STEP_SPAWNED };

struct board {
	_Atomic uint32_t step;
	uint32_t number;         /* of the order */
	_Atomic uint32_t let_go; /* workers of this number, and before, may begin */
	enum spawn_place place;
	pid_t pid; /* of the worker, or -errno */
	char order[SPAWN_ORDER_BYTES];
};

struct spawner {
	pid_t pid;
	bool is_program, stops_at_all; /* see trace_seize() */
	struct board *board;
};

static void wait_while(_Atomic uint32_t *word, uint32_t value)
{
	static const struct timespec slice = {0, SLICE_MS * 1000000};

	syscall(SYS_futex, word, FUTEX_WAIT, value, &slice, NULL, 0);
}

static void set(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store(word, value);
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- in the spawner ---- */

/* The board may by now tell of the next worker. */
static _Noreturn void run_worker(struct board *board, pid_t parent, uint32_t number,
	const char *order, void (*work)(const void *order))
{
	uint32_t let_go;

	child_die_with(parent);
	while ((let_go = atomic_load(&board->let_go)) < number)
		wait_while(&board->let_go, let_go);
	work(order);
	_exit(0);
}

/* Process ids are then the same each time, and all that descends from it dies with it. */
static pid_t fork_init(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);

	return pid < 0 ? fork() : pid;
}

/* The init of a namespace that several workers share; it only lives. */
static pid_t fork_holder(void)
{
	pid_t self = getpid();
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);

	if (pid)
		return pid;
	child_die_with(self);
	for (;;)
		pause();
}

/* With the filter on and nobody who traces us, opening and closing would fail. */
static int enter_namespace(pid_t of)
{
	int fd = (int)syscall(SYS_pidfd_open, of, 0);
	int err = fd < 0 || setns(fd, CLONE_NEWPID) ? -errno : 0;

	if (fd >= 0)
		close_range((unsigned)fd, (unsigned)fd, 0);
	return err;
}

/* Where namespaces are not allowed, all are in ours. */
static pid_t fork_shared(bool is_first)
{
	static pid_t holder;
	pid_t pid;
	bool is_inside;

	if (is_first && holder > 0)
		kill(holder, SIGKILL);
	if (is_first)
		holder = fork_holder();
	is_inside = holder > 0 && !enter_namespace(holder);
	pid = fork();
	if (pid && is_inside)
		enter_namespace(getpid());
	return pid;
}

static pid_t fork_as(const struct spawner *spawner)
{
	if (!spawner->is_program)
		return fork();
	if (spawner->board->place == SPAWN_ALONE)
		return fork_init();
	return fork_shared(spawner->board->place == SPAWN_FIRST);
}

static _Noreturn void run_spawner(const struct spawner *spawner, pid_t parent,
	const struct filter *filter, void (*work)(const void *order))
{
	struct board *board = spawner->board;
	pid_t self = getpid(), pid;
	char order[SPAWN_ORDER_BYTES];
	uint32_t number;

	child_die_with(parent);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	/* Who traces a worker learns of its end; nobody else wants to. */
	signal(SIGCHLD, SIG_IGN);
	if (filter_install(filter))
		_exit(EXIT_NO_FILTER);
	set(&board->step, STEP_IDLE);
	for (;;) {
		while (atomic_load(&board->step) != STEP_ORDERED)
			wait_while(&board->step, atomic_load(&board->step));
		memcpy(order, board->order, sizeof(order));
		number = board->number;
		pid = fork_as(spawner);
		if (!pid)
			run_worker(board, self, number, order, work);
		board->pid = pid < 0 ? -errno : pid;
		set(&board->step, STEP_SPAWNED);
	}
}

/* ---- in the driver ---- */

/* Waits until the spawner has come to a step. Returns 0, or -errno when it has died. */
static int await(struct spawner *spawner, enum step step)
{
	uint32_t now;
	int status;

	while ((now = atomic_load(&spawner->board->step)) != (uint32_t)step) {
		wait_while(&spawner->board->step, now);
		if (atomic_load(&spawner->board->step) != now ||
			waitpid(spawner->pid, &status, WNOHANG) != spawner->pid)
			continue;
		spawner->pid = 0;
		return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_FILTER ? -ENOTRECOVERABLE
		                                                                  : -ECHILD;
	}
	return 0;
}

int spawner_new(struct spawner **out, const struct filter *filter, void (*work)(const void *order))
{
	struct spawner *spawner = calloc(1, sizeof(*spawner));
	pid_t parent = getpid();
	int err;

	*out = NULL;
	if (!spawner)
		return -ENOMEM;
	spawner->is_program = filter->options & FILTER_PROGRAM;
	spawner->stops_at_all = filter->is_unusable;
	spawner->board = mmap(NULL, sizeof(*spawner->board), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (spawner->board == MAP_FAILED) {
		free(spawner);
		return -ENOMEM;
	}
	spawner->pid = fork();
	if (!spawner->pid)
		run_spawner(spawner, parent, filter, work);
	err = spawner->pid < 0 ? -errno : await(spawner, STEP_IDLE);
	if (err) {
		spawner_free(spawner);
		return err;
	}
	*out = spawner;
	return 0;
}

void spawner_free(struct spawner *spawner)
{
	if (!spawner)
		return;
	if (spawner->pid > 0) {
		kill(spawner->pid, SIGKILL);
		while (waitpid(spawner->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	munmap(spawner->board, sizeof(*spawner->board));
	free(spawner);
}

int spawner_spawn(struct spawner *spawner, const void *order, size_t order_bytes,
	enum spawn_place place, pid_t *pid)
{
	struct board *board = spawner->board;
	int err;

	assert(order_bytes <= sizeof(board->order));
	memcpy(board->order, order, order_bytes);
	board->place = place;
	board->number++;
	set(&board->step, STEP_ORDERED);
	err = await(spawner, STEP_SPAWNED);
	if (err)
		return err;
	if (board->pid < 0)
		return board->pid;
	*pid = board->pid;
	err = trace_seize(*pid, spawner->is_program, spawner->stops_at_all);
	if (err) {
		kill(*pid, SIGKILL);
		return -ENOTRECOVERABLE;
	}
	set(&board->let_go, board->number);
	return 0;
}
