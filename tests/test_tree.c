/* Trees in memory: what they are equal by, and what each operation makes of them. The disk is in
 * test_tree_disk.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/tree.h"

enum { PAGE = TREE_PAGE_BYTES };

/* ---- making operations ---- */

static struct op op_on(enum op_kind kind, uint32_t object)
{
	return (struct op){.kind = kind,
		.object = object,
		.directory = UINT32_MAX,
		.new_directory = UINT32_MAX};
}

static struct op op_named(enum op_kind kind, uint32_t object, uint32_t directory, const char *name)
{
	struct op op = op_on(kind, object);

	op.directory = directory;
	op.name = (char *)name;
	op.mode = 0644;
	return op;
}

static void apply(struct tree **tree, struct op op)
{
	assert_int_equal(tree_apply(tree, &op), 0);
}

static uint32_t make(struct tree **tree, enum op_kind kind, uint32_t directory, const char *name)
{
	uint32_t object = tree_object_count(*tree);
	struct op op = op_named(kind, object, directory, name);

	op.is_creating = kind == OP_OPEN;
	op.data = kind == OP_SYMLINK ? (uint8_t *)"target" : NULL;
	apply(tree, op);
	return object;
}

static uint32_t make_file(struct tree **tree, const char *name)
{
	return make(tree, OP_OPEN, TREE_ROOT, name);
}

static void write_bytes(
	struct tree **tree, uint32_t file, int64_t offset, const void *bytes, size_t size_bytes)
{
	struct op op = op_on(OP_WRITE, file);

	op.offset = offset;
	op.data = (uint8_t *)bytes;
	op.size_bytes = size_bytes;
	op.effect = (int64_t)size_bytes;
	apply(tree, op);
}

static void write_text(struct tree **tree, uint32_t file, int64_t offset, const char *text)
{
	write_bytes(tree, file, offset, text, strlen(text));
}

static void truncate_to(struct tree **tree, uint32_t file, uint64_t size_bytes)
{
	struct op op = op_on(OP_TRUNCATE, file);

	op.size_bytes = size_bytes;
	apply(tree, op);
}

static struct op op_move(enum op_kind kind, uint32_t directory, const char *name,
	uint32_t new_directory, const char *new_name)
{
	struct op op = op_named(kind, UINT32_MAX, directory, name);

	op.new_directory = new_directory;
	op.new_name = (char *)new_name;
	return op;
}

static struct op op_link(uint32_t object, uint32_t directory, const char *name)
{
	struct op op = op_on(OP_LINK, object);

	op.new_directory = directory;
	op.new_name = (char *)name;
	return op;
}

/* A tree with "f" that holds "hello" (object 1) and an empty directory "d" (object 2). */
static struct tree *new_tree(void)
{
	struct tree *tree = tree_new();

	assert_non_null(tree);
	write_text(&tree, make_file(&tree, "f"), 0, "hello");
	make(&tree, OP_MKDIR, TREE_ROOT, "d");
	return tree;
}

static bool are_equal(const struct tree *a, const struct tree *b)
{
	return XXH128_isEqual(tree_hash(a), tree_hash(b));
}

/* The tree that one more operation makes of new_tree() has another hash. */
static void assert_changes_hash(struct op op)
{
	struct tree *before = new_tree(), *after = tree_ref(before);

	apply(&after, op);
	assert_false(are_equal(before, after));
	tree_unref(before);
	tree_unref(after);
}

/* ---- what trees are equal by ---- */

static void test_tree__equal_trees_share_a_hash(void **state)
{
	struct tree *a = new_tree(), *b = new_tree();

	(void)state;
	assert_true(are_equal(a, b));
	tree_unref(a);
	tree_unref(b);
}

static void test_tree__object_numbers_do_not_count(void **state)
{
	struct tree *a = new_tree(), *b = tree_new();

	(void)state;
	make(&b, OP_MKDIR, TREE_ROOT, "d");
	make_file(&b, "gone");
	write_text(&b, make_file(&b, "f"), 0, "hello");
	apply(&b, op_named(OP_UNLINK, 2, TREE_ROOT, "gone"));
	assert_true(are_equal(a, b));
	tree_unref(a);
	tree_unref(b);
}

