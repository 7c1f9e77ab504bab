/*
 * The explorer, held against going through all schedules of random programs by recursion: the
 * reduced search has every outcome and each order once, the full one and the levels of pre-emptions
 * have every schedule once. The programs in `hard` are small ones that a search without one of the
 * rules of explore_races.c got wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/seen_runs.h"

enum { PROGRAMS = 3000 };

static struct program random_program(uint64_t number)
{
	uint64_t random = number;
	unsigned workers = 2 + program_below(&random, 3);
	struct program program;

	program_make(&program, &random, workers, workers == 2 ? 5 : workers == 3 ? 3 : 2);
	return program;
}

/* ---- against all schedules ---- */

static struct seen all, found;

/* All but the last were found by searches that lacked something, and made as small as can be. */
static const struct program hard[] = {
	/* Who is to begin the other order is asleep where no order that begins with it is meant. */
	{3, {1, 2, 1},
		{{{STEP_WRITE, false, 0, 1}}, {{STEP_READ, false, 1, 1}, {STEP_READ, false, 0, 1}},
			{{STEP_READ, false, 0, 1}}}},
	/* Either of two lets a third go on. */
	{3, {1, 1, 1},
		{{{STEP_AWAIT, false, 0, 1}}, {{STEP_COUNT, false, 0, 2}},
			{{STEP_COUNT, false, 0, 1}}}},
	/* One waits, in some orders for ever, and could not go where the race began. */
	{3, {1, 1, 1},
		{{{STEP_COUNT, false, 0, 3}}, {{STEP_AWAIT, false, 0, 1}},
			{{STEP_COUNT, false, 0, 1}}}},
	/* What is read decides what else is read: asleep, but no longer the same. */
	{3, {1, 2, 1},
		{{{STEP_FOLLOW, false, 1, 1}},
			{{STEP_READ, false, 0, 1}, {STEP_WRITE, false, 1, 1}},
			{{STEP_WRITE, false, 0, 1}}}},
	/* A lock that was given back in between races with who took it first. */
	{2, {2, 1},
		{{{STEP_LOCK, false, 0, 1}, {STEP_UNLOCK, false, 0, 1}},
			{{STEP_LOCK, false, 0, 1}}}},
	/* Who waits tells something even in a run that is given up. */
	{3, {1, 1, 2},
		{{{STEP_LOCK, false, 1, 1}}, {{STEP_LOCK, false, 0, 1}},
			{{STEP_TRY_LOCK, false, 0, 1}, {STEP_LOCK, true, 1, 1}}}},
	/* Asleep and the same, but something comes before it now. */
	{3, {1, 2, 2},
		{{{STEP_LOCK_ALL, false, 0, 1}},
			{{STEP_READ, false, 0, 1}, {STEP_LOCK, false, 0, 1}},
			{{STEP_LOCK, false, 1, 1}, {STEP_UNLOCK, false, 1, 1}}}},
	/* What comes before a worker's previous operation comes before this one. */
	{3, {2, 1, 1},
		{{{STEP_AWAIT, false, 1, 1}, {STEP_WRITE, false, 0, 1}}, {{STEP_READ, false, 0, 1}},
			{{STEP_WRITE, false, 1, 1}}}},
	/* Two locks the wrong way round. */
	{2, {2, 2},
		{{{STEP_LOCK, false, 0, 1}, {STEP_LOCK, false, 1, 1}},
			{{STEP_LOCK, false, 1, 1}, {STEP_LOCK, false, 0, 1}}}},
};

/* Returns no runs if there are too many schedules to tell. */
static struct explore_count assert_reduced_right(
	const struct program *program, const char *what, unsigned number)
{
	struct explore_count count = {0};

	if (!seen_find_all(&all, program))
		return count;
	count = seen_explore_in(EXPLORE_REDUCED, program, &found);
	assert_true(count.is_exhaustive);
	assert_int_equal(count.preemptions, -1);
	assert_int_equal(set_tidy(&found.schedules), 0);
	if (set_tidy(&found.orders))
		fail_msg("%s %u: two runs are alike", what, number);
	set_tidy(&found.outcomes);
	if (!set_is_same(&found.outcomes, &all.outcomes))
		fail_msg("%s %u: %zu of %zu outcomes", what, number, found.outcomes.count,
			all.outcomes.count);
	if (!set_is_same(&found.orders, &all.orders))
		fail_msg("%s %u: %zu of %zu orders", what, number, found.orders.count,
			all.orders.count);
	return count;
}

static void test_explore__reduced_has_every_outcome_and_each_order_once(void **state)
{
	uint64_t programs = 0, runs = 0, given_up = 0;

	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		struct program program = random_program(i);
		struct explore_count count = assert_reduced_right(&program, "program", i);

		programs += count.runs > 0;
		runs += count.runs;
		given_up += count.given_up;
	}
	assert_true(programs > PROGRAMS / 2);
	assert_true(given_up < runs / 10);
}

