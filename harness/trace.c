/*
 * Method: the filter stops a call at its entry; the operation is decoded and libfiu asked. A call
 * that may go through, in whole or in part, stops once more at its exit, where the operation is
 * completed and recorded. The tree is carried along op by op; record.c holds it against the disk.
 * Limits: one task a worker. A child that it forks is not followed (its traced calls fail with
 * ENOSYS). Stores through shared mappings are seen at the next stop, by comparing pages.
 */
#include "harness/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/decode.h"
#include "harness/filter.h"
#include "harness/inject.h"
#include "harness/trace_private.h"
#include "harness/watchdog.h"

enum { WORKER_TICKS = 7919 };

/* ---- recording ---- */

static int add_op(struct worker *worker, struct op *op)
{
	struct trace *trace = worker->trace;
	struct event event = {.kind = EVENT_OP, .op = *op, .worker = worker->number};
	int err = tree_apply(&trace->recording->final, op);

	memset(op, 0, sizeof(*op)); /* moved into the event */
	for (unsigned i = 0; i < trace->input->count; i++)
		trace->workers[i].task.tree = trace->recording->final;
	trace->ops++;
	trace->changes += op_is_change(&event.op);
	if (err) {
		op_release(&event.op);
		return err;
	}
	return recording_add(trace->recording, &event);
}

static void kill_task(struct worker *worker)
{
	kill(worker->task.pid, SIGKILL);
	worker->is_struck = true;
}

/* ---- shared mappings ---- */

static int compare_mapping(struct worker *worker, const struct mapping *mapping)
{
	uint64_t size = tree_file_bytes(worker->task.tree, mapping->object);
	uint8_t now[TREE_PAGE_BYTES];
	int err = 0;

	for (uint64_t offset = 0; !err && offset < size; offset += TREE_PAGE_BYTES) {
		struct op op = {.kind = OP_STORE, .point = POINT_STORE, .object = mapping->object};
		ssize_t got = pread(mapping->fd, now, sizeof(now), (off_t)offset);

		if (got < 0)
			return -errno;
		if (offset + (uint64_t)got > size)
			got = (ssize_t)(size - offset);
		if (tree_page_equals(worker->task.tree, mapping->object, offset / TREE_PAGE_BYTES,
			    now, (size_t)got))
			continue;
		op.directory = op.new_directory = UINT32_MAX;
		op.offset = (int64_t)offset;
		op.size_bytes = (uint64_t)got;
		op.effect = op.result = got;
		op.data = malloc((size_t)got);
		if (!op.data)
			return -ENOMEM;
		memcpy(op.data, now, (size_t)got);
		err = add_op(worker, &op);
	}
	return err;
}

int trace_compare_mappings(struct worker *worker)
{
	int err = 0;

	for (unsigned i = 0; !err && i < worker->mapping_count; i++)
		err = compare_mapping(worker, &worker->mappings[i]);
	return err;
}

static int add_mapping(struct worker *worker, const struct call *call)
{
	struct mapping *more;
	uint32_t object;
	int fd, found = task_find_mapping(&worker->task, call, &object, &fd);

	if (found <= 0)
		return found;
	for (unsigned i = 0; i < worker->mapping_count; i++) {
		if (worker->mappings[i].object == object) {
			close(fd);
			return 0;
		}
	}
	more = realloc(worker->mappings, (worker->mapping_count + 1) * sizeof(*more));
	if (!more) {
		close(fd);
		return -ENOMEM;
	}
	worker->mappings = more;
	worker->mappings[worker->mapping_count++] = (struct mapping){object, fd};
	return 0;
}

/* ---- entry stops ---- */

