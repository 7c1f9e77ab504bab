/*
 * A sweep: one fault at every place where it can strike one subject, and the verdicts that follow.
 */
#ifndef TORNWRITE_SWEEP_H
#define TORNWRITE_SWEEP_H

#include <stdbool.h>
#include <time.h>

#include "harness/result.h"

/* What one invocation does with every subject. */
struct sweep_options {
	const char *scenario;
	uint64_t seed;
	uint64_t max_states;                 /* runs a sweep may make; 0: no limit */
	struct timespec deadline;            /* CLOCK_MONOTONIC; all zero: none */
	volatile const bool *is_interrupted; /* may become true at any moment */
};

/* The fault to sweep: a plug-in, a scenario's libfiu commands, or neither (the run as it is). */
struct sweep_fault {
	const struct fault *fault;
	const char *commands; /* one a line, translated by inject_check_command() */
	unsigned samples;     /* runs with `commands`, each with a seed of its own */
};

/* What records several workers that are no strategy; as record_crew(). */
struct crew_recorder {
	int (*record)(void *context, const struct crew *crew, const struct plan *plan,
		const struct trace_scheduler *scheduler, struct recording *recording);
	const char *name; /* what messages call it */
	void *context;
};

struct sweep {
	const struct subject *subject;
	struct prober *prober;
	const struct workspace *workspace;
	const struct filter *filter;
	const struct filter *crew_filter; /* for several workers: one with looks */
	const struct sweep_options *options;
	/* Updates that are acknowledged when nothing is struck; of sweep_run() without a fault. */
	unsigned baseline_acknowledged;
	/* Several workers lose updates or mix them up by themselves; of concurrent_run() without a
	 * fault. Then it proves nothing that they do so under one. */
	bool is_contended;
	/* NULL: the subject's strategy is run. */
	const struct crew_recorder *recorder;
};

/* The name under which a sweep's results stand: the fault's, "fiu" or "none". */
const char *sweep_fault_name(const struct sweep_fault *fault);

/* Why to stop now: "interrupted", a limit that was reached; NULL: go on. `count` is held against
 * max_states. */
const char *sweep_reason_to_stop(const struct sweep *sweep, uint64_t count);

/* Records one plan; what seems to hang is recorded again. As record_run(). */
int sweep_record(const struct sweep *sweep, const struct plan *plan, struct recording *recording);

/* What is done with the plans of a fault. */
struct sweep_visit {
	bool (*is_over)(void *context); /* asked before each: true ends it */
	int (*run)(void *context, const struct plan *plan, bool *fired);
	void *context;
};

/* Every plan of a fault: for each variant N = 1, 2, ... until nothing fires. A real full disk is
 * entered first; where that is not allowed nothing is run, and *skipped says so. Returns what
 * `run` returns unless that is 0. */
int sweep_each_plan(const struct sweep *sweep, const struct fault *fault,
	const struct sweep_visit *visit, const char **skipped);

/* Runs the sweep and adds one result a property. `sweep->baseline_acknowledged` must be known,
 * that is, the sweep without a fault comes first. Returns 0 or -errno: the harness failed, and
 * nothing was added. */
int sweep_run(struct sweep *sweep, const struct sweep_fault *fault, struct result_list *results);

#endif
