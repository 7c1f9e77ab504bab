/*
 * The tasks of a worker. A built-in worker is one; a program has as many processes and threads as
 * it likes. Each new one is seized by the kernel before it runs (PTRACE_O_TRACECLONE and its
 * like), reports itself by its first stop, and is followed from then on.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/decode.h"
#include "harness/interrupt.h"
#include "harness/trace_private.h"
#include "harness/watchdog.h"

/* Tasks that outlive the program's first process get so long without an operation. */
enum { GRACE_MS = 2000 };

/* Who makes calls, but none of them an operation, goes on for so many time-outs. */
enum { PATIENCE = 10 };

/* Workers and tasks draw from the same seed, far apart. */
static const uint64_t worker_chance = 0x5851f42d4c957f2du;
static const uint64_t task_chance = 0x9fb21c651e98df25u;

bool trace_is_program(const struct worker *worker)
{
	return worker->trace->input->filter->options & FILTER_PROGRAM;
}

struct tracee *trace_standing(const struct worker *worker)
{
	for (unsigned i = 0; i < worker->tracee_count; i++) {
		if (worker->tracees[i]->has_op)
			return worker->tracees[i];
	}
	return NULL;
}

void trace_switch(struct worker *worker, struct tracee *tracee)
{
	if (worker->now == tracee)
		return;
	if (worker->now)
		worker->now->random = worker->fake.random;
	worker->fake.random = tracee->random;
	worker->now = tracee;
}

/* Not what whoever was looked at last has drawn: who that is differs from run to run. */
uint64_t trace_chance(const struct worker *worker)
{
	return worker->trace->input->seed + worker->number * worker_chance;
}

/* ---- whose turn it is ---- */

enum { LOOKS_FOR_NEWS = 100, QUIET_LOOKS = 20, BETWEEN_LOOKS_US = 100, PATIENT_OPS = 100 };

static bool is_running(const struct tracee *tracee)
{
	char path[64], text[512], *end, state = 0;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", tracee->task.pid);
	stat = fopen(path, "re");
	/* The name in parentheses may hold anything. */
	if (stat && fgets(text, sizeof(text), stat) && (end = strrchr(text, ')')))
		sscanf(end, ") %c", &state);
	if (stat)
		fclose(stat);
	return state == 'R' || state == 'D';
}

/* Tasks that neither wait for their turn nor only for others to end. */
static unsigned count_others(const struct worker *worker, bool *is_any_running)
{
	unsigned count = 0;

	*is_any_running = false;
	for (unsigned i = 0; i < worker->tracee_count; i++) {
		const struct tracee *tracee = worker->tracees[i];

		if (tracee->is_queued || tracee->task.pid == worker->pid)
			continue;
		count++;
		*is_any_running |= is_running(tracee);
	}
	return count;
}

/* Whether another task comes to a stop before all sleep, and have slept for a moment: one that is
 * being woken is not yet seen to run. The first operations get so much patience. */
static bool awaits_others(const struct worker *worker)
{
	unsigned quiet = 0, wanted = worker->trace->ops < PATIENT_OPS ? QUIET_LOOKS : 1;

	for (int i = 0; i < LOOKS_FOR_NEWS && quiet < wanted; i++) {
		siginfo_t news = {0};
		bool is_any_running;

		if (!waitid(P_ALL, 0, &news, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) &&
			news.si_pid)
			return true;
		if (!count_others(worker, &is_any_running))
			return false;
		quiet = is_any_running ? 0 : quiet + 1;
		usleep(BETWEEN_LOOKS_US);
	}
	return false;
}

struct tracee *trace_next_queued(const struct worker *worker)
{
	bool is_reversed = worker->trace->input->is_reversed;
	struct tracee *next = NULL;

	for (unsigned i = 0; !worker->in_flight && i < worker->tracee_count; i++) {
		if (worker->tracees[i]->is_queued && (!next || is_reversed))
			next = worker->tracees[i];
	}
	return next && is_reversed && awaits_others(worker) ? NULL : next;
}

/* ---- coming ---- */

