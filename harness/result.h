/*
 * Results: one for each (subject, scenario, fault, model, property), and their JSON form,
 * version 1. Everything that is shown to anybody is a function of these.
 */
#ifndef TORNWRITE_RESULT_H
#define TORNWRITE_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/cut.h"
#include "harness/judge.h"
#include "harness/op.h"
#include "harness/schedule.h"

enum verdict { VERDICT_NOT_TESTED, VERDICT_HOLDS, VERDICT_UNKNOWN, VERDICT_VIOLATED };
enum coverage { COVERAGE_EXHAUSTIVE, COVERAGE_BOUNDED, COVERAGE_SAMPLED };

extern const char *const verdict_names[];
extern const char *const coverage_names[];

/* Which schedules were run. */
struct schedules {
	bool has_any;      /* otherwise there was one worker, and none of this counts */
	uint64_t kinds;    /* one of each kind: they differ in more than nobody can notice; 0: no */
	uint64_t given_up; /* begun, and found to be of a kind that was run */
	uint64_t random;
	int preemptions;    /* all with at most so many; -1: no */
	uint64_t violating; /* of the kinds, or else of all, those that show the violation */
};

struct evidence {
	enum coverage coverage;
	uint64_t runs;  /* workers that were run */
	uint64_t fired; /* runs in which the fault struck */
	uint64_t states, unique_states;
	/* Of a checker: how often it was run, or asked, and states that agreed with others on all
	 * that it had looked at, so that it was not. */
	uint64_t checker_runs, alike;
	double sets;                  /* power: legal sets of micro-operations they stand for */
	struct schedules schedules;   /* of several workers */
	unsigned residue;             /* the most files left behind by a run */
	uint64_t points[POINT_COUNT]; /* operations struck, by point */
};

/* Violations of one kind: what led to them, and what they look like. Texts are owned. */
struct cause {
	char *site;        /* "the data of write (f.txt) is lost" */
	char *difference;  /* "f.txt is empty" */
	uint64_t count;    /* states */
	bool is_dishonest; /* the program said that it is done */
	char *detail;      /* of the smallest witness, in words */
	char *witness;     /* path; NULL: not written yet */
	/* The run that shows it, and then: the power is cut, or the program killed when so many
	 * events, and so many bytes of the next, had taken place. */
	unsigned variant;
	uint64_t n;
	struct cut cut;           /* micro_ops 0: there is none */
	struct schedule schedule; /* several at once; count 0: one */
	size_t killed_at;
	uint64_t killed_bytes;
};

/* A growing list. */
struct causes {
	struct cause *items; /* owned */
	size_t count, capacity;
	uint64_t left_out; /* violations of kinds for which there was no room */
};

void cause_release(struct cause *cause);

/* Takes over what the cause owns. Returns 0 or -ENOMEM (it is released). */
int causes_add(struct causes *causes, struct cause *cause);
void causes_release(struct causes *causes);

void cause_release(struct cause *cause);

/* Texts are owned. */
struct result {
	char *subject, *scenario;
	unsigned workers; /* that write */
	unsigned readers;
	bool is_naive; /* readers that do not know the rules */
	char *fault;   /* a fault's name, "fiu", "none", or one of power.h with a model, or
	                * one of concurrent.h */
	char *model;   /* NULL but for power cuts */
	enum property property;
	enum verdict verdict;
	bool is_claimed;
	struct evidence evidence;
	char *detail;  /* why; NULL where the verdict says it all */
	char *witness; /* path; NULL: no violation */

	/* The run that shows the violation; meaningful only if there is one. */
	unsigned variant;
	uint64_t n, seed;
	struct workload workload;
	char *commands;             /* of libfiu; NULL */
	struct schedule schedule;   /* several workers */
	enum isolation_level level; /* the same: the strongest that was not refuted */
	/* Power cuts: of the run, and of the recovery after it. micro_ops 0: there is none. */
	struct cut cut, recovery_cut;
	size_t killed_at; /* a program that is not ours, killed: see struct cause */
	uint64_t killed_bytes;
	/* Of a program that is not ours: all kinds of violations. */
	struct causes causes;
};

void result_release(struct result *result);

/* Makes one of two results that stand for parts of the same: the worse verdict, all evidence, and
 * causes that are alike as one, with the smaller witness. `part` is released. Returns 0 or -ENOMEM.
 */
int result_merge(struct result *result, struct result *part);

/* Results in the order in which they were planned. */
struct result_list {
	struct result *items; /* owned */
	size_t count, capacity;
};

/* Takes over the result. Returns 0 or -ENOMEM. */
int result_list_add(struct result_list *list, struct result *result);
void result_list_release(struct result_list *list);

/* The worst verdict of a property of a subject: violated, then unknown, then holds. Not-tested
 * only if nothing of it was tested under any fault; samples that found nothing do not count.
 * `worst` (may be NULL) is the result that decides. */
enum verdict result_list_worst(const struct result_list *list, const char *subject,
	enum property property, const struct result **worst);

/* The same of the power cuts under one model; model "": of everything but power cuts. */
enum verdict result_list_worst_under(const struct result_list *list, const char *subject,
	enum property property, const char *model, const struct result **worst);

/* JSON of one result, with all that is needed to read it back (between processes). */
json_t *result_to_json(const struct result *result);
/* Returns 0 or -EPROTO. */
int result_from_json(json_t *json, struct result *result);

#endif