static void test_tree__a_name_changes_the_hash(void **state)
{
	(void)state;
	assert_changes_hash(op_move(OP_RENAME, TREE_ROOT, "f", TREE_ROOT, "g"));
	assert_changes_hash(op_move(OP_RENAME, TREE_ROOT, "f", 2, "f"));
	assert_changes_hash(op_named(OP_UNLINK, 1, TREE_ROOT, "f"));
}

static void test_tree__a_mode_changes_the_hash(void **state)
{
	struct op op = op_on(OP_CHMOD, 1);

	(void)state;
	op.mode = 0600;
	assert_changes_hash(op);
	op.object = 2;
	assert_changes_hash(op);
}

static void test_tree__one_byte_changes_the_hash(void **state)
{
	struct op op = op_on(OP_WRITE, 1);

	(void)state;
	op.offset = 4;
	op.data = (uint8_t *)"O";
	op.size_bytes = 1;
	op.effect = 1;
	assert_changes_hash(op);
	op.kind = OP_STORE;
	assert_changes_hash(op);
}

static void test_tree__trailing_zeros_change_the_hash(void **state)
{
	struct op op = op_on(OP_TRUNCATE, 1);

	(void)state;
	op.size_bytes = 6;
	assert_changes_hash(op);
	op.size_bytes = 3 * PAGE;
	assert_changes_hash(op);
}

static void test_tree__a_type_changes_the_hash(void **state)
{
	struct tree *a = tree_new(), *b = tree_new();

	(void)state;
	make_file(&a, "x");
	make(&b, OP_MKDIR, TREE_ROOT, "x");
	assert_false(are_equal(a, b));
	tree_unref(a);
	tree_unref(b);
}

static void test_tree__a_link_target_changes_the_hash(void **state)
{
	struct tree *a = tree_new(), *b = tree_new();
	struct op op = op_named(OP_SYMLINK, 1, TREE_ROOT, "l");

	(void)state;
	op.data = (uint8_t *)"one";
	apply(&a, op);
	op.data = (uint8_t *)"two";
	apply(&b, op);
	assert_false(are_equal(a, b));
	tree_unref(a);
	tree_unref(b);
}

static void test_tree__hard_links_are_not_copies(void **state)
{
	struct tree *links = new_tree(), *copies = new_tree();

	(void)state;
	apply(&links, op_link(1, TREE_ROOT, "g"));
	write_text(&copies, make_file(&copies, "g"), 0, "hello");
	assert_false(are_equal(links, copies));
	tree_unref(links);
	tree_unref(copies);
}

static void test_tree__which_names_are_linked_counts(void **state)
{
	struct tree *a = tree_new(), *b = tree_new();

	(void)state;
	make_file(&a, "x");
	make_file(&a, "y");
	apply(&a, op_link(1, TREE_ROOT, "z"));
	make_file(&b, "x");
	make_file(&b, "y");
	apply(&b, op_link(2, TREE_ROOT, "z"));
	assert_false(are_equal(a, b));
	tree_unref(a);
	tree_unref(b);
}

static void test_tree__holes_equal_zeros(void **state)
{
	static const uint8_t zeros[2 * PAGE];
	struct tree *hole = tree_new(), *zero = tree_new(), *allocated = tree_new();
	struct op op = op_on(OP_FALLOCATE, 1);

	(void)state;
	truncate_to(&hole, make_file(&hole, "f"), sizeof(zeros));
	write_bytes(&zero, make_file(&zero, "f"), 0, zeros, sizeof(zeros));
	make_file(&allocated, "f");
	op.size_bytes = sizeof(zeros);
	apply(&allocated, op);
	assert_true(are_equal(hole, zero));
	assert_true(are_equal(hole, allocated));
	tree_unref(hole);
	tree_unref(zero);
	tree_unref(allocated);
}

/* ---- what operations do ---- */

