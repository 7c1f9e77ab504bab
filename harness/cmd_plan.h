/*
 * What a scenario does with each of its strategies, stage by stage. For cmd_run.c.
 */
#ifndef TORNWRITE_CMD_PLAN_H
#define TORNWRITE_CMD_PLAN_H

#include "harness/concurrent.h"
#include "harness/power.h"
#include "harness/scenario.h"
#include "harness/sweep.h"

/* Stages of one part share a workload. */
enum part { PART_SWEEPS, PART_POWER, PART_WRITERS, PART_READERS, PART_COUNT };

/* A sweep, power cuts, or several workers. The results of a stage stand under one fault and one
 * model. */
struct stage {
	enum part part;
	struct sweep_fault sweep;
	struct power power;           /* model NULL: it is none */
	struct concurrent concurrent; /* writers 0: it is none */
};

/* What a strategy does in the stages of a part. */
struct workload plan_workload(
	const struct scenario *scenario, const struct strategy *strategy, enum part part);

/* The stages that a strategy has in a scenario, in order; of a part those without a fault come
 * first. NULL: out of memory. The caller frees
 * them. */
struct stage *plan_stages(
	const struct scenario *scenario, const struct strategy *strategy, size_t *count);

/* As sweep_run(). */
int plan_run_stage(struct sweep *sweep, const struct stage *stage, struct result_list *results);

/* Adds `unknown` for every stage of which nothing is among the results: a row must not show what
 * only half of its stages support. Returns 0 or -ENOMEM. */
int plan_add_missing(const struct scenario *scenario, const struct strategy *strategy,
	struct result_list *results);

/* For --dry-run. */
void plan_print(const struct scenario *scenario);

#endif
