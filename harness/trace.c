/*
 * Method: the filter stops a call at its entry; the operation is decoded and libfiu asked. A call
 * that may go through, in whole or in part, stops once more at its exit, where the operation is
 * completed and recorded. The tree is carried along op by op; record.c holds it against the disk.
 * Limits: a built-in worker is one task; of a program all tasks are followed (trace_tasks.c).
 * Stores through shared mappings are seen at the next stop, by comparing pages.
 */
#include "harness/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/decode.h"
#include "harness/filter.h"
#include "harness/inject.h"
#include "harness/trace_private.h"
#include "harness/watchdog.h"

enum { WORKER_TICKS = 7919, INIT_AND_ONE = 2 };

/* ---- recording ---- */

int trace_add_op(struct worker *worker, struct op *op)
{
	struct trace *trace = worker->trace;
	struct event event = {.kind = EVENT_OP, .op = *op, .worker = worker->number};
	int err = tree_apply(&trace->recording->final, op);

	memset(op, 0, sizeof(*op)); /* moved into the event */
	for (unsigned i = 0; i < trace->input->count; i++) {
		struct worker *other = &trace->workers[i];

		for (unsigned k = 0; k < other->tracee_count; k++)
			other->tracees[k]->task.tree = trace->recording->final;
	}
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
	trace_kill(worker);
	worker->is_struck = true;
}

/* ---- shared mappings ---- */

