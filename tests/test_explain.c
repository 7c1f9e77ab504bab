/* What happened to a run, in one clause, and each operation in one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/explain.h"

/* The data directory at the start: "doc.txt" (1) and "spool" (2). */
static struct recording recording;

static void apply(struct tree **tree, struct op op)
{
	assert_int_equal(tree_apply(tree, &op), 0);
}

static int begin(void **state)
{
	struct tree *initial = tree_new();

	(void)state;
	apply(&initial, (struct op){.kind = OP_OPEN,
				.object = 1,
				.name = (char *)"doc.txt",
				.is_creating = true});
	apply(&initial, (struct op){.kind = OP_MKDIR, .object = 2, .name = (char *)"spool"});
	recording_init(&recording, initial);
	recording.final = initial;
	return 0;
}

static int end(void **state)
{
	(void)state;
	recording_release(&recording);
	return 0;
}

static struct op op_at(enum point_id point, uint32_t object)
{
	return (struct op){.kind = points[point].kind,
		.point = point,
		.object = object,
		.directory = UINT32_MAX,
		.new_directory = UINT32_MAX,
		.size_bytes = 100,
		.effect = 100,
		.result = 100};
}

static void add(struct op op, enum strike_action action, int error, uint64_t bytes)
{
	struct event event = {.kind = EVENT_OP, .op = op};

	event.op.strike = (struct strike){action, error, bytes};
	assert_int_equal(recording_add(&recording, &event), 0);
}

