/*
 * Parallel work: driver processes that take units from one queue and report in JSON lines. The
 * calling process only listens.
 */
#ifndef TORNWRITE_JOBS_H
#define TORNWRITE_JOBS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct jobs {
	unsigned count;    /* processes */
	size_t unit_count; /* units 0 .. unit_count - 1 are worked on, each once */

	/* In a job process: works on one unit and tells the parent with jobs_send(). `stop` may
	 * become true at any moment: end soon. */
	void (*work)(void *context, unsigned job, size_t unit, volatile const bool *stop);
	/* In the calling process: one message. `message` is borrowed. */
	void (*receive)(void *context, json_t *message);
	/* In the calling process: about ten times a second. True: stop as soon as possible. */
	bool (*tick)(void *context);
	void *context;
};

/* Runs all units. Each job process is pinned to one CPU, where its workers run too: a traced call
 * is then a switch and not a wake-up on another CPU. Returns 0, or -ECHILD when a job process died
 * (said on stderr), or another -errno. No process is left when this returns. */
int jobs_run(const struct jobs *jobs);

/* In a job process: sends a message and drops the reference to it. */
void jobs_send(json_t *message);

/* Pins the calling process to the `job`th CPU that it may use, counted round. */
void jobs_pin(unsigned job);

/* How many CPUs this process may use. */
unsigned jobs_cpu_count(void);

#endif