static void test_explore__reduced_loses_nothing_where_it_is_hard(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(hard) / sizeof(*hard); i++)
		assert_reduced_right(&hard[i], "hard program", i);
}

static void test_explore__all_runs_every_schedule_once(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < PROGRAMS / 4; i++) {
		struct program program = random_program(i);

		if (!seen_find_all(&all, &program))
			continue;
		assert_true(seen_explore_in(EXPLORE_ALL, &program, &found).is_exhaustive);
		assert_int_equal(set_tidy(&found.schedules), 0);
		assert_true(set_is_same(&found.schedules, &all.schedules));
	}
}

static void test_explore__levels_of_preemptions_run_every_schedule_once(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < PROGRAMS / 4; i++) {
		struct program program = random_program(i);

		if (!seen_find_all(&all, &program))
			continue;
		assert_true(seen_explore_in(EXPLORE_PREEMPTIONS, &program, &found).is_exhaustive);
		assert_int_equal(set_tidy(&found.schedules), 0);
		assert_true(set_is_same(&found.schedules, &all.schedules));
	}
}

static void test_explore__random_runs_are_schedules_that_there_are(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < PROGRAMS / 4; i++) {
		struct program program = random_program(i);
		struct explore_count count;
		size_t known;

		if (!seen_find_all(&all, &program))
			continue;
		count = seen_explore_in(EXPLORE_RANDOM, &program, &found);
		assert_int_equal(count.runs, 20);
		assert_false(count.is_exhaustive);
		known = all.schedules.count;
		for (size_t k = 0; k < found.schedules.count; k++)
			set_note(&all.schedules, found.schedules.items[k]);
		set_tidy(&all.schedules);
		assert_int_equal(all.schedules.count, known);
	}
}

static const enum explore_order repeating[] = {EXPLORE_ALL, EXPLORE_REDUCED, EXPLORE_PREEMPTIONS};

/* ---- programs whose number of schedules is known ---- */

/* `workers` workers that make the same steps, each in a cell of its own or all in one. */
static struct program uniform_program(
	unsigned workers, unsigned steps, enum step_kind kind, bool is_shared)
{
	struct program program = {.workers = workers};

	for (unsigned i = 0; i < workers; i++) {
		program.counts[i] = steps;
		for (unsigned k = 0; k < steps; k++)
			program.steps[i][k] =
				(struct step){kind, false, (uint8_t)(is_shared ? 0 : i), 1};
	}
	return program;
}

static uint64_t runs_in(enum explore_order order, const struct program *program)
{
	struct explore_count count = seen_explore_in(order, program, &found);

	assert_true(count.is_exhaustive);
	return count.runs + count.given_up;
}

static void test_explore__what_commutes_is_run_once(void **state)
{
	struct program apart = uniform_program(3, 4, STEP_WRITE, false);
	struct program readers = uniform_program(4, 8, STEP_READ, true);
	struct program counters = uniform_program(4, 8, STEP_COUNT, true);

	(void)state;
	assert_int_equal(runs_in(EXPLORE_REDUCED, &apart), 1);
	assert_int_equal(runs_in(EXPLORE_REDUCED, &readers), 1);
	assert_int_equal(runs_in(EXPLORE_REDUCED, &counters), 1);
}

static void test_explore__what_conflicts_is_run_in_all_orders(void **state)
{
	struct program program = uniform_program(2, 6, STEP_WRITE, true);
	struct program locks = uniform_program(2, 1, STEP_LOCK, true);

	(void)state;
	assert_int_equal(runs_in(EXPLORE_ALL, &program), 924);
	assert_int_equal(seen_explore_in(EXPLORE_REDUCED, &program, &found).runs, 924);
	assert_int_equal(runs_in(EXPLORE_REDUCED, &locks), 2);
}

static struct explore_count explore_up_to(
	unsigned preemptions, const struct program *program, struct seen *seen)
{
	struct explore_options options = {.order = EXPLORE_PREEMPTIONS,
		.workers = program->workers,
		.preemptions = preemptions};

	return seen_explore(&options, program, seen);
}

static void test_explore__schedules_with_few_preemptions_are_as_many_as_computed(void **state)
{
	static const struct {
		unsigned steps, runs[4];
	} known[] = {{6, {2, 12, 62, 162}}, {10, {2, 20, 182, 830}}, {20, {2, 40, 762, 7260}}};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct program program = uniform_program(2, known[i].steps, STEP_WRITE, true);

		for (unsigned most = 0; most < 4; most++) {
			struct explore_count count = explore_up_to(most, &program, &found);

			assert_int_equal(count.runs, known[i].runs[most]);
			assert_int_equal(count.preemptions, most);
			assert_int_equal(count.longest, 2 * known[i].steps);
			assert_false(count.is_exhaustive);
		}
	}
}

