/*
 * Several workers, one at a time. All stand before an operation that another could notice; the
 * scheduler names one; it makes its operation and goes on until it stands before its next one.
 *
 * A lock is asked for only when it can be had, so nobody waits in the kernel; if all wait, that is
 * a deadlock. A worker that sleeps between two attempts at the same operation is not asked again
 * until somebody has changed what it looked at in between, or nobody else can go on: then its time
 * passes. So a loop that polls makes no schedules of its own, and that a worker gives up though the
 * other is only slow is not explored.
 *
 * A transaction begins as late and is acknowledged as early as can be: with the first operation
 * that can be noticed, and right after the last.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <xxhash.h>

#include "harness/touch.h"
#include "harness/trace_private.h"

/* ---- locks ---- */

static int must_wait(const struct worker *worker)
{
	const struct op *op = &worker->now->op;
	struct lock_request request = {.fd = (int)worker->now->call.args[0],
		.is_flock = op->point == POINT_FLOCK,
		.is_exclusive = op->lock == LOCK_EXCLUDE,
		.start = (uint64_t)op->offset,
		.end = op->size_bytes ? (uint64_t)op->offset + op->size_bytes - 1 : UINT64_MAX};

	return op->kind == OP_LOCK && op->is_blocking ? task_must_wait(&worker->now->task, &request)
	                                              : 0;
}

bool trace_crew_must_let_go(const struct worker *worker)
{
	return worker->now->op.point == POINT_FLOCK && must_wait(worker) > 0 &&
	       task_holds_flock(&worker->now->task, (int)worker->now->call.args[0]);
}

static void note_lock(struct turn *turn, uint32_t object)
{
	for (unsigned i = 0; i < turn->locked_count; i++) {
		if (turn->locked[i] == object)
			return;
	}
	if (turn->locked_count < MAX_LOCKED)
		turn->locked[turn->locked_count] = object;
	turn->locked_count++; /* beyond MAX_LOCKED: any file may be locked */
}

static bool may_hold_lock(const struct turn *turn, uint32_t object)
{
	for (unsigned i = 0; i < turn->locked_count && i < MAX_LOCKED; i++) {
		if (turn->locked[i] == object)
			return true;
	}
	return turn->locked_count > MAX_LOCKED;
}

/* ---- footprints ---- */

static bool is_fault_expected(const struct worker *worker)
{
	const struct trace_input *input = worker->trace->input;

	return input->has_fault && worker->number == input->struck;
}

static void touch(const struct worker *worker, struct footprint *footprint)
{
	const struct op *op = &worker->now->op;

	touch_op(op, worker->now->task.tree, worker->trace->input->is_crashed, footprint);
	/* Also a lock that is changed into a shared one lets others in. */
	if ((op->kind == OP_CLOSE || (op->kind == OP_LOCK && op->lock == LOCK_SHARE)) &&
		may_hold_lock(worker->turn, op->object))
		touch_locks(op->object, footprint);
}

/* Whether others could notice, so that it matters when it happens. */
static bool is_noticeable(const struct worker *worker)
{
	struct footprint footprint = {0};

	touch(worker, &footprint);
	return footprint.count || is_fault_expected(worker);
}

static void add_everything(struct footprint *footprint)
{
	footprint_add(footprint, PIECE_EVERYTHING, ACCESS_WRITE, 0, 0, UINT64_MAX);
}

/* What is known only when the turn is over. */
static void touch_aftermath(struct worker *worker, size_t first_event)
{
	const struct recording *recording = worker->trace->recording;
	struct turn *turn = worker->turn;

	/* Whatever it did in its memory was done to the file. */
	for (unsigned i = 0; i < worker->mapping_count; i++) {
		footprint_add(&turn->footprint, PIECE_DATA, ACCESS_WRITE,
			worker->mappings[i].object, 0, UINT64_MAX);
		footprint_add(&turn->footprint, PIECE_SIZE, ACCESS_READ, worker->mappings[i].object,
			0, UINT64_MAX);
	}
	for (unsigned i = 0; worker->has_ended && i < turn->locked_count && i < MAX_LOCKED; i++)
		touch_locks(turn->locked[i], &turn->footprint);
	if (worker->has_ended && turn->locked_count > MAX_LOCKED)
		add_everything(&turn->footprint);
	for (size_t i = first_event; i < recording->count; i++) {
		const struct event *event = &recording->events[i];

		/* A killed worker lets go of all that it has. */
		if (event->kind == EVENT_OP && event->op.strike.action >= STRIKE_KILL_BEFORE)
			add_everything(&turn->footprint);
	}
}

/* ---- marks ---- */

static int add_start(struct worker *worker)
{
	struct turn *turn = worker->turn;
	struct event event = turn->start;

	if (event.kind == EVENT_OP)
		return 0;
	turn->start = (struct event){.kind = EVENT_OP};
	footprint_add(&turn->footprint, PIECE_HISTORY, ACCESS_READ, 0, 0, UINT64_MAX);
	return recording_add(worker->trace->recording, &event);
}