static void test_tree__an_old_reference_stays_as_it_was(void **state)
{
	struct tree *now = new_tree(), *old = tree_ref(now);
	XXH128_hash_t hash = tree_hash(old);

	(void)state;
	write_text(&now, 1, 1, "ELL");
	truncate_to(&now, 1, 9000);
	apply(&now, op_move(OP_RENAME, TREE_ROOT, "f", 2, "moved"));
	make_file(&now, "new");
	assert_true(XXH128_isEqual(hash, tree_hash(old)));
	assert_int_equal(tree_lookup(old, TREE_ROOT, "f"), 1);
	assert_true(tree_page_equals(old, 1, 0, "hello", 6));
	assert_int_equal(tree_file_bytes(old, 1), 5);
	assert_int_equal(tree_object_count(old), 3);
	tree_unref(now);
	tree_unref(old);
}

static void test_tree__a_failed_operation_changes_nothing(void **state)
{
	struct tree *tree = new_tree();
	struct op op = op_named(OP_UNLINK, 1, TREE_ROOT, "f");
	XXH128_hash_t hash = tree_hash(tree);

	(void)state;
	op.effect = -EACCES;
	apply(&tree, op);
	assert_true(XXH128_isEqual(hash, tree_hash(tree)));
	tree_unref(tree);
}

static void test_tree__the_effect_counts_and_not_what_the_worker_was_told(void **state)
{
	struct tree *tree = new_tree();
	struct op op = op_on(OP_WRITE, 1);

	(void)state;
	op.data = (uint8_t *)"HELLO";
	op.size_bytes = 5;
	op.effect = 2;
	op.result = -EIO;
	apply(&tree, op);
	assert_true(tree_page_equals(tree, 1, 0, "HEllo", 6));
	tree_unref(tree);
}

static void test_tree__truncate_down_then_up_reads_zeros(void **state)
{
	static const uint8_t zeros[PAGE];
	struct tree *tree = new_tree(), *kept;
	uint8_t bytes[2 * PAGE];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	write_bytes(&tree, 1, 0, bytes, sizeof(bytes));
	kept = tree_ref(tree);
	truncate_to(&tree, 1, 2);
	truncate_to(&tree, 1, sizeof(bytes));
	assert_true(tree_page_equals(tree, 1, 0, "xx\0", 4));
	assert_true(tree_page_equals(tree, 1, 1, zeros, PAGE));
	assert_true(tree_page_equals(kept, 1, 0, bytes, PAGE));
	tree_unref(tree);
	tree_unref(kept);
}

static void test_tree__an_open_with_o_trunc_empties_the_file(void **state)
{
	struct tree *tree = new_tree();
	struct op op = op_named(OP_OPEN, 1, TREE_ROOT, "f");

	(void)state;
	apply(&tree, op);
	assert_int_equal(tree_file_bytes(tree, 1), 5);
	op.is_truncating = true;
	apply(&tree, op);
	assert_int_equal(tree_file_bytes(tree, 1), 0);
	tree_unref(tree);
}

static void test_tree__rename_onto_itself_does_nothing(void **state)
{
	struct tree *tree = new_tree();
	XXH128_hash_t hash;

	(void)state;
	apply(&tree, op_link(1, 2, "other"));
	hash = tree_hash(tree);
	apply(&tree, op_move(OP_RENAME, TREE_ROOT, "f", TREE_ROOT, "f"));
	apply(&tree, op_move(OP_RENAME, TREE_ROOT, "f", 2, "other"));
	assert_true(XXH128_isEqual(hash, tree_hash(tree)));
	tree_unref(tree);
}

static void test_tree__rename_replaces_what_has_the_name(void **state)
{
	struct tree *tree = new_tree();

	(void)state;
	make_file(&tree, "g");
	apply(&tree, op_move(OP_RENAME, TREE_ROOT, "g", TREE_ROOT, "f"));
	assert_int_equal(tree_lookup(tree, TREE_ROOT, "f"), 3);
	assert_int_equal(tree_lookup(tree, TREE_ROOT, "g"), UINT32_MAX);
	tree_unref(tree);
}

static void test_tree__a_renamed_directory_keeps_what_is_in_it(void **state)
{
	struct tree *tree = new_tree();
	char path[32];

	(void)state;
	make(&tree, OP_OPEN, 2, "inside");
	apply(&tree, op_move(OP_RENAME, TREE_ROOT, "d", TREE_ROOT, "e"));
	assert_true(tree_path(tree, 3, path, sizeof(path)));
	assert_string_equal(path, "e/inside");
	tree_unref(tree);
}

