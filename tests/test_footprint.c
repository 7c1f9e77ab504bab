/* Which operations may change places: pieces of each kind, access by access, and whole footprints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/footprint.h"

static struct footprint footprint_of(enum piece_kind kind, enum access_mode access, uint32_t object,
	uint64_t start, uint64_t end)
{
	struct footprint footprint = {0};

	footprint_add(&footprint, kind, access, object, start, end);
	assert_int_equal(footprint.count, 1);
	return footprint;
}

static struct footprint whole(enum piece_kind kind, enum access_mode access)
{
	return footprint_of(kind, access, 0, 0, UINT64_MAX);
}

/* Who comes first makes no difference. */
static bool conflict(struct footprint a, struct footprint b)
{
	assert_int_equal(footprints_conflict(&a, &b), footprints_conflict(&b, &a));
	return footprints_conflict(&a, &b);
}

/* ---- pieces ---- */

static void test_footprint__reads_commute_and_additions_do_and_nothing_else_does(void **state)
{
	static const bool expected[3][3] = {
		[ACCESS_READ] = {false, true, true},
		[ACCESS_ADD] = {true, false, true},
		[ACCESS_WRITE] = {true, true, true},
	};

	(void)state;
	for (enum piece_kind kind = 0; kind <= PIECE_EVERYTHING; kind++) {
		for (enum access_mode a = 0; a < 3; a++) {
			for (enum access_mode b = 0; b < 3; b++)
				assert_int_equal(
					conflict(whole(kind, a), whole(kind, b)), expected[a][b]);
		}
	}
}

static void test_footprint__kinds_are_apart_but_for_everything(void **state)
{
	(void)state;
	for (enum piece_kind a = 0; a <= PIECE_EVERYTHING; a++) {
		for (enum piece_kind b = 0; b <= PIECE_EVERYTHING; b++)
			assert_int_equal(conflict(whole(a, ACCESS_WRITE), whole(b, ACCESS_READ)),
				a == b || a == PIECE_EVERYTHING || b == PIECE_EVERYTHING);
	}
}

static void test_footprint__objects_are_apart_but_for_everything(void **state)
{
	struct footprint one = footprint_of(PIECE_SIZE, ACCESS_WRITE, 1, 0, UINT64_MAX);
	struct footprint two = footprint_of(PIECE_SIZE, ACCESS_WRITE, 2, 0, UINT64_MAX);

	(void)state;
	assert_false(conflict(one, two));
	assert_true(conflict(one, one));
	assert_true(conflict(one, whole(PIECE_EVERYTHING, ACCESS_READ)));
}

static void test_footprint__ranges_conflict_where_they_overlap(void **state)
{
	struct footprint middle = footprint_of(PIECE_DATA, ACCESS_WRITE, 1, 10, 20);

	(void)state;
	for (uint64_t start = 0; start < 30; start++) {
		for (uint64_t end = start + 1; end <= 30; end++)
			assert_int_equal(conflict(middle, footprint_of(PIECE_DATA, ACCESS_READ, 1,
								  start, end)),
				start < 20 && end > 10);
	}
	assert_true(conflict(middle, footprint_of(PIECE_DATA, ACCESS_READ, 1, 19, UINT64_MAX)));
	assert_false(conflict(middle, footprint_of(PIECE_DATA, ACCESS_READ, 1, 20, UINT64_MAX)));
}

/* ---- several ---- */

static void test_footprint__any_two_pieces_may_conflict(void **state)
{
	struct footprint a = {0}, b = {0};

	(void)state;
	for (uint32_t i = 0; i < FOOTPRINT_PIECES; i++) {
		assert_false(conflict(a, b));
		footprint_add(&a, PIECE_SIZE, ACCESS_WRITE, i, 0, UINT64_MAX);
		if (i < FOOTPRINT_PIECES - 1)
			footprint_add(&b, PIECE_SIZE, ACCESS_READ, 1000 - i, 0, UINT64_MAX);
	}
	assert_false(conflict(a, b));
	footprint_add(&b, PIECE_SIZE, ACCESS_READ, FOOTPRINT_PIECES - 1, 0, UINT64_MAX);
	assert_true(conflict(a, b));
}

static void test_footprint__what_touches_nothing_conflicts_with_nothing(void **state)
{
	struct footprint nothing = {0};

	(void)state;
	footprint_add(&nothing, PIECE_DATA, ACCESS_WRITE, 1, 10, 10);
	footprint_add(&nothing, PIECE_DATA, ACCESS_WRITE, 1, 11, 10);
	assert_int_equal(nothing.count, 0);
	assert_false(conflict(nothing, nothing));
	assert_false(conflict(nothing, whole(PIECE_EVERYTHING, ACCESS_WRITE)));
}

static void test_footprint__one_piece_too_many_is_everything(void **state)
{
	struct footprint full = {0}, other = footprint_of(PIECE_META, ACCESS_READ, 7, 0, 1);

	(void)state;
	for (uint32_t i = 0; i < FOOTPRINT_PIECES; i++)
		footprint_add(&full, PIECE_SIZE, ACCESS_READ, i, 0, UINT64_MAX);
	assert_false(conflict(full, other));
	footprint_add(&full, PIECE_SIZE, ACCESS_READ, 100, 0, 0);
	assert_false(conflict(full, other));
	footprint_add(&full, PIECE_SIZE, ACCESS_READ, 100, 0, UINT64_MAX);
	assert_true(conflict(full, other));
	footprint_add(&full, PIECE_SIZE, ACCESS_READ, 101, 0, UINT64_MAX);
	assert_int_equal(full.count, FOOTPRINT_PIECES);
	assert_true(conflict(full, other));
}

/* ---- equal ones ---- */

static void test_footprint__equal_ones_agree_in_everything(void **state)
{
	const struct footprint same = footprint_of(PIECE_DATA, ACCESS_READ, 1, 2, 3);
	const struct footprint others[] = {
		{0},
		footprint_of(PIECE_POSIX_LOCK, ACCESS_READ, 1, 2, 3),
		footprint_of(PIECE_DATA, ACCESS_ADD, 1, 2, 3),
		footprint_of(PIECE_DATA, ACCESS_READ, 2, 2, 3),
		footprint_of(PIECE_DATA, ACCESS_READ, 1, 1, 3),
		footprint_of(PIECE_DATA, ACCESS_READ, 1, 2, 4),
	};
	struct footprint again = same, longer = same;

	(void)state;
	/* What is behind the last piece is no part of it. */
	again.pieces[1].object = 5;
	assert_true(footprints_equal(&same, &again));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		assert_false(footprints_equal(&same, &others[i]));
		assert_false(footprints_equal(&others[i], &same));
	}
	footprint_add(&longer, PIECE_DATA, ACCESS_READ, 1, 2, 3);
	assert_false(footprints_equal(&same, &longer));
	assert_false(footprints_equal(&longer, &same));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_footprint__reads_commute_and_additions_do_and_nothing_else_does),
		cmocka_unit_test(test_footprint__kinds_are_apart_but_for_everything),
		cmocka_unit_test(test_footprint__objects_are_apart_but_for_everything),
		cmocka_unit_test(test_footprint__ranges_conflict_where_they_overlap),
		cmocka_unit_test(test_footprint__any_two_pieces_may_conflict),
		cmocka_unit_test(test_footprint__what_touches_nothing_conflicts_with_nothing),
		cmocka_unit_test(test_footprint__one_piece_too_many_is_everything),
		cmocka_unit_test(test_footprint__equal_ones_agree_in_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
