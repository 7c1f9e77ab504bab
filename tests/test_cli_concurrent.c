/* End to end: several workers as a user has them played out, reads about them and replays them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdbool.h>
#include <sys/stat.h>

#include "tests/cli.h"
#include "tests/scratch.h"

static json_t *find_result(
	json_t *json, const char *subject, const char *fault, const char *property)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		if (is(item, "subject", subject) && is(item, "fault", fault) &&
			is(item, "property", property))
			return item;
	}
	fail_msg("no result for %s, %s, %s", subject, fault, property);
	return NULL;
}

static json_int_t number(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static json_t *schedules_of(json_t *result)
{
	return json_object_get(json_object_get(result, "evidence"), "schedules");
}

/* ---- results ---- */

static void test_cli_concurrent__the_counter_loses_what_a_lock_keeps(void **state)
{
	struct outcome outcome = RUN("run", "counter", "--json", "-", "--progress", "never");
	json_t *json, *lost, *kept;

	(void)state;
	skip_without_ptrace(&outcome);
	assert_int_equal(outcome.status, 0);
	json = parse(&outcome);
	lost = find_result(json, "counter", "concurrent", "isolation");
	kept = find_result(json, "counter-lock", "concurrent", "isolation");
	assert_int_equal(number(lost, "workers"), 2);
	assert_int_equal(number(lost, "readers"), 0);
	assert_string_equal(text(lost, "verdict"), "violated");
	assert_string_equal(text(lost, "level"), "read committed");
	assert_has(text(lost, "detail"), "lost update (G-single): 1 acknowledged");
	assert_true(json_is_object(schedules_of(lost)));
	/* Most of all schedules lose an update, and some do not. */
	assert_true(number(schedules_of(lost), "violating") > 0);
	assert_true(number(schedules_of(lost), "violating") <
		    number(json_object_get(lost, "evidence"), "runs"));
	assert_string_equal(text(kept, "verdict"), "holds");
	assert_string_equal(text(json_object_get(kept, "evidence"), "coverage"), "exhaustive");
	assert_int_equal(number(schedules_of(kept), "violating"), 0);
	assert_string_equal(text(kept, "witness"), "");
	json_decref(json);
}

static json_t *run_two(const char *jobs)
{
	struct outcome outcome = RUN("run", "two-writers", "--strategy",
		"counter,counter-lock,replace,replace-lock,maildir", "--seed", "7", "--jobs", jobs,
		"--json", "-", "--progress", "never");
	json_t *json = parse(&outcome);

	json_object_del(json, "timing");
	return json;
}

static void test_cli_concurrent__jobs_make_no_difference(void **state)
{
	json_t *one = run_two("1"), *two = run_two("2");

	(void)state;
	assert_true(json_array_size(json_object_get(one, "results")) > 0);
	assert_true(json_equal(one, two));
	json_decref(one);
	json_decref(two);
}

static void test_cli_concurrent__what_was_cut_short_never_holds(void **state)
{
	struct outcome outcome = RUN("run", "two-writers", "--strategy", "replace-lock",
		"--max-states", "3", "--require-complete", "--json", "-", "--progress", "never");
	json_t *json, *result;

	(void)state;
	skip_without_ptrace(&outcome);
	assert_int_equal(outcome.status, 5);
	json = parse(&outcome);
	result = find_result(json, "replace-lock", "concurrent", "isolation");
	assert_string_equal(text(result, "verdict"), "unknown");
	assert_string_equal(text(json_object_get(result, "evidence"), "coverage"), "bounded");
	assert_has(text(result, "detail"), "schedules in all");
	json_decref(json);
}

/* ---- replay ---- */

/* Returns the path of a witness that a run has just left. */
static const char *make_witness(void)
{
	static char path[256];
	struct outcome outcome = RUN("run", "two-writers", "--strategy", "counter", "--json", "-",
		"--progress", "never");
	json_t *json = parse(&outcome);

	snprintf(path, sizeof(path), "%s",
		text(find_result(json, "counter", "concurrent", "isolation"), "witness"));
	json_decref(json);
	assert_true(*path);
	return path;
}