static void test_tree__exchange_swaps_two_names(void **state)
{
	struct tree *tree = new_tree();
	struct op op = op_move(OP_EXCHANGE, TREE_ROOT, "f", TREE_ROOT, "d");

	(void)state;
	apply(&tree, op);
	assert_int_equal(
		tree_object_type(tree, tree_lookup(tree, TREE_ROOT, "f")), OBJECT_DIRECTORY);
	assert_int_equal(tree_lookup(tree, TREE_ROOT, "d"), 1);
	apply(&tree, op);
	assert_int_equal(tree_lookup(tree, TREE_ROOT, "f"), 1);
	tree_unref(tree);
}

static void test_tree__an_open_file_without_a_name_can_be_written(void **state)
{
	struct tree *tree = new_tree();
	char path[32];
	XXH128_hash_t hash;

	(void)state;
	apply(&tree, op_named(OP_UNLINK, 1, TREE_ROOT, "f"));
	hash = tree_hash(tree);
	write_text(&tree, 1, 5, " again");
	assert_true(tree_page_equals(tree, 1, 0, "hello again", 12));
	assert_false(tree_path(tree, 1, path, sizeof(path)));
	assert_true(XXH128_isEqual(hash, tree_hash(tree)));
	tree_unref(tree);
}

static void test_tree__what_cannot_have_happened_is_refused(void **state)
{
	struct op creation = op_named(OP_OPEN, 7, TREE_ROOT, "x");
	struct op write_to_directory = op_on(OP_WRITE, 2);
	const struct op impossible[] = {
		op_named(OP_UNLINK, 1, TREE_ROOT, "no such file"),
		op_named(OP_RMDIR, 2, 2, "d"),
		op_move(OP_RENAME, TREE_ROOT, "nothing", TREE_ROOT, "x"),
		op_move(OP_EXCHANGE, TREE_ROOT, "f", TREE_ROOT, "nothing"),
		op_on(OP_TRUNCATE, 99),
		op_named(OP_MKDIR, 1, TREE_ROOT, "taken number"),
		creation,
		write_to_directory,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(impossible) / sizeof(*impossible); i++) {
		struct tree *tree = new_tree();
		struct op op = impossible[i];

		op.is_creating = op.kind == OP_OPEN;
		assert_int_equal(tree_apply(&tree, &op), -EPROTO);
		tree_unref(tree);
	}
}

static void test_tree__a_directory_or_object_that_never_was_is_refused(void **state)
{
	struct op link_of_nothing = op_link(UINT32_MAX, TREE_ROOT, "x");
	struct op link_to_nowhere = op_link(1, 99, "x");
	struct op chmod_of_nothing = op_on(OP_CHMOD, 99);
	const struct op impossible[] = {
		link_of_nothing,
		op_named(OP_MKDIR, 3, 99, "x"),
		op_named(OP_MKDIR, 3, 1, "in a file"),
		op_named(OP_UNLINK, 1, 99, "f"),
		op_move(OP_RENAME, TREE_ROOT, "f", 99, "f"),
		link_to_nowhere,
		chmod_of_nothing,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(impossible) / sizeof(*impossible); i++) {
		struct tree *tree = new_tree();
		struct op op = impossible[i];

		print_message("operation %zu\n", i);
		assert_int_equal(tree_apply(&tree, &op), -EPROTO);
		tree_unref(tree);
	}
}

static void test_tree__a_write_of_nothing_does_not_grow_a_file(void **state)
{
	struct tree *tree = new_tree();

	(void)state;
	write_bytes(&tree, 1, 100, "", 0);
	assert_int_equal(tree_file_bytes(tree, 1), 5);
	tree_unref(tree);
}

static void test_tree__a_write_of_nothing_needs_no_block(void **state)
{
	struct tree *tree = new_tree();

	(void)state;
	assert_int_equal(tree_blocks_needed(tree, 1, PAGE + 100, 0), 0);
	tree_unref(tree);
}