/* Lets the task write or read `bytes` only. A vectored call is cut inside its last vector. */
static int shorten(struct worker *worker, struct call *call, uint64_t bytes)
{
	bool is_vectored = worker->op.point == POINT_READV || worker->op.point == POINT_PREADV ||
	                   worker->op.point == POINT_WRITEV || worker->op.point == POINT_PWRITEV;
	uint64_t address = call->args[1], before = 0;

	worker->saved_argument = call->args[2];
	worker->saved_vector_address = 0;
	if (!is_vectored)
		return machine_set_argument(worker->task.pid, call, 2, bytes);
	for (uint64_t i = 0;; i++, address += sizeof(struct iovec)) {
		struct iovec vector = {0};
		int err = task_peek(&worker->task, address, &vector, sizeof(vector));

		if (err)
			return err;
		if (before + vector.iov_len < bytes) {
			before += vector.iov_len;
			continue;
		}
		worker->saved_vector_address = address;
		worker->saved_vector = vector;
		vector.iov_len = bytes - before;
		err = task_force(&worker->task, address, &vector, sizeof(vector));
		return err ? err : machine_set_argument(worker->task.pid, call, 2, i + 1);
	}
}

static int strike_at_entry(struct worker *worker, struct call *call, bool *runs)
{
	struct op *op = &worker->op;
	const struct strike *strike = &op->strike;
	int err = 0;

	*runs = true;
	switch (strike->action) {
	case STRIKE_ERROR:
		op->effect = op->result = -strike->error;
		err = machine_skip_call(worker->task.pid, call, -strike->error);
		*runs = false;
		return err ? err : add_op(worker, op);
	case STRIKE_KILL_BEFORE:
		kill_task(worker);
		op->effect = op->result = -EINTR;
		*runs = false;
		return add_op(worker, op);
	case STRIKE_SHORT:
	case STRIKE_KILL_MIDDLE:
		return shorten(worker, call, strike->bytes);
	default:
		return 0;
	}
}

/* A read or a close that is let through changes nothing and gives what was known at its entry; an
 * exit stop would only cost time. */
static bool ends_as_expected(struct op *op, bool *runs)
{
	if (op->kind != OP_CLOSE && op->kind != OP_LOOK && !(op->kind == OP_READ && op->is_allowed))
		return false;
	op->effect = op->result = (int64_t)op->size_bytes;
	*runs = false;
	return true;
}

/* Workers are far apart: what is drawn of chance or of the time by one is not drawn by another. */
static void begin_chance(struct worker *worker)
{
	worker->has_begun = true;
	worker->fake = (struct fake){
		.random = worker->trace->input->seed + worker->number * 0x5851f42d4c957f2du,
		.ticks = worker->number * WORKER_TICKS,
		.number = worker->number};
}

static int on_mark(struct worker *worker, struct call *call)
{
	struct event event = {.kind = (enum event_kind)call->args[1],
		.txn = call->args[2],
		.error = (int)call->args[3],
		.worker = worker->number};
	int err = machine_skip_call(worker->task.pid, call, 0);

	if (err)
		return err;
	/* What it asked for before, to get going, differs from run to run. */
	if (!worker->has_begun)
		begin_chance(worker);
	return worker->turn ? trace_crew_mark(worker, &event)
	                    : recording_add(worker->trace->recording, &event);
}

/* Loads and stores of several workers are not operations. */
static void note_mapping(struct worker *worker, const struct call *call)
{
	struct descriptor descriptor;

	if (worker->turn && !task_look_at(&worker->task, (int)call->args[4], &descriptor) &&
		descriptor.object != UINT32_MAX)
		worker->trace->recording->has_unseen = true;
}

/* What a call at its entry stop is: 1 when the worker now stands before an operation, 0 when it may
 * go straight on, or -errno. */
static int on_entry(struct worker *worker)
{
	struct call *call = &worker->call;
	int found, err = machine_get_call(worker->task.pid, call);

	if (err)
		return err;
	if (call->number == SYS_prctl) {
		err = trace_compare_mappings(worker);
		return err ? err : on_mark(worker, call);
	}
	if (call->number == SYS_mmap) {
		note_mapping(worker, call);
		return add_mapping(worker, call);
	}
	found = fake_answer(&worker->fake, &worker->task, call);
	worker->trace->recording->has_unseen |= worker->fake.has_signalled;
	if (found)
		return found < 0 ? found : 0;
	found = trace_renew(worker);
	if (found <= 0)
		return found;
	if (worker->trace->ops >= (worker->turn ? TRACE_MAX_CREW_OPS : TRACE_MAX_OPS)) {
		op_release(&worker->op);
		worker->is_endless = true;
		kill(worker->task.pid, SIGKILL);
		return 0;
	}
	worker->has_op = true;
	return 1;
}

