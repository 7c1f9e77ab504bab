/* What judge.c and judge_counter.c share. Nobody else includes it. */
#ifndef TORNWRITE_JUDGE_PRIVATE_H
#define TORNWRITE_JUDGE_PRIVATE_H

#include "harness/probe.h"

/* What the driver knows of a transaction. */
enum txn_state { TXN_NOT_STARTED, TXN_IN_DOUBT, TXN_ACKNOWLEDGED, TXN_REFUSED };

/* ---- the counter (harness/judge_counter.c) ---- */

/* Room for a probe whose numbers were told as transactions; large, and need not be initialised. */
struct told_probe {
	struct probe probe;
	struct view view, after;
};

/* A number says how many updates took place and not which. Tells it as the transactions that are
 * then taken to be there, so that one set of rules judges all stores. `states` are those of
 * transactions 0 to `count` - 1.
 *
 * Of n updates the acknowledged ones are there first, then those in doubt, then refused ones, then
 * those that never began, each in the order of ids: only a number that is too small has lost
 * something, and only one that is too large shows what must not be there.
 *
 * The next update adds one. If the number grows, that update is there, with everything that was
 * there before it; what it adds beyond one is damage.
 *
 * Returns `probe` itself if it has no number, else one that is valid as long as *told. */
const struct probe *judge_counter_tell(const struct probe *probe, const enum txn_state *states,
	uint64_t count, struct told_probe *told);

#endif