static void test_tree__a_difference_in_link_structure_is_told(void **state)
{
	struct tree *links = new_tree(), *copies = new_tree();
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	(void)state;
	apply(&links, op_link(1, TREE_ROOT, "g"));
	write_text(&copies, make_file(&copies, "g"), 0, "hello");
	assert_false(are_equal(links, copies));
	tree_print_difference(links, copies, stream);
	fclose(stream);
	assert_string_not_equal(text, "");
	free(text);
	tree_unref(links);
	tree_unref(copies);
}

/* ---- space ---- */

static void test_tree__blocks_are_needed_where_none_is_allocated(void **state)
{
	struct tree *tree = new_tree();
	struct op op = op_on(OP_FALLOCATE, 1);

	(void)state;
	assert_int_equal(tree_blocks_needed(tree, 1, 0, PAGE), 0);
	assert_int_equal(tree_blocks_needed(tree, 1, 5, PAGE), 1);
	truncate_to(&tree, 1, 4 * PAGE);
	assert_int_equal(tree_blocks_needed(tree, 1, 0, 4 * PAGE), 3);
	op.offset = PAGE;
	op.size_bytes = PAGE;
	apply(&tree, op);
	assert_int_equal(tree_blocks_needed(tree, 1, PAGE - 1, PAGE + 2), 1);
	tree_unref(tree);
}

static void test_tree__blocks_in_use_are_those_of_files_with_a_name(void **state)
{
	struct tree *tree = new_tree();

	(void)state;
	assert_int_equal(tree_blocks_used(tree), 1);
	apply(&tree, op_link(1, 2, "again"));
	assert_int_equal(tree_blocks_used(tree), 1);
	write_text(&tree, 1, 3 * PAGE, "far");
	assert_int_equal(tree_blocks_used(tree), 2);
	apply(&tree, op_named(OP_UNLINK, 1, TREE_ROOT, "f"));
	assert_int_equal(tree_blocks_used(tree), 2);
	apply(&tree, op_named(OP_UNLINK, 1, 2, "again"));
	assert_int_equal(tree_blocks_used(tree), 0);
	tree_unref(tree);
}

/* ---- differences in words ---- */

static void assert_difference(struct op op, const char *expected)
{
	struct tree *before = new_tree(), *after = tree_ref(before);
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	apply(&after, op);
	tree_print_difference(before, after, stream);
	fclose(stream);
	assert_string_equal(text, expected);
	free(text);
	tree_unref(before);
	tree_unref(after);
}

static void test_tree__a_difference_is_one_line(void **state)
{
	struct op op = op_on(OP_WRITE, 1);

	(void)state;
	op.offset = 1;
	op.data = (uint8_t *)"E";
	op.effect = 1;
	assert_difference(op, "  f: byte 1: 0x65 expected, 0x45 found\n");
	op = op_on(OP_TRUNCATE, 1);
	op.size_bytes = 7;
	assert_difference(op, "  f: size 5 expected, 7 found\n");
	op = op_on(OP_CHMOD, 2);
	op.mode = 0700;
	assert_difference(op, "  d: mode 644 expected, 700 found\n");
	assert_difference(op_named(OP_UNLINK, 1, TREE_ROOT, "f"), "  f: expected, not found\n");
	assert_difference(op_named(OP_MKDIR, 3, 2, "n"), "  d/n: found, not expected\n");
	assert_difference(op_move(OP_RENAME, TREE_ROOT, "d", TREE_ROOT, "f"),
		"  d: expected, not found\n  f: another type of file\n");
	assert_difference(op_move(OP_RENAME, TREE_ROOT, "f", TREE_ROOT, "f"), "");
}

/* ---- holes, and files that nobody sees ---- */

static struct op op_punch(uint64_t start, uint64_t size_bytes, bool is_hole, bool keeps_size)
{
	struct op op = op_on(OP_PUNCH, 1);

	op.offset = (int64_t)start;
	op.size_bytes = size_bytes;
	op.is_hole = is_hole;
	op.keeps_size = keeps_size;
	return op;
}

/* A file of three pages and a bit, all of one letter. */
static struct tree *new_large(void)
{
	static uint8_t bytes[3 * PAGE + 100];
	struct tree *tree = new_tree();