static void test_explore__a_bound_that_cuts_nothing_off_is_exhaustive(void **state)
{
	struct program program = uniform_program(2, 2, STEP_WRITE, true);
	struct explore_count count;

	(void)state;
	count = explore_up_to(1, &program, &found);
	assert_int_equal(count.runs, 4);
	assert_false(count.is_exhaustive);
	count = explore_up_to(2, &program, &found);
	assert_int_equal(count.runs, 6);
	assert_true(count.is_exhaustive);
	count = explore_up_to(9, &program, &found);
	assert_int_equal(count.runs, 6);
	assert_int_equal(count.preemptions, 2);
}

static void test_explore__at_first_each_worker_goes_on_while_it_can(void **state)
{
	static const unsigned expected[] = {1, 1, 1, 0, 0, 2, 2};
	struct program program = uniform_program(3, 2, STEP_WRITE, true);

	(void)state;
	program.steps[0][0].kind = STEP_AWAIT;
	program.counts[1] = 3;
	program.steps[1][2] = program.steps[1][1];
	for (int i = 0; i < 3; i++) {
		struct explore_options options = {.order = repeating[i], .workers = 3};
		struct explorer *explorer = explorer_new(&options);

		seen_clear(&found);
		assert_int_equal(explorer_begin(explorer), 1);
		assert_true(seen_run(explorer, &program, MOST_CHOICES - 1, &found));
		for (unsigned k = 0; k < 7; k++)
			assert_int_equal(seen_events[k].worker, expected[k]);
		explorer_free(explorer);
	}
}

static void test_explore__long_runs_with_little_in_common_are_no_trouble(void **state)
{
	struct explore_options options = {.order = EXPLORE_REDUCED, .workers = 2};
	struct explorer *explorer = explorer_new(&options);
	unsigned runs = 0;

	(void)state;
	for (; explorer_begin(explorer) == 1; runs++) {
		unsigned left[2] = {5000, 5000}, enabled;

		while ((enabled = (left[0] ? 1 : 0) | (left[1] ? 2 : 0))) {
			struct footprint footprint = {0};
			int worker = explorer_choose(explorer, enabled);

			if (worker == -EAGAIN)
				break;
			assert_true(worker >= 0);
			footprint_add(&footprint, PIECE_DATA, ACCESS_WRITE,
				left[worker]-- == 2500 ? 2 : (uint32_t)worker, 0, 10);
			assert_int_equal(explorer_went(explorer, &footprint), 0);
		}
		assert_int_equal(explorer_end(explorer, !enabled), 0);
	}
	assert_int_equal(runs, 2);
	explorer_free(explorer);
}

/* ---- at random ---- */

static struct explore_count explore_randomly(
	uint64_t seed, unsigned depth, const struct program *program, struct seen *seen)
{
	struct explore_options options = {.order = EXPLORE_RANDOM,
		.workers = program->workers,
		.seed = seed,
		.random_runs = 300,
		.depth = depth};

	return seen_explore(&options, program, seen);
}

static void test_explore__a_seed_repeats_itself(void **state)
{
	struct program program = uniform_program(3, 6, STEP_WRITE, true);

	(void)state;
	assert_int_equal(explore_randomly(1, 3, &program, &all).runs, 300);
	explore_randomly(1, 3, &program, &found);
	assert_true(set_is_same(&all.schedules, &found.schedules));
	explore_randomly(2, 3, &program, &found);
	assert_false(set_is_same(&all.schedules, &found.schedules));
	assert_true(found.schedules.count - set_tidy(&found.schedules) > 50);
}

static void test_explore__priorities_change_as_often_as_the_depth_says(void **state)
{
	struct program program = uniform_program(3, 6, STEP_WRITE, true);

	(void)state;
	/* Without a change: who is first, second and third. */
	explore_randomly(1, 1, &program, &found);
	set_tidy(&found.schedules);
	assert_int_equal(found.schedules.count, 6);
	explore_randomly(1, 0, &program, &found);
	set_tidy(&found.schedules);
	assert_int_equal(found.schedules.count, 6);
	/* With one, those with at most one pre-emption; there are not many. */
	explore_randomly(1, 2, &program, &found);
	set_tidy(&found.schedules);
	explore_up_to(1, &program, &all);
	set_tidy(&all.schedules);
	for (size_t i = 0, at = 0; i < found.schedules.count; i++) {
		while (at < all.schedules.count &&
			all.schedules.items[at] < found.schedules.items[i])
			at++;
		assert_true(at < all.schedules.count);
		assert_true(all.schedules.items[at] == found.schedules.items[i]);
	}
	assert_true(found.schedules.count > 20);
}

