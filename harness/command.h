/*
 * A shell command of the user's that is run again and again, or a server that is started once and
 * asked again and again.
 *
 * When a call returns, everything that a run has started is gone: also what went into the
 * background or made a session of its own. A server keeps what it starts for as long as it lives.
 * A run has /dev/null as standard input, no other descriptors of ours, no terminal, the signal
 * dispositions of a fresh process and umask 022. Limits: set-uid programs do not get their rights
 * (they could not be ended); of the output only the end is kept.
 */
#ifndef TORNWRITE_COMMAND_H
#define TORNWRITE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct command;

struct command_options {
	const char *text;             /* for `sh -c` */
	const char *directory;        /* absolute; where it runs. Looked up again for each run */
	const char *const *variables; /* "NAME=VALUE", up to a NULL: added to our environment, for
	                                 others of the same name */
	/* The name of a variable that each run has another value of, or NULL; a string literal. */
	const char *changing;
	unsigned timeout_ms; /* for each run or question; at least 1 */
	bool is_server;
};

enum command_end {
	COMMAND_EXITED,    /* `number` is the exit status; 127: the shell did not find it */
	COMMAND_SIGNALLED, /* `number` is the signal */
	COMMAND_TIMED_OUT, /* and was killed */
	COMMAND_ANSWERED,  /* a server: `line` is its answer */
	COMMAND_BABBLED,   /* a server: not one line with something in it; it was killed */
	COMMAND_UNASKED,   /* a server: `line` came after an answer, unasked; it was killed */
};

/* Valid until the next call for this command. */
struct command_outcome {
	enum command_end end;
	int number;
	const char *line; /* any bytes, no string; without its newline */
	size_t line_bytes;
	const char *output; /* the same: the end of what it printed; a server: on standard error */
	size_t output_bytes;
};

enum { COMMAND_LINE_BYTES = 4096, COMMAND_OUTPUT_BYTES = 64 * 1024 };

/* Starts the process that will start the others. What is mounted over `directory` must be so by
 * now. The options are copied. Returns 0, or -errno and *command NULL. Pair with command_free(). */
int command_new(struct command **command, const struct command_options *options);

/* Ends everything. A server sees the end of its standard input first, and has a second to go. NULL
 * is allowed. */
void command_free(struct command *command);

/* Runs the command once, with this value of the changing variable, or, with NULL, without that
 * variable. Returns 0, -EINTR after a
 * signal that interrupt.h knows, or another -errno when it could not be run. */
int command_run(struct command *command, const char *value, struct command_outcome *outcome);

/* Asks the server; starts it first where none is alive. `question` is a line with its newline. When
 * the end is not COMMAND_ANSWERED no server is alive any more. Returns as command_run() does. */
int command_ask(struct command *command, const char *question, struct command_outcome *outcome);

#endif
