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

/* ---- power cuts ---- */

static void test_scenario__every_key_of_power_cuts(void **state)
{
	(void)state;
	load_well("models = posix, ext4* posix\n"
		  "after_fault = kill eio kill\n"
		  "tear = 512\n"
		  "recovery = no\n"
		  "power_payload = 3000\n"
		  "payload = 5000\n"
		  "[power_payload]\n"
		  "append* = 1000\n"
		  "append-crc = 2000\n"
		  "[expect]\n"
		  "append.power.posix.durability = violated\n");
	assert_int_equal(scenario.model_count, 3);
	assert_string_equal(scenario.models[0]->name, "posix");
	assert_string_equal(scenario.models[1]->name, "ext4");
	assert_string_equal(scenario.models[2]->name, "ext4-noauto");
	assert_int_equal(scenario.crashed_fault_count, 2);
	assert_string_equal(scenario.crashed_faults[0]->name, "kill");
	assert_string_equal(scenario.crashed_faults[1]->name, "eio");
	assert_int_equal(scenario.fault_count, 0);
	assert_int_equal(scenario.tear, TEAR_SECTOR);
	assert_false(scenario.crashes_recovery);
	assert_string_equal(scenario.expectations[0].fault, "power");
	assert_string_equal(scenario.expectations[0].model, "posix");
}

static size_t power_bytes(const char *name)
{
	for (size_t i = 0; i < strategy_count; i++) {
		if (!strcmp(strategies[i]->name, name))
			return scenario_power_workload(&scenario, strategies[i]).base_bytes;
	}
	fail_msg("no strategy %s", name);
	return 0;
}

static void test_scenario__the_last_payload_for_power_cuts_counts(void **state)
{
	(void)state;
	load_well("models = posix\ntxns = 5\npayload = 5000\n");
	assert_int_equal(power_bytes("append"), 5000);
	assert_int_equal(scenario_power_workload(&scenario, strategies[0]).txns, 5);
	scenario_release(&scenario);
	load_well("models = posix\npower_payload = 3000\npayload = 5000\n[power_payload]\n"
		  "append* = 1000\nappend-crc = 2000\n");
	assert_int_equal(power_bytes("replace"), 3000);
	assert_int_equal(power_bytes("append"), 1000);
	assert_int_equal(power_bytes("append-crc-fsync"), 1000);
	assert_int_equal(power_bytes("append-crc"), 2000);
	assert_int_equal(scenario.workload.base_bytes, 5000);
}

static void test_scenario__power_cuts_have_defaults_too(void **state)
{
	(void)state;
	load_well("models = *\n");
	assert_int_equal(scenario.model_count, model_count);
	assert_int_equal(scenario.crashed_fault_count, 0);
	assert_int_equal(scenario.tear, TEAR_PAGE);
	assert_true(scenario.crashes_recovery);
	scenario_release(&scenario);
	load_well("models = posix\ntear = none\nrecovery = yes\n");
	assert_int_equal(scenario.tear, TEAR_NONE);
	scenario_release(&scenario);
	load_well("faults = kill\ntear = 4096\n");
	assert_int_equal(scenario.model_count, 0);
	assert_int_equal(scenario.tear, TEAR_PAGE);
}

static void test_scenario__models_can_be_replaced(void **state)
{
	(void)state;
	load_well("models = posix\n");
	assert_int_equal(scenario_set_models(&scenario, "ext4,x*, ext4", message, 1024), 0);
	assert_int_equal(scenario.model_count, 2);
	assert_string_equal(scenario.models[0]->name, "ext4");
	assert_string_equal(scenario.models[1]->name, "xfs");
	assert_int_equal(scenario_set_models(&scenario, "zfs", message, 1024), -EINVAL);
	assert_string_equal(message, "--model: there is no model 'zfs'; did you mean 'xfs'?");
	assert_int_equal(scenario_set_models(&scenario, "z*", message, 1024), -EINVAL);
	assert_string_equal(message, "--model: no model matches 'z*'");
	assert_int_equal(scenario_set_models(&scenario, " , ", message, 1024), -EINVAL);
	assert_string_equal(message, "--model: no model is named");
}

static void test_scenario__mistakes_about_power_cuts(void **state)
{
	(void)state;
	assert_refused("txns = 2\nmodels = posix ext5\n",
		"./s.ini:2: there is no model 'ext5'; did you mean 'ext2'?");
	assert_refused("models = z*\n", "./s.ini:1: no model matches 'z*'");
	assert_refused(
		"model = posix\n", "./s.ini:1: there is no key 'model'; did you mean 'models'?");
	assert_refused("models = posix\nafter_fault = enospace\n",
		"./s.ini:2: there is no fault 'enospace'; did you mean 'enospc'?");
	assert_refused("after-fault = eio\n",
		"./s.ini:1: there is no key 'after-fault'; did you mean 'after_fault'?");
	assert_refused(
		"models = posix\ntear = 513\n", "./s.ini:2: tear = 513: want 512, 4096 or none");
	assert_refused("tear =\n", "./s.ini:1: tear = : want 512, 4096 or none");
	assert_refused("models = posix\n\nrecovery = true\n",
		"./s.ini:3: recovery = true: want yes or no");
	assert_refused("models = posix\npower_payload = 3k\n",
		"./s.ini:2: power_payload = 3k: not a number from 32 to 1048576");
	assert_refused("models = posix\n[power_payload]\nreplase = 1000\n",
		"./s.ini:3: there is no strategy 'replase'; did you mean 'replace'?");
	assert_refused("models = posix\n[power_payload]\nreplace = 31\n",
		"./s.ini:3: replace = 31: not a number from 32 to 1048576");
	assert_refused("models = posix\n[power-payload]\nreplace = 99\n",
		"./s.ini:2: there is no section [power-payload]; did you mean [power_payload]?");
	assert_refused("after_fault = kill\nfaults = eio\n",
		"./s.ini: after_fault needs models: power cuts under which?");
	assert_refused("models =\n",
		"./s.ini: nothing to do: no 'faults', no 'models', no 'workers' and no 'fiu'");
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
		"[expect] append: want STRATEGY.PROPERTY, STRATEGY.FAULT.PROPERTY or "
		"STRATEGY.FAULT.MODEL.PROPERTY");
	assert_bad_expectation("append.power.posx.atomicity = holds",
		"there is no model 'posx'; did you mean 'posix'?");
	assert_bad_expectation("append.power-after-eoi.atomicity = holds",
		"there is no fault 'eoi'; did you mean 'eio'?");
	assert_bad_expectation("append.power.posix.twice.atomicity = holds",
		"[expect] append.power.posix.twice.atomicity: want STRATEGY.PROPERTY, "
		"STRATEGY.FAULT.PROPERTY or STRATEGY.FAULT.MODEL.PROPERTY");
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
	assert_refused(
		"", "./s.ini: nothing to do: no 'faults', no 'models', no 'workers' and no 'fiu'");
	assert_refused("summary = x\n",
		"./s.ini: nothing to do: no 'faults', no 'models', no 'workers' and no 'fiu'");
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
		TEST(test_scenario__every_key_of_power_cuts),
		TEST(test_scenario__the_last_payload_for_power_cuts_counts),
		TEST(test_scenario__power_cuts_have_defaults_too),
		TEST(test_scenario__models_can_be_replaced),
		TEST(test_scenario__mistakes_about_power_cuts),
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