	memset(bytes, 'x', sizeof(bytes));
	write_bytes(&tree, 1, 0, bytes, sizeof(bytes));
	return tree;
}

static bool has_byte(const struct tree *tree, uint64_t at, uint8_t byte)
{
	uint8_t page[PAGE];

	memset(page, 'x', sizeof(page));
	page[at % PAGE] = byte;
	return tree_page_equals(tree, 1, at / PAGE, page, at % PAGE + 1);
}

static void test_tree__a_hole_reads_as_zeros_and_frees_whole_pages(void **state)
{
	struct tree *tree = new_large(), *before = tree_ref(tree);

	(void)state;
	apply(&tree, op_punch(PAGE - 1, PAGE + 2, true, true));
	assert_true(has_byte(tree, PAGE - 1, 0));
	assert_true(has_byte(tree, 2 * PAGE, 0));
	assert_true(tree_page_equals(tree, 1, 2, "\0x", 2));
	assert_int_equal(tree_blocks_needed(tree, 1, PAGE, PAGE), 1);
	assert_int_equal(tree_blocks_needed(tree, 1, 0, 4 * PAGE), 1);
	/* Who holds the tree as it was sees nothing of it. */
	assert_true(has_byte(before, PAGE - 1, 'x'));
	/* Behind the end there is nothing to change. */
	apply(&tree, op_punch(3 * PAGE, 10 * PAGE, true, true));
	assert_int_equal(tree_file_bytes(tree, 1), 3 * PAGE + 100);
	assert_int_equal(tree_blocks_needed(tree, 1, 3 * PAGE, 1), 1);
	tree_unref(tree);
	tree_unref(before);
}

static void test_tree__a_range_of_zeros_is_allocated_and_can_grow_the_file(void **state)
{
	struct tree *tree = new_large();

	(void)state;
	apply(&tree, op_punch(2 * PAGE, 3 * PAGE, false, true));
	assert_int_equal(tree_file_bytes(tree, 1), 3 * PAGE + 100);
	apply(&tree, op_punch(2 * PAGE, 3 * PAGE, false, false));
	assert_int_equal(tree_file_bytes(tree, 1), 5 * PAGE);
	assert_int_equal(tree_blocks_needed(tree, 1, 0, 5 * PAGE), 0);
	assert_true(tree_page_equals(tree, 1, 2, "\0\0\0", 3));
	assert_true(tree_page_equals(tree, 1, 3, "\0\0\0", 3));
	assert_true(has_byte(tree, PAGE, 'x'));
	tree_unref(tree);
}

static void test_tree__a_file_without_a_name_counts_only_when_it_gets_one(void **state)
{
	struct tree *tree = new_tree(), *named = new_tree();
	struct op op = op_on(OP_OPEN, 3);
	XXH128_hash_t hash = tree_hash(tree);

	(void)state;
	op.is_creating = true;
	op.mode = 0644;
	apply(&tree, op);
	write_text(&tree, 3, 0, "unseen");
	assert_int_equal(tree_object_count(tree), 4);
	assert_true(XXH128_isEqual(hash, tree_hash(tree)));
	apply(&tree, op_link(3, TREE_ROOT, "seen"));
	write_text(&named, make_file(&named, "seen"), 0, "unseen");
	assert_true(are_equal(tree, named));
	/* Only an open can make one. */
	op = op_on(OP_MKDIR, 4);
	assert_int_equal(tree_apply(&tree, &op), -EPROTO);
	tree_unref(tree);
	tree_unref(named);
}

static void test_tree__mknod_makes_an_empty_file(void **state)
{
	struct tree *made = new_tree(), *opened = new_tree();

	(void)state;
	make(&made, OP_MKNOD, 2, "node");
	make(&opened, OP_OPEN, 2, "node");
	assert_true(are_equal(made, opened));
	tree_unref(made);
	tree_unref(opened);
}

