/*
 * A power cut that was chosen: from a crash state to the numbers that a witness keeps, back to its
 * tree, and in words (harness/cut.h, harness/explain_cut.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/crash.h"
#include "harness/explain_cut.h"
#include "harness/plugins.h"
#include "harness/power.h"
#include "tests/make_recording.h"

/* "doc.txt" of 10 bytes is replaced by way of a temporary file:
 *   0 update 1 begins
 *   1 open doc.tmp (creates)
 *   2 write 9000 bytes
 *   3 close
 *   4 rename doc.tmp -> doc.txt
 *   5 update 1 is acknowledged
 */
enum { OPEN = 1, WRITE, CLOSE, RENAME, ACK };

static struct making making;
static struct micro_ops ops;
static struct cut cut;

static const struct model *model_named(const char *name)
{
	for (size_t i = 0; i < model_count; i++) {
		if (!strcmp(models[i]->name, name))
			return models[i];
	}
	fail_msg("no model %s", name);
	return NULL;
}

/* Operations made by hand have no point, from which their words come. */
static void name_calls(void)
{
	for (size_t i = 0; i < making.recording.count; i++) {
		struct op *op = &making.recording.events[i].op;
		int point = 0;

		if (making.recording.events[i].kind != EVENT_OP)
			continue;
		while (points[point].kind != (op->kind == OP_EXCHANGE ? OP_RENAME : op->kind))
			point++;
		op->point = (enum point_id)point;
	}
}

static void add_history(enum event_kind kind, uint64_t txn)
{
	make_history(&making, kind);
	making.recording.events[making.recording.count - 1].txn = txn;
}

static int begin(void **state)
{
	(void)state;
	make_begin(&making);
	make_write(&making, make_file(&making, "doc.txt"), 0, 10, 'a');
	make_settle(&making);
	return 0;
}

static int end(void **state)
{
	(void)state;
	cut_release(&cut);
	micro_ops_release(&ops);
	make_end(&making);
	return 0;
}

static void make_replacement(void)
{
	uint32_t file;

	add_history(EVENT_START, 1);
	file = make_file(&making, "doc.tmp");
	make_write(&making, file, 0, 9000, 'b');
	make_close(&making, file);
	make_rename(&making, "doc.tmp", "doc.txt");
	add_history(EVENT_ACK, 1);
}

static void take_apart(const char *model, enum tear tear)
{
	name_calls();
	assert_int_equal(micro_ops_init(&ops, &making.recording, model_named(model), tear), 0);
}

/* The micro-operation of an event, of a kind, from 0. */
static uint32_t item_of(size_t event, enum micro_kind kind, unsigned nth)
{
	for (uint32_t i = 0; i < ops.count; i++) {
		if (ops.items[i].event == event && ops.items[i].kind == kind && !nth--)
			return i;
	}
	fail_msg("event %zu has no such micro-operation", event);
	return 0;
}

/* Cuts the power before `event` is complete, without the `lost` ones. */
static void cut_at(size_t event, unsigned lost_count, const uint32_t *lost)
{
	uint64_t bits[4] = {0};

	assert_true(bits_words(ops.count) <= 4);
	for (unsigned i = 0; i < lost_count; i++)
		bits_add(bits, lost[i]);
	cut_release(&cut);
	assert_int_equal(cut_init(&cut, &ops, event, bits), 0);
}

#define CUT(event, ...)                                                                            \
	cut_at(event, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),                        \
		(uint32_t[]){__VA_ARGS__})

static struct tree *tree_of_cut(void)
{
	struct tree *tree;

	assert_int_equal(cut_tree(&cut, &ops, &tree), 0);
	assert_non_null(tree);
	return tree;
}

static void assert_same_tree(const struct tree *a, const struct tree *b)
{
	if (!XXH128_isEqual(tree_hash(a), tree_hash(b))) {
		tree_print_difference(a, b, stderr);
		fail();
	}
}

