/*
 * A scenario: an .ini file that says what to run.
 *
 *     summary = one line
 *     strategies = replace* append        ; names or globs; default: all
 *     faults = kill enospc                ; names or globs; default: none
 *     models = posix ext4                 ; power cuts under these: names or globs
 *     after_fault = kill eio              ; power cuts of runs that were struck, too
 *     tear = 4096                         ; or 512, or none: at what a write tears
 *     recovery = yes                      ; crash recovery after a power cut, too; or no
 *     power_payload = 3000                ; the payload for power cuts
 *     workers = 2                         ; writers at once, under every schedule; default: 1
 *     readers = 1                         ; beside one writer, at any moment; default: none
 *     naive_readers = yes                 ; again with readers that keep to no rule; or no
 *     concurrent_faults = kill enospc     ; in one of the workers: names or globs
 *     concurrent_models = posix           ; power cuts of several workers: names or globs
 *     concurrent_txns = 1                 ; updates that each of them makes
 *     schedules = 2000                    ; at most so many runs for each question
 *     reduced = yes                       ; one schedule of each kind; no: each of them
 *     txns = 2                            ; updates a worker makes
 *     payload = 9001                      ; bytes of transaction 0
 *     fiu = enable_random name=posix/io/rw/write,probability=0.05,failinfo=ENOSPC
 *     fiu_runs = 50                       ; runs with the fiu commands, each with its own seed
 *     [power_payload]
 *     sqlite-wal = 1000                   ; the same for some strategies: a name or glob
 *     [expect]
 *     replace*.kill.atomicity = holds     ; or NAME.PROPERTY for the worst of all faults
 *     replace.power.ext4.atomicity = holds
 */
#ifndef TORNWRITE_SCENARIO_H
#define TORNWRITE_SCENARIO_H

#include <stddef.h>

#include "harness/crew.h"
#include "harness/expectation.h"
#include "harness/fault.h"
#include "harness/micro_op.h"
#include "harness/model.h"
#include "harness/record.h"
#include "harness/result.h"

/* The payload for power cuts of strategies that match a glob. */
struct power_payload {
	char *subject; /* owned */
	size_t base_bytes;
};

/* Several workers at once. */
struct contention {
	unsigned workers, readers; /* workers 1: only with readers */
	bool has_naive_readers;
	const struct fault **faults; /* owned list of borrowed plug-ins */
	size_t fault_count;
	const struct model **models; /* owned list of borrowed plug-ins */
	size_t model_count;
	unsigned txns; /* of each worker */
	struct crew_budget budget;
};

struct scenario {
	char *name; /* of a built-in one, or the file's path */
	char *summary;
	const struct strategy **strategies; /* owned list of borrowed plug-ins */
	size_t strategy_count;
	const struct fault **faults;
	size_t fault_count;
	const struct model **models; /* owned list of borrowed plug-ins */
	size_t model_count;
	const struct fault **crashed_faults; /* after_fault; owned list of borrowed plug-ins */
	size_t crashed_fault_count;
	enum tear tear;
	bool crashes_recovery;
	size_t power_base_bytes; /* 0: as `workload` */
	struct power_payload *power_payloads;
	size_t power_payload_count;
	struct contention contention;
	char *commands; /* libfiu's, translated, one a line; NULL */
	unsigned fiu_runs;
	struct workload workload;
	struct expectation *expectations;
	size_t expectation_count;
};

/* Loads a built-in scenario by name, or a file if `name` has a '/' or ends in ".ini".
 * Returns 0, or -EINVAL / -errno with "FILE:LINE: what is wrong; did you mean ...?" in `message`.
 * Pair with scenario_release(). */
int scenario_load(struct scenario *scenario, const char *name, char *message, size_t message_size);
void scenario_release(struct scenario *scenario);

/* What a strategy does for the power cuts of a scenario. The last glob that matches counts. */
struct workload scenario_power_workload(
	const struct scenario *scenario, const struct strategy *strategy);

/* The same for several workers, `writers` of them. */
struct workload scenario_concurrent_workload(
	const struct scenario *scenario, const struct strategy *strategy, unsigned writers);

/* Compares the [expect] section with what was found for the scenario's strategies, and says on
 * standard error what did not come true. */
bool scenario_expectations_hold(const struct scenario *scenario, const struct result_list *results);

/* Takes these models (names or globs, with blanks or commas) instead of the scenario's own. Returns
 * 0, or -EINVAL with a sentence. */
int scenario_set_models(
	struct scenario *scenario, const char *globs, char *message, size_t message_size);

/* Keeps only the strategies that match one of the blanks- or comma-separated globs. Returns 0, or
 * -EINVAL with a sentence when a word without glob characters is no strategy at all. */
int scenario_select(
	struct scenario *scenario, const char *globs, char *message, size_t message_size);

#endif
