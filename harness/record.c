/*
 * Method: the data directory is made what it was after setup, a child waits until it is seized,
 * installs the filter on itself and goes through the workload. Start, acknowledgement and refusal
 * are marks that only the tracer sees, so the history is the driver's own.
 */
#include "harness/record.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/child.h"
#include "harness/full_disk.h"
#include "harness/trace.h"
#include "harness/watchdog.h"

/* The worker could not begin; not something a strategy would exit with. */
enum { EXIT_NO_FILTER = 113, EXIT_NO_MEMORY = 114 };

/* ---- setup ---- */

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

	*subject = (struct subject){strategy, *workload, NULL};
	err = tree_wipe(workspace->data_fd);
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
	subject->initial = NULL;
}

/* ---- the worker ---- */

static void mark(enum event_kind kind, uint64_t txn, int error)
{
	prctl(FILTER_MARK, kind, txn, error, 0);
}

static _Noreturn void run_worker(const struct subject *subject, const struct filter *filter,
	pid_t parent, int directory_fd, const int go[2])
{
	unsigned txns = subject->workload.txns;
	struct txn *all = calloc(txns ? txns : 1, sizeof(*all));
	char byte;

	if (!all || child_enter(parent, directory_fd))
		_exit(EXIT_NO_MEMORY);
	/* What malloc(3) returns is the same each time: SQLite copies some of it into a file. */
	mallopt(M_PERTURB, 0x5a);
	for (unsigned i = 0; i < txns; i++) {
		if (txn_init(&all[i], i + 1, subject->workload.base_bytes))
			_exit(EXIT_NO_MEMORY);
	}
	close(go[1]);
	if (read(go[0], &byte, 1) != 1)
		_exit(EXIT_NO_FILTER);
	close(go[0]);
	if (filter_install(filter))
		_exit(EXIT_NO_FILTER);
	for (unsigned i = 0; i < txns; i++) {
		int err;

		mark(EVENT_START, all[i].id, 0);
		err = subject->strategy->update(&all[i]);
		mark(err ? EVENT_REFUSE : EVENT_ACK, all[i].id, err);
	}
	_exit(0);
}

/* Forks a worker and seizes it before it does anything. */
static int start_worker(
	const struct subject *subject, const struct filter *filter, int directory_fd, pid_t *pid)
{
	pid_t parent = getpid();
	int go[2], err = 0;

	if (pipe(go))
		return -errno;
	*pid = fork();
	if (!*pid)
		run_worker(subject, filter, parent, directory_fd, go);
	close(go[0]);
	if (*pid < 0) {
		err = -errno;
	} else {
		err = trace_seize(*pid) ? -ENOTRECOVERABLE : 0;
		if (!err && write(go[1], "g", 1) != 1)
			err = -errno;
		if (err) {
			kill(*pid, SIGKILL);
			waitpid(*pid, NULL, 0);
		}
	}
	close(go[1]);
	return err;
}

/* ---- the check ---- */

static bool hashes_equal(const struct tree *a, const struct tree *b)
{
	return XXH128_isEqual(tree_hash(a), tree_hash(b));
}

/* Makes the data directory the initial tree, and learns its inodes. */
static int restore(const struct subject *subject, int directory_fd, struct tree **tree,
	struct inode_map **inodes)
{
	int err = tree_wipe(directory_fd);

	*inodes = inode_map_new();
	if (!err && !*inodes)
		err = -ENOMEM;
	if (!err)
		err = tree_store(subject->initial, directory_fd);
	if (!err)
		err = tree_load(directory_fd, tree, *inodes);
	if (!err && !hashes_equal(*tree, subject->initial)) {
		fprintf(stderr, "%s: the data directory could not be restored:\n",
			subject->strategy->name);
		tree_print_difference(subject->initial, *tree, stderr);
		err = -EPROTO;
	}
	return err;
}

static int check_replay(
	const struct subject *subject, const struct recording *recording, int directory_fd)
{
	struct tree *found = NULL;
	int err = tree_load(directory_fd, &found, NULL);

	if (!err && !hashes_equal(recording->final, found)) {
		fprintf(stderr, "%s: the recording does not replay to the files on disk:\n",
			subject->strategy->name);
		tree_print_difference(recording->final, found, stderr);
		err = -EPROTO;
	}
	tree_unref(found);
	return err;
}

