/*
 * A scenario: an .ini file that says what to run.
 *
 *     summary = one line
 *     strategies = replace* append        ; names or globs; default: all
 *     faults = kill enospc                ; names or globs; default: none
 *     txns = 2                            ; updates a worker makes
 *     payload = 9001                      ; bytes of transaction 0
 *     fiu = enable_random name=posix/io/rw/write,probability=0.05,failinfo=ENOSPC
 *     fiu_runs = 50                       ; runs with the fiu commands, each with its own seed
 *     [expect]
 *     replace*.kill.atomicity = holds     ; or NAME.PROPERTY for the worst of all faults
 */
#ifndef TORNWRITE_SCENARIO_H
#define TORNWRITE_SCENARIO_H

#include <stddef.h>

#include "harness/fault.h"
#include "harness/record.h"
#include "harness/result.h"

struct expectation {
	char *subject; /* glob */
	char *fault;   /* glob; NULL: the worst of all */
	enum property property;
	enum verdict verdict;
};

struct scenario {
	char *name; /* of a built-in one, or the file's path */
	char *summary;
	const struct strategy **strategies; /* owned list of borrowed plug-ins */
	size_t strategy_count;
	const struct fault **faults;
	size_t fault_count;
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

/* Compares the [expect] section with what was found for the scenario's strategies, and says on
 * standard error what did not come true. */
bool scenario_expectations_hold(const struct scenario *scenario, const struct result_list *results);

/* Keeps only the strategies that match one of the blanks- or comma-separated globs. Returns 0, or
 * -EINVAL with a sentence when a word without glob characters is no strategy at all. */
int scenario_select(
	struct scenario *scenario, const char *globs, char *message, size_t message_size);

#endif
