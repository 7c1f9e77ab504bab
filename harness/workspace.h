/*
 * A workspace: the scratch directories of one driver process, in a directory of our own that
 * nobody else uses and that is removed when the run ends, by us or by the next run.
 */
#ifndef TORNWRITE_WORKSPACE_H
#define TORNWRITE_WORKSPACE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

/* The directory of one invocation: BASE/tornwrite-PID-XXXXXX, locked while we live. */
struct scratch {
	char path[PATH_MAX];
	int lock_fd;
};

/* Makes a scratch directory below `base` (NULL: the best place on this host: /dev/shm, $TMPDIR or
 * /tmp) and removes what invocations that were killed left there. Nothing else in `base` is
 * touched. Returns 0 or -errno with a sentence in `message`. Pair with scratch_release(). */
int scratch_init(struct scratch *scratch, const char *base, char *message, size_t message_size);
void scratch_release(struct scratch *scratch);

/* Whether so much is free where the scratch directory is. Returns 0 or -ENOSPC with a sentence. */
int scratch_check_space(
	const struct scratch *scratch, uint64_t needed_bytes, char *message, size_t message_size);

/* What one job may occupy at a time, generously: two copies of a store and a journal. */
enum { WORKSPACE_BYTES = 8 << 20 };

struct workspace {
	char path[PATH_MAX];
	int data_fd;  /* where workers run */
	int probe_fd; /* where readers look at a state */
};

/* Makes the directories of job number `job`. Returns 0 or -errno. */
int workspace_init(struct workspace *workspace, const struct scratch *scratch, unsigned job);
void workspace_release(struct workspace *workspace);

#endif