int trace_renew(struct worker *worker)
{
	int found;

	if (worker->has_op && worker->decoded_at == worker->trace->changes)
		return 1;
	worker->decoded_at = worker->trace->changes;
	op_release(&worker->op);
	found = decode_entry(&worker->task, &worker->call, &worker->op);
	if (!found && worker->turn) {
		op_release(&worker->op);
		found = decode_missing(&worker->task, &worker->call, &worker->op);
	}
	if (found <= 0)
		op_release(&worker->op);
	return found;
}

/* A lock is never waited for in the kernel: who may have it is decided before. */
static int begin_lock(struct worker *worker, struct call *call)
{
	uint64_t operation = call->args[1];

	worker->is_letting_go = trace_crew_must_let_go(worker);
	if (worker->is_letting_go)
		worker->op.lock = LOCK_RELEASE;
	worker->saved_argument = operation;
	if (worker->op.point == POINT_FLOCK)
		operation = worker->is_letting_go ? LOCK_UN : operation | LOCK_NB;
	else
		operation = operation == F_SETLKW ? F_SETLK : F_OFD_SETLK;
	return machine_set_argument(worker->task.pid, call, 1, operation);
}

/* Lets the operation begin. *request is how the task goes on: to its exit stop, or straight on. */
static int begin(struct worker *worker, int *request)
{
	struct trace *trace = worker->trace;
	const struct trace_hook *hook = trace->input->hook;
	uint64_t blocks_used;
	bool runs;
	int err;

	worker->has_op = false;
	if (hook->before_op)
		hook->before_op(hook->context);
	err = trace_compare_mappings(worker);
	if (worker->number == trace->input->struck) {
		blocks_used = inject_has_budget() ? tree_blocks_used(worker->task.tree) : 0;
		inject_ask(&worker->op, blocks_used, &worker->op.strike);
	}
	if (!err && worker->op.strike.action == STRIKE_NONE && worker->turn &&
		worker->op.is_blocking)
		err = begin_lock(worker, &worker->call);
	if (!err)
		err = worker->op.strike.action == STRIKE_NONE &&
		                      ends_as_expected(&worker->op, &runs)
		              ? add_op(worker, &worker->op)
		              : strike_at_entry(worker, &worker->call, &runs);
	if (err) {
		op_release(&worker->op);
		return err;
	}
	worker->is_pending = runs;
	*request = runs ? PTRACE_SYSCALL : PTRACE_CONT;
	return 0;
}

/* ---- exit stops ---- */

static int undo_shortening(struct worker *worker, struct call *call)
{
	int err = machine_set_argument(worker->task.pid, call, 2, worker->saved_argument);

	if (!err && worker->saved_vector_address)
		err = task_force(&worker->task, worker->saved_vector_address, &worker->saved_vector,
			sizeof(worker->saved_vector));
	return err;
}

/* The call is made again from its entry: it has only let go of a lock so far. */
static int repeat_call(struct worker *worker, struct call *call)
{
	int err = machine_set_argument(worker->task.pid, call, 1, worker->saved_argument);

	return err ? err : machine_repeat_call(worker->task.pid, call);
}

static int end_lock(struct worker *worker, struct call *call)
{
	if (worker->is_letting_go)
		return repeat_call(worker, call);
	/* Somebody who is none of the workers has it. */
	if (call->result == -EAGAIN || call->result == -EACCES)
		return -EBUSY;
	return machine_set_argument(worker->task.pid, call, 1, worker->saved_argument);
}

