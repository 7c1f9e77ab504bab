/*
 * The automatic oracle: what equals what, each kind of difference and its words, what is left out,
 * and random trees against a comparison that knows nothing of versions and distances.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>

#include "harness/oracle.h"
#include "tests/random_recording.h"

/* ---- trees by hand ---- */

static struct making making;

static uint32_t parent_of(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char directory[64];

	*name = slash ? slash + 1 : path;
	if (!slash)
		return TREE_ROOT;
	snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
	return tree_find(making.now, directory);
}

static void fill_file(uint32_t file, const char *runs)
{
	uint64_t offset = 0;

	while (*runs) {
		char *end;
		unsigned long count = strtoul(runs + 1, &end, 10);

		make_write(&making, file, offset, count, *runs == 'z' ? 0 : *runs);
		offset += count;
		runs = end;
	}
}

static void make_link(const char *path, const char *target)
{
	const char *name;
	struct op op = make_op(OP_SYMLINK, tree_object_count(making.now));

	op.directory = parent_of(path, &name);
	op.name = (char *)name;
	op.data = (uint8_t *)target;
	make_add(&making, op);
}

static void make_second_name(const char *path, const char *first)
{
	const char *name;
	struct op op = make_op(OP_LINK, tree_find(making.now, first));

	op.new_directory = parent_of(path, &name);
	op.new_name = (char *)name;
	make_add(&making, op);
}

/* "d/ d/f:a100b5000z20 e: l>target g&d/f": a directory, a file of 100 letters a, 5000 b and 20
 * zeros, an empty one, a symbolic link, and a second name of d/f. */
static struct tree *tree_of(const char *description)
{
	char copy[512], *rest = copy, *word;
	struct tree *tree;

	snprintf(copy, sizeof(copy), "%s", description);
	make_begin(&making);
	while ((word = strsep(&rest, " "))) {
		size_t length = strcspn(word, ":>&");
		char kind = word[length], *more = word + length + (kind != 0);
		const char *name;

		if (!*word)
			continue;
		word[length] = 0;
		if (kind == '>') {
			make_link(word, more);
		} else if (kind == '&') {
			make_second_name(word, more);
		} else if (kind == ':') {
			uint32_t directory = parent_of(word, &name);

			fill_file(make_new(&making, OP_OPEN, directory, name), more);
		} else {
			uint32_t directory;

			word[length - 1] = 0;
			directory = parent_of(word, &name);
			make_new(&making, OP_MKDIR, directory, name);
		}
	}
	tree = tree_ref(making.now);
	make_end(&making);
	return tree;
}

/* ---- asking ---- */

enum { MAX_LEGAL = 8 };

struct asking {
	struct oracle *oracle;
	const struct opinion *opinion;
};

static const struct oracle_rules no_rules;

static struct asking begin(const char *const *legal, const struct oracle_rules *rules)
{
	struct tree *trees[MAX_LEGAL] = {NULL};
	struct asking asking = {0};
	size_t count = 0;

	for (; legal[count]; count++)
		trees[count] = tree_of(legal[count]);
	assert_int_equal(oracle_new(&asking.oracle, trees, count, rules), 0);
	for (size_t i = 0; i < count; i++)
		tree_unref(trees[i]);
	return asking;
}

#define LEGAL(...) ((const char *const[]){__VA_ARGS__, NULL})

static void ask(struct asking *asking, const char *description)
{
	struct tree *tree = tree_of(description);

	assert_int_equal(oracle_ask(asking->oracle, tree, 0, &asking->opinion), 0);
	tree_unref(tree);
}

static void assert_equals(struct asking *asking, const char *description, size_t first, size_t last)
{
	ask(asking, description);
	assert_int_equal(asking->opinion->first, first);
	assert_int_equal(asking->opinion->last, last);
	assert_int_equal(asking->opinion->difference_count, 0);
}

/* It equals no legal tree, and this is the first difference that is told. */
static void assert_differs(
	struct asking *asking, const char *description, enum difference_kind kind, const char *text)
{
	ask(asking, description);
	assert_int_equal(asking->opinion->first, SIZE_MAX);
	assert_int_equal(asking->opinion->last, SIZE_MAX);
	assert_true(asking->opinion->difference_count > 0);
	assert_string_equal(asking->opinion->differences[0].text, text);
	assert_int_equal(asking->opinion->differences[0].kind, kind);
}

static void assert_key(const struct asking *asking, const char *key)
{
	assert_string_equal(asking->opinion->differences[0].key, key);
}

static void end(struct asking *asking)
{
	oracle_free(asking->oracle);
}

/* ---- what equals what ---- */

