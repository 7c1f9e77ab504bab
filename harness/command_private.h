/* What command.c, in the driver, and command_keeper.c, in the keeper, share. Nobody else includes
 * it. */
#ifndef TORNWRITE_COMMAND_PRIVATE_H
#define TORNWRITE_COMMAND_PRIVATE_H

#include <limits.h>
#include <sys/types.h>

#include "harness/command.h"

enum { VARIABLE_BYTES = 256, QUESTION_BYTES = 2 * PATH_MAX + 64 };

/* In memory that both see. The driver writes orders, the keeper outcomes; who may is settled by the
 * socket between them, where one byte is an order and one is its end. */
struct board {
	char variable[VARIABLE_BYTES]; /* empty: none */
	char question[QUESTION_BYTES];
	int error; /* -errno: it could not be run */
	enum command_end end;
	int number;
	size_t line_bytes;
	char line[COMMAND_LINE_BYTES];
	size_t output_bytes;
	char output[COMMAND_OUTPUT_BYTES];
};

/* What the keeper needs; it has the driver's memory as it was when it was forked. */
struct keeping {
	struct command_options options;
	char **environment;
	char **changing; /* its last place: for a variable of one run, or NULL */
	struct board *board;
	int control_fd;
	bool has_namespace; /* of processes: we are its number 1, and what we leave is killed */
	pid_t parent;
};

/* The keeper's life. */
_Noreturn void command_keep(const struct keeping *keeping);

#endif
