/*
 * What differs from run to run is made the same: the random bytes, the clock and the process id
 * that a worker sees are functions of the seed and of how often it asked. Temporary names are
 * made of them, so a plan that is run again gives the same files under the same names. A program
 * that waits for a time to come, and sleeps in between, must see it come: where real time passes,
 * the clock is never more than FAKE_LAG_US behind it.
 */
#ifndef TORNWRITE_FAKE_H
#define TORNWRITE_FAKE_H

#include <stdbool.h>

#include "harness/task.h"

/* Most runs are over by then. */
enum { FAKE_LAG_US = 2000000 };

struct fake {
	uint64_t random;    /* state of the generator */
	uint64_t ticks;     /* microseconds that have passed: one each time that it is asked */
	unsigned number;    /* of several workers: each has an id of its own */
	uint64_t begun_us;  /* where real time passes, when it began; 0: it does not */
	bool has_signalled; /* another worker, or asked whether it is there */
	bool has_slept;     /* since the caller cleared it: sleeping takes no time here */
};

/* Microseconds of a clock that is not set. */
uint64_t fake_real_time_us(void);

/* Answers a call at its entry stop in the kernel's place, or gives it back the true process id.
 * Returns 1 when nothing is left to do, 0 when the call is none of these, or -errno. */
int fake_answer(struct fake *fake, const struct task *task, struct call *call);

#endif
