/*
 * Step one: record. Forks a worker that runs a strategy in the data directory while a plan
 * strikes it, and checks the recording against what the disk really holds.
 */
#ifndef TORNWRITE_RECORD_H
#define TORNWRITE_RECORD_H

#include "harness/filter.h"
#include "harness/inject.h"
#include "harness/recording.h"
#include "harness/strategy.h"
#include "harness/trace.h"
#include "harness/view.h"
#include "harness/workspace.h"

struct workload {
	unsigned txns;     /* updates a worker makes; ids 1..txns, after transaction 0 */
	size_t base_bytes; /* see txn_init() */
};

/* What one reader saw at one reading. */
struct reading {
	int error; /* of the read hook */
	struct view view;
};

/* A strategy on its way through the house: what every step needs. */
struct subject {
	const struct strategy *strategy;
	struct workload workload;
	struct tree *initial; /* after setup; owned */
	/* What forks its workers, by whether the filter has looks; made when it is needed, owned.
	 */
	struct spawner **spawners;
	struct reading *readings; /* in memory that its workers share; owned */
};

/* How long a worker, reader or recovery may take before it counts as hanging. Generous, for a
 * false alarm on a busy host would be a false verdict. */
enum { RECORD_TIMEOUT_MS = 20000 };

/* Runs the strategy's setup and keeps the tree that it made. Returns 0 or -errno, with a sentence
 * in `message`. Pair with subject_release(). */
int subject_init(struct subject *subject, const struct strategy *strategy,
	const struct workload *workload, const struct workspace *workspace, char *message,
	size_t message_size);
void subject_release(struct subject *subject);

/* Several workers at once: writers that share the workload's transactions (worker 0 makes the first
 * ones), and readers that read at any moment. */
struct crew {
	unsigned writers, readers;
	bool is_naive;   /* readers use strategy->read_naive */
	bool is_crashed; /* the power will be cut: what comes before a sync matters */
};

/* As record_run(), but with several workers, scheduled by `scheduler`; the plan strikes worker 0.
 * `filter` is one with looks. `readings` gets one for each reader. Also returns what the
 * scheduler's hooks return; -EBUSY: somebody else holds a lock in the data directory. Faults of a
 * real full disk are not for several workers. */
int record_crew(const struct subject *subject, const struct crew *crew, const struct plan *plan,
	const struct trace_scheduler *scheduler, const struct workspace *workspace,
	const struct filter *filter, struct recording *recording, struct reading *readings);

/* As record_run() without a fault, but all that the worker does, in the files of `tree`, is the
 * strategy's recovery, as update 1. */
int record_recovery(const struct subject *subject, struct tree *tree, uint64_t seed,
	const struct workspace *workspace, const struct filter *filter,
	struct recording *recording);

/* Runs the workload once under the plan. On success the recording has been replayed and equals
 * the data directory. Returns 0, -EPROTO when it does not (differences on stderr: the harness is
 * wrong, there is no verdict), -EREMOTEIO when a call failed for want of space or a broken disk
 * though nothing was injected (said on stderr: the host is wrong), -ENOTRECOVERABLE when ptrace or
 * seccomp is not allowed here, or another -errno when it could not be run. Pair with
 * recording_release() in every case. */
int record_run(const struct subject *subject, const struct plan *plan,
	const struct workspace *workspace, const struct filter *filter,
	struct recording *recording);

#endif
