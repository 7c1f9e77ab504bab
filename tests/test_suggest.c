/* Who mistyped is shown the word that he probably meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "harness/suggest.h"

static const char *const words[] = {"append", "replace", "replace-fsync", "kill", "enospc"};

static const char *suggestion(const char *word)
{
	return suggest(word, words, sizeof(words) / sizeof(*words));
}

static void test_suggest__one_letter_more_less_or_other_is_near(void **state)
{
	(void)state;
	assert_string_equal(suggestion("killl"), "kill");
	assert_string_equal(suggestion("apend"), "append");
	assert_string_equal(suggestion("enospx"), "enospc");
	assert_string_equal(suggestion("repalce-fsync"), "replace-fsync");
}

static void test_suggest__the_word_itself_is_nearest(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		assert_string_equal(suggestion(words[i]), words[i]);
}

static void test_suggest__the_first_of_equally_near_words(void **state)
{
	static const char *const pairs[] = {"ab", "ac", "ad"};

	(void)state;
	assert_string_equal(suggest("ax", pairs, 3), "ab");
	assert_string_equal(suggest("", pairs, 3), "ab");
}

static void test_suggest__one_word_is_always_the_answer(void **state)
{
	static const char *const one[] = {"only"};

	(void)state;
	assert_string_equal(suggest("something else", one, 1), "only");
}

static void test_suggest__a_very_long_word_is_no_danger(void **state)
{
	char word[5000];

	(void)state;
	memset(word, 'k', sizeof(word) - 1);
	word[sizeof(word) - 1] = 0;
	assert_non_null(suggestion(word));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suggest__one_letter_more_less_or_other_is_near),
		cmocka_unit_test(test_suggest__the_word_itself_is_nearest),
		cmocka_unit_test(test_suggest__the_first_of_equally_near_words),
		cmocka_unit_test(test_suggest__one_word_is_always_the_answer),
		cmocka_unit_test(test_suggest__a_very_long_word_is_no_danger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