static int on_exit_stop(struct worker *worker)
{
	enum strike_action action = worker->op.strike.action;
	struct call *call = &worker->call;
	int err = machine_get_call(worker->task.pid, call);

	worker->is_pending = false;
	if (!err && (action == STRIKE_SHORT || action == STRIKE_KILL_MIDDLE))
		err = undo_shortening(worker, call);
	/* ERESTARTSYS and its relatives: the kernel makes the call again, and it stops again. */
	if (err || (call->result <= -512 && call->result >= -516)) {
		op_release(&worker->op);
		return err;
	}
	err = decode_exit(&worker->task, call, &worker->op);
	if (!err && worker->turn && worker->op.is_blocking && action == STRIKE_NONE)
		err = end_lock(worker, call);
	if (!err && action == STRIKE_LATE_ERROR) {
		worker->op.result = -worker->op.strike.error;
		err = machine_set_result(worker->task.pid, call, worker->op.result);
	}
	if (action == STRIKE_KILL_MIDDLE || action == STRIKE_KILL_AFTER)
		kill_task(worker);
	if (err) {
		op_release(&worker->op);
		return err;
	}
	return add_op(worker, &worker->op);
}

/* ---- going on ---- */

int trace_seize(pid_t pid, bool stops_at_all)
{
	unsigned long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP;

	if (ptrace(PTRACE_SEIZE, pid, NULL, options))
		return -errno;
	if (!stops_at_all)
		return 0;
	/* A call that it makes now is interrupted and made again, and stops. */
	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) || waitpid(pid, NULL, __WALL) != pid ||
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL))
		return -errno;
	return 0;
}

/* Without a filter every call stops at its entry. As on_entry(). */
static int on_any_entry(struct worker *worker)
{
	struct call *call = &worker->call;
	int err = machine_get_call(worker->task.pid, call);

	if (err)
		return err;
	switch (filter_ask(worker->trace->input->filter, call->number, call->args)) {
	case FILTER_STOP:
		return on_entry(worker);
	case FILTER_MISSING:
		return machine_skip_call(worker->task.pid, call, -ENOSYS);
	default:
		return 0;
	}
}

static int on_call(struct worker *worker)
{
	if (worker->trace->input->filter->is_unusable && machine_is_entry(worker->task.pid))
		return on_any_entry(worker);
	return worker->is_pending ? on_exit_stop(worker) : 0;
}

