/* Scenario files: what a good one says, and what is said about a bad one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "harness/plugins.h"
#include "harness/scenario.h"
#include "tests/scratch.h"

static struct scenario scenario;
static char message[1024];

static int load(const char *text)
{
	FILE *file = fopen("./s.ini", "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	message[0] = 0;
	return scenario_load(&scenario, "./s.ini", message, sizeof(message));
}

static void load_well(const char *text)
{
	if (load(text))
		fail_msg("%s", message);
}

static void assert_refused(const char *text, const char *expected)
{
	assert_int_equal(load(text), -EINVAL);
	assert_string_equal(message, expected);
}

static int leave(void **state)
{
	scenario_release(&scenario);
	return scratch_leave(state);
}

static bool has_strategy(const char *name)
{
	for (size_t i = 0; i < scenario.strategy_count; i++) {
		if (!strcmp(scenario.strategies[i]->name, name))
			return true;
	}
	return false;
}

/* ---- good ones ---- */

static void test_scenario__every_key(void **state)
{
	(void)state;
	load_well("; a comment\n"
		  "summary = one line\n"
		  "strategies = append, replace*  append\n"
		  "faults = kill eio\n"
		  "txns = 7\n"
		  "payload = 4096\n"
		  "fiu = enable name=posix/io/rw/write,failinfo=ENOSPC\n"
		  "fiu = enable_random name=posix/io/dir/*,probability=0.5\n"
		  "fiu_runs = 9\n"
		  "[expect]\n"
		  "replace*.kill.atomicity = holds\n"
		  "append.durability = violated\n");
	assert_string_equal(scenario.name, "./s.ini");
	assert_string_equal(scenario.summary, "one line");
	assert_string_equal(scenario.strategies[0]->name, "append");
	assert_true(has_strategy("replace-fsync"));
	assert_false(has_strategy("append-crc"));
	assert_int_equal(scenario.fault_count, 2);
	assert_string_equal(scenario.faults[0]->name, "kill");
	assert_string_equal(scenario.faults[1]->name, "eio");
	assert_int_equal(scenario.workload.txns, 7);
	assert_int_equal(scenario.workload.base_bytes, 4096);
	assert_string_equal(scenario.commands,
		"enable name=posix/io/rw/write,failinfo=28\n"
		"enable_random name=posix/io/dir/*,probability=0.5\n");
	assert_int_equal(scenario.fiu_runs, 9);
	assert_int_equal(scenario.expectation_count, 2);
	assert_string_equal(scenario.expectations[0].subject, "replace*");
	assert_string_equal(scenario.expectations[0].fault, "kill");
	assert_int_equal(scenario.expectations[0].property, ATOMICITY);
	assert_int_equal(scenario.expectations[0].verdict, VERDICT_HOLDS);
	assert_string_equal(scenario.expectations[1].subject, "append");
	assert_null(scenario.expectations[1].fault);
	assert_int_equal(scenario.expectations[1].property, DURABILITY);
	assert_int_equal(scenario.expectations[1].verdict, VERDICT_VIOLATED);
}

static void test_scenario__what_is_not_said_has_a_default(void **state)
{
	(void)state;
	load_well("faults = *\n");
	assert_int_equal(scenario.strategy_count, strategy_count);
	assert_int_equal(scenario.fault_count, fault_count);
	assert_int_equal(scenario.workload.base_bytes, TXN_DEFAULT_BYTES);
	assert_true(scenario.workload.txns >= 1);
	assert_null(scenario.commands);
	assert_null(scenario.summary);
	assert_int_equal(scenario.expectation_count, 0);
}

static void test_scenario__line_ends_of_another_system_do_not_matter(void **state)
{
	(void)state;
	load_well("\xef\xbb\xbf"
		  "faults = kill\r\ntxns = 3\r\n\r\n");
	assert_int_equal(scenario.workload.txns, 3);
}

static void test_scenario__the_ends_of_a_range_are_in_it(void **state)
{
	(void)state;
	load_well("faults = kill\ntxns = 1\npayload = 32\nfiu_runs = 1\n");
	scenario_release(&scenario);
	load_well("faults = kill\ntxns = 1000\npayload = 1048576\nfiu_runs = 1000000\n");
}

