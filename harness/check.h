/*
 * `tornwrite check`: somebody's own program, recorded once without a fault, and what kills, power
 * cuts and failed calls leave of its directory.
 *
 * One process, the conductor, opens a check: it goes into a sandbox, where the user's directory is
 * covered by a copy, and records. Job processes that it forks attach to the check and play out
 * stages, each with a copy of its own.
 */
#ifndef TORNWRITE_CHECK_H
#define TORNWRITE_CHECK_H

#include "harness/fault.h"
#include "harness/model.h"
#include "harness/result.h"
#include "harness/sweep.h"

enum { CHECK_MAX_STAGES = 48, CHECK_MAX_IGNORED = 64 };

enum stage_kind { STAGE_KILL, STAGE_POWER, STAGE_FAULT, STAGE_CREW };

struct check_stage {
	enum stage_kind kind;
	const struct model *model; /* STAGE_POWER */
	const struct fault *fault; /* STAGE_FAULT */
	unsigned workers;          /* STAGE_CREW: so many copies at once */
	/* STAGE_POWER: only states of this part, of so many; 0 of 1 is all. Each state is of one
	 * part, and equal ones of the same. */
	unsigned part, parts;
};

/* All of it is borrowed. */
struct check_options {
	const char *subject;   /* what reports call the program */
	const char *scenario;  /* "check", or the scenario's name */
	char **argv;           /* the command, NULL at its end; "{dir}" in it is the directory */
	const char *directory; /* absolute: what is watched */
	/* Where the command begins, absolute; NULL: the directory, and if it fails there or changes
	 * nothing, `here`. */
	const char *cwd, *here;
	bool is_empty;       /* there is no such directory of the user's: begin with nothing */
	const char *setup;   /* for sh -c; NULL */
	const char *checker; /* the same; NULL: the automatic oracle */
	bool is_server;      /* the checker answers again and again: see checker.h */
	bool has_looks;      /* it is deterministic, and no server: see check_looks.h */
	const char *ack;     /* an extended regular expression; NULL: exit status 0 */
	const char *ignored[CHECK_MAX_IGNORED];
	size_t ignored_count;
	struct check_stage stages[CHECK_MAX_STAGES];
	size_t stage_count;
	enum tear tear;
	uint64_t seed, max_states;
	uint64_t max_bytes;          /* the directory may hold so many */
	unsigned timeout_ms;         /* of the program, without a call that stops */
	unsigned checker_timeout_ms; /* of the checker, for one state */
};

struct check;

enum check_end {
	CHECK_OK,
	CHECK_REFUSED, /* the program, the directory or the checker is wrong: exit status 2 */
	CHECK_NOTHING, /* the program changes nothing in the directory: 4 */
	CHECK_UNABLE,  /* this host does not allow it: 77 */
	CHECK_FAILED,  /* the harness: 3 */
};

enum { CHECK_MESSAGE_BYTES = 8192 };

/* Opens a check: records the clean runs and has their first and last state judged. `scratch` is a
 * directory for its own files. Never more than once a process. What is to be told is in `message`,
 * one or more lines; of CHECK_OK warnings, or nothing. Pair with check_close(). */
enum check_end check_open(struct check **check, const struct check_options *options,
	const char *scratch, char message[CHECK_MESSAGE_BYTES]);
void check_close(struct check *check); /* NULL is allowed */

/* In a job process that the conductor forked after check_open(). Returns 0 or -errno. */
int check_attach(struct check *check, unsigned job);

/* Plays out one stage and adds one result a property, each with its causes. Returns 0 or -errno:
 * the harness failed, with a sentence in `message` if it knows one. */
int check_run(struct check *check, const struct check_stage *stage,
	const struct sweep_options *options, struct result_list *results,
	char message[CHECK_MESSAGE_BYTES]);

/* The name of a stage's fault in results. */
const char *check_stage_name(const struct check_stage *stage);

/* Where the command begins. */
const char *check_cwd(const struct check *check);

/* For replays, in the process that opened the check. */

/* The recording of the clean run, and of a run under a plan. */
const struct recording *check_clean(const struct check *check);
int check_record(struct check *check, const struct plan *plan, struct recording *recording);

/* The tree of the clean run when the program is killed after so many events, and so many bytes of
 * the next. Returns 0, or -EPROTO: it has no such place. The caller holds a reference. */
int check_killed(const struct check *check, size_t event, uint64_t bytes, struct tree **tree);

/* What a power cut leaves after a run in which a sync failed (sync_loss.h); NULL: all of it. The
 * caller holds a reference. Returns 0 or -errno. */
int check_left(const struct recording *recording, struct tree **left);

struct check_finding {
	enum property property;
	char text[200];
};

enum { CHECK_MAX_FINDINGS = 12 };

/* What is wrong with a tree that is found after the first `count` events of a recording. Returns
 * how many findings there are, or -errno with a sentence in `message`. */
int check_find(struct check *check, const struct recording *recording, size_t count,
	const struct tree *tree, struct check_finding findings[CHECK_MAX_FINDINGS],
	char message[CHECK_MESSAGE_BYTES]);

/* The same of several copies at once: the run of a schedule, and what is wrong with its end. */
int check_rerun_crew(struct check *check, unsigned workers, const struct schedule *schedule,
	struct recording *recording);
int check_find_crew(struct check *check, unsigned workers, const struct recording *recording,
	struct check_finding findings[CHECK_MAX_FINDINGS], char message[CHECK_MESSAGE_BYTES]);

#endif
