/* Records are functions of their transaction, and any other bytes are recognised as such. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "harness/txn.h"

enum { BASE_BYTES = 100 };

static enum txn_match match_record(
	const struct txn_record *record, unsigned member, uint64_t *id, size_t *intact_bytes)
{
	return txn_match(record->bytes, record->size_bytes, member, BASE_BYTES, id, intact_bytes);
}

static void assert_garbage(const char *bytes, size_t size_bytes)
{
	uint64_t id;
	size_t intact_bytes;

	assert_int_equal(
		txn_match(bytes, size_bytes, 0, BASE_BYTES, &id, &intact_bytes), TXN_GARBAGE);
	assert_true(id == UINT64_MAX);
	assert_int_equal(intact_bytes, 0);
}

static void test_txn__a_record_is_intact(void **state)
{
	static const uint64_t IDS[] = {0, 1, 7, 4711};

	(void)state;
	for (size_t i = 0; i < sizeof(IDS) / sizeof(IDS[0]); i++) {
		struct txn txn;

		assert_int_equal(txn_init(&txn, IDS[i], BASE_BYTES), 0);
		for (unsigned member = 0; member < TXN_MEMBERS; member++) {
			uint64_t id;
			size_t intact_bytes;
			const struct txn_record *record = &txn.records[member];

			assert_int_equal(
				match_record(record, member, &id, &intact_bytes), TXN_INTACT);
			assert_int_equal(id, IDS[i]);
			assert_int_equal(intact_bytes, record->size_bytes);
			assert_int_equal(
				record->size_bytes, txn_record_bytes(IDS[i], member, BASE_BYTES));
		}
		txn_release(&txn);
	}
}

static void test_txn__a_record_begins_with_its_header(void **state)
{
	struct txn txn;

	(void)state;
	assert_int_equal(txn_init(&txn, 42, BASE_BYTES), 0);
	assert_memory_equal(txn.records[2].bytes, "txn 0000000042.2 ", 17);
	txn_release(&txn);
}

static void test_txn__a_record_is_one_word_of_letters(void **state)
{
	struct txn txn;

	(void)state;
	assert_int_equal(txn_init(&txn, 3, TXN_DEFAULT_BYTES), 0);
	for (size_t i = 17; i < txn.records[0].size_bytes; i++)
		assert_non_null(memchr(
			"abcdefghijklmnopqrstuvwxyz0123456789", txn.records[0].bytes[i], 36));
	txn_release(&txn);
}

static void test_txn__records_differ_by_id_and_member(void **state)
{
	struct txn a;
	struct txn b;

	(void)state;
	assert_int_equal(txn_init(&a, 0, BASE_BYTES), 0);
	assert_int_equal(txn_init(&b, 1, BASE_BYTES), 0);
	assert_memory_not_equal(a.records[0].bytes + 17, b.records[0].bytes + 17, 60);
	assert_memory_not_equal(a.records[0].bytes + 17, a.records[1].bytes + 17, 60);
	/* Neighbouring seeds must not overlap either. */
	assert_memory_not_equal(a.records[TXN_MEMBERS - 1].bytes + 17, b.records[0].bytes + 17, 60);
	txn_release(&a);
	txn_release(&b);
}

static void test_txn__the_smallest_record_is_intact(void **state)
{
	struct txn txn;
	uint64_t id;
	size_t intact_bytes;

	(void)state;
	assert_int_equal(txn_init(&txn, 0, TXN_MIN_BYTES), 0);
	assert_int_equal(txn_match(txn.records[0].bytes, TXN_MIN_BYTES, 0, TXN_MIN_BYTES, &id,
				 &intact_bytes),
		TXN_INTACT);
	txn_release(&txn);
}

static void test_txn__a_cut_record_is_torn(void **state)
{
	struct txn txn;

	(void)state;
	assert_int_equal(txn_init(&txn, 5, BASE_BYTES), 0);
	for (size_t cut = 0; cut < txn.records[1].size_bytes; cut++) {
		struct txn_record piece = {txn.records[1].bytes, cut};
		uint64_t id;
		size_t intact_bytes;

		assert_int_equal(match_record(&piece, 1, &id, &intact_bytes), TXN_TORN);
		assert_int_equal(intact_bytes, cut);
		assert_true(id == (cut < 14 ? UINT64_MAX : 5));
	}
	txn_release(&txn);
}

static void test_txn__a_changed_byte_is_found_where_it_is(void **state)
{
	struct txn txn;
	struct txn_record *record = &txn.records[0];

	(void)state;
	assert_int_equal(txn_init(&txn, 9, BASE_BYTES), 0);
	for (size_t i = 16; i < record->size_bytes; i++) {
		uint64_t id;
		size_t intact_bytes;

		record->bytes[i] ^= 1;
		assert_int_equal(match_record(record, 0, &id, &intact_bytes), TXN_TORN);
		assert_int_equal(id, 9);
		assert_int_equal(intact_bytes, i);
		record->bytes[i] ^= 1;
	}
	txn_release(&txn);
}

