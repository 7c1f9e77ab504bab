/*
 * What a scenario does with each of its strategies, stage by stage. For cmd_run.c.
 */
#ifndef TORNWRITE_CMD_PLAN_H
#define TORNWRITE_CMD_PLAN_H

#include "harness/power.h"
#include "harness/scenario.h"
#include "harness/sweep.h"

/* A sweep, or power cuts. The results of a stage stand under one fault and one model. */
struct stage {
	struct sweep_fault sweep;
	struct power power; /* model NULL: it is a sweep */
};

/* The stages in order; the run without a fault is the first. NULL: out of memory. The caller frees
 * them. */
struct stage *plan_stages(const struct scenario *scenario, size_t *count);

/* As sweep_run(). */
int plan_run_stage(struct sweep *sweep, const struct stage *stage, struct result_list *results);

/* Adds `unknown` for every stage of which nothing is among the results: a row must not show what
 * only half of its stages support. Returns 0 or -ENOMEM. */
int plan_add_missing(const struct scenario *scenario, const struct strategy *strategy,
	struct result_list *results);

/* For --dry-run. */
void plan_print(const struct scenario *scenario);

#endif
