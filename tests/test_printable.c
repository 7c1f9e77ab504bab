/* What comes from a program ends in a report: nothing in it may move a cursor or break JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "harness/printable.h"

static void assert_printed(const char *line, size_t size, const char *expected)
{
	char text[32] = "";

	printable_add(text, sizeof(text), line, size);
	assert_string_equal(text, expected);
}

static void test_printable__text_stays(void **state)
{
	(void)state;
	assert_printed("naïve €1 😀", strlen("naïve €1 😀"), "naïve €1 😀");
}

static void test_printable__control_characters_do_not(void **state)
{
	(void)state;
	assert_printed("a\tb\rc\0d\x7f\n", 9, "a b?c?d??");
	assert_printed("\xc2\x85", 2, "??"); /* a new line in Unicode */
}

static void test_printable__colours_are_left_out(void **state)
{
	(void)state;
	assert_printed("\033[1;31mred\033[0m", 14, "red");
	assert_printed("\033]0;title", 9, "?]0;title");
	assert_printed("x\033[1", 4, "x?[1");
}

static void test_printable__what_is_no_utf8_becomes_question_marks(void **state)
{
	(void)state;
	assert_printed("caf\xe9!", 5, "caf?!");
	assert_printed("\xc0\xaf", 2, "??");           /* too long a form */
	assert_printed("\xed\xa0\x80", 3, "???");      /* a surrogate */
	assert_printed("\xf4\x90\x80\x80", 4, "????"); /* beyond the last */
	assert_printed("\xe2\x82", 2, "??");           /* cut off */
	assert_printed("\x80\xbf\xff", 3, "???");
}

static void test_printable__a_character_is_never_cut(void **state)
{
	char text[8] = "12345";

	(void)state;
	printable_add(text, sizeof(text), "€", strlen("€"));
	assert_string_equal(text, "12345");
	printable_add(text, sizeof(text), "é", strlen("é"));
	assert_string_equal(text, "12345é");
	printable_add(text, sizeof(text), "x", 1);
	assert_string_equal(text, "12345é");
}

static void assert_last_line(const char *output, size_t size, const char *expected)
{
	const char *line;

	assert_int_equal(printable_last_line(output, size, &line), strlen(expected));
	assert_memory_equal(line, expected, strlen(expected));
}

static void test_printable__the_last_line_is_one_with_something_in_it(void **state)
{
	const char *line;

	(void)state;
	assert_last_line("one\ntwo\n", 8, "two");
	assert_last_line("one\n  two \r\n\n \t\n", 16, "two");
	assert_last_line("one", 3, "one");
	assert_last_line("one\ntwo", 3, "one");
	assert_last_line("\n \n", 3, "");
	/* A zero is seen, as a question mark. */
	assert_int_equal(printable_last_line("one\n\0\0", 6, &line), 2);
	assert_last_line("", 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_printable__text_stays),
		cmocka_unit_test(test_printable__control_characters_do_not),
		cmocka_unit_test(test_printable__colours_are_left_out),
		cmocka_unit_test(test_printable__what_is_no_utf8_becomes_question_marks),
		cmocka_unit_test(test_printable__a_character_is_never_cut),
		cmocka_unit_test(test_printable__the_last_line_is_one_with_something_in_it),
	};

	return cmocka_run_group_tests_name("printable", tests, NULL, NULL);
}
