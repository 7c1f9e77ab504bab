/*
 * Method: the data directory is made what it was after setup, a child waits until it is seized,
 * installs the filter on itself and goes through the workload. Start, acknowledgement and refusal
 * are marks that only the tracer sees, so the history is the driver's own.
 */
#include "harness/record.h"

#include <alloca.h>
#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/child.h"
#include "harness/full_disk.h"
#include "harness/record_private.h"
#include "harness/spawn.h"
#include "harness/trace.h"
#include "harness/watchdog.h"

/* The worker could not begin; not something a strategy would exit with. */
enum { EXIT_NO_MEMORY = 114 };

enum { SPAWNERS = 2 };

enum { STACK_STEP = 1 << 20 };

/* ---- setup ---- */

static const size_t READINGS_BYTES = TRACE_MAX_WORKERS * sizeof(struct reading);

static struct reading *readings_new(void)
{
	struct reading *readings = mmap(
		NULL, READINGS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return readings == MAP_FAILED ? NULL : readings;
}

static int run_setup(const struct subject *subject, int directory_fd)
{
	pid_t parent = getpid(), pid;
	struct txn first;
	int status;

	if (txn_init(&first, 0, subject->workload.base_bytes))
		return -ENOMEM;
	pid = fork();
	if (!pid) {
		int err = child_enter(parent, directory_fd);

		if (!err)
			err = subject->strategy->setup(&first);
		_exit(err < 0 && err > -255 ? -err : err ? 255 : 0);
	}
	txn_release(&first);
	if (pid < 0)
		return -errno;
	watchdog_start(pid, RECORD_TIMEOUT_MS);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	watchdog_stop();
	if (!WIFEXITED(status))
		return -EINTR;
	return -WEXITSTATUS(status);
}

int subject_init(struct subject *subject, const struct strategy *strategy,
	const struct workload *workload, const struct workspace *workspace, char *message,
	size_t message_size)
{
	int err;

	*subject = (struct subject){.strategy = strategy,
		.workload = *workload,
		.spawners = calloc(SPAWNERS, sizeof(struct spawner *)),
		.readings = readings_new()};
	err = subject->spawners && subject->readings ? tree_wipe(workspace->data_fd) : -ENOMEM;
	if (!err)
		err = run_setup(subject, workspace->data_fd);
	if (!err)
		err = tree_load(workspace->data_fd, &subject->initial, NULL);
	if (err)
		snprintf(message, message_size, "%s: setup failed in %s: %s", strategy->name,
			workspace->path, strerror(-err));
	return err;
}

void subject_release(struct subject *subject)
{
	tree_unref(subject->initial);
	for (int i = 0; subject->spawners && i < SPAWNERS; i++)
		spawner_free(subject->spawners[i]);
	free(subject->spawners);
	if (subject->readings)
		munmap(subject->readings, READINGS_BYTES);
	*subject = (struct subject){0};
}

/* ---- the worker ---- */

static void mark(enum event_kind kind, uint64_t txn, int error)
{
	prctl(FILTER_MARK, kind, txn, error, 0);
}

/* One worker of a run. */
struct task_order {
	const struct strategy *strategy;
	size_t base_bytes;
	uint64_t first; /* its first transaction */
	unsigned txns;  /* how many it makes */
	bool is_naive;
	bool recovers; /* its transactions are recoveries */
	struct reading *reading;
	unsigned number; /* of the reading */
	int directory_fd;
};

static void write_all(const struct task_order *order, const struct txn *all)
{
	for (unsigned i = 0; i < order->txns; i++) {
		int err;

		mark(EVENT_START, all[i].id, 0);
		err = order->recovers ? order->strategy->recover()
		                      : order->strategy->update(&all[i]);
		mark(err ? EVENT_REFUSE : EVENT_ACK, all[i].id, err);
	}
}

static void read_once(const struct task_order *order)
{
	const struct strategy *strategy = order->strategy;
	struct reading *reading = order->reading;

	mark(EVENT_LOOK, order->number, 0);
	reading->error = order->is_naive ? strategy->read_naive(&reading->view)
	                                 : strategy->read(&reading->view);
	mark(EVENT_SEEN, order->number, reading->error);
}

__attribute__((noinline)) static void work(const struct task_order *order)
{
	struct txn *all = calloc(order->txns ? order->txns : 1, sizeof(*all));

	if (!all || child_enter(getppid(), order->directory_fd))
		_exit(EXIT_NO_MEMORY);
	/* What malloc(3) returns is the same each time: SQLite copies some of it into a file. */
	mallopt(M_PERTURB, 0x5a);
	for (unsigned i = 0; i < order->txns; i++) {
		if (txn_init(&all[i], order->first + i, order->base_bytes))
			_exit(EXIT_NO_MEMORY);
	}
	if (order->reading)
		read_once(order);
	else
		write_all(order, all);
	_exit(0);
}

/* mkstemp(3) draws its names from the address of a variable, too. So that whoever forks a worker
 * gets the same names, its stack begins at the same place. */
static void run_worker(const void *order)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	/* cppcheck-suppress allocaCalled */
	char *unused = alloca(here % STACK_STEP + 1);