/* Each task knows all others: who may hold a lock, or a descriptor of the same file. */
static int renew_peers(struct trace *trace)
{
	unsigned count = 0, capacity = 1;
	pid_t *peers;

	for (unsigned i = 0; i < trace->input->count; i++)
		capacity += trace->workers[i].tracee_count;
	peers = realloc(trace->peers, capacity * sizeof(*peers));
	if (!peers)
		return -ENOMEM;
	trace->peers = peers;
	for (unsigned i = 0; i < trace->input->count; i++) {
		const struct worker *worker = &trace->workers[i];

		for (unsigned k = 0; k < worker->tracee_count; k++)
			peers[count++] = worker->tracees[k]->task.pid;
	}
	for (unsigned i = 0; i < trace->input->count; i++) {
		const struct worker *worker = &trace->workers[i];

		for (unsigned k = 0; k < worker->tracee_count; k++) {
			worker->tracees[k]->task.peers = peers;
			worker->tracees[k]->task.peer_count = count;
		}
	}
	return 0;
}

int trace_add_tracee(struct worker *worker, pid_t pid)
{
	const struct trace_input *input = worker->trace->input;
	struct tracee **more = realloc(worker->tracees, (worker->tracee_count + 1) * sizeof(*more));
	struct tracee *tracee = more ? calloc(1, sizeof(*tracee)) : NULL;
	int err;

	if (more)
		worker->tracees = more;
	if (!tracee)
		return -ENOMEM;
	tracee->task = (struct task){.pid = pid,
		.is_program = trace_is_program(worker),
		.inodes = input->inodes,
		.tree = worker->trace->recording->final};
	err = task_open(&tracee->task);
	if (err) {
		free(tracee);
		return err;
	}
	tracee->random = trace_chance(worker) + worker->born++ * task_chance;
	worker->tracees[worker->tracee_count++] = tracee;
	/* The process that was seized only waits for others. */
	if (trace_is_program(worker) && worker->tracee_count > 1 && !worker->main_pid)
		worker->main_pid = pid;
	return renew_peers(worker->trace);
}

/* ---- going ---- */

static void remove_tracee(struct worker *worker, struct tracee *tracee)
{
	unsigned at = 0;

	while (worker->tracees[at] != tracee)
		at++;
	memmove(worker->tracees + at, worker->tracees + at + 1,
		(worker->tracee_count - at - 1) * sizeof(*worker->tracees));
	worker->tracee_count--;
	if (worker->in_flight == tracee)
		worker->in_flight = NULL;
	if (worker->now == tracee)
		worker->now = NULL;
	op_release(&tracee->op);
	task_close(&tracee->task);
	free(tracee);
	if (!worker->now && worker->tracee_count)
		trace_switch(worker,
			trace_standing(worker) ? trace_standing(worker) : worker->tracees[0]);
}

void trace_kill(const struct worker *worker)
{
	for (unsigned i = 0; i < worker->tracee_count; i++)
		kill(worker->tracees[i]->task.pid, SIGKILL);
}

static int on_end(struct worker *worker, struct tracee *tracee, int status)
{
	const struct trace_hook *hook = worker->trace->input->hook;
	pid_t pid = tracee->task.pid;
	int err = 0;

	remove_tracee(worker, tracee);
	err = renew_peers(worker->trace);
	if (pid == (trace_is_program(worker) ? worker->main_pid : worker->pid)) {
		worker->status = status;
		/* Otherwise it was killed for hanging. */
		worker->has_main_ended = !watchdog_has_bitten();
		/* What it stored is no later than its acknowledgement. */
		if (!err && !worker->in_flight)
			err = trace_compare_mappings(worker);
		if (!err && hook->at_end)
			err = hook->at_end(hook->context, worker->number, status);
		/* What it left running in the background may yet change something. */
		if (trace_is_program(worker) && worker->trace->input->count == 1 &&
			!watchdog_has_bitten())
			watchdog_start(worker->pid, GRACE_MS);
	} else if (pid == worker->pid) {
		if (!worker->has_main_ended)
			worker->status = status;
		/* It was killed; where it is no init of its own, the others were not. */
		trace_kill(worker);
	}
	worker->has_ended = !worker->tracee_count;
	return err;
}

/* ---- stops ---- */

