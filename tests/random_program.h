/*
 * Random programs of a few workers, for the tests of the explorer: short, and full of what is
 * easily got wrong. A step may read what decides where the next one reads or writes, whether it is
 * made at all, and how much it looks at; locks may never be given back.
 *
 * Method: a state is small enough to be copied, so all schedules can be gone through by recursion,
 * which knows nothing of the explorer. An outcome is what is in memory, what each worker read, and
 * where each ended. An order is which operations came before which that conflict with them.
 */
#ifndef TORNWRITE_TESTS_RANDOM_PROGRAM_H
#define TORNWRITE_TESTS_RANDOM_PROGRAM_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/footprint.h"

enum { PROGRAM_WORKERS = 4, PROGRAM_STEPS = 12, PROGRAM_CELLS = 4, PROGRAM_LOCKS = 2 };

enum step_kind {
	STEP_READ,       /* reads a cell into the worker's register */
	STEP_WRITE,      /* writes the value to a cell */
	STEP_COPY,       /* writes the register to a cell */
	STEP_COUNT,      /* adds the value to a cell, unseen */
	STEP_CLAIM,      /* writes a cell that is 0; else only reads it, as open(O_EXCL) does */
	STEP_FOLLOW,     /* reads a cell, then the cell whose number it holds */
	STEP_READ_SOME,  /* reads from a cell on */
	STEP_WRITE_SOME, /* writes from a cell on */
	STEP_LOCK,
	STEP_UNLOCK,
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

struct program_state {
	uint8_t cells[PROGRAM_CELLS];
	uint8_t holders[PROGRAM_LOCKS]; /* worker + 1 */
	uint8_t at[PROGRAM_WORKERS];
	uint8_t registers[PROGRAM_WORKERS];
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
	unsigned kinds = program_below(random, 3) ? STEP_KINDS : STEP_LOCK;

	*program = (struct program){.workers = workers};
	for (unsigned i = 0; i < workers; i++) {
		program->counts[i] = 1 + program_below(random, steps);
		for (unsigned k = 0; k < program->counts[i]; k++) {
			struct step *step = &program->steps[i][k];

			step->kind = (enum step_kind)program_below(random, kinds);
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

static inline bool program_waits(
	const struct program *program, const struct program_state *state, unsigned worker)
{
	const struct step *step = program_next(program, state, worker);
	unsigned holder = step ? state->holders[step->place % PROGRAM_LOCKS] : 0;

	return step && step->kind == STEP_LOCK && holder && holder != worker + 1;
}

static inline unsigned program_enabled(
	const struct program *program, const struct program_state *state)
{
	unsigned workers = 0;

	for (unsigned i = 0; i < program->workers; i++) {
		if (program_next(program, state, i) && !program_waits(program, state, i))
			workers |= 1U << i;
	}
	return workers;
}

static inline void program_touch(
	struct footprint *footprint, enum access_mode access, unsigned start, unsigned end)
{
	footprint_add(footprint, PIECE_DATA, access, 1, start,
		end < PROGRAM_CELLS ? end : PROGRAM_CELLS);
}

/* What the next step looks at and changes. */
static inline void program_footprint(const struct program *program,
	const struct program_state *state, unsigned worker, struct footprint *footprint)
{
	const struct step *step = program_next(program, state, worker);
	unsigned place = step->place, lock = place % PROGRAM_LOCKS;

	footprint->count = 0;
	switch (step->kind) {
	case STEP_READ:
		program_touch(footprint, ACCESS_READ, place, place + 1);
		break;
	case STEP_WRITE:
	case STEP_COPY:
		program_touch(footprint, ACCESS_WRITE, place, place + 1);
		break;
	case STEP_COUNT:
		program_touch(footprint, ACCESS_ADD, place, place + 1);
		break;
	case STEP_CLAIM:
		program_touch(footprint, state->cells[place] ? ACCESS_READ : ACCESS_WRITE, place,
			place + 1);
		break;
	case STEP_FOLLOW:
		program_touch(footprint, ACCESS_READ, place, place + 1);
		place = state->cells[place] % PROGRAM_CELLS;
		program_touch(footprint, ACCESS_READ, place, place + 1);
		break;
	case STEP_READ_SOME:
		program_touch(footprint, ACCESS_READ, place, place + step->value);
		break;
	case STEP_WRITE_SOME:
		program_touch(footprint, ACCESS_WRITE, place, place + step->value);
		break;
	default:
		/* A lock that one holds, or does not hold, oneself: nobody else can tell. */
		if ((step->kind == STEP_LOCK) == (state->holders[lock] != worker + 1))
			footprint_add(footprint, PIECE_FLOCK, ACCESS_WRITE, lock, 0, UINT64_MAX);
	}
}

static inline void program_see(struct program_state *state, unsigned worker, uint8_t value)
{
	state->registers[worker] = value;
	state->seen[worker] = program_mix(state->seen[worker], value);
}

static inline void program_step(
	const struct program *program, struct program_state *state, unsigned worker)
{
	const struct step *step = program_next(program, state, worker);
	uint8_t *cell = &state->cells[step->place];
	uint8_t *holder = &state->holders[step->place % PROGRAM_LOCKS];
	unsigned end = step->place + step->value;

	switch (step->kind) {
	case STEP_READ:
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
		for (unsigned i = step->place; i < end && i < PROGRAM_CELLS; i++)
			program_see(state, worker, state->cells[i]);
		break;
	case STEP_WRITE_SOME:
		for (unsigned i = step->place; i < end && i < PROGRAM_CELLS; i++)
			state->cells[i] = (uint8_t)(step->value + i);
		break;
	case STEP_LOCK:
		*holder = (uint8_t)(worker + 1);
		break;
	default:
		if (*holder == worker + 1)
			*holder = 0;
	}
	state->at[worker]++;
	while ((step = program_next(program, state, worker)) && step->is_conditional &&
		state->registers[worker] % 2)
		state->at[worker]++;
}

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
