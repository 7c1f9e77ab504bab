/*
 * A probe: a state is put on disk, a process that is as good as new recovers it, reads it, makes
 * one more update and reads again. The probe tells what happened and judges nothing.
 */
#ifndef TORNWRITE_PROBE_H
#define TORNWRITE_PROBE_H

#include "harness/record.h"
#include "harness/view.h"

enum step_end {
	STEP_NOT_RUN, /* an earlier step did not end well, or there is no such hook */
	STEP_OK,
	STEP_ERROR, /* the hook returned -errno */
	STEP_CRASH, /* it died from a signal, or exited */
	STEP_HANG,
};

struct step {
	enum step_end end;
	int detail; /* STEP_ERROR: -errno; STEP_CRASH: the signal, 0 for exit(3) */
};

enum probe_depth {
	PROBE_READ, /* the program is still running: only read */
	PROBE_LIFE, /* a new process: recover, read, update, read */
	PROBE_DEPTHS,
};

struct probe {
	struct step recover, read, update, reread;
	struct view *view;  /* what `read` saw; empty unless read.end is STEP_OK */
	struct view *after; /* what `reread` saw */
};

/* Probes states of one subject and remembers the answers: equal trees are read once. */
struct prober;

/* Returns NULL when out of memory. `subject` and `workspace` are borrowed. */
struct prober *prober_new(const struct subject *subject, const struct workspace *workspace);
void prober_free(struct prober *prober);

/* The transaction that PROBE_LIFE adds. */
uint64_t prober_life_txn(const struct subject *subject);

/* Probes a tree. *probe is owned by the prober. Returns 0 or -errno: the harness failed; -EPROTO
 * (differences on stderr) when the reader was about to see another state than this one. */
int prober_ask(struct prober *prober, const struct tree *tree, enum probe_depth depth,
	const struct probe **probe);

/* Starts counting anew, and tells how many states were asked about since and how many different
 * trees they were. */
void prober_start_count(struct prober *prober);
void prober_count(const struct prober *prober, uint64_t *states, uint64_t *unique_states);

#endif