static void assert_bytes(struct tree *tree, const char *name, uint64_t size_bytes)
{
	uint32_t file = tree_lookup(tree, TREE_ROOT, name);

	assert_true(file != UINT32_MAX);
	assert_int_equal(tree_file_bytes(tree, file), size_bytes);
}

/* ---- trees ---- */

static void test_cut__without_a_loss_it_is_the_tree_of_that_moment(void **state)
{
	struct tree *tree;

	(void)state;
	make_replacement();
	take_apart("posix", TEAR_PAGE);
	cut_at(making.recording.count, 0, NULL);
	tree = tree_of_cut();
	assert_same_tree(tree, making.now);
	tree_unref(tree);
	cut_at(0, 0, NULL);
	tree = tree_of_cut();
	assert_same_tree(tree, making.recording.initial);
	tree_unref(tree);
	cut_at(CLOSE, 0, NULL);
	tree = tree_of_cut();
	assert_bytes(tree, "doc.txt", 10);
	assert_bytes(tree, "doc.tmp", 9000);
	tree_unref(tree);
}

static void test_cut__what_is_lost_is_not_there(void **state)
{
	struct tree *tree;

	(void)state;
	make_replacement();
	take_apart("posix", TEAR_PAGE);
	CUT(ACK, item_of(RENAME, MICRO_NAME, 0));
	tree = tree_of_cut();
	assert_bytes(tree, "doc.txt", 10);
	assert_bytes(tree, "doc.tmp", 9000);
	tree_unref(tree);
	CUT(ACK, item_of(WRITE, MICRO_SIZE, 2));
	tree = tree_of_cut();
	assert_bytes(tree, "doc.txt", 8192);
	tree_unref(tree);
	CUT(ACK, item_of(WRITE, MICRO_DATA, 1));
	tree = tree_of_cut();
	assert_bytes(tree, "doc.txt", 9000);
	assert_true(tree_page_equals(tree, tree_lookup(tree, TREE_ROOT, "doc.txt"), 0, "bbb", 3));
	assert_true(tree_page_equals(tree, tree_lookup(tree, TREE_ROOT, "doc.txt"), 1, "\0\0", 3));
	tree_unref(tree);
}

static void test_cut__what_comes_after_it_is_not_counted_as_lost(void **state)
{
	uint64_t all[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};

	(void)state;
	make_replacement();
	take_apart("posix", TEAR_PAGE);
	assert_int_equal(cut_init(&cut, &ops, OPEN, all), 0);
	assert_int_equal(cut.lost_count, 1);
	assert_int_equal(cut.lost[0], 0);
	assert_int_equal(cut.micro_ops, ops.count);
	assert_int_equal(cut.tear, TEAR_PAGE);
	assert_int_equal(cut.event, OPEN);
}

static int visit(void *context, const struct crash_state *crash)
{
	unsigned *count = context;
	struct tree *tree;

	(*count)++;
	cut_release(&cut);
	assert_int_equal(cut_init(&cut, crash->ops, crash->event, crash->lost), 0);
	assert_int_equal(cut.lost_count, crash->lost_count);
	tree = tree_of_cut();
	assert_same_tree(tree, crash->tree);
	tree_unref(tree);
	return 0;
}

static void test_cut__every_crash_state_comes_back(void **state)
{
	static const enum tear tears[] = {TEAR_PAGE, TEAR_SECTOR, TEAR_NONE};
	uint32_t file;

	(void)state;
	make_replacement();
	file = tree_lookup(making.now, TREE_ROOT, "doc.txt");
	make_fsync(&making, TREE_ROOT);
	make_write(&making, file, 100, 600, 'c');
	make_truncate(&making, file, 300);
	make_remove(&making, OP_UNLINK, TREE_ROOT, "doc.txt");
	for (size_t i = 0; i < model_count * 3; i++) {
		struct crash_limits limits = {0};
		struct crash_coverage coverage;
		unsigned count = 0;

		micro_ops_release(&ops);
		take_apart(models[i / 3]->name, tears[i % 3]);
		assert_int_equal(crash_each(&ops, &limits, visit, &count, &coverage), 0);
		assert_true(count > 5);
	}
}