	__asm__ volatile("" : : "r"(unused) : "memory");
	work(order);
}

static int check_worker_began(const struct recording *recording)
{
	if (recording->ending != ENDED_CRASH || !WIFEXITED(recording->status))
		return 0;
	return WEXITSTATUS(recording->status) == EXIT_NO_MEMORY ? -ENOMEM : 0;
}

static void shrink(void *disk, unsigned worker)
{
	(void)worker;
	full_disk_shrink(disk);
}

/* ---- one run ---- */

/* What all kinds of runs differ in. */
struct run {
	const struct subject *subject;
	struct tree *initial; /* borrowed */
	const struct plan *plan;
	int directory_fd;
	struct full_disk *disk; /* NULL: not on a real full disk */
	const struct filter *filter;
	struct task_order orders[TRACE_MAX_WORKERS];
	unsigned count;
	const struct trace_scheduler *scheduler; /* NULL: one worker */
	bool is_crashed;
};

/* Workers on a real full disk cannot come from a process that began before it was mounted. */
static int find_spawner(const struct run *run, struct spawner **own, struct spawner **spawner)
{
	struct spawner **kept = run->subject->spawners;
	int err;

	*own = NULL;
	if (!kept || run->disk) {
		err = spawner_new(own, run->filter, run_worker);
		*spawner = *own;
		return err;
	}
	kept += run->filter->has_looks;
	err = *kept ? 0 : spawner_new(kept, run->filter, run_worker);
	*spawner = *kept;
	return err;
}

static int start_and_trace(
	const struct run *run, struct inode_map *inodes, struct recording *recording)
{
	struct trace_hook hook = {.before_op = run->disk ? shrink : NULL, .context = run->disk};
	pid_t pids[TRACE_MAX_WORKERS];
	unsigned started = 0;
	struct trace_input input = {.pids = pids,
		.filter = run->filter,
		.count = run->count,
		.inodes = inodes,
		.seed = run->plan->seed,
		.timeout_ms = RECORD_TIMEOUT_MS,
		.hook = &hook,
		.scheduler = run->scheduler,
		.has_fault = run->plan->fault || run->plan->commands,
		.is_crashed = run->is_crashed};
	struct spawner *own, *spawner;
	int err = find_spawner(run, &own, &spawner);

	while (!err && started < run->count) {
		struct task_order order = run->orders[started];

		order.strategy = run->subject->strategy;
		order.base_bytes = run->subject->workload.base_bytes;
		order.directory_fd = run->directory_fd;
		err = spawner_spawn(spawner, &order, sizeof(order), SPAWN_ALONE, &pids[started]);
		started += !err;
	}
	if (!err) {
		err = trace_run(&input, recording);
	} else {
		while (started-- > 0) {
			kill(pids[started], SIGKILL);
			waitpid(pids[started], NULL, __WALL);
		}
	}
	spawner_free(own);
	return err;
}

