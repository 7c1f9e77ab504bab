/* A view remembers what each record was compared with its transaction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "harness/view.h"

enum { BASE_BYTES = 64 };

static struct view view;

static int make_view_empty(void **state)
{
	(void)state;
	view_init(&view, BASE_BYTES);
	return 0;
}

static void add_txn(uint64_t id, unsigned members, size_t cut_bytes)
{
	struct txn txn;

	assert_int_equal(txn_init(&txn, id, BASE_BYTES), 0);
	for (unsigned member = 0; member < members; member++)
		assert_int_equal(view_add(&view, member, txn.records[member].bytes,
					 txn.records[member].size_bytes - cut_bytes),
			0);
	txn_release(&txn);
}

static void test_view__an_empty_view_has_nothing(void **state)
{
	(void)state;
	assert_int_equal(view.count, 0);
	assert_false(view.has_number);
	assert_false(view_has(&view, 0, 1));
}

static void test_view__an_intact_record_is_there(void **state)
{
	(void)state;
	add_txn(3, 1, 0);
	assert_int_equal(view.count, 1);
	assert_int_equal(view.entries[0].match, TXN_INTACT);
	assert_int_equal(view.entries[0].size_bytes, txn_record_bytes(3, 0, BASE_BYTES));
	assert_true(view_has(&view, 3, 1));
	assert_false(view_has(&view, 2, 1));
}

static void test_view__a_torn_record_is_not_there(void **state)
{
	(void)state;
	add_txn(3, 1, 1);
	assert_int_equal(view.entries[0].match, TXN_TORN);
	assert_int_equal(view.entries[0].id, 3);
	assert_false(view_has(&view, 3, 1));
}

static void test_view__every_member_is_asked_for(void **state)
{
	(void)state;
	add_txn(1, TXN_MEMBERS - 1, 0);
	assert_true(view_has(&view, 1, TXN_MEMBERS - 1));
	assert_false(view_has(&view, 1, TXN_MEMBERS));
	add_txn(2, TXN_MEMBERS, 0);
	assert_true(view_has(&view, 2, TXN_MEMBERS));
}

static void test_view__a_record_that_comes_twice_is_no_other_member(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TXN_MEMBERS; i++)
		add_txn(1, 1, 0);
	assert_false(view_has(&view, 1, TXN_MEMBERS));
}

static void test_view__garbage_has_no_id(void **state)
{
	(void)state;
	assert_int_equal(view_add(&view, 0, "garbage", 7), 0);
	assert_int_equal(view.entries[0].match, TXN_GARBAGE);
	assert_true(view.entries[0].id == UINT64_MAX);
	assert_false(view_has(&view, UINT64_MAX, 1));
}

static void test_view__a_full_view_says_so(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VIEW_MAX_ENTRIES; i++)
		assert_int_equal(view_add(&view, 0, "x", 1), 0);
	assert_int_equal(view_add(&view, 0, "x", 1), -EOVERFLOW);
	assert_int_equal(view.count, VIEW_MAX_ENTRIES);
}

static void test_view__a_number_stands_in_place_of_records(void **state)
{
	(void)state;
	view_set_number(&view, 0);
	assert_true(view.has_number);
	view_set_number(&view, 7);
	assert_true(view.number == 7);
	assert_int_equal(view.count, 0);
	/* Who it counts is not known. */
	assert_false(view_has(&view, 0, 1));
	view_init(&view, BASE_BYTES);
	assert_false(view.has_number);
	assert_true(view.number == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_view__an_empty_view_has_nothing, make_view_empty),
		cmocka_unit_test_setup(test_view__an_intact_record_is_there, make_view_empty),
		cmocka_unit_test_setup(test_view__a_torn_record_is_not_there, make_view_empty),
		cmocka_unit_test_setup(test_view__every_member_is_asked_for, make_view_empty),
		cmocka_unit_test_setup(
			test_view__a_record_that_comes_twice_is_no_other_member, make_view_empty),
		cmocka_unit_test_setup(test_view__garbage_has_no_id, make_view_empty),
		cmocka_unit_test_setup(test_view__a_full_view_says_so, make_view_empty),
		cmocka_unit_test_setup(
			test_view__a_number_stands_in_place_of_records, make_view_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
