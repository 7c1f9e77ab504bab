/*
 * States that are alike to the checker: what it looked at in one state, it would find in another.
 *
 * A checker that is deterministic, and whose verdict depends on nothing but the state, the
 * acknowledgements and what had been printed, says of both the same. So it is run under the
 * recorder, and what it looked at is remembered, with what was there, when it said "legal". A later
 * state that agrees on all of that is legal, too, and the checker is not run. Everything else is
 * its own business: a state that is not legal, and whatever is not certain, is asked about as
 * always (checker.h).
 *
 * Limits: as for equal states, times, owners, inode numbers, free space and the sizes of
 * directories are not heard. That the checker is deterministic is tried only now and then. One that
 * needs another process or keeps something elsewhere (it connects to somebody, writes outside of
 * the directory, leaves processes behind) is asked about each state.
 */
#ifndef TORNWRITE_CHECK_LOOKS_H
#define TORNWRITE_CHECK_LOOKS_H

#include "harness/checker.h"

struct check_looks;

/* All strings stay the caller's and must live as long. */
struct check_looks_options {
	const char *command;   /* for sh -c */
	const char *directory; /* where states are seen; see checker.h */
	int directory_fd;
	const char *scratch; /* paths of files of its own begin with this */
	unsigned timeout_ms; /* for one state */
	uint64_t seed;       /* of what the checker sees of chance */
	/* A run under the recorder takes longer than one without, so it must pay. So much time may
	 * be lost by it. */
	uint64_t loss_us;
};

struct check_looks_count {
	uint64_t alike;     /* states that were covered by another one, and not asked about */
	uint64_t run;       /* runs of the checker under the recorder */
	uint64_t uncertain; /* of these: it cannot be said what was looked at, or how it ended */
	bool is_refuted;    /* see check_looks_refute() */
};

enum check_looks_answer {
	LOOKS_UNKNOWN, /* the checker must be asked */
	LOOKS_LEGAL,   /* for all acks */
	/* The same, and this is the 1st, 2nd, 4th, 8th ... one covered: the checker should be asked
	 * all the same, to see whether it can be relied on. */
	LOOKS_PROVE,
};

/* inject_init() has been called. Returns 0 or -errno; *looks is NULL then. */
int check_looks_new(struct check_looks **looks, const struct check_looks_options *options);
void check_looks_free(struct check_looks *looks); /* NULL is allowed */

/* Whether the state is legal for all acks. Returns an answer or -ENOMEM. */
int check_looks_ask(struct check_looks *looks, const struct tree *tree, const struct acks *acks);

/* checker_ask(), and notes how long that took: runs under the recorder must be worth it. */
int check_looks_let(struct check_looks *looks, struct checker *checker, const struct tree *tree,
	const struct acks *acks, struct answer *answer);

/* After LOOKS_PROVE: the checker does not find it legal. From then on nothing is known. */
void check_looks_refute(struct check_looks *looks);

struct check_looks_count check_looks_count(const struct check_looks *looks);

#endif
