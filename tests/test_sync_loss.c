/* What a failed sync lost, and what mends it. A history is told call by call; after it a file is
 * looked at as a power cut would leave it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/sync_loss.h"

enum { PAGE = TREE_PAGE_BYTES, FILE_OBJECT = 1, NEW_OBJECT = 2 };

static struct tree *now;
static struct sync_loss *loss;

static void follow(struct op op)
{
	assert_int_equal(tree_apply(&now, &op), 0);
	assert_int_equal(sync_loss_follow(loss, &op, now), 0);
}

static struct op op_on(enum op_kind kind, uint32_t object)
{
	return (struct op){.kind = kind,
		.object = object,
		.directory = UINT32_MAX,
		.new_directory = UINT32_MAX};
}

/* Fills `count` pages of a file with a letter. */
static struct op op_fill(uint32_t object, unsigned page, unsigned count, char letter)
{
	static uint8_t bytes[4][4 * PAGE];
	static unsigned next;
	struct op op = op_on(OP_WRITE, object);

	op.data = bytes[next++ % 4];
	memset(op.data, letter, count * PAGE);
	op.offset = (int64_t)page * PAGE;
	op.size_bytes = count * PAGE;
	op.effect = op.result = (int64_t)op.size_bytes;
	return op;
}

static void fill(uint32_t object, unsigned page, unsigned count, char letter)
{
	follow(op_fill(object, page, count, letter));
}

static void sync_with(enum op_kind kind, uint32_t object, int result)
{
	struct op op = op_on(kind, object);

	op.effect = op.result = result;
	follow(op);
}

static void create(uint32_t object, const char *name)
{
	struct op op = op_on(OP_OPEN, object);

	op.directory = TREE_ROOT;
	op.name = (char *)name;
	op.is_creating = true;
	follow(op);
}

static void move(const char *from, const char *to)
{
	struct op op = op_on(OP_RENAME, tree_lookup(now, TREE_ROOT, from));

	op.directory = op.new_directory = TREE_ROOT;
	op.name = (char *)from;
	op.new_name = (char *)to;
	follow(op);
}

/* Each test begins with file "f" of three pages 'a', on the disk. */
static int begin(void **state)
{
	struct tree *initial = tree_new();
	struct op op = op_on(OP_OPEN, FILE_OBJECT), data = op_fill(FILE_OBJECT, 0, 3, 'a');

	(void)state;
	op.directory = TREE_ROOT;
	op.name = (char *)"f";
	op.is_creating = true;
	if (tree_apply(&initial, &op) || tree_apply(&initial, &data))
		return -1;
	now = initial;
	loss = sync_loss_new(initial);
	return loss ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	sync_loss_free(loss);
	tree_unref(now);
	return 0;
}

/* The first byte of each page of a file after a power cut: '.' is zero, "-" no such name. */
static void assert_left(const char *name, const char *expected)
{
	struct tree *left;
	char found[16] = "-";
	uint32_t file;

	assert_int_equal(sync_loss_tree(loss, now, &left), 0);
	file = tree_lookup(left, TREE_ROOT, name);
	if (file != UINT32_MAX) {
		uint64_t pages = (tree_file_bytes(left, file) + PAGE - 1) / PAGE;

		memset(found, 0, sizeof(found));
		for (uint64_t i = 0; i < pages; i++) {
			for (int c = 0; c < 128; c++) {
				char letter = (char)c;

				if (tree_page_equals(left, file, i, &letter, 1))
					found[i] = c ? letter : '.';
			}
		}
	}
	tree_unref(left);
	assert_string_equal(found, expected);
}

static void test_sync_loss__a_failed_fsync_loses_what_was_written(void **state)
{
	(void)state;
	fill(FILE_OBJECT, 0, 3, 'b');
	assert_false(sync_loss_any(loss));
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	assert_true(sync_loss_any(loss));
	assert_left("f", "aaa");
}

static void test_sync_loss__fdatasync_loses_as_fsync_does(void **state)
{
	(void)state;
	fill(FILE_OBJECT, 1, 1, 'b');
	sync_with(OP_FDATASYNC, FILE_OBJECT, -ENOSPC);
	assert_left("f", "aaa");
}

static void test_sync_loss__a_retry_that_says_success_does_not_mend(void **state)
{
	(void)state;
	fill(FILE_OBJECT, 0, 1, 'b');
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	sync_with(OP_FSYNC, FILE_OBJECT, 0);
	sync_with(OP_SYNC, UINT32_MAX, 0);
	assert_true(sync_loss_any(loss));
	assert_left("f", "aaa");
}

static void test_sync_loss__writing_again_and_a_good_fsync_mend(void **state)
{
	(void)state;
	fill(FILE_OBJECT, 0, 1, 'b');
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	fill(FILE_OBJECT, 0, 1, 'c');
	sync_with(OP_FSYNC, FILE_OBJECT, 0);
	assert_false(sync_loss_any(loss));
	assert_left("f", "caa");
}

