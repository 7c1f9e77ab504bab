/*
 * What the runs of a program come to: those that an explorer wants, and all that there are.
 *
 * Method: a run is noted as three numbers: its schedule; its outcome; and its order, which is what
 * comes before what when only operations of one worker, and those that conflict, are in order. Runs
 * are alike when they have the same order. Failures end the test.
 */
#ifndef TORNWRITE_TESTS_SEEN_RUNS_H
#define TORNWRITE_TESTS_SEEN_RUNS_H

#include <errno.h>

#include "harness/explore.h"
#include "tests/random_program.h"

enum { MOST_SCHEDULES = 800, MOST_CHOICES = 64 };

/* ---- what was seen ---- */

struct set {
	uint64_t items[1 << 14];
	size_t count;
};

struct seen {
	struct set outcomes, schedules;
	struct set orders; /* of operations that conflict */
};

struct seen_event {
	unsigned worker, clock[PROGRAM_WORKERS];
	struct footprint footprint;
};

static struct seen_event seen_events[MOST_CHOICES];

static inline void seen_clear(struct seen *seen)
{
	seen->outcomes.count = seen->schedules.count = seen->orders.count = 0;
}

static inline void set_note(struct set *set, uint64_t item)
{
	assert_true(set->count < sizeof(set->items) / sizeof(*set->items));
	set->items[set->count++] = item;
}

static inline int set_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Leaves one of each. Returns how many there were more. */
static inline size_t set_tidy(struct set *set)
{
	size_t before = set->count, kept = 0;

	qsort(set->items, before, sizeof(*set->items), set_compare);
	for (size_t i = 0; i < before; i++) {
		if (!kept || set->items[kept - 1] != set->items[i])
			set->items[kept++] = set->items[i];
	}
	set->count = kept;
	return before - kept;
}

static inline bool set_is_same(const struct set *a, const struct set *b)
{
	return a->count == b->count && !memcmp(a->items, b->items, a->count * sizeof(*a->items));
}

/* Which operations come before which, if only those of one worker and those that conflict do. */
static inline uint64_t seen_order(size_t count)
{
	unsigned made[PROGRAM_WORKERS] = {0};
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		struct seen_event *event = &seen_events[i];
		uint64_t hash = event->worker;

		memset(event->clock, 0, sizeof(event->clock));
		for (size_t k = 0; k < i; k++) {
			if (seen_events[k].worker != event->worker &&
				!footprints_conflict(&seen_events[k].footprint, &event->footprint))
				continue;
			for (int j = 0; j < PROGRAM_WORKERS; j++) {
				if (event->clock[j] < seen_events[k].clock[j])
					event->clock[j] = seen_events[k].clock[j];
			}
		}
		event->clock[event->worker] = ++made[event->worker];
		for (int j = 0; j < PROGRAM_WORKERS; j++)
			hash = program_mix(hash, event->clock[j]);
		sum += hash;
	}
	return sum;
}

static inline void seen_note_run(struct seen *seen, const struct program *program,
	const struct program_state *state, size_t count)
{
	uint64_t schedule = count;

	for (size_t i = 0; i < count; i++)
		schedule = program_mix(schedule, seen_events[i].worker);
	set_note(&seen->outcomes, program_outcome(program, state));
	set_note(&seen->schedules, schedule);
	set_note(&seen->orders, seen_order(count));
}

static inline void seen_take_step(const struct program *program, struct program_state *state,
	unsigned worker, struct seen_event *event)
{
	event->worker = worker;
	program_footprint(program, state, worker, &event->footprint);
	program_step(program, state, worker);
}

/* ---- without an explorer ---- */

static inline void seen_go_through(
	struct seen *seen, const struct program *program, struct program_state *state, size_t depth)
{
	unsigned enabled = program_enabled(program, state);

	assert_true(depth < MOST_CHOICES);
	if (!enabled)
		seen_note_run(seen, program, state, depth);
	for (unsigned i = 0; enabled >> i && seen->schedules.count <= MOST_SCHEDULES; i++) {
		struct program_state next = *state;

		if (!(enabled >> i & 1))
			continue;
		seen_take_step(program, &next, i, &seen_events[depth]);
		seen_go_through(seen, program, &next, depth + 1);
	}
}

