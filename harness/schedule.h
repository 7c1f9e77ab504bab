/*
 * A schedule: which of several workers was let go at each choice. After the last one of the list
 * whoever went before goes on, and then the lowest that can: so it is as short as what is special
 * about it.
 */
#ifndef TORNWRITE_SCHEDULE_H
#define TORNWRITE_SCHEDULE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "harness/trace.h"

struct schedule {
	unsigned char *choices; /* owned; NULL: there are none */
	size_t count;
	unsigned preemptions; /* choices at which the one that went before could have gone on */
};

/* Copies choices. Returns 0 or -ENOMEM. Pair with schedule_release(). */
int schedule_init(struct schedule *schedule, const unsigned char *choices, size_t count,
	unsigned preemptions);
void schedule_release(struct schedule *schedule);

/* "[[0, 5], [1, 7]]": worker 0 went five times, then worker 1 seven times. */
json_t *schedule_to_json(const struct schedule *schedule);
/* Returns 0, -ENOMEM or -EPROTO. The number of pre-emptions is not known from it. */
int schedule_from_json(json_t *json, struct schedule *schedule);

/* A scheduler that follows a schedule. Its choose hook returns -EPROTO at a choice that cannot be
 * made: the run is another. */
struct schedule_follower {
	const struct schedule *schedule; /* borrowed */
	size_t next;
	unsigned last;
	struct trace_scheduler scheduler;
};
void schedule_follow(struct schedule_follower *follower, const struct schedule *schedule);

#endif