static void test_sync_loss__only_the_pages_that_were_written_are_lost(void **state)
{
	(void)state;
	fill(FILE_OBJECT, 0, 1, 'b');
	sync_with(OP_FSYNC, FILE_OBJECT, 0);
	fill(FILE_OBJECT, 1, 1, 'b');
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	fill(FILE_OBJECT, 2, 1, 'b');
	sync_with(OP_FSYNC, FILE_OBJECT, 0);
	assert_left("f", "bab");
}

static void test_sync_loss__a_lost_page_is_what_it_was_when_last_synced(void **state)
{
	(void)state;
	fill(FILE_OBJECT, 0, 3, 'b');
	sync_with(OP_FSYNC, FILE_OBJECT, 0);
	fill(FILE_OBJECT, 0, 2, 'c');
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	fill(FILE_OBJECT, 1, 1, 'd');
	sync_with(OP_FSYNC, FILE_OBJECT, 0);
	assert_left("f", "bdb");
	fill(FILE_OBJECT, 0, 2, 'e');
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	assert_left("f", "bdb");
}

static void test_sync_loss__an_interrupted_sync_loses_nothing(void **state)
{
	(void)state;
	fill(FILE_OBJECT, 0, 1, 'b');
	sync_with(OP_FSYNC, FILE_OBJECT, -EINTR);
	assert_false(sync_loss_any(loss));
	sync_with(OP_FSYNC, FILE_OBJECT, 0);
	assert_left("f", "baa");
}

static void test_sync_loss__after_an_interrupted_sync_a_failed_one_still_loses(void **state)
{
	(void)state;
	fill(FILE_OBJECT, 0, 1, 'b');
	sync_with(OP_FSYNC, FILE_OBJECT, -EINTR);
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	assert_left("f", "aaa");
}

static void test_sync_loss__what_nobody_synced_is_not_accused(void **state)
{
	(void)state;
	create(NEW_OBJECT, "g");
	fill(NEW_OBJECT, 0, 1, 'g');
	fill(FILE_OBJECT, 0, 1, 'b');
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	assert_left("f", "aaa");
	assert_left("g", "g");
}

static void test_sync_loss__a_new_file_reads_as_zeros(void **state)
{
	(void)state;
	create(NEW_OBJECT, "g");
	fill(NEW_OBJECT, 0, 2, 'g');
	sync_with(OP_FSYNC, NEW_OBJECT, -EIO);
	assert_left("g", "..");
	assert_left("f", "aaa");
}

static void test_sync_loss__a_rename_after_a_failed_fsync_shows_the_loss(void **state)
{
	(void)state;
	create(NEW_OBJECT, "g");
	fill(NEW_OBJECT, 0, 1, 'g');
	sync_with(OP_FSYNC, NEW_OBJECT, -EIO);
	move("g", "f");
	assert_left("f", ".");
}

static void test_sync_loss__a_failed_sync_of_a_directory_loses_its_entries(void **state)
{
	(void)state;
	create(NEW_OBJECT, "g");
	fill(NEW_OBJECT, 0, 1, 'g');
	sync_with(OP_FSYNC, NEW_OBJECT, 0);
	move("g", "f");
	assert_left("f", "g");
	sync_with(OP_FSYNC, TREE_ROOT, -EIO);
	assert_left("f", "aaa");
	assert_left("g", "-");
	sync_with(OP_FSYNC, TREE_ROOT, 0);
	assert_left("f", "aaa");
	/* The next change writes the directory again, with all that is in it. */
	create(3, "h");
	sync_with(OP_FSYNC, TREE_ROOT, 0);
	assert_left("f", "g");
	assert_left("h", "");
}

static void test_sync_loss__a_directory_that_was_never_synced_is_not_accused(void **state)
{
	(void)state;
	create(NEW_OBJECT, "g");
	move("g", "h");
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	assert_false(sync_loss_any(loss));
	assert_left("h", "");
}

static void test_sync_loss__what_was_cut_off_is_no_loss(void **state)
{
	struct op op = op_on(OP_TRUNCATE, FILE_OBJECT);

	(void)state;
	fill(FILE_OBJECT, 1, 2, 'b');
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	op.size_bytes = PAGE;
	follow(op);
	assert_false(sync_loss_any(loss));
	assert_left("f", "a");
	op = op_on(OP_OPEN, FILE_OBJECT);
	op.is_truncating = true;
	fill(FILE_OBJECT, 0, 1, 'c');
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	assert_true(sync_loss_any(loss));
	follow(op);
	assert_false(sync_loss_any(loss));
	assert_left("f", "");
}

static void test_sync_loss__a_truncation_inside_a_page_is_written_and_can_be_lost(void **state)
{
	struct op op = op_on(OP_TRUNCATE, FILE_OBJECT);

	(void)state;
	fill(FILE_OBJECT, 0, 3, 'b');
	op.size_bytes = PAGE + 1;
	follow(op);
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	assert_left("f", "aa");
}

