/* What probe.c, probe_reader.c and probe_memory.c share. Nobody else includes it. */
#ifndef TORNWRITE_PROBE_PRIVATE_H
#define TORNWRITE_PROBE_PRIVATE_H

#include <stdatomic.h>

#include "harness/probe.h"

enum { STEP_COUNT = 4, STEP_NONE = -1 };

/* ---- the reader (harness/probe_reader.c) ---- */

enum { TURN_DRIVER = 0 };

/* What the driver and the reader share. */
struct report {
	_Atomic uint32_t turn; /* a futex: TURN_DRIVER, or a robust futex that the reader holds */
	enum probe_depth depth;
	bool is_worn; /* something is left in the reader that a new process would not have */
	int current;  /* the step it is in; STEP_NONE: not begun; STEP_COUNT: all done */
	struct step steps[STEP_COUNT];
	struct view view, after;
};

/* A process that answers one probe after the other. */
struct reader {
	const struct subject *subject;
	int directory_fd; /* borrowed: where the states stand */
	struct txn life;
	struct report *report;
	pid_t pid;        /* 0: there is none */
	unsigned answers; /* that it has given */
};

/* Returns 0 or -ENOMEM. Pair with probe_reader_release() in either case. The process is made when
 * it is needed. */
int probe_reader_init(
	struct reader *reader, const struct subject *subject, const struct workspace *workspace);
void probe_reader_release(struct reader *reader);

/* Ends the process, so that the next probe is made by a new one. */
void probe_reader_end(struct reader *reader);

/* Probes what stands in the directory; reader->report tells what was seen. *was_new: by a process
 * that had not seen any other state. Returns 0 or -errno: the harness failed. */
int probe_reader_run(struct reader *reader, enum probe_depth depth, bool *was_new);

/* ---- the memory (harness/probe_memory.c) ---- */

/* What is known about one tree. */
struct answer {
	XXH128_hash_t hash;
	uint32_t epoch; /* when it was last asked about */
	bool is_used;
	uint32_t probes[PROBE_DEPTHS]; /* index + 1; 0: not known */
};

/* Answers by the hash of the tree. Few are different from each other, and those are kept once. */
struct memory {
	struct answer *answers; /* a hash table with linear probing */
	size_t count, capacity; /* capacity is a power of two */
	struct outcome **outcomes;
	uint32_t outcome_count, outcome_capacity;
	uint32_t *outcome_table; /* the same, of index + 1; twice outcome_capacity long */
};

int probe_memory_init(struct memory *memory);
void probe_memory_release(struct memory *memory);

/* What is known about a tree, perhaps nothing yet. Valid until the next call. NULL: no memory. */
struct answer *probe_memory_find(struct memory *memory, const struct tree *tree);
/* NULL: not known. */
const struct probe *probe_memory_get(
	const struct memory *memory, const struct answer *answer, enum probe_depth depth);
/* Keeps what a reader reported. Returns 0 or -ENOMEM. */
int probe_memory_keep(struct memory *memory, struct answer *answer, const struct report *report);

#endif