static void test_oracle__a_legal_tree_equals_itself(void **state)
{
	struct asking asking =
		begin(LEGAL("f:a10", "f:b10", "f:b10 d/ d/g:c5000", "f:b10 l>x"), &no_rules);

	(void)state;
	assert_equals(&asking, "f:a10", 0, 0);
	assert_equals(&asking, "f:b10", 1, 1);
	assert_equals(&asking, "f:b10 d/ d/g:c5000", 2, 2);
	assert_equals(&asking, "f:b10 l>x", 3, 3);
	end(&asking);
}

static void test_oracle__what_comes_back_equals_both(void **state)
{
	struct asking asking = begin(LEGAL("f:a1", "f:b1", "f:a1", "f:c1"), &no_rules);

	(void)state;
	assert_equals(&asking, "f:a1", 0, 2);
	assert_true(oracle_equals(asking.oracle, 0, 0));
	assert_false(oracle_equals(asking.oracle, 1, 1));
	assert_true(oracle_equals(asking.oracle, 1, 2));
	assert_false(oracle_equals(asking.oracle, 3, 9));
	assert_true(oracle_equals(asking.oracle, 2, SIZE_MAX - 1));
	end(&asking);
}

static void test_oracle__modes_and_links_of_one_file_do_not_count(void **state)
{
	struct asking asking = begin(LEGAL("f:a10 g:a10", "f:b10 g:b10"), &no_rules);
	struct tree *tree = tree_of("f:a10 g&f");
	struct op op = make_op(OP_CHMOD, tree_find(tree, "f"));

	(void)state;
	op.mode = 0600;
	assert_int_equal(tree_apply(&tree, &op), 0);
	assert_int_equal(oracle_ask(asking.oracle, tree, 0, &asking.opinion), 0);
	assert_int_equal(asking.opinion->first, 0);
	tree_unref(tree);
	end(&asking);
}

static void test_oracle__new_names_are_residue(void **state)
{
	struct asking asking = begin(LEGAL("d/ f:a10", "d/ f:b10"), &no_rules);

	(void)state;
	assert_equals(&asking, "d/ d/t:c1 f:b10 f.tmp:b5 u/ u/v:x1", 1, 1);
	assert_int_equal(asking.opinion->residue_count, 4);
	assert_memory_equal(
		asking.opinion->residue, "d/t\0f.tmp\0u\0u/v", sizeof("d/t\0f.tmp\0u\0u/v"));
	assert_equals(&asking, "d/ f:b10", 1, 1);
	assert_int_equal(asking.opinion->residue_count, 0);
	assert_equals(&asking, "d/ f:b10 x:", 1, 1);
	assert_string_equal(asking.opinion->residue, "x");
	end(&asking);
}

static void test_oracle__an_empty_directory_may_be_legal(void **state)
{
	struct asking asking = begin(LEGAL("", ""), &no_rules);

	(void)state;
	assert_int_equal(oracle_path_count(asking.oracle), 0);
	assert_equals(&asking, "", 0, 1);
	assert_false(oracle_sees(asking.oracle, 1));
	end(&asking);
}

static void test_oracle__it_says_which_updates_it_sees(void **state)
{
	static const char *const ignored[] = {"log"};
	const struct oracle_rules rules = {.ignored = ignored, .ignored_count = 1};
	struct asking asking =
		begin(LEGAL("f:a1 log:", "f:a1 log:x1", "f:a1 g: log:x2", "f:b1 g: log:x3", "g:"),
			&rules);

	(void)state;
	assert_false(oracle_sees(asking.oracle, 1));
	assert_true(oracle_sees(asking.oracle, 2));
	assert_true(oracle_sees(asking.oracle, 3));
	assert_true(oracle_sees(asking.oracle, 4));
	assert_int_equal(oracle_path_count(asking.oracle), 2);
	end(&asking);
}

/* ---- differences of one file ---- */

static void test_oracle__an_empty_file_is_told(void **state)
{
	struct asking asking = begin(LEGAL("d/ d/f:a10", "d/ d/f:b10"), &no_rules);

	(void)state;
	assert_differs(&asking, "d/ d/f:", DIFFERS_EMPTY, "d/f is empty");
	assert_key(&asking, "d/f is empty");
	end(&asking);
}

static void test_oracle__an_empty_file_that_was_to_come_is_told(void **state)
{
	struct asking asking = begin(LEGAL("", "f:b10"), &no_rules);

	(void)state;
	assert_differs(&asking, "f:", DIFFERS_EMPTY, "f is empty");
	end(&asking);
	asking = begin(LEGAL("f:b10", ""), &no_rules);
	assert_differs(&asking, "f:", DIFFERS_EMPTY, "f is empty");
	end(&asking);
}

