/* What the files of check.h share. Nobody else includes it. */
#ifndef TORNWRITE_CHECK_PRIVATE_H
#define TORNWRITE_CHECK_PRIVATE_H

#include "harness/check.h"
#include "harness/check_looks.h"
#include "harness/checker.h"
#include "harness/crash.h"
#include "harness/crew.h"
#include "harness/oracle.h"
#include "harness/record_program.h"

struct check {
	const struct check_options *options;
	const char *scratch;
	struct program program;
	regex_t ack;
	bool has_ack, is_in_sandbox;
	char **argv;                  /* owned */
	char *output, *errors, *work; /* owned paths; work: where it runs without a sandbox */

	struct filter filter, reads_filter, crew_filter;
	struct recording clean;
	struct acks acks;    /* of the clean run, all of them */
	size_t *ends;        /* owned; its ends */
	struct tree **legal; /* owned: after 0, 1, 2 ... acknowledgements, and at the end */
	size_t legal_count;
	struct varying_list varying; /* what differs between two runs that are the same */
	struct varying_list chance;  /* and what differs on another day: see check_chance.c */
	bool has_stores;             /* changes through shared mappings */
	bool is_unsteady;            /* two clean runs made different operations */
	bool has_steady_names;       /* both runs used the same names */

	/* One of the two: oracles for states of the clean run and of others, or the checker. */
	struct oracle *own, *other;
	struct oracle *lenient; /* as `other`, less what depends on chance; NULL: the same */
	struct checker *checker;
	struct check_looks *looks; /* with the checker, or NULL */

	void *seen; /* owned; trees that were asked about in this stage: see tsearch(3) */
	uint64_t seen_count;
};

/* ---- words: each adds lines to a message of CHECK_MESSAGE_BYTES ---- */

__attribute__((format(printf, 2, 3))) void check_say(char *message, const char *format, ...);
/* The end of what a program printed into a file. */
void check_say_output(char *message, const char *path);
/* How something ended; status as of waitpid(2). */
void check_say_status(char *message, const char *what, int status);

/* ---- the clean runs ---- */

/* Records them, says what is to be said of them, and sets what follows from them in `check`. */
enum check_end check_record_clean(struct check *check, char *message);

/* ---- states ---- */

/* What is wrong with a state. */
struct flaw {
	enum property property;
	char text[200];     /* "f.txt is truncated: 100 of 5000 bytes" */
	char key[120];      /* the same for all that differ alike */
	unsigned legal_for; /* DURABILITY: so many acknowledgements */
};

enum { MAX_FLAWS = CHECK_MAX_FINDINGS };

struct flaws {
	struct flaw items[MAX_FLAWS];
	unsigned count;
	bool is_legal;
	bool is_chance; /* some may be none: less what depends on time or chance they were not */
	unsigned residue;
};

/* What is wrong with a tree of the clean run (`is_own`) or of another, after acks->count
 * acknowledgements. Returns 0, or -errno with a sentence in `message`. */
int check_state(struct check *check, const struct tree *tree, const struct acks *acks, bool is_own,
	struct flaws *flaws, char message[CHECK_MESSAGE_BYTES]);

/* The same, but asks this oracle; NULL: the checker. */
int check_state_by(struct check *check, struct oracle *oracle, const struct tree *tree,
	const struct acks *acks, struct flaws *flaws, char message[CHECK_MESSAGE_BYTES]);

/* Begins to count trees anew. */
void check_forget(struct check *check);

/* Adds to check->chance. Returns 0 or -errno. (check_chance.c) */
int check_find_chance(struct check *check);
/* Tries whether tasks come in another order, if they are let (check_chance.c). Returns 0 or -errno.
 */
int check_find_order(struct check *check);
/* Less those flaws that are none if what depends on chance may be otherwise. As check_state(). */
int check_forgive_chance(struct check *check, const struct tree *tree, const struct acks *acks,
	struct flaws *flaws, char message[CHECK_MESSAGE_BYTES]);

/* The trees after each acknowledgement, and at the end (check_legal.c). Returns 0 or -errno; the
 * caller frees them in every case. */
int check_find_legal(const struct recording *recording, struct tree ***legal, size_t *count);
void check_free_legal(struct tree **legal, size_t count);

/* Whether something that counts was changed through a shared mapping: in which order, and in which
 * steps, is not known. What was there again when we looked is not seen at all. */
bool check_has_stores(const struct check *check);

/* Adds what differs between those of the clean run and of another one: where that acknowledged more
 * or less, of the first and the last only. Returns 0 or -ENOMEM. */
int check_compare_legal(const struct check *check, struct tree *const *legal, size_t count,
	const struct oracle_rules *rules, struct varying_list *list);

/* What so many copies leave that run one after the other (check_serial.c). Returns 0 or -errno.
 * Pair with serial_free() in every case; NULL is allowed. */
struct serial;
int serial_new(struct serial **out, struct check *check, unsigned workers);
void serial_free(struct serial *serial);
/* What is wrong with what they leave that ran at once. Not known: legal, by chance. As
 * check_state(). */
int serial_ask(struct serial *serial, const struct tree *tree, const struct acks *acks,
	struct flaws *flaws, char message[CHECK_MESSAGE_BYTES]);

/* Makes what is asked about states: see struct check. Returns 0 or -errno. */
int check_make_judge(struct check *check);

/* The acknowledgements among the first `count` events. `ends` has room for all; the caller frees
 * it. Returns 0 or -ENOMEM. */
int check_find_acks(
	const struct recording *recording, size_t count, struct acks *acks, size_t **ends);

/* How many acknowledgements there are among the first `count` events. */
unsigned check_acks_at(const struct recording *recording, size_t count);

/* How much had been printed with the first `count` events: what comes after is not for the eyes of
 * a checker. */
size_t check_output_at(const struct recording *recording, size_t count);

/* ---- stages ---- */

/* A stage being played out. */
struct stage_run {
	struct check *check;
	const struct check_stage *stage;
	struct sweep sweep;
	struct evidence evidence;
	struct crash_coverage coverage; /* power cuts */
	struct crash_coverage widened;  /* of what was looked at before, for a checker */
	struct crew_coverage schedules; /* several at once */
	struct causes causes[PROPERTY_COUNT];
	const char *incomplete; /* why not all was played out; NULL */
	const char *skipped;    /* why nothing could be; NULL */
	bool has_chance;        /* in some run something differed that depends on chance */
	uint64_t left_running;  /* runs under a fault that left processes behind */
	bool has_acked;         /* in some run something was acknowledged, or should have been */
	char *message;          /* CHECK_MESSAGE_BYTES */
};

int check_run_kill(struct stage_run *run);
int check_run_power(struct stage_run *run);
int check_run_fault(struct stage_run *run);
int check_run_crew(struct stage_run *run);

#endif