static void test_txn__extra_bytes_tear_a_record(void **state)
{
	struct txn txn;
	uint64_t id;
	size_t intact_bytes;
	char *longer;

	(void)state;
	assert_int_equal(txn_init(&txn, 2, BASE_BYTES), 0);
	longer = test_malloc(txn.records[0].size_bytes + 1);
	memcpy(longer, txn.records[0].bytes, txn.records[0].size_bytes);
	longer[txn.records[0].size_bytes] = 'x';
	assert_int_equal(
		txn_match(longer, txn.records[0].size_bytes + 1, 0, BASE_BYTES, &id, &intact_bytes),
		TXN_TORN);
	assert_int_equal(id, 2);
	assert_int_equal(intact_bytes, txn.records[0].size_bytes);
	test_free(longer);
	txn_release(&txn);
}

static void test_txn__zeros_after_the_id_are_torn(void **state)
{
	char bytes[64] = "txn 0000000003";
	uint64_t id;
	size_t intact_bytes;

	(void)state;
	assert_int_equal(
		txn_match(bytes, sizeof(bytes), 0, BASE_BYTES, &id, &intact_bytes), TXN_TORN);
	assert_int_equal(id, 3);
	assert_int_equal(intact_bytes, 14);
}

static void test_txn__another_member_is_garbage(void **state)
{
	struct txn txn;

	(void)state;
	assert_int_equal(txn_init(&txn, 1, BASE_BYTES), 0);
	assert_garbage(txn.records[1].bytes, txn.records[1].size_bytes);
	txn_release(&txn);
	assert_garbage("txn 0000000001.7 abc", 20);
}

static void test_txn__foreign_bytes_are_garbage(void **state)
{
	static const char ZEROS[64];

	(void)state;
	assert_garbage("hello", 5);
	assert_garbage("txm", 3);
	assert_garbage("txn 12x", 7);
	assert_garbage("txn -000000001.0 abc", 20);
	assert_garbage(ZEROS, sizeof(ZEROS));
	assert_garbage("txn 000\0\0\0\0\0\0\0\0\0\0\0", 18);
}

static void test_txn__nothing_is_torn_with_an_unknown_id(void **state)
{
	uint64_t id;
	size_t intact_bytes;

	(void)state;
	assert_int_equal(txn_match(NULL, 0, 0, BASE_BYTES, &id, &intact_bytes), TXN_TORN);
	assert_true(id == UINT64_MAX);
}

static void test_txn__the_largest_id_is_no_size_to_believe(void **state)
{
	static const char BYTES[] = "txn 9999999999.0 abcdefgh";
	uint64_t id;
	size_t intact_bytes;

	(void)state;
	assert_int_equal(
		txn_match(BYTES, sizeof(BYTES) - 1, 0, BASE_BYTES, &id, &intact_bytes), TXN_TORN);
	assert_true(id == 9999999999);
}

static void test_txn__any_bytes_are_survived(void **state)
{
	static const char ALPHABET[] = "txn 0123456789.a\n";
	uint64_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		size_t size_bytes = round % 41;
		/* The exact size, so that the sanitizer sees one byte too far. */
		char *bytes = test_malloc(size_bytes ? size_bytes : 1);
		uint64_t id;
		size_t intact_bytes;

		for (size_t i = 0; i < size_bytes; i++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			/* Two thirds follow the header, so that it is parsed far. */
			bytes[i] = i < 17 && seed >> 62 ? "txn 0000000001.0 "[i]
			           : seed >> 61 & 1
			                   ? ALPHABET[(seed >> 33) % (sizeof(ALPHABET) - 1)]
			                   : (char)(seed >> 33);
		}
		enum txn_match match = txn_match(
			bytes, size_bytes, round % TXN_MEMBERS, BASE_BYTES, &id, &intact_bytes);

		assert_true(intact_bytes <= size_bytes);
		assert_true(match != TXN_INTACT);
		assert_true((match == TXN_GARBAGE) <= (id == UINT64_MAX));
		test_free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_txn__a_record_is_intact),
		cmocka_unit_test(test_txn__a_record_begins_with_its_header),
		cmocka_unit_test(test_txn__a_record_is_one_word_of_letters),
		cmocka_unit_test(test_txn__records_differ_by_id_and_member),
		cmocka_unit_test(test_txn__the_smallest_record_is_intact),
		cmocka_unit_test(test_txn__a_cut_record_is_torn),
		cmocka_unit_test(test_txn__a_changed_byte_is_found_where_it_is),
		cmocka_unit_test(test_txn__extra_bytes_tear_a_record),
		cmocka_unit_test(test_txn__zeros_after_the_id_are_torn),
		cmocka_unit_test(test_txn__another_member_is_garbage),
		cmocka_unit_test(test_txn__foreign_bytes_are_garbage),
		cmocka_unit_test(test_txn__nothing_is_torn_with_an_unknown_id),
		cmocka_unit_test(test_txn__the_largest_id_is_no_size_to_believe),
		cmocka_unit_test(test_txn__any_bytes_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
