/* What the commands' argument parsers share. argp(3) does the parsing. */
#ifndef TORNWRITE_OPTIONS_H
#define TORNWRITE_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/exit_code.h"

/* Runs argp on a command's arguments (argv[0] is the command's name). An option that does not
 * exist is refused with the nearest one that does. Does not return on a usage error: exit 2. */
void options_parse(const struct argp *argp, int argc, char **argv, void *input);

/* A whole number from `low` to `high` (decimal, or 0x hex). Ends the program with exit 2 and a
 * sentence that names the option if it is none. */
uint64_t options_number(const char *option, const char *text, uint64_t low, uint64_t high);

/* auto, always or never: whether something meant for a terminal is to be shown. */
bool options_when(const char *option, const char *text, bool is_terminal);

/* Ends the program: "error: ..." on stderr, exit 2. */
__attribute__((format(printf, 1, 2))) _Noreturn void options_fail(const char *format, ...);

#endif