int trace_crew_mark(struct worker *worker, struct event *event)
{
	int err = add_start(worker);

	if (err)
		return err;
	if (event->kind == EVENT_START || event->kind == EVENT_LOOK) {
		worker->turn->start = *event;
		return 0;
	}
	footprint_add(&worker->turn->footprint, PIECE_HISTORY, ACCESS_ADD, 0, 0, UINT64_MAX);
	return recording_add(worker->trace->recording, event);
}

/* ---- sleeping ---- */

enum { SPINS = 8 };

static uint64_t signature_of(const struct op *op)
{
	uint64_t words[] = {op->point, op->kind, op->object, op->directory, op->new_directory,
		(uint64_t)op->offset, op->size_bytes, op->lock,
		op->name ? XXH3_64bits(op->name, strlen(op->name)) : 0,
		op->new_name ? XXH3_64bits(op->new_name, strlen(op->new_name)) : 0};

	return XXH3_64bits(words, sizeof(words));
}

static void note_attempt(struct worker *worker, const struct footprint *footprint)
{
	struct turn *turn = worker->turn;

	turn->attempts[turn->attempt_count++ % MAX_ATTEMPTS] =
		(struct attempt){signature_of(&worker->now->op), false, *footprint};
}

/* What a worker changed itself, it may see at its next attempt. */
static void note_own_changes(struct worker *worker, size_t first_event)
{
	const struct recording *recording = worker->trace->recording;
	bool has_changed = false;

	for (size_t i = first_event; i < recording->count; i++) {
		const struct op *op = &recording->events[i].op;

		has_changed |= recording->events[i].kind == EVENT_OP && op_is_change(op) &&
		               op->effect >= 0 && op->kind != OP_LOCK && op->kind != OP_CLOSE;
	}
	for (unsigned i = 0; has_changed && i < MAX_ATTEMPTS; i++)
		worker->turn->attempts[i].has_changed = true;
}

/* After a sleep: is what comes next what was tried before, with nothing changed since? */
static void note_sleep(struct worker *worker)
{
	struct turn *turn = worker->turn;
	uint64_t signature = signature_of(&worker->now->op);

	worker->fake.has_slept = false;
	turn->repeats = 0;
	for (unsigned i = turn->attempt_count;
		i-- > 0 && turn->attempt_count - i <= MAX_ATTEMPTS;) {
		const struct attempt *attempt = &turn->attempts[i % MAX_ATTEMPTS];

		if (attempt->has_changed)
			return;
		if (attempt->signature != signature)
			continue;
		turn->first_awaited = i;
		turn->is_napping = true;
		worker->trace->recording->has_waiting = true;
		return;
	}
}

/* What one worker did may be what another waits for. */
static void tell(struct worker *worker, const struct footprint *footprint)
{
	struct turn *turn = worker->turn;
	unsigned first =
		turn->attempt_count > MAX_ATTEMPTS ? turn->attempt_count - MAX_ATTEMPTS : 0;

	for (unsigned i = turn->attempt_count; i-- > first;) {
		struct attempt *attempt = &turn->attempts[i % MAX_ATTEMPTS];

		if (attempt->has_changed || !footprints_conflict(&attempt->footprint, footprint))
			continue;
		attempt->has_changed = true;
		if (i >= turn->first_awaited)
			turn->is_napping = false;
	}
}

/* One that asks again and again without a pause. */
static bool is_spinning(struct worker *worker)
{
	struct turn *turn = worker->turn;
	const struct attempt *last = &turn->attempts[(turn->attempt_count - 1) % MAX_ATTEMPTS];

	if (!turn->attempt_count || last->signature != signature_of(&worker->now->op))
		turn->repeats = 0;
	else
		turn->repeats++;
	return turn->repeats >= SPINS;
}

/* ---- turns ---- */

/* Lets the worker do what nobody notices. */
static int settle(struct worker *worker)
{
	int err = 0;

	while (!err && !worker->has_ended && (!worker->now->has_op || !is_noticeable(worker)))
		err = trace_go_on(worker);
	if (!err && !worker->has_ended)
		err = trace_compare_mappings(worker);
	if (!err && !worker->has_ended && worker->now->has_op &&
		(worker->fake.has_slept || is_spinning(worker)))
		note_sleep(worker);
	worker->turn->arrived_at = worker->trace->recording->count;
	return err;
}

static int take_turn(struct worker *worker, bool is_deadlocked)
{
	struct turn *turn = worker->turn;
	size_t first_event = worker->trace->recording->count;
	struct footprint *footprint = &turn->footprint;
	int err;

	footprint->count = 0;
	err = add_start(worker);
	if (!err)
		err = trace_renew(worker);
	/* What it meant to do it on is gone: the kernel tells it so. */
	if (!err)
		worker->now->has_op = false;
	if (err > 0) {
		struct footprint own = {0};

		touch(worker, &own);
		touch(worker, footprint);
		note_attempt(worker, &own);
		if (worker->now->op.kind == OP_LOCK && worker->now->op.lock != LOCK_TEST)
			note_lock(turn, worker->now->op.object);
		err = 0;
	}
	if (!err)
		err = is_deadlocked ? trace_refuse(worker, EDEADLK) : trace_go_on(worker);
	if (!err)
		err = settle(worker);
	if (!err) {
		touch_aftermath(worker, first_event);
		note_own_changes(worker, first_event);
	}
	return err;
}