static void test_oracle__a_truncated_file_is_told(void **state)
{
	struct asking asking = begin(LEGAL("f:a7000", "f:b5000"), &no_rules);

	(void)state;
	assert_differs(&asking, "f:b100", DIFFERS_TRUNCATED, "f is truncated: 100 of 5000 bytes");
	assert_key(&asking, "f is truncated");
	assert_differs(&asking, "f:b4096", DIFFERS_TRUNCATED, "f is truncated: 4096 of 5000 bytes");
	assert_differs(&asking, "f:a6999", DIFFERS_TRUNCATED, "f is truncated: 6999 of 7000 bytes");
	end(&asking);
}

static void test_oracle__truncated_is_by_the_update_that_was_going_on(void **state)
{
	struct asking asking = begin(LEGAL("f:a10", "f:a20", "f:a30", "f:a40"), &no_rules);
	struct tree *tree = tree_of("f:a25");

	(void)state;
	assert_int_equal(oracle_ask(asking.oracle, tree, 1, &asking.opinion), 0);
	assert_int_equal(asking.opinion->nearest, 2);
	assert_string_equal(asking.opinion->differences[0].text, "f is truncated: 25 of 30 bytes");
	assert_int_equal(oracle_ask(asking.oracle, tree, 9, &asking.opinion), 0);
	assert_int_equal(asking.opinion->nearest, 3);
	assert_int_equal(oracle_ask(asking.oracle, tree, 0, &asking.opinion), 0);
	assert_int_equal(asking.opinion->nearest, 1);
	tree_unref(tree);
	end(&asking);
}

static void test_oracle__zeros_are_told(void **state)
{
	struct asking asking = begin(LEGAL("f:a100", "f:a100b5000"), &no_rules);

	(void)state;
	assert_differs(&asking, "f:a100z5000", DIFFERS_ZERO_FILLED,
		"f has zeros in place of 5000 bytes, from 100 on");
	assert_key(&asking, "f has zeros");
	assert_differs(&asking, "f:a100b412z512b4076", DIFFERS_ZERO_FILLED,
		"f has zeros in place of 512 bytes, from 512 on");
	assert_differs(&asking, "f:z4096", DIFFERS_ZERO_FILLED,
		"f has zeros in place of 4096 bytes, from 0 on");
	assert_differs(&asking, "f:a100b5000z10", DIFFERS_ZERO_FILLED,
		"f has 10 bytes of zeros behind its end");
	end(&asking);
}

static void test_oracle__a_mix_is_told(void **state)
{
	struct asking asking = begin(LEGAL("f:a9000", "f:b9000"), &no_rules);

	(void)state;
	assert_differs(&asking, "f:b4096a4904", DIFFERS_MIXED, "f is a mix of before and after");
	assert_key(&asking, "f is a mix");
	assert_differs(&asking, "f:b512a8488", DIFFERS_MIXED, "f is a mix of before and after");
	assert_differs(&asking, "f:b5a5", DIFFERS_MIXED, "f is a mix of before and after");
	end(&asking);
}

static void test_oracle__a_mix_of_many_is_told(void **state)
{
	struct asking asking =
		begin(LEGAL("f:a8192", "f:b8192", "f:c8192", "f:d8192", "f:e8192"), &no_rules);

	(void)state;
	assert_differs(&asking, "f:a4096e4096", DIFFERS_MIXED, "f is a mix of several states");
	/* Half a page of one that is not near is not looked for. */
	assert_differs(&asking, "f:a4096e10a4086", DIFFERS_FOREIGN,
		"f has bytes that are from neither before nor after at 4096");
	end(&asking);
}

static void test_oracle__foreign_bytes_are_told(void **state)
{
	struct asking asking = begin(LEGAL("f:a9000", "f:b9000"), &no_rules);

	(void)state;
	assert_differs(&asking, "f:a5000x1b3999", DIFFERS_FOREIGN,
		"f has bytes that neither state has at 5000");
	assert_key(&asking, "f has foreign contents");
	assert_differs(&asking, "f:b9000b1", DIFFERS_FOREIGN,
		"f has bytes that neither state has at 9000");
	end(&asking);
	asking = begin(LEGAL("", "f:b10"), &no_rules);
	assert_differs(
		&asking, "f:b3x7", DIFFERS_FOREIGN, "f has bytes that it should not have at 3");
	end(&asking);
}

