/* The plug-in tables. CMake generates them from the folders, sorted by file name. */
#ifndef TORNWRITE_PLUGINS_H
#define TORNWRITE_PLUGINS_H

#include <stddef.h>

#include "harness/fault.h"
#include "harness/model.h"
#include "harness/report.h"
#include "harness/strategy.h"

extern const struct strategy *const strategies[];
extern const size_t strategy_count;

extern const struct fault *const faults[];
extern const size_t fault_count;

extern const struct model *const models[];
extern const size_t model_count;

extern const struct report *const reports[];
extern const size_t report_count;

/* The scenarios that are built in: the text of each scenarios/NAME.ini. */
struct builtin_scenario {
	const char *name;
	const char *text;
};
extern const struct builtin_scenario builtin_scenarios[];
extern const size_t builtin_scenario_count;

#endif
