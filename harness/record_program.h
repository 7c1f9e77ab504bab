/*
 * Step one for code that is not ours: runs somebody's own program in the data directory, with all
 * its processes and threads, and records it as a strategy is recorded.
 *
 * What the program sees under `directory` is the data directory of a run; where the driver is in a
 * sandbox (sandbox.h) that is the user's own path. It has the clock, the random bytes and, in a
 * sandbox, the process ids of every other run with the same seed. Its standard input is empty.
 */
#ifndef TORNWRITE_RECORD_PROGRAM_H
#define TORNWRITE_RECORD_PROGRAM_H

#include <regex.h>
#include <stdbool.h>
#include <time.h>

#include "harness/filter.h"
#include "harness/inject.h"
#include "harness/recording.h"
#include "harness/trace.h"

/* More of its output than this is dropped, and that noted (NOTE_LOUD). */
enum { PROGRAM_MAX_OUTPUT = 64 << 20 };

/* When a file of the initial tree was changed last: what a make(1) needs to know. */
struct file_time {
	char *path; /* owned; relative to the directory */
	struct timespec modified;
};

struct program_start;

struct program {
	const char *name;      /* what messages on stderr call it */
	char *const *argv;     /* the command, NULL at its end; found along PATH */
	const char *directory; /* absolute */
	const char *cwd;       /* where it begins, absolute */
	int directory_fd;      /* the same, as data directory */
	/* Paths of files for standard output and standard error, outside; of several at once each
	 * adds its number. */
	const char *output, *errors;
	const regex_t *ack;  /* a line of output that acknowledges; NULL: exit status 0 does */
	unsigned timeout_ms; /* without a call that stops: it hangs */
	bool is_reversed;    /* see struct trace_input */
	bool is_elsewhen;    /* another day, other random bytes and other process ids */
	bool is_limited;     /* timeout_ms is all the time that it has */
	/* What it has in its environment besides ours: "NAME=VALUE", NULL at the end, the same in
	 * all runs; NULL: nothing. And one more, which may differ from run to run; "": none. */
	const char *const *environment;
	char variable[64];

	struct tree *initial;    /* before a run; reference held */
	struct file_time *times; /* of the initial tree; owned */
	size_t time_count;

	/* What starts it, by filter options; made when it is needed, owned. */
	struct spawner *spawners[16];
	struct program_start *start; /* in memory that is shared with it; owned */
};

/* Takes what is in the data directory as the initial tree. Returns 0 or -errno. The fields above
 * `initial` are set. Pair with program_release() in every case. */
int program_init(struct program *program);
void program_release(struct program *program);

/* In a process that was forked after program_init(): it starts runs of its own. Returns 0 or
 * -errno. */
int program_attach(struct program *program);

/* Runs `sh -c COMMAND` in the directory, unrecorded, in the same surroundings. Returns its status
 * as of waitpid(2), or -errno. */
int program_shell(const struct program *program, const char *command, unsigned timeout_ms);

/* As record_run(): runs the program once under the plan. EVENT_ACK is an acknowledgement, numbered
 * from 1. A program that fails is an ENDED_CRASH with its status. Also returns -ENOEXEC when it
 * could not be started: program_start_error() is why. */
int program_record(struct program *program, const struct plan *plan, const struct filter *filter,
	struct recording *recording);

/* As record_crew(): so many of it at once, scheduled by `scheduler`. `filter` is one with looks. An
 * EVENT_ACK tells whose it is; recording->output has the lines of all, as they were read. */
int program_record_crew(struct program *program, unsigned count, const struct plan *plan,
	const struct trace_scheduler *scheduler, const struct filter *filter,
	struct recording *recording);

int program_start_error(const struct program *program);

#endif
