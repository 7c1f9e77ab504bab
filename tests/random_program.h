/*
 * Random programs of a few workers, for the tests of the explorer: short, and full of what is
 * easily got wrong. What a worker read may decide where it reads next, whether it writes, and which
 * steps it makes; it may wait for locks that are never given back, and for what is never written.
 *
 * Method: a state is small enough to be copied, so that all schedules can be gone through by
 * recursion, without an explorer. Footprints are worked out beside the steps, not from them.
 */
#ifndef TORNWRITE_TESTS_RANDOM_PROGRAM_H
#define TORNWRITE_TESTS_RANDOM_PROGRAM_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/footprint.h"

enum {
	PROGRAM_WORKERS = 4,
	PROGRAM_STEPS = 20,
	PROGRAM_CELLS = 3,
	PROGRAM_LOCKS = 2,
	PROGRAM_TRIES = 3
};

enum step_kind {
	STEP_READ,       /* reads a cell into the worker's register */
	STEP_WRITE,      /* writes the value to a cell */
	STEP_COPY,       /* writes the register and the value, added, to a cell */
	STEP_COUNT,      /* adds the value to a cell, which it does not see */
	STEP_CLAIM,      /* writes the value to a cell that is 0, else only reads it: O_EXCL */
	STEP_FOLLOW,     /* reads a cell, then the one whose number it holds */
	STEP_READ_SOME,  /* reads as many cells as the value says */
	STEP_WRITE_SOME, /* writes them */
	STEP_AWAIT,      /* reads a cell once it is odd */
	STEP_LOCK,       /* these have numbers instead of cells */
	STEP_UNLOCK,
	STEP_TRY_LOCK, /* reads whether it got it */
	STEP_LOCK_ALL, /* once it can have all at the same time */
	STEP_POLL, /* reads a cell and then tries for a lock, as two operations: see struct poll */
	STEP_KINDS
};

struct step {
	enum step_kind kind;
	bool is_conditional; /* passed over while the register is odd */
	uint8_t place, value;
};

struct program {
	unsigned workers, counts[PROGRAM_WORKERS];
	struct step steps[PROGRAM_WORKERS][PROGRAM_STEPS];
};

/* A worker that polls and did not get the lock sleeps until somebody has changed what it looked at,
 * or nobody else can go on; no footprint tells. Then it begins again, a few times. */
struct poll {
	bool has_read, has_changed, is_asleep;
	uint8_t tries;
};

struct program_state {
	uint8_t cells[PROGRAM_CELLS];
	uint8_t holders[PROGRAM_LOCKS]; /* worker + 1 */
	uint8_t at[PROGRAM_WORKERS];
	uint8_t registers[PROGRAM_WORKERS];
	struct poll polls[PROGRAM_WORKERS];
	uint64_t seen[PROGRAM_WORKERS]; /* a hash of all that was read */
};

/* splitmix64: Steele, Lea, Flood, 2014. */
static inline uint64_t program_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static inline unsigned program_below(uint64_t *state, unsigned count)
{
	return (unsigned)(program_random(state) >> 33) % count;
}

static inline uint64_t program_mix(uint64_t hash, uint64_t word)
{
	hash ^= word;
	return program_random(&hash);
}

/* Of `workers` workers with at most `steps` steps each. */
static inline void program_make(
	struct program *program, uint64_t *random, unsigned workers, unsigned steps)
{
	enum { ANY, DATA, WAITING, POLLING, FLAVOURS } flavour = program_below(random, FLAVOURS);

	*program = (struct program){.workers = workers};
	for (unsigned i = 0; i < workers; i++) {
		program->counts[i] = 1 + program_below(random, steps);
		for (unsigned k = 0; k < program->counts[i]; k++) {
			struct step *step = &program->steps[i][k];

			step->kind =
				program_below(random, flavour == DATA ? STEP_AWAIT : STEP_KINDS);
			if (flavour == WAITING && program_below(random, 2))
				step->kind =
					STEP_AWAIT + program_below(random, STEP_KINDS - STEP_AWAIT);
			if (flavour == POLLING && !program_below(random, 3))
				step->kind = STEP_POLL;
			step->is_conditional = !program_below(random, 3);
			step->place = (uint8_t)program_below(random, PROGRAM_CELLS);
			step->value = (uint8_t)(1 + program_below(random, PROGRAM_CELLS));
		}
	}
}

static inline const struct step *program_next(
	const struct program *program, const struct program_state *state, unsigned worker)
{
	return state->at[worker] < program->counts[worker]
	               ? &program->steps[worker][state->at[worker]]
	               : NULL;
}