/* False: there are too many. */
static inline bool seen_find_all(struct seen *seen, const struct program *program)
{
	struct program_state start = {0};

	seen_clear(seen);
	seen_go_through(seen, program, &start, 0);
	if (seen->schedules.count > MOST_SCHEDULES)
		return false;
	assert_int_equal(set_tidy(&seen->schedules), 0);
	set_tidy(&seen->outcomes);
	set_tidy(&seen->orders);
	return true;
}

/* ---- with one ---- */

static inline void seen_tell_who_waits(
	struct explorer *explorer, const struct program *program, const struct program_state *state)
{
	for (unsigned i = 0; i < program->workers; i++) {
		struct footprint footprint;

		if (!program_waits(program, state, i))
			continue;
		program_footprint(program, state, i, &footprint);
		assert_int_equal(explorer_waits(explorer, i, &footprint), 0);
	}
}

static inline unsigned seen_count_preemptions(const unsigned *enabled, size_t count)
{
	unsigned preemptions = 0;

	for (size_t i = 1; i < count; i++) {
		preemptions += seen_events[i].worker != seen_events[i - 1].worker &&
		               enabled[i] >> seen_events[i - 1].worker & 1;
	}
	return preemptions;
}

/* Makes the run that was begun, up to `most` choices. Returns whether it came to its end. */
static inline bool seen_run(
	struct explorer *explorer, const struct program *program, size_t most, struct seen *seen)
{
	struct program_state state = {0};
	unsigned enabled[MOST_CHOICES];
	const unsigned char *schedule;
	size_t count = 0, length;
	int chosen = 0;

	enabled[0] = program_enabled(program, &state);
	while (count < most && enabled[count]) {
		chosen = explorer_choose(explorer, enabled[count]);
		if (chosen == -EAGAIN)
			break;
		assert_true(chosen >= 0 && enabled[count] >> chosen & 1);
		seen_take_step(program, &state, (unsigned)chosen, &seen_events[count]);
		assert_int_equal(explorer_went(explorer, &seen_events[count++].footprint), 0);
		enabled[count] = program_enabled(program, &state);
	}
	schedule = explorer_schedule(explorer, &length);
	assert_int_equal(length, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(schedule[i], seen_events[i].worker);
	assert_int_equal(explorer_preemptions(explorer), seen_count_preemptions(enabled, count));
	if (!enabled[count] || chosen == -EAGAIN)
		seen_tell_who_waits(explorer, program, &state);
	if (!enabled[count])
		seen_note_run(seen, program, &state, count);
	assert_int_equal(explorer_end(explorer, !enabled[count]), 0);
	return !enabled[count];
}

/* Runs all that the explorer wants. */
static inline struct explore_count seen_explore(
	const struct explore_options *options, const struct program *program, struct seen *seen)
{
	struct explorer *explorer = explorer_new(options);
	struct explore_count count;
	unsigned last = 0;
	int next;

	assert_non_null(explorer);
	seen_clear(seen);
	while ((next = explorer_begin(explorer)) == 1) {
		seen_run(explorer, program, MOST_CHOICES - 1, seen);
		explorer_count(explorer, &count);
		assert_false(count.is_exhaustive);
		if (options->order != EXPLORE_PREEMPTIONS)
			continue;
		assert_true(explorer_preemptions(explorer) >= last);
		last = explorer_preemptions(explorer);
	}
	assert_int_equal(next, 0);
	assert_int_equal(explorer_begin(explorer), 0);
	explorer_count(explorer, &count);
	assert_int_equal(count.runs, seen->schedules.count);
	explorer_free(explorer);
	return count;
}

static inline struct explore_count seen_explore_in(
	enum explore_order order, const struct program *program, struct seen *seen)
{
	struct explore_options options = {.order = order,
		.workers = program->workers,
		.random_runs = 20,
		.depth = 3,
		.preemptions = MOST_CHOICES};

	return seen_explore(&options, program, seen);
}

#endif