static void test_scenario__every_verdict_and_property_can_be_expected(void **state)
{
	(void)state;
	load_well("faults = kill\n[expect]\n"
		  "append.none.atomicity = not-tested\n"
		  "append.fiu.consistency = unknown\n"
		  "append.kill*.isolation = holds\n"
		  "*.*.durability = violated\n");
	for (int i = 0; i < PROPERTY_COUNT; i++)
		assert_int_equal(scenario.expectations[i].property, i);
}

static void test_scenario__a_selection_keeps_what_matches(void **state)
{
	(void)state;
	load_well("strategies = append append-crc replace\nfaults = kill\n");
	assert_int_equal(scenario_select(&scenario, "append*, maildir", message, 1024), 0);
	assert_int_equal(scenario.strategy_count, 2);
	assert_int_equal(scenario_select(&scenario, "zzz*", message, 1024), 0);
	assert_int_equal(scenario.strategy_count, 0);
	assert_int_equal(scenario_select(&scenario, "apend", message, 1024), -EINVAL);
	assert_string_equal(
		message, "--strategy: there is no strategy 'apend'; did you mean 'append'?");
}

/* ---- bad ones ---- */

static void test_scenario__unknown_words_are_told_with_line_and_suggestion(void **state)
{
	(void)state;
	assert_refused("faults = kill\n\nstrategy = append\n",
		"./s.ini:3: there is no key 'strategy'; did you mean 'strategies'?");
	assert_refused("strategies = append repalce\n",
		"./s.ini:1: there is no strategy 'repalce'; did you mean 'replace'?");
	assert_refused("strategies = zzz*\n", "./s.ini:1: no strategy matches 'zzz*'");
	assert_refused(
		"faults = kil\n", "./s.ini:1: there is no fault 'kil'; did you mean 'kill'?");
	assert_refused("faults = e?\n", "./s.ini:1: no fault matches 'e?'");
	assert_refused("faults = kill\n[expected]\nappend.atomicity = holds\n",
		"./s.ini:2: there is no section [expected]; did you mean [expect]?");
	assert_refused("faults = kill\nno equals sign\n", "./s.ini:2: not of the form KEY = VALUE");
	assert_refused("fiu = enable name=posix/io/rw/wrte\n",
		"./s.ini:1: fiu = enable name=posix/io/rw/wrte: there is no point "
		"'posix/io/rw/wrte'; did you mean 'posix/io/rw/write'?");
}

static void assert_bad_expectation(const char *line, const char *expected)
{
	char text[256], whole[256];

	snprintf(text, sizeof(text), "faults = kill\n[expect]\n%s\n", line);
	snprintf(whole, sizeof(whole), "./s.ini:3: %s", expected);
	assert_refused(text, whole);
}

static void test_scenario__bad_expectations(void **state)
{
	(void)state;
	assert_bad_expectation("append.kill.atomicty = holds",
		"there is no property 'atomicty'; did you mean 'atomicity'?");
	assert_bad_expectation(
		"append.atomicity = hold", "there is no verdict 'hold'; did you mean 'holds'?");
	assert_bad_expectation("appendix.atomicity = holds",
		"there is no strategy 'appendix'; did you mean 'append'?");
	assert_bad_expectation(
		"append.kil.atomicity = holds", "there is no fault 'kil'; did you mean 'kill'?");
	assert_bad_expectation("append = holds",
		"[expect] append: want STRATEGY.PROPERTY or STRATEGY.FAULT.PROPERTY");
	assert_bad_expectation("append.kill.once.atomicity = holds",
		"there is no property 'once.atomicity'; did you mean 'atomicity'?");
}

static void test_scenario__bad_numbers(void **state)
{
	static const char *const numbers[] = {
		"0", "1001", "-1", "+1", "two", "2.5", "0x10", "", "99999999999999999999"};
	char text[128], expected[128];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		snprintf(text, sizeof(text), "faults = kill\ntxns = %s\n", numbers[i]);
		snprintf(expected, sizeof(expected),
			"./s.ini:2: txns = %s: not a number from 1 to 1000", numbers[i]);
		assert_refused(text, expected);
	}
	assert_refused(
		"payload = 31\n", "./s.ini:1: payload = 31: not a number from 32 to 1048576");
	assert_refused("payload = 1048577\n",
		"./s.ini:1: payload = 1048577: not a number from 32 to 1048576");
	assert_refused("fiu_runs = 0\n", "./s.ini:1: fiu_runs = 0: not a number from 1 to 1000000");
}

