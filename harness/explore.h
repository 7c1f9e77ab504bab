/*
 * Which schedules of several workers to run. A schedule is the list of who was let go at each
 * choice; a run asks at each choice and tells what the operation did. Only who could go on and
 * footprints are known here, no processes and no files.
 *
 * Method: EXPLORE_ALL runs every schedule. EXPLORE_REDUCED is dynamic partial-order reduction: of
 * schedules that differ only in the order of operations that commute exactly one is run to its end;
 * most others are never begun, and some are given up. EXPLORE_PREEMPTIONS runs all with 0, then 1,
 * 2, ... pre-emptions; EXPLORE_RANDOM gives random priorities that change at random places (PCT).
 */
#ifndef TORNWRITE_EXPLORE_H
#define TORNWRITE_EXPLORE_H

#include <stddef.h>

#include "harness/footprint.h"

enum { EXPLORE_MAX_WORKERS = 8 };

/* There is no reduction under a bound on pre-emptions: it would lose schedules. */
enum explore_order { EXPLORE_ALL, EXPLORE_REDUCED, EXPLORE_PREEMPTIONS, EXPLORE_RANDOM };

struct explore_options {
	enum explore_order order;
	unsigned workers;
	uint64_t seed;        /* EXPLORE_RANDOM */
	uint64_t random_runs; /* EXPLORE_RANDOM: how many */
	unsigned depth;       /* EXPLORE_RANDOM: priorities change depth - 1 times; 3 will do */
	unsigned preemptions; /* EXPLORE_PREEMPTIONS: at most so many */
};

struct explorer;

/* NULL: out of memory. */
struct explorer *explorer_new(const struct explore_options *options);
void explorer_free(struct explorer *explorer);

/* Prepares the next run. 1: there is one; 0: all were run; -ENOMEM. */
int explorer_begin(struct explorer *explorer);

/* Who goes on: `enabled` has a bit for each worker that can (at least one). Returns the worker,
 * -EAGAIN when this run would only repeat another and is to be given up, -EPROTO when the workers
 * that can go on are not those that the same beginning had before, or -ENOMEM. The worker that went
 * before goes on where nothing speaks against it. */
int explorer_choose(struct explorer *explorer, unsigned enabled);

/* After each choice: what the operation and all that the worker did until its next one looked at
 * and changed. What decides whether an operation has to wait is looked at, too, so that whatever
 * lets it go on conflicts with it. Returns 0, -EPROTO (as above: the footprint is not the one that
 * the same beginning had) or -ENOMEM; after an error the run can only be ended. EXPLORE_PREEMPTIONS
 * compares 16 bits of footprints; EXPLORE_RANDOM nothing, for no run is to begin like another. */
int explorer_went(struct explorer *explorer, const struct footprint *footprint);

/* Before explorer_end(): an operation that a worker never got to make, for it waits for another. To
 * be told of each such worker, also when the run is given up after -EAGAIN: the reduced search
 * misses schedules otherwise. Returns 0. */
int explorer_waits(struct explorer *explorer, unsigned worker, const struct footprint *footprint);

/* The run has ended, or was given up (after -EAGAIN, or when it could not be run at all: then with
 * is_complete false, too). Returns 0, -EPROTO (nobody can go on where the same beginning went on
 * before) or -ENOMEM. */
int explorer_end(struct explorer *explorer, bool is_complete);

/* The run that goes on or that was last: the choices, one byte each, and how many there were. */
const unsigned char *explorer_schedule(const struct explorer *explorer, size_t *length);

/* How many of them are pre-emptions: the worker that went before could have gone on. */
unsigned explorer_preemptions(const struct explorer *explorer);

struct explore_count {
	uint64_t runs;      /* complete ones */
	uint64_t given_up;  /* -EAGAIN */
	int preemptions;    /* EXPLORE_PREEMPTIONS: all schedules with at most so many were run; -1:
	                       not even those with none */
	bool is_exhaustive; /* every schedule was run, or one that is like it; false in the middle,
	                       and for good after a run that failed or was not complete */
	size_t longest;     /* choices in a run */
};
void explorer_count(const struct explorer *explorer, struct explore_count *count);

#endif
