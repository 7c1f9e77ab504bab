/*
 * Step two: crash. Every directory tree that a persistence model allows after a power cut.
 *
 * Method, exact: an epoch (harness/epoch.h) is walked micro-operation by micro-operation, with the
 * set of all (cells, what may no longer be taken) that can stand at this place; each splits in two
 * unless a sync or the order of the model decides, and equal ones are merged. Cells that nobody
 * can see any more are cleared on the way (harness/crash_state.h), which is what lets most of
 * them merge. So the work grows with what differs and not with two to the number of
 * micro-operations, and what comes out is the set that all subsets would give.
 *
 * Method, bounded, where that is too much: sets with 1, 2, 3 ... lost and sets with 1, 2, 3 ... of
 * the unsynced ones surviving, by whole objects, whole operations and then micro-operations; then
 * seeded random ones. What was covered is said.
 */
#ifndef TORNWRITE_CRASH_H
#define TORNWRITE_CRASH_H

#include "harness/epoch.h"
#include "harness/micro_op.h"

struct crash_limits {
	uint64_t max_states; /* to hand out; 0: no limit but the ones inside */
	size_t max_bytes;    /* of memory for the exact walk; 0: the default */
	bool is_bounded;     /* do not even try to be exact */
	uint64_t budget;     /* bounded: so many states an epoch; 0: as many as seem right */
	uint64_t seed;       /* of random sets */
	/* Asked now and then: true ends it. NULL: never. */
	bool (*is_over)(void *context);
	void *context;
};

/* One state. All is borrowed. */
struct crash_state {
	const struct micro_ops *ops;
	size_t event; /* the crash comes before this event is complete, or earlier, but ... */
	size_t birth; /* ... not before this event, in any set that gives this tree (bounded: in
	               * this set) */
	size_t start; /* where its epoch begins: see struct epoch */
	size_t end;   /* micro-operations [0, end) were issued by then */
	const uint64_t *lost; /* a bit each; the fewest that give this tree in this epoch */
	size_t lost_count;
	struct tree *tree;
};

struct crash_coverage {
	bool is_exact; /* every set of every epoch */
	bool is_cut;   /* ended early: is_over() or max_states */
	unsigned epochs, exact_epochs;
	unsigned lost, surviving; /* bounded: all sets with so many lost, surviving, were there */
	uint64_t samples;         /* random sets */
	double sets;              /* legal sets of micro-operations that the states stand for */
	uint64_t states;          /* handed out */
	size_t widest;            /* the most undecided micro-operations in an epoch */
};

/* From when on the very set of a state can be found: an event. */
size_t crash_birth(const struct crash_state *state);

/* Hands every state to `visit`, epoch by epoch, in order of what is lost within each (exact
 * ones). Equal trees of one epoch are handed out once, but for those that differ in which object
 * is which: two empty files that changed places. Each has a birth and a fewest lost of its own.
 * Stops with what `visit` returns unless that is 0. Returns 0 or -ENOMEM. */
int crash_each(struct micro_ops *ops, const struct crash_limits *limits,
	int (*visit)(void *context, const struct crash_state *state), void *context,
	struct crash_coverage *coverage);

#endif
