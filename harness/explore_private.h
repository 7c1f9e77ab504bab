/* What explore.c and explore_*.c share. Nobody else includes it. */
#ifndef TORNWRITE_EXPLORE_PRIVATE_H
#define TORNWRITE_EXPLORE_PRIVATE_H

#include "harness/explore.h"

/* A way to search: the hooks do what the functions of explore.h say, which keep the schedule. */
struct explore_search {
	int (*begin)(struct explorer *explorer);
	int (*choose)(struct explorer *explorer, unsigned enabled);
	int (*went)(struct explorer *explorer, const struct footprint *footprint);
	void (*waits)(struct explorer *explorer, unsigned worker,
		const struct footprint *footprint); /* NULL: of no interest */
	int (*end)(struct explorer *explorer, bool is_complete);
	void (*release)(struct explorer *explorer);
};

extern const struct explore_search explore_stack, explore_by_level, explore_at_random;

/* ---- explore_stack.c, explore_races.c ---- */

/* A choice of the run that goes on, and what is known of the other branches. Sets of workers are
 * bits. A worker is asleep where its operation was run first in an earlier branch and nothing since
 * conflicts with it: going on with it would repeat a run of that branch in another order. */
struct explore_node {
	uint8_t worker; /* the branch that is being run */
	uint8_t enabled;
	uint8_t asleep;    /* from the node before; a worker is asleep, too, once it is done */
	uint8_t backtrack; /* branches that are to be run, or were */
	uint8_t done;
	/* By worker: how many operations it made before this node; and how many of its operations
	 * come before the one that was made here, that one included, in every equal run. */
	uint32_t before[EXPLORE_MAX_WORKERS], clock[EXPLORE_MAX_WORKERS];
	uint64_t touched; /* kinds and objects of the operation that was made here */
	/* By worker: of what it did at this node, owned; of one that is asleep, borrowed from the
	 * node where it was run; else NULL. */
	struct footprint *footprints[EXPLORE_MAX_WORKERS];
};

struct explore_nodes {
	struct explore_node *items; /* owned */
	size_t count, capacity;
};

/* The operation of the last of `count` nodes went: sets its clock, and the branches that its races
 * with the earlier ones ask for. */
void explore_races(struct explore_node *nodes, size_t count);

/* The same for an operation that `worker` did not get to make after all of the nodes. */
void explore_races_of_waiting(struct explore_node *nodes, size_t count, unsigned worker,
	const struct footprint *footprint);

/* ---- explore_levels.c ---- */

struct explore_step {
	uint8_t worker, enabled;
	uint16_t check; /* a hash of the footprint */
};

/* A run, for its children: the schedules that leave it at a later choice and go on by default. */
struct explore_parent {
	struct explore_parent *next;
	bool is_preempting;  /* children with one more pre-emption are run; else the others */
	size_t first, count; /* children leave at step `first` or later */
	size_t at;           /* where the next ones leave */
	unsigned tried;      /* workers there */
	struct explore_step steps[];
};

struct explore_levels {
	unsigned level;
	struct explore_parent *now;   /* owned; of runs of this level */
	struct explore_parent *later; /* owned; of runs of the next one */
	struct explore_step *steps;   /* owned; of the run that goes on */
	size_t capacity, prefix;      /* so many steps are given */
};

/* ---- explore_random.c ---- */

struct explore_priorities {
	int of[EXPLORE_MAX_WORKERS]; /* the highest goes */
	int lowest;
	uint64_t *changes; /* owned; options.depth - 1 choices, from 1 */
};

/* ---- explore.c ---- */

struct explorer {
	struct explore_options options;
	const struct explore_search *search;
	struct explore_count count;
	uint64_t begun;
	unsigned char *schedule; /* owned */
	size_t length, capacity;
	unsigned preemptions;
	bool is_running, is_choice_open, is_given_up;
	bool is_finished, is_aborted; /* there is no other run; a run was not what it should be */
	bool is_cut;                  /* there are schedules that will not be run */
	union {
		struct explore_nodes nodes;
		struct explore_levels levels;
		struct explore_priorities priorities;
	} of;
};

/* The worker that went before if it is one of these, else the first of them. */
unsigned explore_default(const struct explorer *explorer, unsigned workers);

/* Makes room for one more. Returns the items, which may have moved, or NULL. */
void *explore_grow(void *items, size_t count, size_t *capacity, size_t size_bytes);

/* splitmix64: the next of a random sequence. */
uint64_t explore_next(uint64_t *state);

#endif
