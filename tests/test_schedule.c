/* Schedules: what is kept of a list of choices, its JSON form, and who goes on when it is followed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/schedule.h"

static struct schedule schedule_of(const char *choices)
{
	unsigned char numbers[64];
	struct schedule schedule;
	size_t count = strlen(choices);

	for (size_t i = 0; i < count; i++)
		numbers[i] = (unsigned char)(choices[i] - '0');
	assert_int_equal(schedule_init(&schedule, numbers, count, 0), 0);
	return schedule;
}

static void assert_choices(const struct schedule *schedule, const char *expected)
{
	char text[64] = "";

	assert_true(schedule->count < sizeof(text));
	for (size_t i = 0; i < schedule->count; i++)
		text[i] = (char)('0' + schedule->choices[i]);
	assert_string_equal(text, expected);
}

/* ---- what is kept ---- */

static void test_schedule__the_last_worker_goes_on_by_itself(void **state)
{
	static const char *const cases[][2] = {{"", ""}, {"0", "0"}, {"1", "1"}, {"000", "0"},
		{"0111", "01"}, {"01", "01"}, {"0011001", "0011001"}, {"00110011", "0011001"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct schedule schedule = schedule_of(cases[i][0]);

		assert_choices(&schedule, cases[i][1]);
		schedule_release(&schedule);
	}
}

static void test_schedule__choices_are_copied_and_preemptions_kept(void **state)
{
	unsigned char choices[] = {0, 1, 0};
	struct schedule schedule;

	(void)state;
	assert_int_equal(schedule_init(&schedule, choices, 3, 2), 0);
	memset(choices, 7, sizeof(choices));
	assert_choices(&schedule, "010");
	assert_int_equal(schedule.preemptions, 2);
	schedule_release(&schedule);
	assert_null(schedule.choices);
	assert_int_equal(schedule.count, 0);
}

/* ---- JSON ---- */

static void assert_json(const struct schedule *schedule, const char *expected)
{
	json_t *json = schedule_to_json(schedule);
	char *text = json_dumps(json, JSON_COMPACT);

	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
}

static void test_schedule__json_is_a_list_of_runs(void **state)
{
	static const char *const cases[][2] = {{"", "[]"}, {"0", "[[0,1]]"},
		{"0000011", "[[0,5],[1,1]]"}, {"01201", "[[0,1],[1,1],[2,1],[0,1],[1,1]]"},
		{"70", "[[7,1],[0,1]]"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct schedule schedule = schedule_of(cases[i][0]);

		assert_json(&schedule, cases[i][1]);
		schedule_release(&schedule);
	}
}

static int parse(const char *text, struct schedule *schedule)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	int err;

	assert_non_null(json);
	err = schedule_from_json(json, schedule);
	json_decref(json);
	return err;
}

static void test_schedule__json_comes_back_as_it_went(void **state)
{
	static const char *const cases[] = {"", "0", "1", "01", "0000000100", "012345670", "7"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct schedule schedule = schedule_of(cases[i]), again;
		json_t *json = schedule_to_json(&schedule);

		assert_int_equal(schedule_from_json(json, &again), 0);
		assert_int_equal(again.count, schedule.count);
		if (again.count)
			assert_memory_equal(again.choices, schedule.choices, again.count);
		json_decref(json);
		schedule_release(&schedule);
		schedule_release(&again);
	}
}

static void test_schedule__json_written_by_hand_is_trimmed_too(void **state)
{
	struct schedule schedule;

	(void)state;
	assert_int_equal(parse("[[0, 2], [0, 1], [1, 9]]", &schedule), 0);
	assert_choices(&schedule, "0001");
	schedule_release(&schedule);
}

static void test_schedule__malformed_json_is_refused(void **state)
{
	static const char *const cases[] = {"null", "{}", "3", "\"[]\"", "[0, 5]", "[[0]]", "[[]]",
		"[[0, 5, 1]]", "[[0, \"5\"]]", "[[0, 1.5]]", "[[-1, 1]]", "[[8, 1]]", "[[256, 1]]",
		"[[4294967296, 1]]", "[[0, 0]]", "[[0, -1]]", "[[0, 1], null]", "[[0, 1], [1, 0]]",
		"[{\"0\": 5}]", "[[0, 20001]]", "[[0, 20000], [1, 1]]",
		"[[0, 9223372036854775807]]"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct schedule schedule;
		int err = parse(cases[i], &schedule);

		if (err != -EPROTO)
			fprintf(stderr, "not refused: %s\n", cases[i]);
		assert_int_equal(err, -EPROTO);
		schedule_release(&schedule);
	}
}

static void test_schedule__as_many_choices_as_a_run_may_have_can_be_read(void **state)
{
	struct schedule schedule;

	(void)state;
	assert_int_equal(parse("[[0, 19999], [1, 1]]", &schedule), 0);
	assert_int_equal(schedule.count, 20000);
	schedule_release(&schedule);
}

/* ---- following it ---- */

static int choose(struct schedule_follower *follower, unsigned enabled)
{
	return follower->scheduler.choose(follower->scheduler.context, enabled);
}

static void test_schedule__a_follower_goes_through_the_list(void **state)
{
	struct schedule schedule = schedule_of("0102");
	struct schedule_follower follower;

	(void)state;
	schedule_follow(&follower, &schedule);
	assert_int_equal(choose(&follower, 7), 0);
	assert_int_equal(choose(&follower, 7), 1);
	assert_int_equal(choose(&follower, 7), 0);
	assert_int_equal(choose(&follower, 4), 2);
	schedule_release(&schedule);
}

static void test_schedule__after_the_list_the_same_goes_on_and_then_the_lowest(void **state)
{
	struct schedule schedule = schedule_of("1");
	struct schedule_follower follower;

	(void)state;
	schedule_follow(&follower, &schedule);
	assert_int_equal(choose(&follower, 7), 1);
	assert_int_equal(choose(&follower, 7), 1);
	assert_int_equal(choose(&follower, 5), 0);
	assert_int_equal(choose(&follower, 7), 0);
	assert_int_equal(choose(&follower, 4), 2);
	assert_int_equal(choose(&follower, 6), 2);
	assert_int_equal(choose(&follower, 2), 1);
	schedule_release(&schedule);
}

static void test_schedule__without_a_list_the_lowest_goes_first(void **state)
{
	struct schedule schedule = schedule_of("");
	struct schedule_follower follower;

	(void)state;
	schedule_follow(&follower, &schedule);
	assert_int_equal(choose(&follower, 6), 1);
	assert_int_equal(choose(&follower, 7), 1);
	assert_int_equal(choose(&follower, 0x80), 7);
}

static void test_schedule__a_choice_that_cannot_be_made_is_another_run(void **state)
{
	struct schedule schedule = schedule_of("010");
	struct schedule_follower follower;

	(void)state;
	schedule_follow(&follower, &schedule);
	assert_int_equal(choose(&follower, 3), 0);
	assert_int_equal(choose(&follower, 1), -EPROTO);
	schedule_release(&schedule);
}

static void test_schedule__a_follower_does_not_mind_what_is_touched(void **state)
{
	struct schedule schedule = schedule_of("0");
	struct schedule_follower follower;
	struct footprint footprint = {0};

	(void)state;
	schedule_follow(&follower, &schedule);
	assert_int_equal(follower.scheduler.went(follower.scheduler.context, &footprint), 0);
	assert_int_equal(follower.scheduler.waits(follower.scheduler.context, 1, &footprint), 0);
	assert_int_equal(choose(&follower, 3), 0);
	schedule_release(&schedule);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schedule__the_last_worker_goes_on_by_itself),
		cmocka_unit_test(test_schedule__choices_are_copied_and_preemptions_kept),
		cmocka_unit_test(test_schedule__json_is_a_list_of_runs),
		cmocka_unit_test(test_schedule__json_comes_back_as_it_went),
		cmocka_unit_test(test_schedule__json_written_by_hand_is_trimmed_too),
		cmocka_unit_test(test_schedule__malformed_json_is_refused),
		cmocka_unit_test(test_schedule__as_many_choices_as_a_run_may_have_can_be_read),
		cmocka_unit_test(test_schedule__a_follower_goes_through_the_list),
		cmocka_unit_test(
			test_schedule__after_the_list_the_same_goes_on_and_then_the_lowest),
		cmocka_unit_test(test_schedule__without_a_list_the_lowest_goes_first),
		cmocka_unit_test(test_schedule__a_choice_that_cannot_be_made_is_another_run),
		cmocka_unit_test(test_schedule__a_follower_does_not_mind_what_is_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