static void test_sync_loss__a_late_error_of_a_synchronous_write_loses_it(void **state)
{
	struct op op = op_fill(FILE_OBJECT, 1, 1, 'b');

	(void)state;
	op.is_synchronous = true;
	op.result = -EIO;
	follow(op);
	assert_left("f", "aaa");
	op = op_fill(FILE_OBJECT, 2, 1, 'c');
	op.is_synchronous = true;
	follow(op);
	assert_left("f", "aac");
	op = op_fill(FILE_OBJECT, 1, 1, 'd');
	op.is_synchronous = true;
	follow(op);
	assert_false(sync_loss_any(loss));
	assert_left("f", "adc");
}

static void test_sync_loss__a_write_that_was_refused_loses_nothing(void **state)
{
	struct op op = op_fill(FILE_OBJECT, 0, 1, 'b');

	(void)state;
	op.is_synchronous = true;
	op.effect = op.result = -EIO;
	follow(op);
	assert_false(sync_loss_any(loss));
	assert_left("f", "aaa");
}

static void test_sync_loss__syncfs_makes_everything_durable(void **state)
{
	(void)state;
	create(NEW_OBJECT, "g");
	fill(NEW_OBJECT, 0, 1, 'g');
	fill(FILE_OBJECT, 0, 1, 'b');
	sync_with(OP_SYNC, FILE_OBJECT, 0);
	sync_with(OP_FSYNC, NEW_OBJECT, -EIO);
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	sync_with(OP_FSYNC, TREE_ROOT, -EIO);
	assert_false(sync_loss_any(loss));
	assert_left("g", "g");
	assert_left("f", "baa");
}

static void test_sync_loss__stores_are_pages_like_others(void **state)
{
	struct op op = op_fill(FILE_OBJECT, 2, 1, 'b');

	(void)state;
	op.kind = OP_STORE;
	follow(op);
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	assert_left("f", "aaa");
}

static void test_sync_loss__what_was_truncated_away_does_not_come_back_as_new_data(void **state)
{
	struct op op = op_on(OP_OPEN, FILE_OBJECT);

	(void)state;
	op.is_truncating = true;
	follow(op);
	sync_with(OP_FSYNC, FILE_OBJECT, 0);
	assert_left("f", "");
	fill(FILE_OBJECT, 0, 2, 'b');
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	assert_left("f", "..");
}

static void test_sync_loss__a_failed_syncfs_loses_what_a_failed_fsync_loses(void **state)
{
	(void)state;
	fill(FILE_OBJECT, 0, 1, 'b');
	sync_with(OP_SYNC, FILE_OBJECT, -EIO);
	assert_true(sync_loss_any(loss));
	assert_left("f", "aaa");
}

static void test_sync_loss__holes_and_new_kinds_of_files(void **state)
{
	struct op op = op_on(OP_PUNCH, FILE_OBJECT);

	(void)state;
	op.size_bytes = 2 * PAGE;
	op.keeps_size = op.is_hole = true;
	follow(op);
	sync_with(OP_FSYNC, FILE_OBJECT, -EIO);
	assert_left("f", "aaa");
	/* A file without a name is in no directory. */
	op = op_on(OP_OPEN, tree_object_count(now));
	op.is_creating = true;
	follow(op);
	sync_with(OP_FSYNC, TREE_ROOT, -EIO);
	op = op_on(OP_MKNOD, tree_object_count(now));
	op.directory = TREE_ROOT;
	op.name = (char *)"node";
	follow(op);
	assert_left("node", "");
	sync_with(OP_FSYNC, TREE_ROOT, -EIO);
	assert_left("node", "-");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sync_loss__a_failed_fsync_loses_what_was_written),
		TEST(test_sync_loss__fdatasync_loses_as_fsync_does),
		TEST(test_sync_loss__a_retry_that_says_success_does_not_mend),
		TEST(test_sync_loss__writing_again_and_a_good_fsync_mend),
		TEST(test_sync_loss__only_the_pages_that_were_written_are_lost),
		TEST(test_sync_loss__a_lost_page_is_what_it_was_when_last_synced),
		TEST(test_sync_loss__an_interrupted_sync_loses_nothing),
		TEST(test_sync_loss__after_an_interrupted_sync_a_failed_one_still_loses),
		TEST(test_sync_loss__what_nobody_synced_is_not_accused),
		TEST(test_sync_loss__a_new_file_reads_as_zeros),
		TEST(test_sync_loss__a_rename_after_a_failed_fsync_shows_the_loss),
		TEST(test_sync_loss__a_failed_sync_of_a_directory_loses_its_entries),
		TEST(test_sync_loss__a_directory_that_was_never_synced_is_not_accused),
		TEST(test_sync_loss__what_was_cut_off_is_no_loss),
		TEST(test_sync_loss__a_truncation_inside_a_page_is_written_and_can_be_lost),
		TEST(test_sync_loss__a_late_error_of_a_synchronous_write_loses_it),
		TEST(test_sync_loss__a_write_that_was_refused_loses_nothing),
		TEST(test_sync_loss__syncfs_makes_everything_durable),
		TEST(test_sync_loss__stores_are_pages_like_others),
		TEST(test_sync_loss__what_was_truncated_away_does_not_come_back_as_new_data),
		TEST(test_sync_loss__holes_and_new_kinds_of_files),
		TEST(test_sync_loss__a_failed_syncfs_loses_what_a_failed_fsync_loses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