static int run_in(const struct run *run, struct recording *recording)
{
	const struct plan *plan = run->plan;
	struct inode_map *inodes = NULL;
	struct tree *initial = NULL;
	int err = record_restore(
		run->subject->strategy->name, run->initial, run->directory_fd, &initial, &inodes);

	if (!err && run->disk)
		err = full_disk_limit(run->disk, plan->n - 1,
			fault_variant(plan->fault, plan->variant)->repeat == REPEAT_SHRINKING);
	if (err)
		goto out;
	recording_init(recording, initial);
	err = inject_begin(plan, tree_blocks_used(initial));
	if (err)
		goto out;
	err = start_and_trace(run, inodes, recording);
	inject_end();
	if (!err)
		err = check_worker_began(recording);
	/* A worker that was killed for hanging may have been in the middle of a call. */
	if (!err && recording->ending != ENDED_HANG)
		err = record_check_replay(
			run->subject->strategy->name, recording, run->directory_fd);
	if (!err && !run->disk)
		err = record_check_host(run->subject->strategy->name, recording);
out:
	inode_map_free(inodes);
	tree_unref(initial);
	return err;
}

int record_run(const struct subject *subject, const struct plan *plan,
	const struct workspace *workspace, const struct filter *filter, struct recording *recording)
{
	struct run run = {.subject = subject,
		.initial = subject->initial,
		.plan = plan,
		.directory_fd = workspace->data_fd,
		.filter = filter,
		.orders = {{.first = 1, .txns = subject->workload.txns}},
		.count = 1};
	struct full_disk disk;
	int err;

	memset(recording, 0, sizeof(*recording));
	if (!plan->fault || !plan->fault->is_real)
		return run_in(&run, recording);
	err = full_disk_mount(&disk, workspace);
	if (err)
		return err;
	run.disk = &disk;
	run.directory_fd = disk.directory_fd;
	err = run_in(&run, recording);
	if (!err)
		full_disk_count(recording);
	full_disk_unmount(&disk);
	return err;
}

int record_recovery(const struct subject *subject, struct tree *tree, uint64_t seed,
	const struct workspace *workspace, const struct filter *filter, struct recording *recording)
{
	struct plan plan = {.seed = seed};
	struct run run = {.subject = subject,
		.initial = tree,
		.plan = &plan,
		.directory_fd = workspace->data_fd,
		.filter = filter,
		.orders = {{.first = 1, .txns = 1, .recovers = true}},
		.count = 1};

	memset(recording, 0, sizeof(*recording));
	return run_in(&run, recording);
}

/* ---- several workers ---- */

/* The entries beyond the count are left alone: a view is large. */
static void copy_reading(struct reading *to, const struct reading *from)
{
	to->error = from->error;
	view_init(&to->view, from->view.base_bytes);
	to->view.has_number = from->view.has_number;
	to->view.number = from->view.number;
	to->view.count = from->view.count;
	memcpy(to->view.entries, from->view.entries,
		from->view.count * sizeof(from->view.entries[0]));
}

int record_crew(const struct subject *subject, const struct crew *crew, const struct plan *plan,
	const struct trace_scheduler *scheduler, const struct workspace *workspace,
	const struct filter *filter, struct recording *recording, struct reading *readings)
{
	unsigned each = subject->workload.txns / crew->writers;
	struct run run = {.subject = subject,
		.initial = subject->initial,
		.plan = plan,
		.directory_fd = workspace->data_fd,
		.filter = filter,
		.count = crew->writers + crew->readers,
		.scheduler = scheduler,
		.is_crashed = crew->is_crashed};

	int err;

	assert(run.count <= TRACE_MAX_WORKERS);
	assert(each * crew->writers == subject->workload.txns);
	memset(recording, 0, sizeof(*recording));
	for (unsigned i = 0; i < crew->writers; i++)
		run.orders[i] = (struct task_order){.first = 1 + i * each, .txns = each};
	for (unsigned i = 0; i < crew->readers; i++) {
		subject->readings[i].error = 0;
		view_init(&subject->readings[i].view, subject->workload.base_bytes);
		run.orders[crew->writers + i] = (struct task_order){
			.is_naive = crew->is_naive, .reading = &subject->readings[i], .number = i};
	}
	err = run_in(&run, recording);
	for (unsigned i = 0; i < crew->readers; i++)
		copy_reading(&readings[i], &subject->readings[i]);
	return err;
}
