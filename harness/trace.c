/*
 * Method: the filter stops a call at its entry; the operation is decoded and libfiu asked. A call
 * that may go through, in whole or in part, stops once more at its exit, where the operation is
 * completed and recorded. The tree is carried along op by op; record.c holds it against the disk.
 * Limits: one task. A child that the worker forks is not followed (its traced calls fail with
 * ENOSYS). Stores through shared mappings are seen at the next stop, by comparing pages.
 */
#include "harness/trace.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/decode.h"
#include "harness/fake.h"
#include "harness/filter.h"
#include "harness/inject.h"
#include "harness/watchdog.h"

struct trace {
	struct task task;
	struct recording *recording;
	const struct trace_hook *hook;
	struct fake fake;
	unsigned ops;

	/* The call between its entry and its exit stop. */
	bool is_pending;
	struct op op;
	uint64_t saved_argument; /* of a shortened call: args[2] at entry */
	uint64_t saved_vector_address;
	struct iovec saved_vector;

	struct mapping {
		uint32_t object;
		int fd;
	} * mappings; /* owned */
	unsigned mapping_count;

	bool is_struck; /* killed on purpose */
	bool is_endless;
};

/* ---- recording ---- */

static int add_op(struct trace *trace, struct op *op)
{
	struct event event = {.kind = EVENT_OP, .op = *op};
	int err = tree_apply(&trace->recording->final, op);

	memset(op, 0, sizeof(*op)); /* moved into the event */
	trace->task.tree = trace->recording->final;
	trace->ops++;
	if (err) {
		op_release(&event.op);
		return err;
	}
	return recording_add(trace->recording, &event);
}

static void kill_task(struct trace *trace)
{
	kill(trace->task.pid, SIGKILL);
	trace->is_struck = true;
}

/* ---- shared mappings ---- */