static struct tracee *find_tracee(struct trace *trace, pid_t pid, struct worker **worker)
{
	for (unsigned i = 0; i < trace->input->count; i++) {
		for (unsigned k = 0; k < trace->workers[i].tracee_count; k++) {
			*worker = &trace->workers[i];
			if ((*worker)->tracees[k]->task.pid == pid)
				return (*worker)->tracees[k];
		}
	}
	return NULL;
}

/* Whose child a new task is. NULL: nobody's of this run. */
static struct worker *find_parent(struct trace *trace, pid_t pid)
{
	struct worker *worker;
	char path[64], line[128];
	int parent = 0, process = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		sscanf(line, "PPid: %d", &parent);
		sscanf(line, "Tgid: %d", &process);
	}
	if (status)
		fclose(status);
	if (find_tracee(trace, process, &worker) || find_tracee(trace, parent, &worker))
		return worker;
	return NULL;
}

/* A task that has not been seen yet. It may have been born when all that had been seen were killed,
 * and be one of an earlier run, even. */
static int welcome(struct trace *trace, pid_t pid, struct worker **worker, struct tracee **tracee)
{
	int err;

	*worker = find_parent(trace, pid);
	if (!*worker || (*worker)->is_struck || (*worker)->is_endless) {
		kill(pid, SIGKILL);
		ptrace(PTRACE_CONT, pid, NULL, NULL);
		return 0;
	}
	err = trace_add_tracee(*worker, pid);
	if (!err)
		*tracee = (*worker)->tracees[(*worker)->tracee_count - 1];
	/* Killed before it could be looked at. */
	return err == -ESRCH || err == -ENOENT ? 0 : err;
}

/* A task that stops is alive. But neither a program that starts others for ever, nor what it left
 * running, may keep us for ever. */
static void touch(struct worker *worker)
{
	const struct trace *trace = worker->trace;
	unsigned timeouts = worker->has_main_ended ? 1 : PATIENCE;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (!worker->seen_at || worker->seen_ops != trace->ops)
		worker->seen_at = now.tv_sec;
	worker->seen_ops = trace->ops;
	if (!trace_is_program(worker) || trace->input->count > 1 ||
		(uint64_t)(now.tv_sec - worker->seen_at) * 1000 <=
			(uint64_t)trace->input->timeout_ms * timeouts)
		watchdog_touch();
}

int trace_await(struct worker **worker, int *status)
{
	struct trace *trace = (*worker)->trace;
	/* Children of ours that are none of these must not be waited for. */
	pid_t wanted = trace_is_program(*worker) ? -1 : (*worker)->pid, pid;
	struct tracee *tracee;
	int err = 0;

	while ((pid = waitpid(wanted, status, __WALL)) < 0) {
		if (errno != EINTR || interrupt_signal())
			return -errno;
	}
	if (!trace->input->is_limited)
		touch(*worker);
	tracee = find_tracee(trace, pid, worker);
	if (!tracee && WIFSTOPPED(*status))
		err = welcome(trace, pid, worker, &tracee);
	if (!tracee) {
		*worker = NULL;
		return err;
	}
	if (!WIFSTOPPED(*status)) {
		err = on_end(*worker, tracee, *status);
		*worker = NULL;
		return err;
	}
	tracee->is_stopped = true;
	trace_switch(*worker, tracee);
	return 0;
}

/* The thread that calls execve(2) gets the id of its process; the other threads are gone. */
static void take_over(struct worker *worker)
{
	struct tracee *tracee = worker->now, *former;
	unsigned long former_pid = 0;

	ptrace(PTRACE_GETEVENTMSG, tracee->task.pid, NULL, &former_pid);
	for (unsigned i = 0; i < worker->tracee_count; i++) {
		former = worker->tracees[i];
		if (former == tracee || former->task.pid != (pid_t)former_pid)
			continue;
		tracee->random = former->random;
		op_release(&tracee->op);
		tracee->has_op = tracee->is_pending = tracee->is_queued = false;
		if (worker->in_flight == tracee)
			worker->in_flight = NULL;
		remove_tracee(worker, former);
		return;
	}
}

int trace_on_exec(struct worker *worker)
{
	pid_t pid = worker->now->task.pid;
	int err;

	take_over(worker);
	if (task_is_setuid(&worker->now->task))
		worker->trace->recording->notes |= NOTE_SETUID;
	err = machine_calm_image(pid, worker->trace->input->seed);
	return err == -ESRCH ? 0 : err;
}

