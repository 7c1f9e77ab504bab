/*
 * The user's checker: a command that says whether a state of the data directory is legal. It is
 * the oracle of `tornwrite check`.
 *
 * `sh -c COMMAND` runs in the directory where the state is, with
 *   TORNWRITE_ACKED   how many acknowledgements had been given,
 *   TORNWRITE_OUTPUT  a file with what had been printed by then,
 *   TORNWRITE_DIR     the directory.
 * Exit status 0 says legal. Another one says illegal, and the last line that it printed is the
 * reason. It may do what it likes to the state: each time it sees a fresh one.
 *
 * A server is started once, with TORNWRITE_DIR and TORNWRITE_OUTPUT. For each state it reads a line
 *   ACKS <tab> DIRECTORY <tab> OUTPUT
 * and answers with one line, "ok" or a reason; it has to flush it. It ends at the end of its input.
 *
 * Limits: two states that are equal (see tree_hash()) have one answer, so a checker that looks at
 * times, owners or the clock is not heard out; the shell's exit status 128 + n counts as a signal
 * for those signals that mean a crash.
 */
#ifndef TORNWRITE_CHECKER_H
#define TORNWRITE_CHECKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/tree.h"

struct checker;

struct checker_options {
	const char *command;
	bool is_server;
	unsigned timeout_ms; /* for one state; of a server with its start */
	/* Where states are seen: an absolute path, mounted by now, and the same directory, open.
	 * Whatever is in it is removed. When a checker removes the directory itself, a new one is
	 * made, and the descriptor is made to mean that. */
	const char *directory;
	int directory_fd;
	/* Another directory, for the file with what was printed. */
	const char *scratch;
};

/* What the program had told the outside world before the crash. */
struct acks {
	unsigned count;
	const char *output; /* all that it had printed */
	size_t output_bytes;
	const size_t *ends; /* ends[n], n < count: how much of it had been printed with n acks;
	                       NULL is allowed when there are none */
};

enum answer_kind {
	ANSWER_LEGAL,
	ANSWER_OLDER,   /* legal for fewer acks only: updates were lost, durability is violated */
	ANSWER_BROKEN,  /* legal for no number of acks: atomicity is violated */
	ANSWER_CRASHED, /* the checker died from a signal, a server died at all; twice */
	ANSWER_HANGS,   /* twice */
};

enum { ANSWER_TEXT_BYTES = 200 };

struct answer {
	enum answer_kind kind;
	unsigned legal_for; /* acks: all of them, or the most for which it is legal (OLDER) */
	/* The reason, printable UTF-8 in one line: of what was said about all acks, or of the crash
	 * or hang. Empty when legal. After an error, what is wrong. */
	char text[ANSWER_TEXT_BYTES];
};

struct checker_count {
	uint64_t asked;      /* calls of checker_ask() */
	uint64_t remembered; /* questions that were answered from memory */
	uint64_t run;        /* runs, or lines sent to a server */
	/* Crashes and hangs of the checker that did not come again when it was asked again: it, or
	 * this host, cannot be trusted. */
	uint64_t unsteady;
};

/* Returns 0, -EINVAL when directory and descriptor are not the same or a server could not read the
 * path (a tab or newline in it), or another -errno; *checker is NULL then. The strings of the
 * options stay the caller's and must live as long. Pair with checker_free(). */
int checker_new(struct checker **checker, const struct checker_options *options);

/* Ends a server. NULL is allowed. */
void checker_free(struct checker *checker);

/* Is the state legal after so many acks? If not: after one fewer, and so on. Returns 0; or, with
 * a sentence in answer->text and no verdict, -ENOEXEC: the shell cannot run the command (exit
 * status 126 or 127); -EPROTO: a server did not answer with one line for each question; -ESTALE:
 * the checker has put something else where the directory was; -EINTR: see interrupt.h; or another
 * -errno. */
int checker_ask(struct checker *checker, const struct tree *tree, const struct acks *acks,
	struct answer *answer);

struct checker_count checker_count(const struct checker *checker);

#endif