/* Errors that only the host can be blamed for when nobody injected them. */
static bool is_host_error(int64_t error)
{
	switch (-error) {
	case ENOSPC:
	case EDQUOT:
	case EIO:
	case EROFS:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return true;
	default:
		return false;
	}
}

/* A real shortage would be judged as if the strategy had done something wrong. */
static int check_host(const struct subject *subject, const struct recording *recording)
{
	bool is_struck = false;

	for (size_t i = 0; i < recording->count; i++) {
		const struct event *event = &recording->events[i];
		int64_t error = event->kind == EVENT_OP       ? event->op.effect
		                : event->kind == EVENT_REFUSE ? event->error
		                                              : 0;

		if (event->kind == EVENT_OP && event->op.strike.action != STRIKE_NONE)
			is_struck = true;
		/* After a strike the strategy may report whatever it likes. */
		if (!is_host_error(error) || (is_struck && event->kind == EVENT_REFUSE) ||
			(event->kind == EVENT_OP && event->op.strike.action != STRIKE_NONE))
			continue;
		fprintf(stderr,
			"%s: %s failed with %s, and nobody injected it: is the disk full?\n",
			subject->strategy->name,
			event->kind == EVENT_OP ? points[event->op.point].call : "an update",
			strerrorname_np((int)-error));
		return -EREMOTEIO;
	}
	return 0;
}

static int check_worker_began(const struct recording *recording)
{
	if (recording->ending != ENDED_CRASH || !WIFEXITED(recording->status))
		return 0;
	switch (WEXITSTATUS(recording->status)) {
	case EXIT_NO_FILTER:
		return -ENOTRECOVERABLE;
	case EXIT_NO_MEMORY:
		return -ENOMEM;
	default:
		return 0;
	}
}

static void shrink(void *disk)
{
	full_disk_shrink(disk);
}

/* The part of record_run() that is the same on a real full disk, which `disk` is if not NULL. */
static int run_in(const struct subject *subject, const struct plan *plan, int directory_fd,
	struct full_disk *disk, const struct filter *filter, struct recording *recording)
{
	struct trace_hook hook = {disk ? shrink : NULL, disk};
	struct inode_map *inodes = NULL;
	struct tree *initial = NULL;
	pid_t pid = -1;
	int err = restore(subject, directory_fd, &initial, &inodes);

	if (!err && disk)
		err = full_disk_limit(disk, plan->n - 1,
			fault_variant(plan->fault, plan->variant)->repeat == REPEAT_SHRINKING);
	if (err)
		goto out;
	recording_init(recording, initial);
	err = inject_begin(plan, tree_blocks_used(initial));
	if (err)
		goto out;
	err = start_worker(subject, filter, directory_fd, &pid);
	if (!err)
		err = trace_run(pid, inodes, plan->seed, RECORD_TIMEOUT_MS, &hook, recording);
	inject_end();
	if (!err)
		err = check_worker_began(recording);
	/* A worker that was killed for hanging may have been in the middle of a call. */
	if (!err && recording->ending != ENDED_HANG)
		err = check_replay(subject, recording, directory_fd);
	if (!err && !disk)
		err = check_host(subject, recording);
out:
	inode_map_free(inodes);
	tree_unref(initial);
	return err;
}

int record_run(const struct subject *subject, const struct plan *plan,
	const struct workspace *workspace, const struct filter *filter, struct recording *recording)
{
	struct full_disk disk;
	int err;

	memset(recording, 0, sizeof(*recording));
	if (!plan->fault || !plan->fault->is_real)
		return run_in(subject, plan, workspace->data_fd, NULL, filter, recording);
	err = full_disk_mount(&disk, workspace);
	if (err)
		return err;
	err = run_in(subject, plan, disk.directory_fd, &disk, filter, recording);
	if (!err)
		full_disk_count(recording);
	full_disk_unmount(&disk);
	return err;
}
