/* Arguments: what a usage error says, and that it ends the program with exit 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/options.h"

static const struct argp_option argp_options[] = {
	{"strategy", 's', "GLOB", 0, "which", 0}, {"seed", 'S', "N", 0, "seed", 0}, {0}};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	const char **strategy = state->input;

	if (key == 's')
		*strategy = argument;
	return key == 's' || key == 'S' || key == ARGP_KEY_ARG ? 0 : ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {.options = argp_options, .parser = parse_option};

static void parse(const char *argument)
{
	char name[] = "tornwrite run", copy[128];
	char *argv[] = {name, copy, NULL};
	const char *strategy = NULL;

	snprintf(copy, sizeof(copy), "%s", argument);
	options_parse(&argp, 2, argv, &strategy);
}

/* Runs it in a child that must end with exit 2 and say this. */
static void assert_usage_error(
	void (*body)(const char *argument), const char *argument, const char *expected)
{
	char said[1024] = "";
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDERR_FILENO);
		body(argument);
		_exit(0);
	}
	close(ends[1]);
	for (size_t at = 0; at < sizeof(said) - 1;) {
		ssize_t got = read(ends[0], said + at, sizeof(said) - 1 - at);

		if (got <= 0)
			break;
		at += (size_t)got;
	}
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_USAGE);
	assert_string_equal(said, expected);
}

static void parse_number(const char *text)
{
	options_number("jobs", text, 1, 256);
}

static void parse_when(const char *text)
{
	options_when("color", text, false);
}

static void test_options__an_unknown_option_is_told_with_the_nearest(void **state)
{
	(void)state;
	assert_usage_error(parse, "--startegy=x",
		"error: there is no option '--startegy'; did you mean '--strategy'?\n");
	assert_usage_error(
		parse, "--seeds", "error: there is no option '--seeds'; did you mean '--seed'?\n");
}

static void test_options__known_ones_are_taken(void **state)
{
	char name[] = "tornwrite run", option[] = "--strat=append*", rest[] = "--", last[] = "--x";
	char *argv[] = {name, option, rest, last, NULL};
	const char *strategy = NULL;

	(void)state;
	options_parse(&argp, 4, argv, &strategy);
	assert_string_equal(strategy, "append*");
}

static void test_options__numbers_are_decimal_or_hexadecimal(void **state)
{
	(void)state;
	assert_int_equal(options_number("n", "1", 1, 256), 1);
	assert_int_equal(options_number("n", "256", 1, 256), 256);
	assert_int_equal(options_number("n", "0x10", 1, 256), 16);
	assert_true(options_number("n", "0xffffffffffffffff", 0, UINT64_MAX) == UINT64_MAX);
	assert_true(options_number("n", "18446744073709551615", 0, UINT64_MAX) == UINT64_MAX);
}

static void test_options__what_is_no_number_is_refused(void **state)
{
	static const char *const texts[] = {"0", "257", "-1", "+1", " 1", "", "0x", "1x", "many",
		"0x-1", "18446744073709551617", "1.5"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char expected[128];

		snprintf(expected, sizeof(expected),
			"error: --jobs %s: not a number from 1 to 256\n", texts[i]);
		assert_usage_error(parse_number, texts[i], expected);
	}
}

static void test_options__when(void **state)
{
	(void)state;
	assert_true(options_when("color", "auto", true));
	assert_false(options_when("color", "auto", false));
	assert_true(options_when("color", "always", false));
	assert_false(options_when("color", "never", true));
	assert_usage_error(parse_when, "alwys",
		"error: --color alwys: want auto, always or never; did you mean 'always'?\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options__an_unknown_option_is_told_with_the_nearest),
		cmocka_unit_test(test_options__known_ones_are_taken),
		cmocka_unit_test(test_options__numbers_are_decimal_or_hexadecimal),
		cmocka_unit_test(test_options__what_is_no_number_is_refused),
		cmocka_unit_test(test_options__when),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