static int add_close(void *context, struct op *op)
{
	return trace_add_op(context, op);
}

int trace_on_exit(struct worker *worker)
{
	const struct task *task = &worker->now->task;
	unsigned threads = 0;

	/* Not while another task's operation is on its way. */
	for (unsigned i = 0; i < worker->tracee_count; i++)
		threads += worker->tracees[i]->task.process == task->process;
	if (threads > 1 || worker->in_flight || !trace_is_program(worker))
		return 0;
	return decode_closes(task, false, add_close, worker);
}

/* ---- outside of the data directory ---- */

enum { MAX_OUTSIDE = 8 };

static int add_outside(struct recording *recording, const char *path)
{
	char **more;

	bool is_device = !strncmp(path, "/dev/", 5) && strncmp(path, "/dev/shm/", 9) != 0;

	if (is_device || !strncmp(path, "/proc/", 6) || recording->outside_count == MAX_OUTSIDE)
		return 0;
	for (size_t i = 0; i < recording->outside_count; i++) {
		if (!strcmp(recording->outside[i], path))
			return 0;
	}
	more = realloc(recording->outside, (recording->outside_count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	recording->outside = more;
	more[recording->outside_count] = strdup(path);
	return more[recording->outside_count++] ? 0 : -ENOMEM;
}

/* The path as the user would write it. */
static int note_place(struct recording *recording, const struct place *place)
{
	char parent[PATH_MAX + 64], real[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
	struct stat st;

	if (place->directory != UINT32_MAX || !place->name[0] ||
		(!stat(place->path, &st) && !S_ISREG(st.st_mode)))
		return 0;
	snprintf(parent, sizeof(parent), "%s", place->path);
	*strrchr(parent, '/') = 0;
	if (!realpath(parent, real))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", strcmp(real, "/") ? real : "", place->name);
	return add_outside(recording, path);
}

/* Standard output by name, as of `echo ok >/dev/stdout`: what has been printed goes away. */
static void tell_emptying(const struct worker *worker, const struct place *place)
{
	const struct trace_hook *hook = worker->trace->input->hook;
	struct stat st;

	if (hook && hook->before_emptying && !stat(place->path, &st) && S_ISREG(st.st_mode))
		hook->before_emptying(hook->context, worker->number, &st);
}

int trace_note_outside(struct worker *worker)
{
	const struct task *task = &worker->now->task;
	const struct call *call = &worker->now->call;
	const uint64_t *a = call->args;
	bool is_at = call->number == SYS_openat;
	uint64_t flags = call->number == SYS_creat  ? O_WRONLY | O_TRUNC
	                 : call->number == SYS_open ? a[1]
	                                            : a[2];
	struct place place;
	int err;

	/* The process that waits for the others is ours. */
	if (task->pid == worker->pid)
		return 0;
	/* A lock on somebody else's file: who waits for it waits in the kernel. */
	if (call->number == SYS_flock || call->number == SYS_fcntl)
		worker->trace->recording->has_unseen = true;
	if ((!is_at && call->number != SYS_open && call->number != SYS_creat) ||
		(flags & O_ACCMODE) == O_RDONLY)
		return 0;
	err = task_find_place(task, is_at ? (int)a[0] : AT_FDCWD, is_at ? a[1] : a[0], &place);
	if (!err && flags & O_TRUNC)
		tell_emptying(worker, &place);
	return err ? err : note_place(worker->trace->recording, &place);
}

void trace_worker_release(struct worker *worker)
{
	struct worker *of;
	int status;

	if (!worker->has_ended)
		kill(worker->pid, SIGKILL);
	while (!worker->has_ended && worker->tracee_count) {
		trace_kill(worker);
		of = worker;
		if (trace_await(&of, &status))
			break;
		if (of && of->now)
			ptrace(PTRACE_CONT, of->now->task.pid, NULL, NULL);
	}
	while (worker->tracee_count)
		remove_tracee(worker, worker->tracees[0]);
	free(worker->tracees);
	for (unsigned i = 0; i < worker->mapping_count; i++)
		close(worker->mappings[i].fd);
	free(worker->mappings);
	free(worker->turn);
}
