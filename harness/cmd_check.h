/* What the files of `tornwrite check` and its replay share. For cmd_check*.c and cmd_replay*.c. */
#ifndef TORNWRITE_CMD_CHECK_H
#define TORNWRITE_CMD_CHECK_H

#include <jansson.h>

#include "harness/check.h"

/* Reads a scenario of scenarios/programs/ into the options, which keep what they were given on the
 * command line: what is set already stays. *directory_name is the name of the scenario. Ends the
 * program with exit 2, or 77 where the program is not installed. Strings are never freed. */
void check_scenario_load(const char *path, struct check_options *options, uint64_t *time_limit_s);

/* What a witness keeps of a program, and back. The options borrow from the JSON; -EPROTO: it is
 * incomplete. */
json_t *check_program_to_json(const struct check_options *options);
int check_program_from_json(json_t *json, struct check_options *options);

#endif