static void test_cli_concurrent__replay_shows_a_lane_for_each_worker(void **state)
{
	const char *witness = make_witness();
	struct outcome outcome = RUN("replay", witness);
	const char *first, *second, *moment;

	(void)state;
	assert_int_equal(outcome.status, 1);
	first = strstr(outcome.out, "worker 1");
	second = strstr(outcome.out, "worker 2");
	moment = strstr(outcome.out, "<==");
	assert_true(first && second && moment);
	assert_true(first < second && second < moment);
	assert_has(outcome.out, "isolation violated: ");
	assert_has(outcome.out, "lost update (G-single): 1 acknowledged transaction gone");
	release(&outcome);
}

/* The witness with another schedule; NULL: with none. */
static void write_edited(const char *witness, const char *path, const char *schedule)
{
	json_t *json = json_load_file(witness, 0, NULL);
	json_t *plan = json_object_get(json, "plan");

	assert_non_null(plan);
	if (schedule) {
		json_t *edited = json_loads(schedule, JSON_DECODE_ANY, NULL);

		assert_non_null(edited);
		assert_int_equal(json_object_set_new(plan, "schedule", edited), 0);
	} else {
		assert_int_equal(json_object_del(plan, "schedule"), 0);
	}
	assert_int_equal(json_dump_file(json, path, 0), 0);
	json_decref(json);
}

static void test_cli_concurrent__an_edited_schedule_is_refused(void **state)
{
	static const char *const schedules[] = {"[[9, 1]]", "[[0, 500], [1, 500]]", "[[0, -1]]",
		"[[0]]", "7", "\"0 1\"", "[[0, 99999999999]]", "[[-1, 2]]", "[[0, \"x\"]]"};
	const char *witness = make_witness();

	(void)state;
	for (size_t i = 0; i < sizeof(schedules) / sizeof(schedules[0]); i++) {
		write_edited(witness, "edited.json", schedules[i]);

		struct outcome outcome = RUN("replay", "edited.json");

		if ((outcome.status != 2 && outcome.status != 3) || !*outcome.err)
			fail_msg("%s: status %d: %s", schedules[i], outcome.status, outcome.err);
		release(&outcome);
	}
}

/* ---- scenarios ---- */

static void refuse(const char *keys, const char *words)
{
	write_file("mistaken.ini", keys);
	expect_failure(RUN("run", "./mistaken.ini"), 2, words);
}

static void test_cli_concurrent__mistaken_keys_are_told_with_the_nearest_right_one(void **state)
{
	(void)state;
	refuse("worker = 2\n", "mistaken.ini:1: there is no key 'worker'; did you mean 'workers'?");
	refuse("reader = 1\n", "did you mean 'readers'?");
	refuse("workers = 2\nconcurrent_fault = kill\n", "did you mean 'concurrent_faults'?");
	refuse("workers = 2\nconcurrent_faults = kil\n", "did you mean 'kill'?");
	refuse("workers = 2\nconcurrent_models = posx\n", "did you mean 'posix'?");
	refuse("readers = x\n", "mistaken.ini:1: ");
	refuse("workers = 0\n", "mistaken.ini:1: ");
	refuse("workers = 999\n", "mistaken.ini:1: ");
	refuse("workers = 2\nschedules = 0\n", "mistaken.ini:2: ");
	refuse("workers = 2\nreduced = maybe\n", "mistaken.ini:2: ");
	refuse("faults = kill\nconcurrent_faults = kill\n", "need workers = 2 or more");
	refuse("faults = kill\nconcurrent_models = posix\n", "need workers = 2 or more");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cli_concurrent__the_counter_loses_what_a_lock_keeps),
		TEST(test_cli_concurrent__jobs_make_no_difference),
		TEST(test_cli_concurrent__what_was_cut_short_never_holds),
		TEST(test_cli_concurrent__replay_shows_a_lane_for_each_worker),
		TEST(test_cli_concurrent__an_edited_schedule_is_refused),
		TEST(test_cli_concurrent__mistaken_keys_are_told_with_the_nearest_right_one),
	};

	program = getenv("TORNWRITE");
	if (!program) {
		print_message("skipped: the environment does not say where TORNWRITE is\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
