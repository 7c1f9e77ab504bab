/* Decision trees of what checkers saw. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "harness/check_seen.h"

static const XXH128_hash_t question = {1, 2}, other_question = {1, 3};

/* A tree of empty files with these one-letter names. */
static struct tree *make_tree(const char *names)
{
	struct tree *tree = tree_new();

	assert_non_null(tree);
	for (; *names; names++) {
		char name[2] = {*names, 0};
		struct op op = {.kind = OP_OPEN,
			.is_creating = true,
			.object = tree_object_count(tree),
			.name = name,
			.mode = 0644};

		assert_int_equal(tree_apply(&tree, &op), 0);
	}
	return tree;
}

/* A run that saw this, and looked whether there is each of these names, in this order. */
static int add(struct check_seen *seen, const char *names, const char *looked, bool is_legal)
{
	struct tree *tree = make_tree(names);
	uint32_t *counts = tree_count_names(tree);
	struct look_list list = {0};
	int err;

	for (; *looked; looked++) {
		char path[2] = {*looked, 0};

		assert_int_equal(look_list_add(&list, &(struct look){.path = path}), 0);
	}
	err = check_seen_add(seen, question, tree, counts, &list, is_legal);
	look_list_release(&list);
	free(counts);
	tree_unref(tree);
	return err;
}

static enum check_seen_answer find_for(
	const struct check_seen *seen, XXH128_hash_t asked, const char *names)
{
	struct tree *tree = make_tree(names);
	uint32_t *counts = tree_count_names(tree);
	enum check_seen_answer answer = check_seen_find(seen, asked, tree, counts);

	free(counts);
	tree_unref(tree);
	return answer;
}

static enum check_seen_answer find(const struct check_seen *seen, const char *names)
{
	return find_for(seen, question, names);
}

static void test_check_seen__who_sees_the_same_comes_to_the_same_end(void **state)
{
	struct check_seen *seen = check_seen_new();

	(void)state;
	assert_non_null(seen);
	assert_int_equal(find(seen, "a"), SEEN_NOTHING);
	assert_int_equal(add(seen, "a", "ab", true), 0);
	assert_int_equal(find(seen, "a"), SEEN_LEGAL);
	assert_int_equal(find(seen, "ac"), SEEN_LEGAL);
	assert_int_equal(find(seen, "ab"), SEEN_NOTHING);
	assert_int_equal(find(seen, ""), SEEN_NOTHING);
	/* Where there is no `a` it looks elsewhere. */
	assert_int_equal(add(seen, "", "ac", false), 0);
	assert_int_equal(find(seen, "b"), SEEN_OTHER);
	assert_int_equal(find(seen, "c"), SEEN_NOTHING);
	assert_int_equal(find(seen, "ac"), SEEN_LEGAL);
	assert_int_equal(find_for(seen, other_question, "a"), SEEN_NOTHING);
	check_seen_free(seen);
}

static void test_check_seen__looks_may_come_in_several_orders(void **state)
{
	static const char *const orders[] = {
		"abcd", "bacd", "cabd", "dabc", "dbac", "cbad", "bcad", "acbd"};
	struct check_seen *seen = check_seen_new();

	(void)state;
	assert_non_null(seen);
	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++)
		assert_int_equal(add(seen, "", orders[i], true), 0);
	assert_int_equal(add(seen, "", "abcd", true), 0);
	assert_int_equal(add(seen, "", "bdca", true), -EEXIST);
	/* Each of them goes on by itself. */
	assert_int_equal(add(seen, "b", "bacd", true), 0);
	assert_int_equal(find(seen, "b"), SEEN_LEGAL);
	assert_int_equal(find(seen, "a"), SEEN_NOTHING);
	check_seen_free(seen);
}

static void test_check_seen__a_run_that_ends_where_another_went_on_has_no_room(void **state)
{
	struct check_seen *seen = check_seen_new();

	(void)state;
	assert_non_null(seen);
	assert_int_equal(add(seen, "", "ab", true), 0);
	/* It is another order, so to speak. */
	assert_int_equal(add(seen, "", "a", true), 0);
	assert_int_equal(find(seen, "b"), SEEN_LEGAL);
	check_seen_free(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_seen__who_sees_the_same_comes_to_the_same_end),
		cmocka_unit_test(test_check_seen__looks_may_come_in_several_orders),
		cmocka_unit_test(
			test_check_seen__a_run_that_ends_where_another_went_on_has_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
