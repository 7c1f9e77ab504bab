/* What the parts of ./dev bench share. */
#ifndef TORNWRITE_TESTS_BENCH_H
#define TORNWRITE_TESTS_BENCH_H

#include "harness/record.h"

enum { ROUNDS = 7 };

struct lab {
	struct scratch scratch;
	struct workspace workspace;
	struct filter filter, crew_filter;
};

double now(void);
double median(double values[ROUNDS]);
double median_of(double *values, size_t count); /* sorts them */
_Noreturn void fail(const char *what, int err);
/* A strategy by name; ends the program if there is none. */
const struct strategy *find(const char *name);

/* Power cuts: states a second, the naive way beside ours, a wide recording, growth. */
void measure_power(struct lab *lab);

/* Several workers: schedules a second, and what the reduction saves. */
void measure_schedules(struct lab *lab);

/* Somebody's own program: recording it, checking its states, `tornwrite check`. */
void measure_check(struct lab *lab, char *tornwrite);

#endif