static void test_oracle__a_missing_file_is_told(void **state)
{
	struct asking asking = begin(LEGAL("d/ d/f:a10 d/g:", "d/ d/f:b10 d/g:"), &no_rules);

	(void)state;
	assert_differs(&asking, "d/ d/g:", DIFFERS_MISSING, "d/f is missing");
	assert_key(&asking, "d/f is missing");
	/* What was in it goes without saying. */
	assert_differs(&asking, "", DIFFERS_MISSING, "d is missing");
	assert_int_equal(asking.opinion->difference_count, 1);
	end(&asking);
}

static void test_oracle__another_type_is_told(void **state)
{
	struct asking asking = begin(LEGAL("f:a10 d/ d/g: l>x", "f:b10 d/ d/g: l>y"), &no_rules);

	(void)state;
	assert_differs(
		&asking, "f/ d/ d/g: l>x", DIFFERS_TYPE, "f is a directory where a file should be");
	assert_key(&asking, "f has another type");
	assert_differs(
		&asking, "f:a10 d: l>x", DIFFERS_TYPE, "d is a file where a directory should be");
	assert_int_equal(asking.opinion->difference_count, 1);
	assert_differs(&asking, "f:a10 d/ d/g: l>z", DIFFERS_FOREIGN, "l points elsewhere");
	end(&asking);
}

static void test_oracle__every_file_that_differs_is_told(void **state)
{
	struct asking asking = begin(LEGAL("a:x1 b:x1 c:x1", "a:y1 b:y1 c:y1"), &no_rules);

	(void)state;
	assert_differs(&asking, "a: c:y2", DIFFERS_EMPTY, "a is empty");
	assert_int_equal(asking.opinion->difference_count, 3);
	assert_string_equal(asking.opinion->differences[1].text, "b is missing");
	assert_string_equal(asking.opinion->differences[1].path, "b");
	assert_string_equal(asking.opinion->differences[2].key, "c has foreign contents");
	end(&asking);
}

/* ---- whole files of different updates ---- */

static void test_oracle__two_updates_instead_of_one_are_told(void **state)
{
	struct asking asking = begin(LEGAL("f:a1 g:a1", "f:b1 g:b1"), &no_rules);

	(void)state;
	assert_differs(&asking, "f:b1 g:a1", DIFFERS_SPLIT,
		"f is new and g is old: two updates where there should be one");
	assert_key(&asking, "f is new and g is old");
	assert_differs(&asking, "f:a1 g:b1", DIFFERS_SPLIT,
		"g is new and f is old: two updates where there should be one");
	end(&asking);
}

static void test_oracle__half_a_move_is_told(void **state)
{
	struct asking asking = begin(LEGAL("a:x1", "b:x1"), &no_rules);

	(void)state;
	assert_differs(&asking, "", DIFFERS_SPLIT,
		"a is gone and b is not there yet: two updates where there should be one");
	assert_differs(&asking, "a:x1 b:x1", DIFFERS_SPLIT,
		"b is there and a is still there: two updates where there should be one");
	end(&asking);
	/* What is in a directory goes without saying. */
	asking = begin(LEGAL("f:a1", "f:b1 d/ d/e/ d/e/g:"), &no_rules);
	assert_differs(&asking, "f:a1 d/ d/e/ d/e/g:", DIFFERS_SPLIT,
		"d is there and f is old: two updates where there should be one");
	end(&asking);
}

static void test_oracle__more_than_two_names_are_counted(void **state)
{
	struct asking asking = begin(
		LEGAL("a:x1 b:x1 c:x1 d:x1 e:x1 f:x1 g:x1", "a:y1 b:y1 c:y1 d:y1 e:y1 f:y1 h:y1"),
		&no_rules);

	(void)state;
	assert_differs(&asking, "a:y1 b:y1 c:y1 d:y1 e:x1 f:x1 g:x1", DIFFERS_SPLIT,
		"a, b and 2 more are new and e, f and 2 more are as before: "
		"two updates where there should be one");
	assert_key(&asking, "a is new and e is old");
	end(&asking);
}

static void test_oracle__a_later_update_without_an_earlier_is_told(void **state)
{
	struct asking asking = begin(LEGAL("", "a:x1", "a:x1 b:x1", "a:x1 b:x1 c:x1"), &no_rules);

	(void)state;
	assert_differs(&asking, "b:x1 c:x1", DIFFERS_SPLIT,
		"b and c are there and a is not there yet: a later update without an earlier one");
	assert_int_equal(asking.opinion->nearest, 3);
	end(&asking);
}

static void test_oracle__updates_that_change_nothing_are_not_counted(void **state)
{
	struct asking asking =
		begin(LEGAL("f:a1 g:a1", "f:a1 g:a1", "f:b1 g:b1", "f:b1 g:b1"), &no_rules);
	struct tree *tree = tree_of("f:b1 g:a1");

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(oracle_ask(asking.oracle, tree, i, &asking.opinion), 0);
		assert_string_equal(asking.opinion->differences[0].text,
			"f is new and g is old: two updates where there should be one");
	}
	tree_unref(tree);
	end(&asking);
}

