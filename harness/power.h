/*
 * Power cuts: every crash state of one subject under one model, and the verdicts that follow.
 */
#ifndef TORNWRITE_POWER_H
#define TORNWRITE_POWER_H

#include "harness/crash.h"
#include "harness/crew.h"
#include "harness/fault.h"
#include "harness/model.h"
#include "harness/sweep.h"

/* What is crashed. */
struct power {
	const struct model *model;
	enum tear tear;
	/* Recordings made under this fault, each after it fired; NULL: the run as it is. */
	const struct fault *fault;
	/* Recovery from each crash state, crashed once more. */
	bool is_recovery;
	/* The recordings of several workers, one a schedule; writers 0: of one. No fault, no
	 * recovery. */
	struct crew crew;
	struct crew_budget budget;
};

enum { POWER_NAME_BYTES = 64 };

/* The name under which the results stand: "power", "recovery", "power-after-FAULT" or
 * "concurrent-power". */
void power_name(const struct power *power, char name[POWER_NAME_BYTES]);

/* The fault of such a name, as a part of it ("eio" of "power-after-eio"). NULL: none. */
const char *power_name_fault(const char *name);

enum { POWER_CAUSE_BYTES = 720 };

/* What led to a state, in one clause: the fault that struck (if the plan has one), the power cut,
 * and the one in the recovery after it (`again` NULL: there was none). */
void power_explain(const struct plan *plan, const struct micro_ops *ops, const struct cut *cut,
	const struct micro_ops *again_ops, const struct cut *again, char text[POWER_CAUSE_BYTES]);

/* Plays it out and adds one result a property. For a fault `sweep->baseline_acknowledged` must be
 * known: power cuts without one come first. Returns 0 or -errno: the harness failed, and
 * nothing was added. */
int power_run(struct sweep *sweep, const struct power *power, struct result_list *results);

/* The recording of what recovery does with the files of `tree`, and nothing else. As
 * record_run(); the strategy has a recovery. */
int power_record_recovery(
	const struct sweep *sweep, struct tree *tree, struct recording *recording);

#endif
