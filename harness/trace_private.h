/* What trace.c and trace_crew.c share. Nobody else includes it. */
#ifndef TORNWRITE_TRACE_PRIVATE_H
#define TORNWRITE_TRACE_PRIVATE_H

#include <sys/uio.h>

#include "harness/fake.h"
#include "harness/trace.h"

struct trace {
	const struct trace_input *input;
	struct recording *recording;
	unsigned ops, changes;  /* of the recording */
	struct worker *workers; /* input->count */
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

struct worker {
	struct trace *trace;
	unsigned number;
	struct task task;
	struct fake fake;
	struct turn *turn; /* owned; NULL: there is one worker only */

	/* The call that it stands before, or makes. */
	bool has_op, is_pending;
	unsigned decoded_at; /* trace->changes then */
	struct call call;
	struct op op;
	uint64_t saved_argument; /* of a changed call: args[2] of a shortened one, args[1] of flock
	                          */
	uint64_t saved_vector_address;
	struct iovec saved_vector;
	bool is_letting_go; /* a flock that waits: it gives up the lock that it has first */

	struct mapping {
		uint32_t object;
		int fd;
	} * mappings; /* owned */
	unsigned mapping_count;

	bool is_struck, is_endless; /* killed on purpose */
	bool has_stopped, has_begun, has_ended;
	int status;
};

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

/* ---- several workers (harness/trace_crew.c) ---- */

int trace_crew_run(struct trace *trace);

/* A mark of a worker: adds its event now, or with the next operation. */
int trace_crew_mark(struct worker *worker, struct event *event);

/* Whether a blocking lock must be let go of first: flock(2) does not keep the old lock while it
 * waits for another kind. */
bool trace_crew_must_let_go(const struct worker *worker);

#endif
