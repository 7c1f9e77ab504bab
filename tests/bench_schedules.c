/* ./dev bench: schedules of two workers a second, and what the reduction saves. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/crew.h"
#include "harness/probe.h"
#include "tests/bench.h"

enum { MAX_ALL = 30000, PAYLOAD = 1000 };

struct count {
	uint64_t runs, ops; /* of two workers together */
};

static bool never(void *context)
{
	(void)context;
	return false;
}

static int count_ops(void *context, const struct crew_run *run)
{
	struct count *count = context;

	count->runs++;
	for (size_t i = 0; i < run->recording->count; i++)
		count->ops += run->recording->events[i].kind == EVENT_OP;
	return 0;
}

static double explore(struct lab *lab, const struct subject *subject, bool is_unreduced,
	struct count *count, struct crew_coverage *coverage)
{
	const struct sweep_options options = {.scenario = "bench", .seed = 1};
	struct sweep sweep = {.subject = subject,
		.workspace = &lab->workspace,
		.crew_filter = &lab->crew_filter,
		.options = &options};
	const struct crew crew = {.writers = 2};
	const struct plan plan = {.seed = 1};
	const struct crew_budget budget = {MAX_ALL, is_unreduced};
	double start = now();
	int err;

	*count = (struct count){0};
	err = crew_each_schedule(&sweep, &crew, &plan, &budget,
		&(struct crew_visit){never, count_ops, count}, coverage);
	if (err)
		fail(subject->strategy->name, err);
	return now() - start;
}

static void measure(struct lab *lab, const char *name, bool has_all)
{
	const struct workload workload = {2, PAYLOAD};
	struct crew_coverage reduced, all;
	struct subject subject;
	struct count count;
	double seconds[ROUNDS], rate;
	uint64_t begun;
	char message[256];

	if (subject_init(
		    &subject, find(name), &workload, &lab->workspace, message, sizeof(message)))
		fail(message, -EIO);
	for (int i = 0; i < ROUNDS; i++)
		seconds[i] = explore(lab, &subject, false, &count, &reduced);
	begun = reduced.runs + reduced.given_up;
	rate = (double)begun / median(seconds);
	printf("  %-24s %4.0f %12.0f %8llu %6llu %8llu", name,
		(double)count.ops / (double)count.runs, rate, (unsigned long long)reduced.runs,
		(unsigned long long)reduced.kinds, (unsigned long long)reduced.given_up);
	if (has_all) {
		explore(lab, &subject, true, &count, &all);
		printf(" %9s%llu %6.1f\n", all.is_exhaustive ? "" : "over ",
			(unsigned long long)all.runs,
			(double)all.runs / (double)(reduced.kinds + reduced.given_up));
	} else {
		putchar('\n');
	}
	fflush(stdout);
	subject_release(&subject);
}

void measure_schedules(struct lab *lab)
{
	printf("\nschedules of two workers with an update each, on one core (aim: 1,000 a second "
	       "of "
	       "10 operations each):\n");
	printf("  %-24s %4s %12s %8s %6s %8s %9s %6s\n", "strategy", "ops", "a second", "runs",
		"kinds", "given up", "all", "factor");
	measure(lab, "append", true);
	measure(lab, "counter", true);
	measure(lab, "counter-lock", true);
	measure(lab, "truncate-write", true);
	measure(lab, "replace", true);
	measure(lab, "replace-lock-fsync-dir", true);
	measure(lab, "lockfile-rename", true);
	measure(lab, "maildir", true);
	measure(lab, "tree-lockfile", false);
}
