/*
 * The tracer: follows workers through their operations, puts each to libfiu, performs what the
 * fault decided, and writes the recording. Of several workers exactly one goes on at a time: it
 * makes one operation that another could notice, with all that nobody can notice after it.
 */
#ifndef TORNWRITE_TRACE_H
#define TORNWRITE_TRACE_H

#include <sys/stat.h>
#include <sys/types.h>

#include "harness/filter.h"
#include "harness/footprint.h"
#include "harness/recording.h"

/* A run that makes more operations than this is ended as a hang: a loop that never gives up. */
enum {
	TRACE_MAX_OPS = 20000,
	TRACE_MAX_CREW_OPS = 4000, /* of several workers together */
	TRACE_MAX_PROGRAM_OPS = 100000
};

enum { TRACE_MAX_WORKERS = 8 };

/* Seizes a process that waits. `is_program`: what it forks is followed, too. `stops_at_all`: it has
 * no filter, and stops at each of its calls. Returns 0 or -errno; -EPERM means that this host does
 * not allow ptrace. */
int trace_seize(pid_t pid, bool is_program, bool stops_at_all);

/* What else happens at every operation's entry, before it runs; NULL hook: nothing. */
struct trace_hook {
	void (*before_op)(void *context, unsigned worker);
	/* The worker (of a program its first process) has ended; status as of waitpid(2). Returns 0
	 * or -errno, which ends the run. */
	int (*at_end)(void *context, unsigned worker, int status);
	/* Of a program; NULL: nothing. It is about to empty this file, outside of the data
	 * directory, by opening it. */
	void (*before_emptying)(void *context, unsigned worker, const struct stat *st);
	void *context;
};

/* Who goes on. All return 0 or -errno, which ends the run with that error. */
struct trace_scheduler {
	/* `enabled`: a bit for each worker that can go on. Returns a worker. */
	int (*choose)(void *context, unsigned enabled);
	/* What the chosen one did until it stands before its next operation. */
	int (*went)(void *context, const struct footprint *footprint);
	/* At the end, or when choose returned -EAGAIN: the operation that a worker waits to make.
	 */
	int (*waits)(void *context, unsigned worker, const struct footprint *footprint);
	void *context;
};

struct trace_input {
	const pid_t *pids; /* seized processes */
	/* That they have, or would have. With FILTER_PROGRAM each waits for a child that it forks
	 * first, which is somebody's own program: see record_program.h. */
	const struct filter *filter;
	unsigned count;
	struct inode_map *inodes; /* of what recording->initial describes */
	uint64_t seed;            /* of what the children see of chance: see fake.h */
	uint64_t ticks;           /* microseconds that had passed before they began */
	unsigned timeout_ms;      /* a child that makes no operation for so long is killed */
	bool is_limited;          /* it is killed then in any case */
	const struct trace_hook *hook;
	/* NULL: there is one worker. Otherwise calls that look at files stop, too (filter.h). */
	const struct trace_scheduler *scheduler;
	unsigned struck;  /* only this worker's operations are put to libfiu, ... */
	bool has_fault;   /* ... and the plan may strike them */
	bool is_reversed; /* of a program: of its tasks the last to come to an operation goes first
	                   */
	bool is_crashed;  /* see touch_op() */
};

/* Follows the processes to their ends and reaps them. On return recording->final is the tree that
 * the recorded operations lead to. inject_begin() has been called. Returns 0 or -errno (they
 * are dead in any case). */
int trace_run(const struct trace_input *input, struct recording *recording);

#endif