/* ---- what does not fit ---- */

static void assert_no_tree(void)
{
	struct tree *tree = making.now;

	assert_int_equal(cut_tree(&cut, &ops, &tree), -EPROTO);
	assert_null(tree);
}

static void test_cut__one_of_another_recording_is_refused(void **state)
{
	(void)state;
	make_replacement();
	take_apart("posix", TEAR_PAGE);
	CUT(ACK, 1);
	cut.micro_ops++;
	assert_no_tree();
	cut.micro_ops = 0;
	assert_no_tree();
}

static void test_cut__a_moment_after_the_end_is_refused(void **state)
{
	static const size_t events[] = {ACK + 2, 1000000, SIZE_MAX};

	(void)state;
	make_replacement();
	take_apart("posix", TEAR_PAGE);
	CUT(ACK + 1, 1);
	tree_unref(tree_of_cut());
	for (int i = 0; i < 3; i++) {
		cut.event = events[i];
		assert_no_tree();
	}
}

static void test_cut__what_was_not_issued_cannot_be_lost(void **state)
{
	(void)state;
	make_replacement();
	take_apart("posix", TEAR_PAGE);
	CUT(WRITE, item_of(WRITE, MICRO_DATA, 0));
	cut.lost[0] = item_of(RENAME, MICRO_NAME, 0);
	assert_no_tree();
	cut.lost[0] = (uint32_t)ops.count;
	assert_no_tree();
	cut.lost[0] = UINT32_MAX;
	assert_no_tree();
}

static void test_cut__a_list_out_of_order_is_refused(void **state)
{
	(void)state;
	make_replacement();
	take_apart("posix", TEAR_PAGE);
	CUT(ACK, 1, 3);
	tree_unref(tree_of_cut());
	cut.lost[0] = 3;
	assert_no_tree();
	cut.lost[1] = 1;
	assert_no_tree();
}

/* ---- words ---- */