static int compare_mapping(struct worker *worker, const struct mapping *mapping)
{
	struct tree *const *tree = &worker->trace->recording->final;
	uint64_t size = tree_file_bytes(*tree, mapping->object);
	uint8_t now[TREE_PAGE_BYTES];
	int err = 0;

	for (uint64_t offset = 0; !err && offset < size; offset += TREE_PAGE_BYTES) {
		struct op op = {.kind = OP_STORE, .point = POINT_STORE, .object = mapping->object};
		ssize_t got = pread(mapping->fd, now, sizeof(now), (off_t)offset);

		if (got < 0)
			return -errno;
		if (offset + (uint64_t)got > size)
			got = (ssize_t)(size - offset);
		if (tree_page_equals(
			    *tree, mapping->object, offset / TREE_PAGE_BYTES, now, (size_t)got))
			continue;
		op.directory = op.new_directory = UINT32_MAX;
		op.offset = (int64_t)offset;
		op.size_bytes = (uint64_t)got;
		op.effect = op.result = got;
		op.data = malloc((size_t)got);
		if (!op.data)
			return -ENOMEM;
		memcpy(op.data, now, (size_t)got);
		err = trace_add_op(worker, &op);
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
	int fd, found = task_find_mapping(&worker->now->task, call, &object, &fd);

	if (found <= 0)
		return found;
	if (call->args[2] & PROT_WRITE)
		worker->trace->recording->notes |= NOTE_MAPPED;
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
	bool is_vectored =
		worker->now->op.point == POINT_READV || worker->now->op.point == POINT_PREADV ||
		worker->now->op.point == POINT_WRITEV || worker->now->op.point == POINT_PWRITEV;
	unsigned count = decode_count_argument(call->number);
	uint64_t address = call->args[1], before = 0;

	worker->now->saved_argument = call->args[count];
	worker->now->saved_vector_address = 0;
	if (!is_vectored)
		return machine_set_argument(worker->now->task.pid, call, count, bytes);
	for (uint64_t i = 0;; i++, address += sizeof(struct iovec)) {
		struct iovec vector = {0};
		int err = task_peek(&worker->now->task, address, &vector, sizeof(vector));

		if (err)
			return err;
		if (before + vector.iov_len < bytes) {
			before += vector.iov_len;
			continue;
		}
		worker->now->saved_vector_address = address;
		worker->now->saved_vector = vector;
		vector.iov_len = bytes - before;
		err = task_force(&worker->now->task, address, &vector, sizeof(vector));
		return err ? err : machine_set_argument(worker->now->task.pid, call, 2, i + 1);
	}
}

static int strike_at_entry(struct worker *worker, struct call *call, bool *runs)
{
	struct op *op = &worker->now->op;
	const struct strike *strike = &op->strike;
	int err = 0;

	*runs = true;
	switch (strike->action) {
	case STRIKE_ERROR:
		op->effect = op->result = -strike->error;
		err = machine_skip_call(worker->now->task.pid, call, -strike->error);
		*runs = false;
		return err ? err : trace_add_op(worker, op);
	case STRIKE_KILL_BEFORE:
		kill_task(worker);
		op->effect = op->result = -EINTR;
		*runs = false;
		return trace_add_op(worker, op);
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
	worker->fake = (struct fake){.random = trace_chance(worker),
		.ticks = worker->trace->input->ticks + worker->number * WORKER_TICKS,
		.begun_us = trace_is_program(worker) ? fake_real_time_us() : 0,
		.number = worker->number};
}

static int on_mark(struct worker *worker, struct call *call)
{
	struct event event = {.kind = (enum event_kind)call->args[1],
		.txn = call->args[2],
		.error = (int)call->args[3],
		.worker = worker->number};
	int err = machine_skip_call(worker->now->task.pid, call, 0);

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

	if (worker->turn && !task_look_at(&worker->now->task, (int)call->args[4], &descriptor) &&
		descriptor.object != UINT32_MAX)
		worker->trace->recording->has_unseen = true;
}

static unsigned max_ops(const struct worker *worker)
{
	if (trace_is_program(worker))
		return TRACE_MAX_PROGRAM_OPS;
	return worker->turn ? TRACE_MAX_CREW_OPS : TRACE_MAX_OPS;
}

/* What a call at its entry stop is: 1 when the worker now stands before an operation, 0 when it may
 * go straight on, or -errno. */
static int on_entry(struct worker *worker)
{
	struct call *call = &worker->now->call;
	int found, err = machine_get_call(worker->now->task.pid, call);

	if (err)
		return err;
	if (worker->trace->input->filter->options & FILTER_PATHS) {
		err = trace_note_paths(worker);
		if (err)
			return err;
	}
	if (call->number == SYS_prctl) {
		err = trace_compare_mappings(worker);
		return err ? err : on_mark(worker, call);
	}
	if (call->number == SYS_mmap) {
		note_mapping(worker, call);
		return add_mapping(worker, call);
	}
	if (call->number == SYS_ptrace) {
		worker->trace->recording->notes |= NOTE_PTRACE;
		return machine_skip_call(worker->now->task.pid, call, -EPERM);
	}
	found = fake_answer(&worker->fake, &worker->now->task, call);
	worker->trace->recording->has_unseen |= worker->fake.has_signalled;
	if (found)
		return found < 0 ? found : 0;
	found = trace_renew(worker);
	if (!found && trace_is_program(worker))
		return trace_note_outside(worker);
	if (found <= 0)
		return found;
	if (worker->trace->ops >= max_ops(worker)) {
		op_release(&worker->now->op);
		worker->is_endless = true;
		trace_kill(worker);
		return 0;
	}
	worker->now->has_op = true;
	return 1;
}

int trace_renew(struct worker *worker)
{
	int found;

	if (worker->now->has_op && worker->now->decoded_at == worker->trace->changes)
		return 1;
	worker->now->decoded_at = worker->trace->changes;
	op_release(&worker->now->op);
	found = decode_entry(&worker->now->task, &worker->now->call, &worker->now->op);
	if (!found && worker->turn) {
		op_release(&worker->now->op);
		found = decode_missing(&worker->now->task, &worker->now->call, &worker->now->op);
	}
	if (found <= 0)
		op_release(&worker->now->op);
	return found;
}

/* A lock is never waited for in the kernel: who may have it is decided before. */
static int begin_lock(struct worker *worker, struct call *call)
{
	uint64_t operation = call->args[1];

	worker->now->is_letting_go = trace_crew_must_let_go(worker);
	if (worker->now->is_letting_go)
		worker->now->op.lock = LOCK_RELEASE;
	worker->now->saved_argument = operation;
	if (worker->now->op.point == POINT_FLOCK)
		operation = worker->now->is_letting_go ? LOCK_UN : operation | LOCK_NB;
	else
		operation = operation == F_SETLKW ? F_SETLK : F_OFD_SETLK;
	return machine_set_argument(worker->now->task.pid, call, 1, operation);
}

/* Lets the operation begin. *request is how the task goes on: to its exit stop, or straight on. */
static int begin(struct worker *worker, int *request)
{
	struct trace *trace = worker->trace;
	const struct trace_hook *hook = trace->input->hook;
	uint64_t blocks_used;
	bool runs;
	int err;

	worker->now->has_op = false;
	if (worker->tracee_count > INIT_AND_ONE)
		trace->recording->has_several = true;
	/* What it stored before it acknowledged is not to stand after it. Which came first is not
	 * known, and nobody is blamed for that. */
	err = trace_compare_mappings(worker);
	if (hook->before_op)
		hook->before_op(hook->context, worker->number);
	if (worker->number == trace->input->struck) {
		blocks_used = inject_has_budget() ? tree_blocks_used(worker->now->task.tree) : 0;
		inject_ask(&worker->now->op, blocks_used, &worker->now->op.strike);
	}
	if (!err && worker->now->op.strike.action == STRIKE_NONE && worker->turn &&
		worker->now->op.is_blocking)
		err = begin_lock(worker, &worker->now->call);
	if (!err)
		err = worker->now->op.strike.action == STRIKE_NONE &&
		                      ends_as_expected(&worker->now->op, &runs)
		              ? trace_add_op(worker, &worker->now->op)
		              : strike_at_entry(worker, &worker->now->call, &runs);
	if (err) {
		op_release(&worker->now->op);
		return err;
	}
	worker->now->is_pending = runs;
	/* One that waits for a lock, or a pipe, may wait for another task. */
	if (runs && !worker->now->op.may_wait && (worker->now->op.kind != OP_LOCK || worker->turn))
		worker->in_flight = worker->now;
	*request = runs ? PTRACE_SYSCALL : PTRACE_CONT;
	return 0;
}

/* ---- exit stops ---- */

static int undo_shortening(struct worker *worker, struct call *call)
{
	int err = machine_set_argument(worker->now->task.pid, call,
		decode_count_argument(call->number), worker->now->saved_argument);

	if (!err && worker->now->saved_vector_address)
		err = task_force(&worker->now->task, worker->now->saved_vector_address,
			&worker->now->saved_vector, sizeof(worker->now->saved_vector));
	return err;
}

/* The call is made again from its entry: it has only let go of a lock so far. */
static int repeat_call(struct worker *worker, struct call *call)
{
	int err = machine_set_argument(worker->now->task.pid, call, 1, worker->now->saved_argument);

	return err ? err : machine_repeat_call(worker->now->task.pid, call);
}

static int end_lock(struct worker *worker, struct call *call)
{
	if (worker->now->is_letting_go)
		return repeat_call(worker, call);
	/* Somebody who is none of the workers has it. */
	if (call->result == -EAGAIN || call->result == -EACCES)
		return -EBUSY;
	return machine_set_argument(worker->now->task.pid, call, 1, worker->now->saved_argument);
}

static int on_exit_stop(struct worker *worker)
{
	enum strike_action action = worker->now->op.strike.action;
	struct call *call = &worker->now->call;
	int err = machine_get_call(worker->now->task.pid, call);

	worker->now->is_pending = false;
	if (worker->in_flight == worker->now)
		worker->in_flight = NULL;
	if (!err && (action == STRIKE_SHORT || action == STRIKE_KILL_MIDDLE))
		err = undo_shortening(worker, call);
	/* ERESTARTSYS and its relatives: the kernel makes the call again, and it stops again. */
	if (err || (call->result <= -512 && call->result >= -516)) {
		op_release(&worker->now->op);
		return err;
	}
	err = decode_exit(&worker->now->task, call, &worker->now->op);
	if (!err && worker->turn && worker->now->op.is_blocking && action == STRIKE_NONE)
		err = end_lock(worker, call);
	if (!err && action == STRIKE_LATE_ERROR) {
		worker->now->op.result = -worker->now->op.strike.error;
		err = machine_set_result(worker->now->task.pid, call, worker->now->op.result);
	}
	if (action == STRIKE_KILL_MIDDLE || action == STRIKE_KILL_AFTER)
		kill_task(worker);
	if (err) {
		op_release(&worker->now->op);
		return err;
	}
	return trace_add_op(worker, &worker->now->op);
}

/* ---- going on ---- */

int trace_seize(pid_t pid, bool is_program, bool stops_at_all)
{
	unsigned long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP;

	if (is_program)
		options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
		           PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT;
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
	struct call *call = &worker->now->call;
	int answer, err = machine_get_call(worker->now->task.pid, call);

	if (err)
		return err;
	answer = filter_ask(worker->trace->input->filter, call->number, call->args);
	if (answer == FILTER_STOP)
		return on_entry(worker);
	return answer < 0 ? machine_skip_call(worker->now->task.pid, call, answer) : 0;
}

static bool has_no_filter(const struct worker *worker)
{
	return worker->trace->input->filter->is_unusable;
}

/* The task stands at the entry of a call. One that changes something in the directory goes at a
 * time: others wait here, so that the order of the recording is the kernel's. */
static int on_call_entry(struct worker *worker, bool is_from_queue)
{
	if (worker->in_flight || trace_standing(worker) ||
		(worker->trace->input->is_reversed && !is_from_queue)) {
		worker->now->is_queued = true;
		return 0;
	}
	return has_no_filter(worker) ? on_any_entry(worker) : on_entry(worker);
}

static int on_event(struct worker *worker, int event)
{
	switch (event) {
	case PTRACE_EVENT_EXEC:
		return trace_on_exec(worker);
	case PTRACE_EVENT_EXIT:
		return trace_on_exit(worker);
	default: /* of a new task: it reports itself */
		return 0;
	}
}

/* What stopped a task. Returns 1 when the worker now stands before an operation, 0 when the task
 * goes on (unless it is queued), or -errno. */
static int on_stop(struct worker *worker, int status, int *request, int *deliver)
{
	int number = WSTOPSIG(status), event = status >> 16;
	bool is_stopping =
		number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;

	if (event == PTRACE_EVENT_SECCOMP)
		return on_call_entry(worker, false);
	if (number == (SIGTRAP | 0x80)) {
		if (has_no_filter(worker) && machine_is_entry(worker->now->task.pid))
			return on_call_entry(worker, false);
		return worker->now->is_pending ? on_exit_stop(worker) : 0;
	}
	if (event == PTRACE_EVENT_STOP) {
		/* It stays stopped until it is told to continue, as without us. */
		*request = is_stopping ? PTRACE_LISTEN : *request;
		return 0;
	}
	if (event)
		return on_event(worker, event);
	*deliver = number;
	return 0;
}

/* Fails with ESRCH once the task was killed; wait reports that. */
static void resume(struct worker *worker, int request, int deliver)
{
	struct tracee *tracee = worker->now;

	/* One that runs may have come to its next stop by now, which nobody has seen yet. */
	if (!tracee->is_stopped)
		return;
	tracee->is_stopped = false;
	ptrace((enum __ptrace_request)request, tracee->task.pid, NULL, (long)deliver);
}

/* Handles one stop, the queue first. Returns 1 when the worker stands before an operation. */
static int step(struct worker *asked)
{
	struct worker *worker = asked;
	struct tracee *queued = trace_next_queued(worker);
	int request = has_no_filter(worker) ? PTRACE_SYSCALL : PTRACE_CONT;
	int deliver = 0, status, err;

	if (queued) {
		trace_switch(worker, queued);
		queued->is_queued = false;
		err = on_call_entry(worker, true);
	} else {
		err = trace_await(&worker, &status);
		if (err || !worker)
			return err;
		err = on_stop(worker, status, &request, &deliver);
	}
	if (err == -ESRCH)
		err = 0; /* killed by the watchdog between two steps */
	if (!err && !worker->now->is_queued)
		resume(worker, request, deliver);
	/* Of several workers one may stand while others of its tasks go on. */
	if (trace_standing(worker))
		trace_switch(worker, trace_standing(worker));
	/* Another one's turn comes later. */
	return err == 1 && worker != asked ? 0 : err;
}

/* Restarts the worker again and again until it stands before an operation. */
static int run_on(struct worker *worker, int request)
{
	int err = 0;

	if (worker->trace->input->count > 1)
		watchdog_turn(worker->pid);
	if (!worker->now->is_queued)
		resume(worker, has_no_filter(worker) ? PTRACE_SYSCALL : request, 0);
	while (!err && !worker->has_ended)
		err = step(worker);
	return err < 0 ? err : 0;
}

int trace_go_on(struct worker *worker)
{
	int request = PTRACE_CONT, err = worker->now->has_op ? begin(worker, &request) : 0;

	if (err == -ESRCH)
		err = 0;
	return err ? err : run_on(worker, request);
}

int trace_refuse(struct worker *worker, int error)
{
	int err;

	worker->now->has_op = false;
	worker->now->op.effect = worker->now->op.result = -error;
	err = machine_skip_call(worker->now->task.pid, &worker->now->call, -error);
	if (!err)
		err = trace_add_op(worker, &worker->now->op);
	return err ? err : run_on(worker, PTRACE_CONT);
}

/* ---- beginning and end ---- */

static int worker_init(struct worker *worker, struct trace *trace, unsigned number)
{
	const struct trace_input *input = trace->input;
	int err;

	*worker = (struct worker){.trace = trace, .number = number, .pid = input->pids[number]};
	err = trace_add_tracee(worker, worker->pid);
	if (err)
		return err;
	worker->now = worker->tracees[0];
	if (trace_is_program(worker))
		begin_chance(worker);
	if (!input->scheduler)
		return 0;
	worker->turn = calloc(1, sizeof(*worker->turn));
	return worker->turn ? 0 : -ENOMEM;
}

/* Whether the first process of a program ended by itself. */
static bool has_come_to_end(const struct worker *worker)
{
	return trace_is_program(worker) && worker->has_main_ended;
}

static enum ending ending_of(const struct worker *worker, bool is_late)
{
	if (worker->is_endless)
		return ENDED_ENDLESS;
	if (has_come_to_end(worker))
		is_late = false;
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
	struct worker workers[TRACE_MAX_WORKERS] = {0};
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
	if (is_late && has_come_to_end(&workers[0]))
		recording->notes |= NOTE_LEFT_RUNNING;
	for (unsigned i = 0; !err && i < input->count; i++)
		err = trace_compare_mappings(&workers[i]);
	/* Before those that wait are killed: they have not ended. */
	if (!err)
		classify_end(&trace, is_late);
	for (unsigned i = 0; i < input->count; i++)
		trace_worker_release(&workers[i]);
	free(trace.peers);
	return err;
}