static void test_tree__it_knows_which_files_were_emptied(void **state)
{
	struct tree *tree = new_tree(), *before = tree_ref(tree);
	struct op op = op_on(OP_OPEN, 1);

	(void)state;
	truncate_to(&tree, 1, 3);
	assert_false(tree_was_emptied(tree, 1));
	op.is_truncating = true;
	apply(&tree, op);
	write_text(&tree, 1, 0, "hello");
	assert_true(tree_was_emptied(tree, 1));
	assert_false(tree_was_emptied(before, 1));
	assert_false(tree_was_emptied(tree, 2));
	assert_false(tree_was_emptied(tree, 99));
	/* It is no part of what the tree is. */
	assert_true(are_equal(tree, before));
	make_file(&tree, "g");
	assert_false(tree_was_emptied(tree, 3));
	truncate_to(&tree, 3, 0);
	assert_true(tree_was_emptied(tree, 3));
	tree_unref(tree);
	tree_unref(before);
}

/* ---- walking ---- */

static void add_path(void *context, const char *path, uint32_t object)
{
	char *text = context;

	(void)object;
	strcat(strcat(text, path), " ");
}

static void test_tree__a_walk_goes_through_all_names_in_order(void **state)
{
	struct tree *tree = new_tree();
	char text[64] = "";

	(void)state;
	make(&tree, OP_OPEN, 2, "z");
	make(&tree, OP_OPEN, 2, "a");
	make_file(&tree, "A");
	tree_walk(tree, add_path, text);
	assert_string_equal(text, "A d d/a d/z f ");
	tree_unref(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree__equal_trees_share_a_hash),
		cmocka_unit_test(test_tree__object_numbers_do_not_count),
		cmocka_unit_test(test_tree__a_name_changes_the_hash),
		cmocka_unit_test(test_tree__a_mode_changes_the_hash),
		cmocka_unit_test(test_tree__one_byte_changes_the_hash),
		cmocka_unit_test(test_tree__trailing_zeros_change_the_hash),
		cmocka_unit_test(test_tree__a_type_changes_the_hash),
		cmocka_unit_test(test_tree__a_link_target_changes_the_hash),
		cmocka_unit_test(test_tree__hard_links_are_not_copies),
		cmocka_unit_test(test_tree__which_names_are_linked_counts),
		cmocka_unit_test(test_tree__holes_equal_zeros),
		cmocka_unit_test(test_tree__an_old_reference_stays_as_it_was),
		cmocka_unit_test(test_tree__a_failed_operation_changes_nothing),
		cmocka_unit_test(test_tree__the_effect_counts_and_not_what_the_worker_was_told),
		cmocka_unit_test(test_tree__truncate_down_then_up_reads_zeros),
		cmocka_unit_test(test_tree__an_open_with_o_trunc_empties_the_file),
		cmocka_unit_test(test_tree__rename_onto_itself_does_nothing),
		cmocka_unit_test(test_tree__rename_replaces_what_has_the_name),
		cmocka_unit_test(test_tree__a_renamed_directory_keeps_what_is_in_it),
		cmocka_unit_test(test_tree__exchange_swaps_two_names),
		cmocka_unit_test(test_tree__an_open_file_without_a_name_can_be_written),
		cmocka_unit_test(test_tree__what_cannot_have_happened_is_refused),
		cmocka_unit_test(test_tree__a_hole_reads_as_zeros_and_frees_whole_pages),
		cmocka_unit_test(test_tree__a_range_of_zeros_is_allocated_and_can_grow_the_file),
		cmocka_unit_test(test_tree__a_file_without_a_name_counts_only_when_it_gets_one),
		cmocka_unit_test(test_tree__mknod_makes_an_empty_file),
		cmocka_unit_test(test_tree__it_knows_which_files_were_emptied),
		cmocka_unit_test(test_tree__blocks_are_needed_where_none_is_allocated),
		cmocka_unit_test(test_tree__blocks_in_use_are_those_of_files_with_a_name),
		cmocka_unit_test(test_tree__a_difference_is_one_line),
		cmocka_unit_test(test_tree__a_walk_goes_through_all_names_in_order),
		cmocka_unit_test(test_tree__a_write_of_nothing_does_not_grow_a_file),
		cmocka_unit_test(test_tree__a_write_of_nothing_needs_no_block),
		cmocka_unit_test(test_tree__a_difference_in_link_structure_is_told),
		cmocka_unit_test(test_tree__a_directory_or_object_that_never_was_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