static void assert_words(const char *expected)
{
	char text[400];

	explain_cut(&ops, &cut, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void test_cut__words_say_what_is_lost(void **state)
{
	(void)state;
	make_replacement();
	take_apart("posix", TEAR_PAGE);
	CUT(ACK + 1, item_of(RENAME, MICRO_NAME, 0));
	assert_words("power cut after update 1 was acknowledged: rename #1 is lost");
	/* The temporary name may be another one next time. */
	CUT(WRITE, item_of(OPEN, MICRO_NAME, 0));
	assert_words("power cut after write #1 (file of open #1): write #1 (file of open #1) is on "
		     "disk, open #1 is not");
	CUT(RENAME, item_of(WRITE, MICRO_DATA, 0), item_of(WRITE, MICRO_DATA, 1),
		item_of(WRITE, MICRO_DATA, 2));
	assert_words("power cut after rename #1: rename #1 is on disk, the data of write #1 (file "
		     "of open #1) is not");
	CUT(RENAME, item_of(WRITE, MICRO_SIZE, 2));
	assert_words("power cut after rename #1: rename #1 is on disk, 1 of 3 steps of the size of "
		     "write #1 (file of open #1) is not");
	CUT(RENAME, item_of(WRITE, MICRO_DATA, 2), item_of(WRITE, MICRO_SIZE, 2));
	assert_words(
		"power cut after rename #1: rename #1 is on disk, 1 of 3 pages and 1 of 3 steps "
		"of the size of write #1 (file of open #1) is not");
}

static void test_cut__words_say_when(void **state)
{
	(void)state;
	make_replacement();
	make_fsync(&making, TREE_ROOT);
	add_history(EVENT_START, 2);
	add_history(EVENT_REFUSE, 2);
	add_history(EVENT_START, 3);
	take_apart("posix", TEAR_PAGE);
	cut_at(0, 0, NULL);
	assert_words("power cut before anything was done, all of it on disk");
	cut_at(OPEN, 0, NULL);
	assert_words("power cut after open #1, all of it on disk");
	cut_at(ACK, 0, NULL);
	assert_words("power cut after rename #1, all of it on disk");
	cut_at(ACK + 1, 0, NULL);
	assert_words("power cut in fsync #1 (the directory), all of it on disk");
	cut_at(ACK + 2, 0, NULL);
	assert_words("power cut after fsync #1 (the directory), all of it on disk");
	cut_at(ACK + 3, 0, NULL);
	assert_words("power cut after update 2 began, all of it on disk");
	cut_at(ACK + 4, 0, NULL);
	assert_words("power cut after update 2 was refused, all of it on disk");
	cut_at(ACK + 5, 0, NULL);
	assert_words("power cut after update 3 began, all of it on disk");
}

static void test_cut__words_for_many_losses_stay_few(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	uint32_t lost[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		make_file(&making, names[i]);
	make_remove(&making, OP_UNLINK, TREE_ROOT, "doc.txt");
	take_apart("posix", TEAR_PAGE);
	for (uint32_t i = 0; i < 5; i++)
		lost[i] = item_of(i, MICRO_NAME, 0);
	cut_at(4, 5, lost);
	assert_words("power cut after open #5: open #1, open #2, open #3 and 2 more are lost");
	cut_at(5, 4, lost);
	assert_words(
		"power cut after unlink #1 (doc.txt): unlink #1 (doc.txt) is on disk, open #1, "
		"open #2, open #3 and 1 more are not");
	cut_at(5, 2, lost);
	assert_words(
		"power cut after unlink #1 (doc.txt): unlink #1 (doc.txt) is on disk, open #1, "
		"open #2 are not");
}

static void test_cut__words_that_do_not_fit_are_cut_off(void **state)
{
	(void)state;
	make_replacement();
	take_apart("posix", TEAR_PAGE);
	CUT(RENAME, item_of(OPEN, MICRO_NAME, 0), item_of(WRITE, MICRO_DATA, 1));
	for (size_t size = 1; size < 200; size++) {
		char text[201];

		memset(text, '#', sizeof(text));
		explain_cut(&ops, &cut, text, size);
		assert_non_null(memchr(text, 0, size));
		for (size_t i = size; i < sizeof(text); i++)
			assert_int_equal(text[i], '#');
	}
}

static void assert_torn(size_t event, const char *expected)
{
	char text[160];

	assert_int_equal(explain_mark(&ops, &cut, event), MARK_TORN);
	explain_torn(&ops, &cut, event, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void test_cut__each_operation_has_a_mark(void **state)
{
	(void)state;
	make_replacement();
	take_apart("posix", TEAR_PAGE);
	CUT(CLOSE, item_of(OPEN, MICRO_NAME, 0), item_of(WRITE, MICRO_DATA, 2));
	assert_int_equal(explain_mark(&ops, &cut, OPEN), MARK_LOST);
	assert_int_equal(explain_mark(&ops, &cut, WRITE), MARK_TORN);
	assert_int_equal(explain_mark(&ops, &cut, CLOSE), MARK_NONE);
	assert_int_equal(explain_mark(&ops, &cut, RENAME), MARK_AFTER);
	assert_int_equal(explain_mark(&ops, &cut, ACK), MARK_AFTER);
	cut_at(RENAME, 0, NULL);
	assert_int_equal(explain_mark(&ops, &cut, RENAME), MARK_PERSISTED);
	assert_int_equal(explain_mark(&ops, &cut, WRITE), MARK_PERSISTED);
}

static void test_cut__torn_operations_say_which_part(void **state)
{
	(void)state;
	make_replacement();
	take_apart("posix", TEAR_PAGE);
	CUT(ACK, item_of(WRITE, MICRO_DATA, 0), item_of(WRITE, MICRO_DATA, 2));
	assert_torn(WRITE, "2 of 3 pages");
	CUT(ACK, item_of(WRITE, MICRO_DATA, 0), item_of(WRITE, MICRO_DATA, 1),
		item_of(WRITE, MICRO_DATA, 2));
	assert_torn(WRITE, "the data");
	CUT(ACK, item_of(WRITE, MICRO_SIZE, 0), item_of(WRITE, MICRO_SIZE, 1),
		item_of(WRITE, MICRO_SIZE, 2));
	assert_torn(WRITE, "the size");
	CUT(ACK, item_of(WRITE, MICRO_DATA, 1), item_of(WRITE, MICRO_SIZE, 1),
		item_of(WRITE, MICRO_SIZE, 2));
	assert_torn(WRITE, "1 of 3 pages and 2 of 3 steps of the size");
	micro_ops_release(&ops);
	take_apart("posix", TEAR_SECTOR);
	CUT(ACK, item_of(WRITE, MICRO_DATA, 17));
	assert_torn(WRITE, "1 of 18 sectors");
	micro_ops_release(&ops);
	take_apart("ext2", TEAR_PAGE);
	CUT(ACK, item_of(RENAME, MICRO_NAME, 1));
	assert_torn(RENAME, "a half");
}

static void test_cut__an_untorn_write_is_lost_as_a_whole(void **state)
{
	(void)state;
	make_replacement();
	take_apart("posix", TEAR_NONE);
	CUT(ACK, item_of(WRITE, MICRO_DATA, 0));
	assert_int_equal(explain_mark(&ops, &cut, WRITE), MARK_LOST);
	assert_words(
		"power cut after rename #1: rename #1 is on disk, write #1 (file of open #1) is "
		"not");
}

/* ---- with what struck before, and a recovery after ---- */

static void test_cut__the_whole_cause_is_one_clause(void **state)
{
	static const struct fault fault = {.name = "eio"};
	struct plan plan = {.n = 1};
	struct cut again = {.event = RENAME, .tear = TEAR_PAGE};
	char text[POWER_CAUSE_BYTES];

	(void)state;
	make_replacement();
	making.recording.events[CLOSE].op.strike = (struct strike){STRIKE_ERROR, EIO, 0};
	take_apart("posix", TEAR_PAGE);
	again.micro_ops = ops.count;
	CUT(ACK + 1, item_of(RENAME, MICRO_NAME, 0));
	power_explain(&plan, &ops, &cut, NULL, NULL, text);
	assert_string_equal(text, "power cut after update 1 was acknowledged: rename #1 is lost");
	power_explain(&plan, &ops, &cut, &ops, &again, text);
	assert_string_equal(text,
		"power cut after update 1 was acknowledged: rename #1 is lost; "
		"then in recovery a power cut after rename #1, all of it on disk");
	plan.fault = &fault;
	power_explain(&plan, &ops, &cut, NULL, NULL, text);
	assert_string_equal(text, "close #1 failed with EIO; power cut after update 1 was "
				  "acknowledged: rename #1 is lost");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cut__without_a_loss_it_is_the_tree_of_that_moment),
		TEST(test_cut__what_is_lost_is_not_there),
		TEST(test_cut__what_comes_after_it_is_not_counted_as_lost),
		TEST(test_cut__every_crash_state_comes_back),
		TEST(test_cut__one_of_another_recording_is_refused),
		TEST(test_cut__a_moment_after_the_end_is_refused),
		TEST(test_cut__what_was_not_issued_cannot_be_lost),
		TEST(test_cut__a_list_out_of_order_is_refused),
		TEST(test_cut__words_say_what_is_lost),
		TEST(test_cut__words_say_when),
		TEST(test_cut__words_for_many_losses_stay_few),
		TEST(test_cut__words_that_do_not_fit_are_cut_off),
		TEST(test_cut__each_operation_has_a_mark),
		TEST(test_cut__torn_operations_say_which_part),
		TEST(test_cut__an_untorn_write_is_lost_as_a_whole),
		TEST(test_cut__the_whole_cause_is_one_clause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