static void test_scenario__only_the_first_mistake_is_told(void **state)
{
	(void)state;
	assert_refused("txns = none\nfaults = nothing\n",
		"./s.ini:1: txns = none: not a number from 1 to 1000");
}

static void test_scenario__a_file_that_says_nothing(void **state)
{
	(void)state;
	assert_refused("", "./s.ini: nothing to do: no 'faults' and no 'fiu'");
	assert_refused("summary = x\n", "./s.ini: nothing to do: no 'faults' and no 'fiu'");
}

static void test_scenario__a_file_that_is_not_there(void **state)
{
	(void)state;
	assert_int_equal(scenario_load(&scenario, "./no.ini", message, 1024), -EINVAL);
	assert_string_equal(message, "./no.ini: No such file or directory");
	assert_int_equal(scenario_load(&scenario, "no.ini", message, 1024), -EINVAL);
	assert_string_equal(message, "no.ini: No such file or directory");
}

static void test_scenario__a_built_in_one_that_is_mistyped(void **state)
{
	(void)state;
	assert_int_equal(scenario_load(&scenario, "quik", message, 1024), -EINVAL);
	assert_string_equal(message, "there is no scenario 'quik'; did you mean 'quick'?");
}

static void test_scenario__a_directory_is_refused(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d.ini", 0700), 0);
	assert_int_equal(scenario_load(&scenario, "./d.ini", message, 1024), -EINVAL);
	assert_non_null(strstr(message, "./d.ini: "));
}

/* A line of 1, 2, 4, ... kilobytes is understood as a whole or refused, never cut. */
static void test_scenario__a_long_line_is_not_cut(void **state)
{
	static char text[70000];

	(void)state;
	for (size_t blanks = 100; blanks < 60000; blanks *= 2) {
		int length = sprintf(text, "faults = kill%*s eio\n", (int)blanks, "");

		assert_true(length > 0);
		if (!load(text))
			assert_int_equal(scenario.fault_count, 2);
		scenario_release(&scenario);
	}
}

static void test_scenario__a_directory_is_called_one(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d.ini", 0700), 0);
	assert_int_equal(scenario_load(&scenario, "./d.ini", message, 1024), -EINVAL);
	assert_string_equal(message, "./d.ini: Is a directory");
}

static void test_scenario__a_long_list_of_strategies_is_understood(void **state)
{
	static char text[4096];
	int length = sprintf(text, "faults = kill\nstrategies =");

	(void)state;
	for (size_t i = 0; i < strategy_count; i++)
		length += sprintf(text + length, " %s", strategies[i]->name);
	strcpy(text + length, "\n");
	load_well(text);
	assert_int_equal(scenario.strategy_count, strategy_count);
}

static void test_scenario__an_empty_section_is_checked_too(void **state)
{
	(void)state;
	assert_int_equal(load("faults = kill\n[expct]\n"), -EINVAL);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_scenario__every_key),
		TEST(test_scenario__what_is_not_said_has_a_default),
		TEST(test_scenario__line_ends_of_another_system_do_not_matter),
		TEST(test_scenario__the_ends_of_a_range_are_in_it),
		TEST(test_scenario__every_verdict_and_property_can_be_expected),
		TEST(test_scenario__a_selection_keeps_what_matches),
		TEST(test_scenario__unknown_words_are_told_with_line_and_suggestion),
		TEST(test_scenario__bad_expectations),
		TEST(test_scenario__bad_numbers),
		TEST(test_scenario__only_the_first_mistake_is_told),
		TEST(test_scenario__a_file_that_says_nothing),
		TEST(test_scenario__a_file_that_is_not_there),
		TEST(test_scenario__a_built_in_one_that_is_mistyped),
		TEST(test_scenario__a_directory_is_refused),
		TEST(test_scenario__a_long_line_is_not_cut),
		TEST(test_scenario__a_directory_is_called_one),
		TEST(test_scenario__a_long_list_of_strategies_is_understood),
		TEST(test_scenario__an_empty_section_is_checked_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
