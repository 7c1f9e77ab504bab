/*
 * Several workers at once: one plan, or all of a fault, under every schedule, and the verdicts that
 * follow.
 */
#ifndef TORNWRITE_CONCURRENT_H
#define TORNWRITE_CONCURRENT_H

#include "harness/crew.h"

struct concurrent {
	struct crew crew;          /* writers 0: nothing */
	const struct fault *fault; /* strikes the first worker; NULL: none */
	struct crew_budget budget; /* for each plan */
};

enum { CONCURRENT_NAME_BYTES = 64 };

/* The name under which the results stand: "concurrent", "concurrent-reader",
 * "concurrent-naive-reader", "concurrent-FAULT". */
void concurrent_name(const struct concurrent *concurrent, char name[CONCURRENT_NAME_BYTES]);

/* The fault of such a name, as a part of it ("kill" of "concurrent-kill"). NULL: none. */
const char *concurrent_name_fault(const char *name);

/* Plays it out and adds one result a property. The workload's transactions are shared out among the
 * writers. With a fault, sweep->is_contended must be known: it comes after the same without one.
 * Returns 0 or -errno: the harness failed, and nothing was added. */
int concurrent_run(
	struct sweep *sweep, const struct concurrent *concurrent, struct result_list *results);

#endif