static void test_oracle__what_comes_back_is_of_the_nearest_update(void **state)
{
	struct asking asking = begin(
		LEGAL("f:a1 g:a1", "f:b1 g:b1", "f:a1 g:c1", "f:c1 g:d1", "f:a1 g:e1"), &no_rules);

	(void)state;
	assert_differs(&asking, "f:a1 g:b1", DIFFERS_SPLIT,
		"f is new and g is old: two updates where there should be one");
	end(&asking);
}

static void test_oracle__a_split_is_told_after_what_is_worse(void **state)
{
	struct asking asking = begin(LEGAL("a:x1 f:a1 g:a1", "a:y1 f:b1 g:b1"), &no_rules);

	(void)state;
	assert_differs(&asking, "a: f:b1 g:a1", DIFFERS_EMPTY, "a is empty");
	assert_int_equal(asking.opinion->difference_count, 2);
	assert_string_equal(asking.opinion->differences[1].key, "f is new and g is old");
	end(&asking);
}

static void test_oracle__what_is_expected_decides_the_words(void **state)
{
	struct asking asking = begin(LEGAL("f:a1 g:a1", "f:b1 g:b1", "f:c1 g:b1"), &no_rules);
	struct tree *tree = tree_of("f:b1 g:b1");

	(void)state;
	assert_int_equal(oracle_ask_for(asking.oracle, tree, 2, &asking.opinion), 0);
	assert_int_equal(asking.opinion->first, 1);
	assert_int_equal(asking.opinion->difference_count, 1);
	assert_int_equal(asking.opinion->differences[0].kind, DIFFERS_OLD);
	assert_string_equal(asking.opinion->differences[0].text, "f is old");
	assert_int_equal(oracle_ask_for(asking.oracle, tree, 0, &asking.opinion), 0);
	assert_int_equal(asking.opinion->differences[0].kind, DIFFERS_NEW);
	assert_string_equal(asking.opinion->differences[0].text, "f and g are new");
	assert_int_equal(oracle_ask_for(asking.oracle, tree, 1, &asking.opinion), 0);
	assert_int_equal(asking.opinion->difference_count, 0);
	tree_unref(tree);
	end(&asking);
}

/* ---- what is left out ---- */

static void test_oracle__ignored_names_do_not_count(void **state)
{
	static const char *const ignored[] = {"*.log", "cache", "./d/x*/", "e/f"};
	const struct oracle_rules rules = {.ignored = ignored, .ignored_count = 4};
	struct asking asking =
		begin(LEGAL("a.log:a1 d/ d/b.log:a1 cache/ cache/y:a1 f:a1 e/ e/f:a1",
			      "a.log:b1 d/ d/b.log:b1 cache/ f:b1 e/ e/f:b1"),
			&rules);

	(void)state;
	assert_equals(&asking, "d/ d/x1/ d/x1/y/ d/x1/y/z: cache/ cache/q: f:b1 e/", 1, 1);
	assert_int_equal(asking.opinion->residue_count, 0);
	assert_equals(&asking, "f:a1 d/ e/ e/f: x1: c/ c/e/ c/e/f:", 0, 0);
	/* "d/x*" and "e/f" are paths, and name nothing elsewhere. */
	assert_int_equal(asking.opinion->residue_count, 4);
	assert_differs(&asking, "f:b1 e/", DIFFERS_MISSING, "d is missing");
	end(&asking);
}

static void test_oracle__runs_that_are_equal_vary_in_nothing(void **state)
{
	struct tree *a = tree_of("d/ d/f:a10 l>x"), *b = tree_of("l>x d/ d/f:a10");
	struct varying_list list = {0};

	(void)state;
	assert_int_equal(oracle_compare_runs(&a, &b, 1, &no_rules, &list), 0);
	assert_int_equal(list.count, 0);
	varying_list_release(&list);
	tree_unref(a);
	tree_unref(b);
}

static void assert_varying(const struct varying *varying, const char *path, enum varies how,
	bool is_final, const char *text)
{
	char said[200];

	assert_string_equal(varying->path, path);
	assert_int_equal(varying->how, how);
	assert_int_equal(varying->is_final, is_final);
	varying_say(varying, said, sizeof(said));
	assert_string_equal(said, text);
}