static int compare_mapping(struct trace *trace, const struct mapping *mapping)
{
	uint64_t size = tree_file_bytes(trace->task.tree, mapping->object);
	uint8_t now[TREE_PAGE_BYTES];
	int err = 0;

	for (uint64_t offset = 0; !err && offset < size; offset += TREE_PAGE_BYTES) {
		struct op op = {.kind = OP_STORE, .point = POINT_STORE, .object = mapping->object};
		ssize_t got = pread(mapping->fd, now, sizeof(now), (off_t)offset);

		if (got < 0)
			return -errno;
		if (offset + (uint64_t)got > size)
			got = (ssize_t)(size - offset);
		if (tree_page_equals(trace->task.tree, mapping->object, offset / TREE_PAGE_BYTES,
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
		err = add_op(trace, &op);
	}
	return err;
}

static int compare_mappings(struct trace *trace)
{
	int err = 0;

	for (unsigned i = 0; !err && i < trace->mapping_count; i++)
		err = compare_mapping(trace, &trace->mappings[i]);
	return err;
}

static int add_mapping(struct trace *trace, const struct call *call)
{
	struct mapping *more;
	uint32_t object;
	int fd, found = task_find_mapping(&trace->task, call, &object, &fd);

	if (found <= 0)
		return found;
	for (unsigned i = 0; i < trace->mapping_count; i++) {
		if (trace->mappings[i].object == object) {
			close(fd);
			return 0;
		}
	}
	more = realloc(trace->mappings, (trace->mapping_count + 1) * sizeof(*more));
	if (!more) {
		close(fd);
		return -ENOMEM;
	}
	trace->mappings = more;
	trace->mappings[trace->mapping_count++] = (struct mapping){object, fd};
	return 0;
}

/* ---- entry stops ---- */

/* Lets the task write or read `bytes` only. A vectored call is cut inside its last vector. */
static int shorten(struct trace *trace, struct call *call, uint64_t bytes)
{
	bool is_vectored = trace->op.point == POINT_READV || trace->op.point == POINT_PREADV ||
	                   trace->op.point == POINT_WRITEV || trace->op.point == POINT_PWRITEV;
	uint64_t address = call->args[1], before = 0;

	trace->saved_argument = call->args[2];
	trace->saved_vector_address = 0;
	if (!is_vectored)
		return machine_set_argument(trace->task.pid, call, 2, bytes);
	for (uint64_t i = 0;; i++, address += sizeof(struct iovec)) {
		struct iovec vector = {0};
		int err = task_peek(&trace->task, address, &vector, sizeof(vector));

		if (err)
			return err;
		if (before + vector.iov_len < bytes) {
			before += vector.iov_len;
			continue;
		}
		trace->saved_vector_address = address;
		trace->saved_vector = vector;
		vector.iov_len = bytes - before;
		err = task_force(&trace->task, address, &vector, sizeof(vector));
		return err ? err : machine_set_argument(trace->task.pid, call, 2, i + 1);
	}
}

static int strike_at_entry(struct trace *trace, struct call *call, bool *runs)
{
	struct op *op = &trace->op;
	const struct strike *strike = &op->strike;
	int err = 0;

	*runs = true;
	switch (strike->action) {
	case STRIKE_ERROR:
		op->effect = op->result = -strike->error;
		err = machine_skip_call(trace->task.pid, call, -strike->error);
		*runs = false;
		return err ? err : add_op(trace, op);
	case STRIKE_KILL_BEFORE:
		kill_task(trace);
		op->effect = op->result = -EINTR;
		*runs = false;
		return add_op(trace, op);
	case STRIKE_SHORT:
	case STRIKE_KILL_MIDDLE:
		return shorten(trace, call, strike->bytes);
	default:
		return 0;
	}
}

/* A read or a close that is let through changes nothing and gives what was known at its entry; an
 * exit stop would only cost time. */
static bool ends_as_expected(struct op *op, bool *runs)
{
	if (op->kind != OP_CLOSE && !(op->kind == OP_READ && op->is_allowed))
		return false;
	op->effect = op->result = (int64_t)op->size_bytes;
	*runs = false;
	return true;
}

static int on_mark(struct trace *trace, struct call *call)
{
	struct event event = {.kind = (enum event_kind)call->args[1],
		.txn = call->args[2],
		.error = (int)call->args[3]};
	int err = machine_skip_call(trace->task.pid, call, 0);

	return err ? err : recording_add(trace->recording, &event);
}

/* *request is how the task goes on: to its exit stop, or straight on. */
static int on_entry(struct trace *trace, int *request)
{
	struct call call;
	uint64_t blocks_used;
	bool runs;
	int found, err = machine_get_call(trace->task.pid, &call);

	*request = PTRACE_CONT;
	if (err)
		return err;
	if (call.number == SYS_prctl) {
		err = compare_mappings(trace);
		return err ? err : on_mark(trace, &call);
	}
	if (call.number == SYS_mmap)
		return add_mapping(trace, &call);
	found = fake_answer(&trace->fake, &trace->task, &call);
	if (found)
		return found < 0 ? found : 0;
	found = decode_entry(&trace->task, &call, &trace->op);
	if (found <= 0) {
		op_release(&trace->op);
		return found;
	}
	if (trace->ops >= TRACE_MAX_OPS) {
		op_release(&trace->op);
		trace->is_endless = true;
		kill(trace->task.pid, SIGKILL);
		return 0;
	}
	if (trace->hook->before_op)
		trace->hook->before_op(trace->hook->context);
	err = compare_mappings(trace);
	blocks_used = inject_has_budget() ? tree_blocks_used(trace->task.tree) : 0;
	inject_ask(&trace->op, blocks_used, &trace->op.strike);
	if (!err)
		err = trace->op.strike.action == STRIKE_NONE && ends_as_expected(&trace->op, &runs)
		              ? add_op(trace, &trace->op)
		              : strike_at_entry(trace, &call, &runs);
	if (err) {
		op_release(&trace->op);
		return err;
	}
	trace->is_pending = runs;
	*request = runs ? PTRACE_SYSCALL : PTRACE_CONT;
	return 0;
}

/* ---- exit stops ---- */

static int undo_shortening(struct trace *trace, struct call *call)
{
	int err = machine_set_argument(trace->task.pid, call, 2, trace->saved_argument);

	if (!err && trace->saved_vector_address)
		err = task_force(&trace->task, trace->saved_vector_address, &trace->saved_vector,
			sizeof(trace->saved_vector));
	return err;
}

static int on_exit_stop(struct trace *trace)
{
	enum strike_action action = trace->op.strike.action;
	struct call call;
	int err = machine_get_call(trace->task.pid, &call);

	trace->is_pending = false;
	if (!err && (action == STRIKE_SHORT || action == STRIKE_KILL_MIDDLE))
		err = undo_shortening(trace, &call);
	/* ERESTARTSYS and its relatives: the kernel makes the call again, and it stops again. */
	if (err || (call.result <= -512 && call.result >= -516)) {
		op_release(&trace->op);
		return err;
	}
	err = decode_exit(&trace->task, &call, &trace->op);
	if (!err && action == STRIKE_LATE_ERROR) {
		trace->op.result = -trace->op.strike.error;
		err = machine_set_result(trace->task.pid, &call, trace->op.result);
	}
	if (action == STRIKE_KILL_MIDDLE || action == STRIKE_KILL_AFTER)
		kill_task(trace);
	if (err) {
		op_release(&trace->op);
		return err;
	}
	return add_op(trace, &trace->op);
}

/* ---- the loop ---- */

int trace_seize(pid_t pid)
{
	unsigned long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP;

	return ptrace(PTRACE_SEIZE, pid, NULL, options) ? -errno : 0;
}

static int on_stop(struct trace *trace, int status)
{
	int number = WSTOPSIG(status), event = status >> 16;
	int request = PTRACE_CONT, deliver = 0, err = 0;

	if (event == PTRACE_EVENT_SECCOMP)
		err = on_entry(trace, &request);
	else if (number == (SIGTRAP | 0x80))
		err = trace->is_pending ? on_exit_stop(trace) : 0;
	else if (!event)
		deliver = number;
	if (err)
		return err;
	/* Fails with ESRCH once the task was killed; wait reports that. */
	ptrace((enum __ptrace_request)request, trace->task.pid, NULL, (long)deliver);
	return 0;
}

static void classify_end(struct trace *trace, int status, bool is_late)
{
	struct recording *recording = trace->recording;

	recording->status = status;
	recording->fired = inject_fired();
	if (trace->is_endless)
		recording->ending = ENDED_ENDLESS;
	else if (is_late)
		recording->ending = ENDED_HANG;
	else if (trace->is_struck)
		recording->ending = ENDED_STRUCK;
	else if (WIFEXITED(status) && !WEXITSTATUS(status))
		recording->ending = ENDED_DONE;
	else
		recording->ending = ENDED_CRASH;
}

int trace_run(pid_t pid, struct inode_map *inodes, uint64_t seed, unsigned timeout_ms,
	const struct trace_hook *hook, struct recording *recording)
{
	struct trace trace = {.task = {.pid = pid, .inodes = inodes},
		.recording = recording,
		.hook = hook,
		.fake = {.random = seed}};
	int status = 0, err = 0;
	bool is_late;

	recording->final = tree_ref(recording->initial);
	trace.task.tree = recording->final;
	trace.task.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (trace.task.pidfd < 0)
		err = -errno;
	watchdog_start(pid, timeout_ms);
	if (err)
		kill(pid, SIGKILL);
	for (;;) {
		if (waitpid(pid, &status, __WALL) < 0) {
			if (errno == EINTR)
				continue;
			err = -errno;
			break;
		}
		if (WIFEXITED(status) || WIFSIGNALED(status))
			break;
		watchdog_touch();
		if (!err) {
			err = on_stop(&trace, status);
			if (err == -ESRCH)
				err = 0; /* killed by the watchdog between two steps */
			if (err)
				kill(pid, SIGKILL);
		}
	}
	is_late = watchdog_stop();
	if (trace.is_pending)
		op_release(&trace.op);
	if (!err)
		err = compare_mappings(&trace);
	classify_end(&trace, status, is_late);
	for (unsigned i = 0; i < trace.mapping_count; i++)
		close(trace.mappings[i].fd);
	free(trace.mappings);
	if (trace.task.pidfd >= 0)
		close(trace.task.pidfd);
	return err;
}
