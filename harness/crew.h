/*
 * Runs one plan of several workers under every schedule, as far as the budget goes, and says how
 * far that was.
 *
 * Method: first all schedules with at most one pre-emption, for most mistakes need no more and the
 * witness is to be short. Then one of each kind of schedules that differ only in what nobody can
 * notice (harness/explore.h). Where these are too many, all with at most two and three
 * pre-emptions, and random ones with priorities until the budget ends.
 */
#ifndef TORNWRITE_CREW_H
#define TORNWRITE_CREW_H

#include "harness/schedule.h"
#include "harness/sweep.h"

struct crew_budget {
	uint64_t max_runs;
	bool is_unreduced; /* run each schedule, not one of each kind */
};

/* One run. All is borrowed. */
struct crew_run {
	const struct plan *plan;
	const struct schedule *schedule;
	const struct recording *recording;
	const struct reading *readings; /* of each reader */
	bool is_kind;                   /* run in search of one of each kind: count these */
};

struct crew_visit {
	bool (*is_over)(void *context); /* asked before each run: true ends it */
	int (*run)(void *context, const struct crew_run *run);
	void *context;
};

struct crew_coverage {
	bool is_exhaustive; /* one of each kind of schedules */
	bool is_over;       /* is_over() ended it */
	uint64_t runs;      /* complete ones, all together */
	uint64_t kinds;     /* of those, the ones in search of one of each kind */
	uint64_t given_up;  /* runs that turned out to repeat another */
	int preemptions;  /* all schedules with at most so many were run; -1: not even with none */
	uint64_t random;  /* random ones */
	bool has_unseen;  /* workers may have met in memory or by signals: that is not scheduled */
	bool has_waiting; /* whoever polls waits until something has changed */
	bool has_unfair;  /* a run was ended in which one worker went on for ever before others */
};

/* Hands each run to `visit`. Stops with what `visit` returns unless that
 * is 0. Returns 0 or -errno; -EPROTO: the harness is wrong (said on stderr): the same beginning of
 * a schedule led to two different ends. */
int crew_each_schedule(const struct sweep *sweep, const struct crew *crew, const struct plan *plan,
	const struct crew_budget *budget, const struct crew_visit *visit,
	struct crew_coverage *coverage);

/* The same, but only schedules with at most `most` pre-emptions, in order. */
int crew_with_preemptions(const struct sweep *sweep, const struct crew *crew,
	const struct plan *plan, unsigned most, uint64_t max_runs, const struct crew_visit *visit,
	struct crew_coverage *coverage);

/* Runs a plan under one schedule. As record_crew(). Pair with recording_release(). */
int crew_run_schedule(const struct sweep *sweep, const struct crew *crew, const struct plan *plan,
	const struct schedule *schedule, struct recording *recording, struct reading *readings);

/* Runs it once more; -EPROTO, said on stderr, when it is not the same. */
int crew_check_again(
	const struct sweep *sweep, const struct crew *crew, const struct crew_run *run);

/* "all 52 kinds of schedules": what was covered, for a person. */
void crew_describe(const struct crew_coverage *coverage, char *text, size_t text_size);

/* The same as evidence. */
struct schedules crew_schedules(const struct crew_coverage *coverage);

/* For the coverage of several plans: begins with nothing left out, ... */
void crew_coverage_init(struct crew_coverage *sum);
/* ... and takes each. */
void crew_coverage_add(struct crew_coverage *sum, const struct crew_coverage *coverage);

#endif
