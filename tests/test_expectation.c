/* Expectations: what one line says, what is said about a bad one, and when it has come true. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "harness/expectation.h"
#include "tests/scratch.h"

static struct expectation expectation;
static struct result_list results;
static char message[512];

static int leave(void **state)
{
	expectation_release(&expectation);
	result_list_release(&results);
	return scratch_leave(state);
}

static void expect(const char *key, const char *value)
{
	expectation_release(&expectation);
	if (expectation_parse(&expectation, key, value, message, sizeof(message)))
		fail_msg("%s", message);
}

static void assert_refused(const char *key, const char *value, const char *expected)
{
	struct expectation bad;

	assert_int_equal(expectation_parse(&bad, key, value, message, sizeof(message)), -EINVAL);
	assert_string_equal(message, expected);
	/* Nothing is left to release. */
	assert_null(bad.subject);
	assert_null(bad.fault);
	assert_null(bad.model);
}

static void find(const char *subject, const char *fault, const char *model, enum property property,
	enum verdict verdict)
{
	struct result result = {.subject = strdup(subject),
		.scenario = strdup("s"),
		.fault = strdup(fault),
		.model = model ? strdup(model) : NULL,
		.property = property,
		.verdict = verdict};

	assert_int_equal(result_list_add(&results, &result), 0);
}

/* Whether it came true; what is said meanwhile is left in `message`. */
static bool holds(const char *subject)
{
	int kept = dup(STDERR_FILENO), file = open("said", O_RDWR | O_CREAT | O_TRUNC, 0600);
	ssize_t size;
	bool is_true;

	assert_true(kept >= 0 && file >= 0);
	fflush(stderr);
	dup2(file, STDERR_FILENO);
	is_true = expectation_holds(&expectation, "s", subject, &results);
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	size = pread(file, message, sizeof(message) - 1, 0);
	assert_true(size >= 0);
	message[size] = 0;
	close(file);
	close(kept);
	return is_true;
}

static void assert_true_of(const char *subject)
{
	if (!holds(subject))
		fail_msg("%s", message);
	assert_string_equal(message, "");
}

static void assert_false_of(const char *subject, const char *said)
{
	assert_false(holds(subject));
	assert_string_equal(message, said);
}

/* ---- reading ---- */

static void test_expectation__two_three_or_four_parts(void **state)
{
	(void)state;
	expect("replace.atomicity", "holds");
	assert_string_equal(expectation.subject, "replace");
	assert_null(expectation.fault);
	assert_null(expectation.model);
	assert_int_equal(expectation.property, ATOMICITY);
	assert_int_equal(expectation.verdict, VERDICT_HOLDS);
	expect("replace*.kill.consistency", "unknown");
	assert_string_equal(expectation.subject, "replace*");
	assert_string_equal(expectation.fault, "kill");
	assert_null(expectation.model);
	expect("append.power.posix.durability", "violated");
	assert_string_equal(expectation.fault, "power");
	assert_string_equal(expectation.model, "posix");
	assert_int_equal(expectation.property, DURABILITY);
	assert_int_equal(expectation.verdict, VERDICT_VIOLATED);
}

static void test_expectation__every_kind_of_fault_and_model_is_known(void **state)
{
	static const char *const keys[] = {"*.none.atomicity", "*.fiu.atomicity",
		"*.power.atomicity", "*.recovery.atomicity", "*.power-after-eio.atomicity",
		"*.power*.atomicity", "*.power-after-*.atomicity", "*.*.*.atomicity",
		"*.power.ext4*.atomicity", "*.power.lying-disk.atomicity"};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		expect(keys[i], "holds");
}

static void test_expectation__mistakes_are_told_with_the_nearest_word(void **state)
{
	(void)state;
	assert_refused("repalce.atomicity", "holds",
		"there is no strategy 'repalce'; did you mean 'replace'?");
	assert_refused("replace.pwoer.posix.atomicity", "holds",
		"there is no fault 'pwoer'; did you mean 'power'?");
	assert_refused("replace.recvery.atomicity", "holds",
		"there is no fault 'recvery'; did you mean 'recovery'?");
	assert_refused("replace.power-after-kil.atomicity", "holds",
		"there is no fault 'kil'; did you mean 'kill'?");
	assert_refused("replace.power.posik.atomicity", "holds",
		"there is no model 'posik'; did you mean 'posix'?");
	assert_refused("replace.power.posix.atomic", "holds",
		"there is no property 'atomic'; did you mean 'atomicity'?");
	assert_refused("replace.power.posix.atomicity", "hold",
		"there is no verdict 'hold'; did you mean 'holds'?");
	assert_refused("replace.power.posix.atomicity", "",
		"there is no verdict ''; did you mean 'holds'?");
}