/* ---- what is not as it should be ---- */

/* Begins a second run of two workers that write the same cell twice, and takes its first step. */
static struct explorer *begin_again(enum explore_order order)
{
	struct program program = uniform_program(2, 2, STEP_WRITE, true);
	struct explore_options options = {.order = order, .workers = 2, .preemptions = 9};
	struct explorer *explorer = explorer_new(&options);

	for (int i = 0; i < 3; i++) {
		seen_clear(&found);
		assert_int_equal(explorer_begin(explorer), 1);
		if (i < 2)
			assert_true(seen_run(explorer, &program, MOST_CHOICES - 1, &found));
	}
	return explorer;
}

static void assert_spoilt(struct explorer *explorer)
{
	struct program program = uniform_program(2, 2, STEP_WRITE, true);
	struct explore_count count;

	while (explorer_begin(explorer) == 1) {
		seen_clear(&found);
		seen_run(explorer, &program, MOST_CHOICES - 1, &found);
	}
	explorer_count(explorer, &count);
	assert_false(count.is_exhaustive);
	explorer_free(explorer);
}

static void test_explore__other_workers_than_before_are_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct explorer *explorer = begin_again(repeating[i]);

		assert_int_equal(explorer_choose(explorer, 1), -EPROTO);
		assert_int_equal(explorer_end(explorer, false), 0);
		assert_spoilt(explorer);
	}
}

static void test_explore__another_footprint_than_before_is_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct explorer *explorer = begin_again(repeating[i]);
		struct footprint footprint = {0};

		footprint_add(&footprint, PIECE_DATA, ACCESS_WRITE, 1, 0, 2);
		assert_int_equal(explorer_choose(explorer, 3), 0);
		assert_int_equal(explorer_went(explorer, &footprint), -EPROTO);
		assert_int_equal(explorer_end(explorer, false), 0);
		assert_spoilt(explorer);
	}
}

static void test_explore__an_earlier_end_than_before_is_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct explorer *explorer = begin_again(repeating[i]);

		assert_int_equal(explorer_end(explorer, true), -EPROTO);
		assert_spoilt(explorer);
	}
}

/* Breaks off one run after another after some choices, and goes on. */
static void test_explore__a_search_with_a_run_that_was_broken_off_is_not_exhaustive(void **state)
{
	struct program program = uniform_program(2, 2, STEP_WRITE, true);

	(void)state;
	for (unsigned i = 0; i < 3 * 6 * 4; i++) {
		struct explore_options options = {
			.order = repeating[i / 24], .workers = 2, .preemptions = 9};
		struct explorer *explorer = explorer_new(&options);
		struct explore_count count;
		unsigned runs = 0;

		seen_clear(&found);
		for (; explorer_begin(explorer) == 1; runs++)
			seen_run(explorer, &program, runs == i / 4 % 6 ? i % 4 : 9, &found);
		assert_true(runs > 1 || i % 24 < 4);
		explorer_count(explorer, &count);
		assert_false(count.is_exhaustive);
		assert_int_equal(count.runs + count.given_up, runs - 1);
		/* Two runs a level. */
		if (options.order == EXPLORE_PREEMPTIONS)
			assert_int_equal(count.preemptions, (int)(i / 4 % 6) / 2 - 1);
		explorer_free(explorer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explore__reduced_has_every_outcome_and_each_order_once),
		cmocka_unit_test(test_explore__reduced_loses_nothing_where_it_is_hard),
		cmocka_unit_test(test_explore__all_runs_every_schedule_once),
		cmocka_unit_test(test_explore__levels_of_preemptions_run_every_schedule_once),
		cmocka_unit_test(test_explore__random_runs_are_schedules_that_there_are),
		cmocka_unit_test(test_explore__what_commutes_is_run_once),
		cmocka_unit_test(test_explore__what_conflicts_is_run_in_all_orders),
		cmocka_unit_test(
			test_explore__schedules_with_few_preemptions_are_as_many_as_computed),
		cmocka_unit_test(test_explore__a_bound_that_cuts_nothing_off_is_exhaustive),
		cmocka_unit_test(test_explore__at_first_each_worker_goes_on_while_it_can),
		cmocka_unit_test(test_explore__long_runs_with_little_in_common_are_no_trouble),
		cmocka_unit_test(test_explore__a_seed_repeats_itself),
		cmocka_unit_test(test_explore__priorities_change_as_often_as_the_depth_says),
		cmocka_unit_test(test_explore__other_workers_than_before_are_refused),
		cmocka_unit_test(test_explore__another_footprint_than_before_is_refused),
		cmocka_unit_test(test_explore__an_earlier_end_than_before_is_refused),
		cmocka_unit_test(
			test_explore__a_search_with_a_run_that_was_broken_off_is_not_exhaustive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
