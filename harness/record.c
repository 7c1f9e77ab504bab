/*
 * Method: the data directory is made what it was after setup, a child waits until it is seized,
 * installs the filter on itself and goes through the workload. Start, acknowledgement and refusal
 * are marks that only the tracer sees, so the history is the driver's own.
 */
#include "harness/record.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/full_disk.h"
#include "harness/trace.h"
#include "harness/watchdog.h"

/* The worker could not begin; not something a strategy would exit with. */
enum { EXIT_NO_FILTER = 113, EXIT_NO_MEMORY = 114 };

int record_enter_child(int directory_fd)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The driver's handlers would run in the child, and interrupt its calls. */
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	return fchdir(directory_fd) ? -errno : 0;
}

/* ---- setup ---- */

static int run_setup(const struct subject *subject, int directory_fd)
{
	struct txn first;
	pid_t pid;
	int status;

	if (txn_init(&first, 0, subject->workload.base_bytes))
		return -ENOMEM;
	pid = fork();
	if (!pid) {
		int err = record_enter_child(directory_fd);

		_exit(err || subject->strategy->setup(&first) ? 1 : 0);
	}
	txn_release(&first);
	if (pid < 0)
		return -errno;
	watchdog_start(pid, RECORD_TIMEOUT_MS);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	watchdog_stop();
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EPROTO;
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
			workspace->path,
			err == -EPROTO ? "the file system may be full or read-only"
				       : strerror(-err));
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
	int directory_fd, const int go[2])
{
	unsigned txns = subject->workload.txns;
	struct txn *all = calloc(txns ? txns : 1, sizeof(*all));
	char byte;

	if (!all || record_enter_child(directory_fd))
		_exit(EXIT_NO_MEMORY);
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
	int go[2], err = 0;

	if (pipe(go))
		return -errno;
	*pid = fork();
	if (!*pid)
		run_worker(subject, filter, directory_fd, go);
	close(go[0]);
	if (*pid < 0) {
		err = -errno;
	} else {
		err = trace_seize(*pid);
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

static int check_worker_began(const struct recording *recording)
{
	if (recording->ending != ENDED_CRASH || !WIFEXITED(recording->status))
		return 0;
	switch (WEXITSTATUS(recording->status)) {
	case EXIT_NO_FILTER:
		return -EPERM;
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
	if (!err)
		err = check_replay(subject, recording, directory_fd);
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