/* Waits for the worker's next stop, or its end. */
static int await_stop(struct worker *worker)
{
	while (waitpid(worker->task.pid, &worker->status, __WALL) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	watchdog_touch();
	worker->has_ended = WIFEXITED(worker->status) || WIFSIGNALED(worker->status);
	return 0;
}

/* Restarts the worker again and again until it stands before an operation. */
static int run_on(struct worker *worker, int request)
{
	int deliver = 0, err, number, event;

	if (worker->trace->input->count > 1)
		watchdog_turn(worker->task.pid);
	for (;;) {
		/* At first it runs, or its first stop is yet to be seen. Fails with ESRCH once the
		 * task was killed; wait reports that. */
		if (worker->trace->input->filter->is_unusable)
			request = PTRACE_SYSCALL;
		if (worker->has_stopped)
			ptrace((enum __ptrace_request)request, worker->task.pid, NULL,
				(long)deliver);
		worker->has_stopped = true;
		request = PTRACE_CONT;
		deliver = 0;
		err = await_stop(worker);
		if (err || worker->has_ended)
			return err;
		number = WSTOPSIG(worker->status);
		event = worker->status >> 16;
		if (event == PTRACE_EVENT_SECCOMP)
			err = on_entry(worker);
		else if (number == (SIGTRAP | 0x80))
			err = on_call(worker);
		else if (!event)
			deliver = number;
		if (err == -ESRCH)
			err = 0; /* killed by the watchdog between two steps */
		if (err)
			return err < 0 ? err : 0;
	}
}

int trace_go_on(struct worker *worker)
{
	int request = PTRACE_CONT, err = worker->has_op ? begin(worker, &request) : 0;

	if (err == -ESRCH)
		err = 0;
	return err ? err : run_on(worker, request);
}

int trace_refuse(struct worker *worker, int error)
{
	int err;

	worker->has_op = false;
	worker->op.effect = worker->op.result = -error;
	err = machine_skip_call(worker->task.pid, &worker->call, -error);
	if (!err)
		err = add_op(worker, &worker->op);
	return err ? err : run_on(worker, PTRACE_CONT);
}

/* ---- beginning and end ---- */

static int worker_init(struct worker *worker, struct trace *trace, unsigned number)
{
	const struct trace_input *input = trace->input;

	*worker = (struct worker){.trace = trace,
		.number = number,
		.task = {.pid = input->pids[number],
			.peers = input->pids,
			.peer_count = input->count,
			.inodes = input->inodes,
			.tree = trace->recording->final}};
	worker->task.pidfd = (int)syscall(SYS_pidfd_open, worker->task.pid, 0);
	if (worker->task.pidfd < 0)
		return -errno;
	if (!input->scheduler)
		return 0;
	worker->turn = calloc(1, sizeof(*worker->turn));
	return worker->turn ? 0 : -ENOMEM;
}

/* Kills what has not ended. */
static void worker_release(struct worker *worker)
{
	if (!worker->has_ended) {
		kill(worker->task.pid, SIGKILL);
		while (!worker->has_ended) {
			if (await_stop(worker))
				break;
			ptrace(PTRACE_CONT, worker->task.pid, NULL, NULL);
		}
	}
	op_release(&worker->op);
	for (unsigned i = 0; i < worker->mapping_count; i++)
		close(worker->mappings[i].fd);
	free(worker->mappings);
	free(worker->turn);
	if (worker->task.pidfd >= 0)
		close(worker->task.pidfd);
}

static enum ending ending_of(const struct worker *worker, bool is_late)
{
	if (worker->is_endless)
		return ENDED_ENDLESS;
	if (is_late && WIFSIGNALED(worker->status))
		return ENDED_HANG;
	if (worker->is_struck)
		return ENDED_STRUCK;
	if (WIFEXITED(worker->status) && !WEXITSTATUS(worker->status))
		return ENDED_DONE;
	return ENDED_CRASH;
}

static void classify_end(struct trace *trace, bool is_late)
{
	struct recording *recording = trace->recording;

	recording->fired = inject_fired();
	for (unsigned i = 0; i < trace->input->count; i++) {
		enum ending ending = ending_of(&trace->workers[i], is_late);

		/* Who waits is killed, and did not crash. */
		if (!trace->workers[i].has_ended || ending < recording->ending ||
			(i && ending == recording->ending))
			continue;
		recording->ending = ending;
		recording->status = trace->workers[i].status;
		recording->worker = i;
	}
}

static int run_alone(struct trace *trace)
{
	struct worker *worker = &trace->workers[0];
	int err = 0;

	while (!err && !worker->has_ended)
		err = trace_go_on(worker);
	return err;
}

int trace_run(const struct trace_input *input, struct recording *recording)
{
	struct worker workers[TRACE_MAX_WORKERS];
	struct trace trace = {.input = input, .recording = recording, .workers = workers};
	bool is_late;
	int err = 0;

	recording->final = tree_ref(recording->initial);
	watchdog_start(input->pids[0], input->timeout_ms);
	for (unsigned i = 0; i < input->count; i++) {
		int init_err = worker_init(&workers[i], &trace, i);

		if (!err)
			err = init_err;
	}
	if (!err)
		err = input->scheduler ? trace_crew_run(&trace) : run_alone(&trace);
	is_late = watchdog_stop();
	for (unsigned i = 0; !err && i < input->count; i++)
		err = trace_compare_mappings(&workers[i]);
	/* Before those that wait are killed: they have not ended. */
	if (!err)
		classify_end(&trace, is_late);
	for (unsigned i = 0; i < input->count; i++)
		worker_release(&workers[i]);
	return err;
}