static void test_oracle__what_varies_is_listed(void **state)
{
	static const char *const ignored[] = {"i*"};
	const struct oracle_rules rules = {.ignored = ignored, .ignored_count = 1};
	struct tree *a[] = {tree_of("f:a10 e: i1: t.1:"),
		tree_of("f:a10 e:z10 q/ r1/ r1/x/ r1/x/y: s:a1 same:a1")};
	struct tree *b[] = {
		tree_of("f:a10 e: i2:"), tree_of("f:b10 e:z10 q: r2/ r2/x/ s: same:a1")};
	struct varying_list list = {0};

	(void)state;
	assert_int_equal(oracle_compare_runs(a, b, 2, &rules, &list), 0);
	assert_int_equal(list.count, 6);
	assert_varying(
		&list.items[0], "f", VARIES_CONTENTS, true, "contents of f differ from run to run");
	assert_varying(
		&list.items[1], "q", VARIES_WHOLLY, true, "what q is differs from run to run");
	assert_varying(&list.items[2], "r1", VARIES_WHOLLY, true,
		"r1 is there in one run and not in the next");
	assert_string_equal(list.items[3].path, "r2");
	assert_varying(
		&list.items[4], "s", VARIES_WHOLLY, true, "what s is differs from run to run");
	assert_varying(&list.items[5], "t.1", VARIES_WHOLLY, false,
		"t.1 is there in one run and not in the next, while the program runs");
	varying_list_release(&list);
	for (int i = 0; i < 2; i++) {
		tree_unref(a[i]);
		tree_unref(b[i]);
	}
}

/* A list of one path. */
static struct varying_list list_of(struct varying *varying, const char *path, enum varies how)
{
	*varying = (struct varying){.path = (char *)path, .how = how, .is_final = true};
	return (struct varying_list){.items = varying, .count = 1, .capacity = 1};
}

static void test_oracle__of_varying_contents_only_their_presence_counts(void **state)
{
	struct varying varying;
	const struct varying_list list = list_of(&varying, "f", VARIES_CONTENTS);
	const struct oracle_rules rules = {.varying = &list};
	struct asking asking = begin(LEGAL("g:a1", "f:b10 g:b1"), &rules);

	(void)state;
	assert_equals(&asking, "f:c20 g:b1", 1, 1);
	assert_differs(&asking, "f:c20 g:a1", DIFFERS_SPLIT,
		"f is there and g is old: two updates where there should be one");
	assert_differs(&asking, "f: g:b1", DIFFERS_EMPTY, "f is empty");
	assert_differs(&asking, "f:z5000 g:b1", DIFFERS_ZERO_FILLED, "f is nothing but zeros");
	assert_differs(&asking, "f/ g:b1", DIFFERS_TYPE, "f is a directory where a file should be");
	end(&asking);
}

static void test_oracle__of_what_varies_wholly_nothing_counts(void **state)
{
	struct varying varying;
	const struct varying_list list = list_of(&varying, "d", VARIES_WHOLLY);
	const struct oracle_rules rules = {.varying = &list};
	struct asking asking = begin(LEGAL("g:a1", "d/ d/x:a1 g:b1"), &rules);

	(void)state;
	assert_equals(&asking, "g:b1", 1, 1);
	assert_equals(&asking, "g:a1 d/ d/x: d/y:", 0, 0);
	assert_int_equal(asking.opinion->residue_count, 0);
	assert_int_equal(oracle_path_count(asking.oracle), 1);
	end(&asking);
}

/* ---- order ---- */

struct order {
	char last[PATH_MAX];
	unsigned count;
};

static void check_order(void *context, const char *path, uint32_t object)
{
	struct order *order = context;

	(void)object;
	if (order->count++)
		assert_true(oracle_compare_paths(order->last, path) < 0);
	assert_int_equal(oracle_compare_paths(path, path), 0);
	snprintf(order->last, sizeof(order->last), "%s", path);
}

static void test_oracle__the_order_of_paths_is_that_of_a_walk(void **state)
{
	struct tree *tree = tree_of("a/ a/x: a-b: a.b/ a.b/z: \1: ab: a/\1: a\1: \377/ \377/y: z:");
	struct order order = {0};

	(void)state;
	tree_walk(tree, check_order, &order);
	assert_int_equal(order.count, 12);
	tree_unref(tree);
}

/* ---- random trees ---- */

enum { ROUNDS = 60, MAX_SNAPSHOTS = 24, MAX_PATHS = 4096, FIRST_SEED = 20240501 };

struct paths {
	char *items[MAX_PATHS];
	size_t count;
};

static void note_path(void *context, const char *path, uint32_t object)
{
	struct paths *paths = context;

	(void)object;
	for (size_t i = 0; i < paths->count; i++) {
		if (!strcmp(paths->items[i], path))
			return;
	}
	assert_true(paths->count < MAX_PATHS);
	paths->items[paths->count++] = strdup(path);
}

