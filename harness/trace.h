/*
 * The tracer: follows one worker through its operations, puts each to libfiu, performs what the
 * fault decided, and writes the recording.
 */
#ifndef TORNWRITE_TRACE_H
#define TORNWRITE_TRACE_H

#include <sys/types.h>

#include "harness/recording.h"

/* A run that makes more operations than this is ended as a hang: a loop that never gives up. */
enum { TRACE_MAX_OPS = 20000 };

/* Seizes a child that waits and has no filter yet. Returns 0 or -errno; -EPERM means that this
 * host does not allow ptrace. */
int trace_seize(pid_t pid);

/* What else happens at every operation's entry, before it runs; NULL hook: nothing. */
struct trace_hook {
	void (*before_op)(void *context);
	void *context;
};

/* Follows a seized child to its end and reaps it. recording->initial must be what `inodes`
 * describes; on return recording->final is the tree that the recorded operations lead to.
 * The child is killed when it makes no operation for `timeout_ms`.
 * `seed` is of what the child sees of chance: see fake.h.
 * inject_begin() has been called. Returns 0 or -errno (the child is dead in any case). */
int trace_run(pid_t pid, struct inode_map *inodes, uint64_t seed, unsigned timeout_ms,
	const struct trace_hook *hook, struct recording *recording);

#endif