/* ---- the loop ---- */

/* Who can go on; negative: -errno. */
static int find_enabled(struct trace *trace)
{
	bool has_napping = false;
	int enabled = 0;

	for (unsigned i = 0; i < trace->input->count; i++) {
		struct worker *worker = &trace->workers[i];
		int waits;

		if (worker->has_ended)
			continue;
		has_napping |= worker->turn->is_napping;
		/* Bytes counted from the end of a file that others write. */
		waits = worker->now->op.is_blocking && worker->now->has_op ? trace_renew(worker)
		                                                           : 0;
		if (waits >= 0)
			waits = must_wait(worker);
		if (waits < 0)
			return waits;
		if (!worker->turn->is_napping && (!waits || trace_crew_must_let_go(worker)))
			enabled |= 1 << i;
	}
	if (enabled || !has_napping)
		return enabled;
	/* Time passes. */
	for (unsigned i = 0; i < trace->input->count; i++)
		trace->workers[i].turn->is_napping = false;
	return find_enabled(trace);
}

/* All wait. Of locks of processes the kernel finds out, and lets the call fail that closes the
 * circle, the last; not of those of descriptions, nor if flock(2) is among them. */
static int find_refused(const struct trace *trace)
{
	int last = -1;

	for (unsigned i = 0; i < trace->input->count; i++) {
		const struct worker *worker = &trace->workers[i];

		if (worker->has_ended)
			continue;
		if (worker->now->op.point != POINT_FCNTL || worker->now->call.args[1] != F_SETLKW)
			return -1;
		if (last < 0 || worker->turn->arrived_at >= trace->workers[last].turn->arrived_at)
			last = (int)i;
	}
	return last;
}

static int end_in_deadlock(struct trace *trace)
{
	const struct trace_scheduler *scheduler = trace->input->scheduler;
	int err = 0;

	for (unsigned i = trace->input->count; !err && i-- > 0;) {
		struct worker *worker = &trace->workers[i];
		struct footprint footprint = {0};

		if (worker->has_ended)
			continue;
		trace->recording->ending = ENDED_DEADLOCK;
		trace->recording->worker = i;
		touch(worker, &footprint);
		err = scheduler->waits(scheduler->context, i, &footprint);
	}
	return err;
}

/* A run that is given up must tell who waits, too: for whom another run is to go first. */
static int give_up(struct trace *trace, int reason)
{
	const struct trace_scheduler *scheduler = trace->input->scheduler;

	for (unsigned i = 0; reason == -EAGAIN && i < trace->input->count; i++) {
		struct worker *worker = &trace->workers[i];
		struct footprint footprint = {0};
		int err, waits = worker->has_ended ? 0 : must_wait(worker);

		if (waits < 0)
			return waits;
		if (worker->has_ended || (!waits && !worker->turn->is_napping))
			continue;
		touch(worker, &footprint);
		err = scheduler->waits(scheduler->context, i, &footprint);
		if (err)
			return err;
	}
	return reason;
}

static bool have_all_ended(const struct trace *trace)
{
	for (unsigned i = 0; i < trace->input->count; i++) {
		if (!trace->workers[i].has_ended)
			return false;
	}
	return true;
}

int trace_crew_run(struct trace *trace)
{
	const struct trace_scheduler *scheduler = trace->input->scheduler;
	int err = 0;

	for (unsigned i = 0; !err && i < trace->input->count; i++)
		err = settle(&trace->workers[i]);
	while (!err && !have_all_ended(trace)) {
		int enabled = find_enabled(trace), refused = -1, chosen;

		if (!enabled)
			refused = find_refused(trace);
		if (!enabled && refused < 0)
			return end_in_deadlock(trace);
		if (refused >= 0)
			enabled = 1 << refused;
		chosen = enabled < 0 ? enabled
		                     : scheduler->choose(scheduler->context, (unsigned)enabled);
		if (chosen < 0)
			return give_up(trace, chosen);
		err = take_turn(&trace->workers[chosen], refused >= 0);
		for (unsigned i = 0; !err && i < trace->input->count; i++) {
			if (i != (unsigned)chosen)
				tell(&trace->workers[i], &trace->workers[chosen].turn->footprint);
		}
		if (!err)
			err = scheduler->went(
				scheduler->context, &trace->workers[chosen].turn->footprint);
		/* It was let go all the time, where a fair scheduler would have let others. */
		if (!err && trace->workers[chosen].is_endless)
			trace->recording->is_unfair = find_enabled(trace) > 0;
		if (!err && trace->workers[chosen].is_endless)
			break;
	}
	return err;
}
