/* What trace.c and trace_crew.c share. Nobody else includes it. */
#ifndef TORNWRITE_TRACE_PRIVATE_H
#define TORNWRITE_TRACE_PRIVATE_H

#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

#include "harness/fake.h"
#include "harness/trace.h"

struct trace {
	const struct trace_input *input;
	struct recording *recording;
	unsigned ops, changes;  /* of the recording */
	struct worker *workers; /* input->count */
	pid_t *peers;           /* owned; all tasks that live */
};

/* An operation that a worker may repeat after a sleep, until somebody changes what it looks at. */
struct attempt {
	uint64_t signature;
	bool has_changed; /* since: somebody did */
	struct footprint footprint;
};

enum { MAX_ATTEMPTS = 48, MAX_LOCKED = 16 };

/* Of one of several workers: what its scheduling needs. */
struct turn {
	struct footprint footprint; /* of what it does at its turn */
	struct event start; /* a mark that waits for the next operation; kind EVENT_OP: none */

	uint32_t locked[MAX_LOCKED]; /* files that it may hold a lock on */
	unsigned locked_count;

	struct attempt attempts[MAX_ATTEMPTS]; /* since it last slept: the latest of them */
	unsigned attempt_count;                /* all of them */
	unsigned repeats;                      /* of the latest, without a sleep */
	unsigned first_awaited;                /* naps: until one from here on has changed */
	bool is_napping;
	size_t arrived_at; /* where it stands: events of the recording then */
};

/* One task of a worker, and the call that it stands before, or makes. */
struct tracee {
	struct task task;
	uint64_t random; /* its chance, while another task has its turn; see struct fake */

	bool is_stopped; /* we have seen its stop, and it waits for us */
	bool is_queued;  /* at a call's entry, until another's has ended */
	bool has_op, is_pending;
	unsigned decoded_at; /* trace->changes then */
	struct call call;
	struct op op;
	uint64_t saved_argument; /* of a changed call: the count of a shortened one, args[1] of
	                          * flock */
	uint64_t saved_vector_address;
	struct iovec saved_vector;
	bool is_letting_go; /* a flock that waits: it gives up the lock that it has first */
};

struct worker {
	struct trace *trace;
	unsigned number;
	pid_t pid; /* who was seized; if it is killed all its tasks are */
	struct fake fake;
	struct turn *turn; /* owned; NULL: there is one worker only */

	struct tracee **tracees; /* owned; tasks that live */
	unsigned tracee_count, born;
	struct tracee *now;       /* whose stop is looked at, or who stands before an operation */
	struct tracee *in_flight; /* makes an operation; no other task may begin one */
	/* Of a program: the process that it began as, a child of the seized one. */
	pid_t main_pid;
	bool has_main_ended; /* and was not killed for hanging */

	struct mapping {
		uint32_t object;
		int fd;
	} * mappings; /* owned */
	unsigned mapping_count;

	bool is_struck, is_endless; /* killed on purpose */
	bool has_begun, has_ended;
	int status;

	/* When operation number `seen_ops` had been seen for the first time; 0: not yet. */
	uint64_t seen_ops;
	time_t seen_at;
};

/* Records an operation, which is taken over, and follows it in the tree. */
int trace_add_op(struct worker *worker, struct op *op);

/* Compares the worker's shared mappings with what is known, and records what changed. */
int trace_compare_mappings(struct worker *worker);

/* Lets the worker make the operation that it stands before (has_op), and go on until it stands
 * before the next one or has ended. */
int trace_go_on(struct worker *worker);

/* Lets the operation fail instead, and the worker go on. */
int trace_refuse(struct worker *worker, int error);

/* Decodes the operation that the worker stands before, once more where others changed something
 * meanwhile. Returns 1, 0 when it is none of our business, or -errno. */
int trace_renew(struct worker *worker);

/* ---- the tasks of a worker (harness/trace_tasks.c) ---- */

/* Follows one more task. Returns 0 or -errno. */
int trace_add_tracee(struct worker *worker, pid_t pid);

/* Where the random numbers of the worker's first task begin. */
uint64_t trace_chance(const struct worker *worker);

/* Makes a task the one whose turn it is. */
void trace_switch(struct worker *worker, struct tracee *tracee);

/* Whether it is somebody's own program. */
bool trace_is_program(const struct worker *worker);

/* The task that stands before an operation; NULL: none. */
struct tracee *trace_standing(const struct worker *worker);

/* Who waits for an operation to end, and may begin one now; NULL: nobody. */
struct tracee *trace_next_queued(const struct worker *worker);

/* Waits for the next stop of a task of *worker or, where others run, of another worker's, which
 * *worker then is, with that task as its turn. NULL: a task has ended. Returns 0 or -errno. */
int trace_await(struct worker **worker, int *status);

/* At a stop after execve(2): the new image gets a clock and random bytes as the old one had. */
int trace_on_exec(struct worker *worker);

/* At a stop before the end of a task: files that it closes that way. */
int trace_on_exit(struct worker *worker);

/* A call of a program that is no operation in the data directory: notes what it writes to
 * elsewhere. Returns 0 or -errno. */
int trace_note_outside(struct worker *worker);

/* Kills each of its tasks. That the first one dies kills the others only later, and until then they
 * would go on. */
void trace_kill(const struct worker *worker);

/* Kills what has not ended, and reaps it. */
void trace_worker_release(struct worker *worker);

/* ---- every look (harness/trace_paths.c, harness/trace_walk.c) ---- */

enum { TRACE_FOUND_BYTES = 2 * PATH_MAX + NAME_MAX + 2 };

/* At the entry of a call, with FILTER_PATHS: records each name in the data directory that the
 * kernel will look up for it as an OP_LOOK of its own, and files that it will run as an OP_READ.
 * What is not known to be all sets has_unseen. Returns 0 or -errno. */
int trace_note_paths(struct worker *worker);

/* These return 0 or -errno, too. */
/* Walks a path of the task and records what is looked up. `found` is TRACE_FOUND_BYTES large: where
 * it leads, for our own calls; "": there is nothing. */
int trace_walk(struct worker *worker, int directory_fd, const char *path, char *found);
/* Records that all of a file is read, if it is in the data directory. */
int trace_note_bytes(struct worker *worker, const struct stat *st);
/* Records that the file at a path of ours will be run. */
int trace_note_image(struct worker *worker, const char *path);
/* The recording does not hold all. */
void trace_give_up(const struct worker *worker);

/* ---- several workers (harness/trace_crew.c) ---- */

int trace_crew_run(struct trace *trace);

/* A mark of a worker: adds its event now, or with the next operation. */
int trace_crew_mark(struct worker *worker, struct event *event);

/* Whether a blocking lock must be let go of first: flock(2) does not keep the old lock while it
 * waits for another kind. */
bool trace_crew_must_let_go(const struct worker *worker);

#endif
