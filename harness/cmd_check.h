/* What the files of `tornwrite check` and its replay share. For cmd_check*.c and cmd_replay*.c. */
#ifndef TORNWRITE_CMD_CHECK_H
#define TORNWRITE_CMD_CHECK_H

#include <jansson.h>
#include <limits.h>

#include "harness/check.h"
#include "harness/workspace.h"

enum { CHECK_SUBJECT_BYTES = 100 };

/* What the arguments say. */
struct check_arguments {
	struct check_options check;
	const char *scenario, *models, *faults, *json, *junit, *witness_directory, *color,
		*progress, *scratch;
	uint64_t jobs, time_limit_s, workers;
	bool is_dry, requires_complete;
	char subject[CHECK_SUBJECT_BYTES];
	const char *filesystem; /* that the directory is on, or is said to be on */
	char directory[PATH_MAX], cwd[PATH_MAX], here[PATH_MAX];
};

/* Parses and checks the arguments, reads the scenario if there is one, and finds directories and
 * stages; whatever is wrong ends the program with exit 2, 4 or 77. */
void check_arguments_take(struct check_arguments *arguments, int argc, char **argv);

/* For --dry-run. */
void check_arguments_print(const struct check_arguments *arguments);

/* Reads a scenario of scenarios/programs/ into the options, which keep what they were given on the
 * command line: what is set already stays. *directory_name is the name of the scenario. Ends the
 * program with exit 2, or 77 where the program is not installed. Strings are never freed. */
void check_scenario_load(const char *path, struct check_options *options, uint64_t *time_limit_s);

/* What a witness keeps of a program, and back. The options borrow from the JSON; -EPROTO: it is
 * incomplete. */
json_t *check_program_to_json(const struct check_options *options);
int check_program_from_json(json_t *json, struct check_options *options);

#endif