static inline bool program_is_free(
	const struct program_state *state, unsigned lock, unsigned worker)
{
	return !state->holders[lock] || state->holders[lock] == worker + 1;
}

static inline bool program_waits(
	const struct program *program, const struct program_state *state, unsigned worker)
{
	const struct step *step = program_next(program, state, worker);

	if (!step)
		return false;
	if (step->kind == STEP_AWAIT)
		return state->cells[step->place] % 2 == 0;
	if (step->kind == STEP_LOCK)
		return !program_is_free(state, step->place % PROGRAM_LOCKS, worker);
	if (step->kind == STEP_LOCK_ALL)
		return !program_is_free(state, 0, worker) || !program_is_free(state, 1, worker);
	return false;
}

static inline unsigned program_enabled(const struct program *program, struct program_state *state)
{
	unsigned workers = 0, asleep = 0;

	for (unsigned i = 0; i < program->workers; i++) {
		if (state->polls[i].is_asleep)
			asleep |= 1U << i;
		else if (program_next(program, state, i) && !program_waits(program, state, i))
			workers |= 1U << i;
	}
	if (workers || !asleep)
		return workers;
	for (unsigned i = 0; i < program->workers; i++)
		state->polls[i].is_asleep = false;
	return asleep;
}

static inline void program_touch(
	struct footprint *footprint, enum access_mode access, unsigned start, unsigned count)
{
	unsigned end = start + count < PROGRAM_CELLS ? start + count : PROGRAM_CELLS;

	footprint_add(footprint, PIECE_DATA, access, 1, start, end);
}

static inline void program_touch_lock(
	struct footprint *footprint, enum access_mode access, unsigned lock)
{
	footprint_add(footprint, PIECE_FLOCK, access, lock, 0, UINT64_MAX);
}

/* What a step does to locks. Nobody else can tell whether one takes a lock that one has, or gives
 * back one that one has not. */
static inline void program_lock_footprint(const struct step *step,
	const struct program_state *state, unsigned worker, struct footprint *footprint)
{
	unsigned lock = step->place % PROGRAM_LOCKS;
	bool is_mine = state->holders[lock] == worker + 1;

	if (step->kind == STEP_LOCK_ALL) {
		for (unsigned i = 0; i < PROGRAM_LOCKS; i++)
			program_touch_lock(footprint, ACCESS_WRITE, i);
	} else if (step->kind != STEP_LOCK && step->kind != STEP_UNLOCK &&
		   !program_is_free(state, lock, worker)) {
		program_touch_lock(footprint, ACCESS_READ, lock);
	} else if ((step->kind == STEP_UNLOCK) == is_mine) {
		program_touch_lock(footprint, ACCESS_WRITE, lock);
	}
}

/* What the next step looks at and changes, or would if it had not to wait. */
static inline void program_footprint(const struct program *program,
	const struct program_state *state, unsigned worker, struct footprint *footprint)
{
	const struct step *step = program_next(program, state, worker);
	unsigned place = step->place;

	footprint->count = 0;
	switch (step->kind) {
	case STEP_POLL:
		if (state->polls[worker].has_read) {
			program_lock_footprint(step, state, worker, footprint);
			break;
		}
		/* fall through */
	case STEP_READ:
	case STEP_AWAIT:
		program_touch(footprint, ACCESS_READ, place, 1);
		break;
	case STEP_WRITE:
	case STEP_COPY:
		program_touch(footprint, ACCESS_WRITE, place, 1);
		break;
	case STEP_COUNT:
		program_touch(footprint, ACCESS_ADD, place, 1);
		break;
	case STEP_CLAIM:
		program_touch(
			footprint, state->cells[place] ? ACCESS_READ : ACCESS_WRITE, place, 1);
		break;
	case STEP_FOLLOW:
		program_touch(footprint, ACCESS_READ, place, 1);
		program_touch(footprint, ACCESS_READ, state->cells[place] % PROGRAM_CELLS, 1);
		break;
	case STEP_READ_SOME:
		program_touch(footprint, ACCESS_READ, place, step->value);
		break;
	case STEP_WRITE_SOME:
		program_touch(footprint, ACCESS_WRITE, place, step->value);
		break;
	default:
		program_lock_footprint(step, state, worker, footprint);
	}
}

static inline void program_see(struct program_state *state, unsigned worker, uint8_t value)
{
	state->registers[worker] = value;
	state->seen[worker] = program_mix(state->seen[worker], value);
}