static void assert_cause(const struct fault *fault, const char *expected)
{
	struct plan plan = {.fault = fault, .n = 1};
	char text[300];

	explain_cause(&recording, &plan, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void assert_line(struct op op, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	add(op, op.strike.action, op.strike.error, op.strike.bytes);
	explain_op(&recording, recording.count - 1, stream);
	fclose(stream);
	assert_string_equal(text, expected);
	free(text);
}

static void test_explain__no_fault(void **state)
{
	(void)state;
	assert_cause(NULL, "without any fault");
	add(op_at(POINT_WRITE, 1), STRIKE_NONE, 0, 0);
	assert_cause(NULL, "without any fault");
}

static void test_explain__calls_are_counted_by_their_name(void **state)
{
	(void)state;
	add(op_at(POINT_WRITE, 1), STRIKE_NONE, 0, 0);
	add(op_at(POINT_FSYNC, 1), STRIKE_NONE, 0, 0);
	add(op_at(POINT_PWRITE, 1), STRIKE_NONE, 0, 0);
	add(op_at(POINT_WRITE, 1), STRIKE_ERROR, ENOSPC, 0);
	assert_cause(NULL, "write #2 (doc.txt) failed with ENOSPC");
}

static void test_explain__a_file_that_was_made_later_has_no_name(void **state)
{
	(void)state;
	add(op_at(POINT_FSYNC, 3), STRIKE_ERROR, EIO, 0);
	assert_cause(NULL, "fsync #1 failed with EIO");
}

static void test_explain__the_data_directory_is_called_so(void **state)
{
	(void)state;
	add(op_at(POINT_FSYNC, TREE_ROOT), STRIKE_ERROR, EIO, 0);
	assert_cause(NULL, "fsync #1 (the directory) failed with EIO");
}

static void assert_strike(enum strike_action action, const char *expected)
{
	void *state = NULL;

	end(&state);
	begin(&state);
	add(op_at(POINT_WRITE, 1), action, EIO, 40);
	assert_cause(NULL, expected);
}

static void test_explain__every_way_to_strike(void **state)
{
	struct op op = op_at(POINT_OPEN, 1);

	(void)state;
	assert_strike(STRIKE_ERROR, "write #1 (doc.txt) failed with EIO");
	assert_strike(STRIKE_LATE_ERROR, "write #1 (doc.txt) took place and reported EIO");
	assert_strike(STRIKE_SHORT, "write #1 (doc.txt) was short (40 of 100 bytes)");
	assert_strike(STRIKE_KILL_BEFORE, "killed before write #1 (doc.txt)");
	assert_strike(STRIKE_KILL_MIDDLE, "killed in write #1 (doc.txt) after 40 of 100 bytes");
	assert_strike(STRIKE_KILL_AFTER, "killed after write #1 (doc.txt)");
	recording.events[0].op.strike.action = STRIKE_NONE;
	op.is_truncating = true;
	add(op, STRIKE_KILL_AFTER, 0, 0);
	assert_cause(NULL, "killed after open #1 (doc.txt), which truncated it");
}

static void test_explain__several_strikes_are_one_clause(void **state)
{
	static const struct fault_variant repeat[] = {{"always", REPEAT_SAME_POINT}};
	static const struct fault fault = {.name = "f", .variants = repeat, .variant_count = 1};

	(void)state;
	add(op_at(POINT_WRITE, 1), STRIKE_SHORT, 0, 40);
	add(op_at(POINT_WRITE, 1), STRIKE_ERROR, ENOSPC, 0);
	assert_cause(NULL, "write #1 (doc.txt) was short (40 of 100 bytes), then ENOSPC");
	assert_cause(
		&fault, "write #1 (doc.txt) was short (40 of 100 bytes), and so did later ones");
	add(op_at(POINT_FSYNC, 1), STRIKE_SHORT, 0, 1);
	assert_cause(NULL, "write #1 (doc.txt) was short (40 of 100 bytes), and 2 more calls");
}

static void test_explain__one_more_call_is_one(void **state)
{
	(void)state;
	add(op_at(POINT_OPEN, 1), STRIKE_ERROR, EINTR, 0);
	add(op_at(POINT_WRITE, 1), STRIKE_ERROR, EINTR, 0);
	assert_cause(NULL, "open #1 (doc.txt) failed with EINTR, and 1 more call");
}

static void test_explain__one_operation_is_one_line(void **state)
{
	struct op op = op_at(POINT_WRITE, 1);

	(void)state;
	op.offset = 7;
	assert_line(op, "write #1 doc.txt at 7, 100 bytes = 100");
	op.result = -EIO;
	op.strike = (struct strike){STRIKE_LATE_ERROR, EIO, 0};
	assert_line(op, "write #2 doc.txt at 7, 100 bytes = EIO"
			"   <== this call took place and reported EIO");
	op = op_at(POINT_TRUNCATE, 9);
	assert_line(op, "truncate #1 (file 9) to 100 bytes");
	op = op_at(POINT_SYNC, UINT32_MAX);
	assert_line(op, "sync #1");
	op = op_at(POINT_OPEN, 3);
	op.directory = 2;
	op.name = strdup("new");
	op.is_creating = true;
	assert_line(op, "open #1 spool/new (creates)");
	op = op_at(POINT_RENAME, 1);
	op.kind = OP_EXCHANGE;
	op.directory = TREE_ROOT;
	op.name = strdup("doc.txt");
	op.new_directory = 2;
	op.new_name = strdup("x");
	op.strike.action = STRIKE_KILL_BEFORE;
	assert_line(op, "exchange #1 doc.txt -> spool/x   <== killed before this call");
	op = op_at(POINT_SYMLINK, 4);
	op.directory = TREE_ROOT;
	op.name = strdup("current");
	op.data = (uint8_t *)strdup("gen-0001");
	op.result = op.effect = -EEXIST;
	assert_line(op, "symlink #1 current -> gen-0001 = EEXIST");
}

static void test_explain__calls_that_other_programs_make(void **state)
{
	struct op op = op_at(POINT_COPY_FILE_RANGE, 1);

	(void)state;
	op.offset = 7;
	assert_line(op, "copy_file_range #1 doc.txt at 7, 100 bytes = 100");
	op = op_at(POINT_FALLOCATE, 1);
	op.kind = OP_PUNCH;
	op.offset = 4096;
	op.is_hole = true;
	assert_line(op, "fallocate #1 doc.txt a hole at 4096, 100 bytes");
	op.is_hole = false;
	assert_line(op, "fallocate #2 doc.txt zeros at 4096, 100 bytes");
	op = op_at(POINT_OPEN, 3);
	op.is_creating = true;
	assert_line(op, "open #1 (file 3) (creates without a name)");
	op = op_at(POINT_MKNOD, 4);
	op.is_creating = true;
	op.directory = 2;
	op.name = strdup("node");
	assert_line(op, "mknod #1 spool/node (creates)");
	op = op_at(POINT_RENAME, 1);
	op.kind = OP_UNLINK;
	op.directory = TREE_ROOT;
	op.name = strdup("doc.txt");
	assert_line(op, "rename #1 doc.txt (which is gone then)");
	assert_line(op_at(POINT_CHOWN, 1), "chown #1 doc.txt");
	assert_line(op_at(POINT_EXIT, 1), "close at exit #1 doc.txt");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_explain__no_fault),
		TEST(test_explain__calls_are_counted_by_their_name),
		TEST(test_explain__a_file_that_was_made_later_has_no_name),
		TEST(test_explain__the_data_directory_is_called_so),
		TEST(test_explain__every_way_to_strike),
		TEST(test_explain__several_strikes_are_one_clause),
		TEST(test_explain__one_operation_is_one_line),
		TEST(test_explain__calls_that_other_programs_make),
		TEST(test_explain__one_more_call_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