static bool same_at(const struct tree *a, const struct tree *b, const char *path)
{
	uint32_t x = tree_find(a, path), y = tree_find(b, path);
	uint8_t left[MAKE_PAGE], right[MAKE_PAGE];

	if (x == UINT32_MAX || y == UINT32_MAX)
		return x == y;
	if (tree_object_type(a, x) != tree_object_type(b, y))
		return false;
	if (tree_object_type(a, x) == OBJECT_SYMLINK)
		return !strcmp(tree_target(a, x), tree_target(b, y));
	if (tree_object_type(a, x) != OBJECT_FILE)
		return true;
	if (tree_file_bytes(a, x) != tree_file_bytes(b, y))
		return false;
	for (uint64_t i = 0; i * MAKE_PAGE < tree_file_bytes(a, x); i++) {
		tree_read_page(a, x, i, left);
		tree_read_page(b, y, i, right);
		if (memcmp(left, right, MAKE_PAGE))
			return false;
	}
	return true;
}

/* Whether some legal tree has the byte at its place. */
static bool has_origin(
	struct tree *const *legal, size_t count, const char *path, uint64_t position, uint8_t byte)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t object = tree_find(legal[i], path);

		if (object != UINT32_MAX && tree_object_type(legal[i], object) == OBJECT_FILE &&
			position < tree_file_bytes(legal[i], object) &&
			tree_page(legal[i], object, position / MAKE_PAGE)[position % MAKE_PAGE] ==
				byte)
			return true;
	}
	return false;
}

/* What is said of a file must be so. */
static void check_words(const struct difference *difference, const struct tree *tree,
	struct tree *const *legal, size_t count)
{
	const char *path = difference->path;
	uint32_t object = tree_find(tree, path);
	uint64_t size_bytes, lost = 0, zeros = 0;

	assert_true(*difference->text);
	assert_true(*difference->key);
	if (difference->kind == DIFFERS_SPLIT)
		return;
	assert_int_equal(difference->kind == DIFFERS_MISSING, object == UINT32_MAX);
	if (object == UINT32_MAX || tree_object_type(tree, object) != OBJECT_FILE ||
		difference->kind == DIFFERS_TYPE)
		return;
	size_bytes = tree_file_bytes(tree, object);
	assert_int_equal(difference->kind == DIFFERS_EMPTY, !size_bytes);
	for (uint64_t i = 0; i < size_bytes; i++) {
		uint8_t byte = tree_page(tree, object, i / MAKE_PAGE)[i % MAKE_PAGE];

		if (has_origin(legal, count, path, i, byte))
			continue;
		lost += byte != 0;
		zeros += byte == 0;
	}
	if (lost)
		assert_int_equal(difference->kind, DIFFERS_FOREIGN);
	if (difference->kind == DIFFERS_TRUNCATED || difference->kind == DIFFERS_MIXED)
		assert_int_equal(lost + zeros, 0);
}

/* The opinion of one tree against the comparison path by path. */
static void check_opinion(struct oracle *oracle, const struct tree *tree, struct tree *const *legal,
	size_t count, const struct paths *paths, unsigned *unequal)
{
	const struct opinion *opinion;
	size_t first = SIZE_MAX, last = SIZE_MAX, best = SIZE_MAX;
	size_t distances[MAX_SNAPSHOTS] = {0};
	struct paths all = {.count = 0};

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < paths->count; k++)
			distances[i] += !same_at(tree, legal[i], paths->items[k]);
		if (!distances[i]) {
			last = i;
			first = first == SIZE_MAX ? i : first;
		}
		best = distances[i] < best ? distances[i] : best;
	}
	assert_int_equal(oracle_ask(oracle, tree, 0, &opinion), 0);
	assert_int_equal(opinion->first, first);
	assert_int_equal(opinion->last, last);
	assert_int_equal(distances[opinion->nearest], best);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(oracle_equals(oracle, i, i), !distances[i]);
	assert_int_equal(opinion->difference_count == 0, first != SIZE_MAX);
	assert_true(opinion->difference_count <= best);
	for (size_t i = 0; i < opinion->difference_count; i++)
		check_words(&opinion->differences[i], tree, legal, count);
	*unequal += first == SIZE_MAX;
	tree_walk(tree, note_path, &all);
	for (size_t i = 0, strangers = all.count; i <= all.count; i++) {
		if (i == all.count)
			assert_int_equal(opinion->residue_count, strangers);
		for (size_t k = 0; i < all.count && k < paths->count; k++)
			strangers -= !strcmp(all.items[i], paths->items[k]);
	}
	for (size_t i = 0; i < all.count; i++)
		free(all.items[i]);
}