static inline void program_lock_step(
	const struct step *step, struct program_state *state, unsigned worker)
{
	uint8_t *holder = &state->holders[step->place % PROGRAM_LOCKS];
	bool is_free = program_is_free(state, step->place % PROGRAM_LOCKS, worker);

	if (step->kind == STEP_LOCK_ALL)
		memset(state->holders, (int)worker + 1, sizeof(state->holders));
	else if (step->kind == STEP_TRY_LOCK)
		program_see(state, worker, is_free);
	if (step->kind == STEP_UNLOCK && is_free)
		*holder = 0;
	else if (step->kind != STEP_UNLOCK && is_free)
		*holder = (uint8_t)(worker + 1);
}

/* Whether the step is over. */
static inline bool program_poll(
	const struct step *step, struct program_state *state, unsigned worker)
{
	struct poll *poll = &state->polls[worker];
	unsigned lock = step->place % PROGRAM_LOCKS;
	bool is_free = program_is_free(state, lock, worker);

	if (!poll->has_read) {
		program_see(state, worker, state->cells[step->place]);
		poll->has_read = true;
		poll->has_changed = false;
		return false;
	}
	program_see(state, worker, is_free);
	poll->has_read = false;
	if (is_free)
		state->holders[lock] = (uint8_t)(worker + 1);
	else if (++poll->tries < PROGRAM_TRIES)
		poll->is_asleep = !poll->has_changed;
	if (!is_free && poll->tries < PROGRAM_TRIES)
		return false;
	poll->tries = 0;
	return true;
}

/* Wakes those that polled what a step changes. */
static inline void program_tell(const struct program *program, struct program_state *state,
	unsigned worker, const struct footprint *footprint)
{
	for (unsigned i = 0; i < program->workers; i++) {
		const struct step *step = program_next(program, state, i);
		struct footprint looked_at = {0};

		if (i == worker || !step || step->kind != STEP_POLL)
			continue;
		program_touch(&looked_at, ACCESS_READ, step->place, 1);
		if (!state->polls[i].has_read)
			program_touch_lock(&looked_at, ACCESS_READ, step->place % PROGRAM_LOCKS);
		if (!footprints_conflict(&looked_at, footprint))
			continue;
		state->polls[i].has_changed = true;
		state->polls[i].is_asleep = false;
	}
}

static inline void program_data_step(
	const struct step *step, struct program_state *state, unsigned worker)
{
	uint8_t *cell = &state->cells[step->place];
	unsigned end = step->place + step->value;

	if (end > PROGRAM_CELLS)
		end = PROGRAM_CELLS;
	switch (step->kind) {
	case STEP_READ:
	case STEP_AWAIT:
		program_see(state, worker, *cell);
		break;
	case STEP_WRITE:
		*cell = step->value;
		break;
	case STEP_COPY:
		*cell = (uint8_t)(state->registers[worker] + step->value);
		break;
	case STEP_COUNT:
		*cell = (uint8_t)(*cell + step->value);
		break;
	case STEP_CLAIM:
		program_see(state, worker, *cell);
		if (!*cell)
			*cell = step->value;
		break;
	case STEP_FOLLOW:
		program_see(state, worker, *cell);
		program_see(state, worker, state->cells[*cell % PROGRAM_CELLS]);
		break;
	case STEP_READ_SOME:
		for (unsigned i = step->place; i < end; i++)
			program_see(state, worker, state->cells[i]);
		break;
	default:
		for (unsigned i = step->place; i < end; i++)
			state->cells[i] = (uint8_t)(step->value + i);
	}
}

/* Makes the next step, and passes over those that are not to be made after it. */
static inline void program_step(
	const struct program *program, struct program_state *state, unsigned worker)
{
	const struct step *step = program_next(program, state, worker);
	struct footprint footprint;

	program_footprint(program, state, worker, &footprint);
	program_tell(program, state, worker, &footprint);
	if (step->kind == STEP_POLL && !program_poll(step, state, worker))
		return;
	if (step->kind < STEP_LOCK)
		program_data_step(step, state, worker);
	else if (step->kind != STEP_POLL)
		program_lock_step(step, state, worker);
	state->at[worker]++;
	while ((step = program_next(program, state, worker)) && step->is_conditional &&
		state->registers[worker] % 2)
		state->at[worker]++;
}

/* What is in memory, what each worker read, and where it ended. */
static inline uint64_t program_outcome(
	const struct program *program, const struct program_state *state)
{
	uint64_t hash = 0;

	for (unsigned i = 0; i < PROGRAM_CELLS; i++)
		hash = program_mix(hash, state->cells[i]);
	for (unsigned i = 0; i < program->workers; i++) {
		hash = program_mix(hash, state->seen[i]);
		hash = program_mix(hash, state->at[i]);
	}
	return hash;
}

#endif