static void test_expectation__a_wrong_number_of_parts_is_told(void **state)
{
	static const char *const keys[] = {
		"", "replace", "a.b.c.d.e", "replace.power.posix.x.atomicity"};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		char expected[256];

		snprintf(expected, sizeof(expected),
			"[expect] %s: want STRATEGY.PROPERTY, STRATEGY.FAULT.PROPERTY or "
			"STRATEGY.FAULT.MODEL.PROPERTY",
			keys[i]);
		assert_refused(keys[i], "holds", expected);
	}
	assert_refused(".", "holds", "there is no property ''; did you mean 'atomicity'?");
	assert_refused("...atomicity", "holds", "there is no strategy ''; did you mean 'append'?");
}

/* ---- coming true ---- */

static void test_expectation__the_worst_that_it_is_about_counts(void **state)
{
	(void)state;
	find("replace", "power", "posix", DURABILITY, VERDICT_VIOLATED);
	find("replace", "power", "ext4", DURABILITY, VERDICT_HOLDS);
	find("replace", "recovery", "ext4", DURABILITY, VERDICT_UNKNOWN);
	find("replace", "kill", NULL, DURABILITY, VERDICT_HOLDS);
	expect("replace.power.posix.durability", "violated");
	assert_true_of("replace");
	expect("replace.power.ext4.durability", "holds");
	assert_true_of("replace");
	expect("replace.*.ext4.durability", "unknown");
	assert_true_of("replace");
	expect("replace.kill.durability", "holds");
	assert_true_of("replace");
	expect("replace.power.durability", "violated");
	assert_true_of("replace");
	expect("replace.durability", "violated");
	assert_true_of("replace");
}

static void test_expectation__what_did_not_come_true_is_said(void **state)
{
	(void)state;
	find("replace", "power", "posix", DURABILITY, VERDICT_VIOLATED);
	expect("repl*.power.posix.durability", "holds");
	assert_false_of(
		"replace", "s: expected replace.power.posix.durability = holds, found violated\n");
	expect("replace.power.durability", "unknown");
	assert_false_of(
		"replace", "s: expected replace.power.durability = unknown, found violated\n");
	expect("replace.durability", "holds");
	assert_false_of("replace", "s: expected replace.durability = holds, found violated\n");
}

static void test_expectation__what_was_not_tested_has_not_come_true(void **state)
{
	(void)state;
	find("replace", "kill", NULL, DURABILITY, VERDICT_HOLDS);
	find("replace", "power", "posix", ATOMICITY, VERDICT_HOLDS);
	find("append", "power", "ext4", DURABILITY, VERDICT_HOLDS);
	/* A kill has no model, and another model, property or subject is another matter. */
	expect("replace.*.*.durability", "holds");
	assert_false_of(
		"replace", "s: expected replace.*.*.durability = holds, found not-tested\n");
	expect("replace.power.ext4.atomicity", "holds");
	assert_false_of(
		"replace", "s: expected replace.power.ext4.atomicity = holds, found not-tested\n");
	expect("replace.power.ext4.atomicity", "not-tested");
	assert_true_of("replace");
}

static void test_expectation__subjects_and_scenarios_of_others_do_not_matter(void **state)
{
	(void)state;
	find("append", "power", "posix", DURABILITY, VERDICT_VIOLATED);
	find("replace", "power", "posix", DURABILITY, VERDICT_HOLDS);
	find("replace", "power", "posix", DURABILITY, VERDICT_VIOLATED);
	strcpy(results.items[2].scenario, "t");
	expect("replace.power.posix.durability", "holds");
	assert_true_of("append");
	assert_true_of("replace");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_expectation__two_three_or_four_parts),
		TEST(test_expectation__every_kind_of_fault_and_model_is_known),
		TEST(test_expectation__mistakes_are_told_with_the_nearest_word),
		TEST(test_expectation__a_wrong_number_of_parts_is_told),
		TEST(test_expectation__the_worst_that_it_is_about_counts),
		TEST(test_expectation__what_did_not_come_true_is_said),
		TEST(test_expectation__what_was_not_tested_has_not_come_true),
		TEST(test_expectation__subjects_and_scenarios_of_others_do_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