static void check_random(uint64_t seed, unsigned *unequal)
{
	struct random random = {.state = seed};
	struct tree *snapshots[2 * MAX_SNAPSHOTS];
	struct paths paths = {.count = 0};
	struct oracle *oracle;
	size_t count = 0, legal_count;

	random_recording(&random, &making, 0);
	legal_count = 1 + random_below(&random, MAX_SNAPSHOTS);
	while (count < 2 * MAX_SNAPSHOTS) {
		snapshots[count++] = tree_ref(making.now);
		for (uint32_t i = random_below(&random, 4); i--;)
			random_step(&random, &making);
		/* What comes back. */
		if (random_percent(&random, 10)) {
			tree_unref(making.now);
			making.now = tree_ref(snapshots[random_below(&random, (uint32_t)count)]);
		}
	}
	assert_int_equal(oracle_new(&oracle, snapshots, legal_count, &no_rules), 0);
	for (size_t i = 0; i < legal_count; i++)
		tree_walk(snapshots[i], note_path, &paths);
	assert_int_equal(oracle_path_count(oracle), paths.count);
	for (size_t i = 1; i < legal_count; i++) {
		bool differs = false;

		for (size_t k = 0; k < paths.count; k++)
			differs |= !same_at(snapshots[i], snapshots[i - 1], paths.items[k]);
		assert_int_equal(oracle_sees(oracle, i), differs);
	}
	for (size_t i = 0; i < count; i++)
		check_opinion(oracle, snapshots[i], snapshots, legal_count, &paths, unequal);
	for (size_t i = 0; i < paths.count; i++)
		free(paths.items[i]);
	while (count)
		tree_unref(snapshots[--count]);
	oracle_free(oracle);
	make_end(&making);
}

static void test_oracle__random_trees(void **state)
{
	unsigned unequal = 0;

	(void)state;
	for (uint64_t i = 0; i < ROUNDS; i++)
		check_random(FIRST_SEED + i, &unequal);
	assert_true(unequal > ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oracle__a_legal_tree_equals_itself),
		cmocka_unit_test(test_oracle__what_comes_back_equals_both),
		cmocka_unit_test(test_oracle__modes_and_links_of_one_file_do_not_count),
		cmocka_unit_test(test_oracle__new_names_are_residue),
		cmocka_unit_test(test_oracle__an_empty_directory_may_be_legal),
		cmocka_unit_test(test_oracle__it_says_which_updates_it_sees),
		cmocka_unit_test(test_oracle__an_empty_file_is_told),
		cmocka_unit_test(test_oracle__an_empty_file_that_was_to_come_is_told),
		cmocka_unit_test(test_oracle__a_truncated_file_is_told),
		cmocka_unit_test(test_oracle__truncated_is_by_the_update_that_was_going_on),
		cmocka_unit_test(test_oracle__zeros_are_told),
		cmocka_unit_test(test_oracle__a_mix_is_told),
		cmocka_unit_test(test_oracle__a_mix_of_many_is_told),
		cmocka_unit_test(test_oracle__foreign_bytes_are_told),
		cmocka_unit_test(test_oracle__a_missing_file_is_told),
		cmocka_unit_test(test_oracle__another_type_is_told),
		cmocka_unit_test(test_oracle__every_file_that_differs_is_told),
		cmocka_unit_test(test_oracle__two_updates_instead_of_one_are_told),
		cmocka_unit_test(test_oracle__half_a_move_is_told),
		cmocka_unit_test(test_oracle__more_than_two_names_are_counted),
		cmocka_unit_test(test_oracle__a_later_update_without_an_earlier_is_told),
		cmocka_unit_test(test_oracle__updates_that_change_nothing_are_not_counted),
		cmocka_unit_test(test_oracle__what_comes_back_is_of_the_nearest_update),
		cmocka_unit_test(test_oracle__a_split_is_told_after_what_is_worse),
		cmocka_unit_test(test_oracle__what_is_expected_decides_the_words),
		cmocka_unit_test(test_oracle__ignored_names_do_not_count),
		cmocka_unit_test(test_oracle__runs_that_are_equal_vary_in_nothing),
		cmocka_unit_test(test_oracle__what_varies_is_listed),
		cmocka_unit_test(test_oracle__of_varying_contents_only_their_presence_counts),
		cmocka_unit_test(test_oracle__of_what_varies_wholly_nothing_counts),
		cmocka_unit_test(test_oracle__the_order_of_paths_is_that_of_a_walk),
		cmocka_unit_test(test_oracle__random_trees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
