/*
 * The persistence models give the answers that are known: which model allows what another one
 * allows, what was seen on a real kernel, what a file system promises not to leave, and the litmus
 * programs of Ferrite, counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/crash.h"
#include "harness/plugins.h"
#include "tests/answers.h"
#include "tests/random_recording.h"

static size_t model_number(const char *name)
{
	size_t i = 0;

	while (i < model_count && strcmp(models[i]->name, name))
		i++;
	assert_in_range(i, 0, model_count - 1);
	return i;
}

static const struct model *model_named(const char *name)
{
	return models[model_number(name)];
}

/* ---- which model allows what another one allows ---- */

struct inclusion {
	const char *larger, *smaller;
	bool without_failures; /* not where a sync fails */
};

static const struct inclusion inclusions[] = {
	{"posix", "ext4", false},
	{"posix", "ext4-noauto", false},
	{"posix", "xfs", false},
	{"posix", "btrfs", false},
	{"posix", "journal", false},
	/* The sync of one directory of a rename fails, and that of the other one promises half of
         * it: posix knows no half, and promises nothing. */
	{"ext2", "posix", true},
	{"ext4-noauto", "ext4", false},
	{"ext4-noauto", "xfs", false},
	{"ext4-noauto", "journal", false},
	{"ext4", "journal", false},
	{"xfs", "journal", false},
	{"btrfs", "journal", false},
	/* Syncs that promise nothing do not lose anything when they fail either. */
	{"lying-disk", "journal", true},
};

enum { INCLUSION_COUNT = sizeof(inclusions) / sizeof(*inclusions) };

#ifdef __SANITIZE_ADDRESS__
enum { INCLUSION_CASES = 150 };
#else
enum { INCLUSION_CASES = 700 };
#endif

enum { MICRO_OPS = 12 };

/* Short enough for all models. */
static void make_short(struct making *making, uint64_t seed, enum tear tear, bool is_failing)
{
	struct random random = {.state = seed * 1000033, .is_failing = is_failing};
	size_t least = SIZE_MAX;

	random.is_small = tear == TEAR_SECTOR || random_percent(&random, 30);
	random_recording(&random, making, 3 + random_below(&random, 30));
	for (size_t i = 0; i < model_count; i++) {
		struct micro_ops ops;

		assert_int_equal(micro_ops_init(&ops, &making->recording, models[i], tear), 0);
		if (ops.count > MICRO_OPS && ops.items[MICRO_OPS].event < least)
			least = ops.items[MICRO_OPS].event;
		micro_ops_release(&ops);
	}
	make_cut(making, least);
}

static void fail_inclusion(const struct making *making, uint64_t seed, enum tear tear,
	const struct inclusion *inclusion, const struct answer *answer)
{
	fprintf(stderr, "seed %llu tear %d: %s allows \"%s\" at %llx, %s does not\n",
		(unsigned long long)seed, tear, inclusion->smaller, answer->text,
		(unsigned long long)answer->points, inclusion->larger);
	make_print(&making->recording, stderr);
	fail();
}

static void test_models__what_one_allows_the_weaker_one_allows_too(void **state)
{
	static const enum tear tears[] = {TEAR_SECTOR, TEAR_PAGE, TEAR_NONE};

	(void)state;
	for (uint64_t seed = 0; seed < INCLUSION_CASES; seed++) {
		bool is_failing = seed % 3 == 0;
		enum tear tear = tears[seed / 3 % 3];
		struct answers answers[16] = {{0}};
		struct making making;

		make_short(&making, seed, tear, is_failing);
		for (size_t i = 0; i < model_count; i++)
			answers_init(&answers[i], &making.recording, models[i], tear, true);
		for (size_t i = 0; i < INCLUSION_COUNT; i++) {
			const struct answers *larger = &answers[model_number(inclusions[i].larger)];
			const struct answers *smaller =
				&answers[model_number(inclusions[i].smaller)];

			for (size_t k = 0; k < smaller->count; k++) {
				const struct answer *answer = &smaller->items[k];
				const struct answer *same = answers_find(larger, answer->hash);

				if (!(is_failing && inclusions[i].without_failures) &&
					(!same || answer->points & ~same->points))
					fail_inclusion(&making, seed, tear, &inclusions[i], answer);
			}
		}
		for (size_t i = 0; i < model_count; i++)
			answers_release(&answers[i]);
		make_end(&making);
	}
}

/* ---- by hand ---- */

/* Old contents 'a' of "f" and something unrelated "u", both on the disk. */
static void begin_with_file(struct making *making, uint64_t size_bytes)
{
	make_begin(making);
	make_write(making, make_file(making, "f"), 0, size_bytes, 'a');
	make_write(making, make_file(making, "u"), 0, 10, 'u');
	make_settle(making);
}

enum { FILE_F = 1, FILE_U = 2, FILE_NEW = 3 };

/* What the experiment did after the operation: an acknowledgement, then another file grows and is
 * synced. */
static void end_with_unrelated_sync(struct making *making)
{
	make_ack(making);
	make_write(making, FILE_U, 10, 10, 'u');
	make_fsync(making, FILE_U);
}

static struct answers answers_of(const struct making *making, const char *model)
{
	struct answers answers;

	answers_init(&answers, &making->recording, model_named(model), TEAR_PAGE, true);
	return answers;
}

/* Whether a state begins with (or is) these words at any of the crash points. */
static bool allows_at(const struct answers *answers, const char *words, uint64_t when)
{
	size_t length = strlen(words);

	for (size_t i = 0; i < answers->count; i++) {
		const struct answer *answer = &answers->items[i];

		if (!strncmp(answer->text, words, length) &&
			(!answer->text[length] || answer->text[length] == ' ') &&
			answer->points & when)
			return true;
	}
	return false;
}

static bool allows(const struct making *making, const char *model, const char *words)
{
	struct answers answers = answers_of(making, model);
	bool is_allowed = allows_at(&answers, words, UINT64_MAX);

	answers_release(&answers);
	return is_allowed;
}

static bool allows_after_ack(const struct making *making, const char *model, const char *words)
{
	struct answers answers = answers_of(making, model);
	bool is_allowed = allows_at(&answers, words, answers.after_ack);

	answers_release(&answers);
	return is_allowed;
}

static bool allows_at_end(const struct making *making, const char *model, const char *words)
{
	struct answers answers = answers_of(making, model);
	bool is_allowed = allows_at(&answers, words, (uint64_t)1 << answers.end);

	answers_release(&answers);
	return is_allowed;
}

/* Whether everything that a model leaves of "f", which comes first, is one of these. */
static void assert_only(
	const struct making *making, const char *model, const char *const *words, uint64_t when)
{
	struct answers answers = answers_of(making, model);

	for (size_t i = 0; i < answers.count; i++) {
		size_t k = 0;

		while (words[k] && strncmp(answers.items[i].text, words[k], strlen(words[k])))
			k++;
		if (!words[k] && answers.items[i].points & when)
			fail_msg("%s allows \"%s\"", model, answers.items[i].text);
	}
	answers_release(&answers);
}

static void make_truncate_write(struct making *making)
{
	begin_with_file(making, 3 * MAKE_PAGE);
	make_open_truncated(making, FILE_F);
	make_write(making, FILE_F, 0, 2 * MAKE_PAGE, 'b');
	make_close(making, FILE_F);
	end_with_unrelated_sync(making);
}

static void make_replace(struct making *making, bool syncs_file, bool syncs_directory)
{
	begin_with_file(making, 3 * MAKE_PAGE);
	make_write(making, make_file(making, "t"), 0, 2 * MAKE_PAGE, 'b');
	if (syncs_file)
		make_fsync(making, FILE_NEW);
	make_close(making, FILE_NEW);
	make_rename(making, "t", "f");
	if (syncs_directory)
		make_fsync(making, TREE_ROOT);
	end_with_unrelated_sync(making);
}

static void make_append(struct making *making)
{
	begin_with_file(making, MAKE_PAGE + 100);
	make_write(making, FILE_F, MAKE_PAGE + 100, MAKE_PAGE, 'b');
	make_close(making, FILE_F);
	end_with_unrelated_sync(making);
}

/* ---- facts/crash-states.md, "Seen on a real kernel" (Linux 6.18) ---- */

#define OLD "f=a12288"
#define NEW "f=b8192"
#define EMPTY "f="
#define ZEROS "f=.8192"

struct seen {
	const char *model, *words[8]; /* of "f", at some crash point */
};

static void assert_seen(const struct making *making, const struct seen *seen, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; seen[i].words[k]; k++) {
			if (!allows(making, seen[i].model, seen[i].words[k]))
				fail_msg("%s does not allow \"%s\", which was seen", seen[i].model,
					seen[i].words[k]);
		}
	}
}

#define SEEN(making, table) assert_seen(making, table, sizeof(table) / sizeof(*(table)))

/* Not here: data=writeback, for which there is no model. */
static void test_models__what_was_seen_of_truncate_and_write_is_allowed(void **state)
{
	static const struct seen seen[] = {
		{"ext4", {OLD, NEW}},
		{"ext4-noauto", {OLD, NEW, EMPTY, ZEROS}},
		{"journal", {OLD, NEW}},
		{"xfs", {OLD, NEW}},
		{"btrfs", {OLD, NEW}},
		{"ext2", {ZEROS, "f=b4096.4096", "f=.4096b4096"}},
		/* Torn over the old contents, when the truncation is what is lost. */
		{"ext2", {"f=b8192a4096", "f=b4096a8192", "f=a4096b4096a4096"}},
	};
	struct making making;

	(void)state;
	make_truncate_write(&making);
	SEEN(&making, seen);
	make_end(&making);
}

static void test_models__what_was_seen_of_replacing_without_a_sync_is_allowed(void **state)
{
	static const struct seen seen[] = {
		{"ext4", {OLD, NEW}},
		{"ext4-noauto", {OLD, NEW, EMPTY, ZEROS}},
		{"journal", {OLD, NEW}},
		{"xfs", {OLD, NEW, EMPTY}},
		{"btrfs", {OLD, NEW}},
		/* A file that cannot be read is beyond what a model says. */
		{"ext2", {ZEROS, "f=b4096.4096", "f=.4096b4096"}},
	};
	struct making making;

	(void)state;
	make_replace(&making, false, false);
	SEEN(&making, seen);
	make_end(&making);
}

static void test_models__after_an_fsync_of_the_file_the_rename_may_be_lost(void **state)
{
	static const char *const models_seen[] = {"ext4", "journal", "xfs", "btrfs"};
	struct making making;

	(void)state;
	make_replace(&making, true, false);
	for (size_t i = 0; i < 4; i++) {
		static const char *const whole[] = {OLD " ", NEW " ", NULL};

		assert_true(allows_after_ack(&making, models_seen[i], OLD));
		assert_true(allows(&making, models_seen[i], NEW));
		assert_only(&making, models_seen[i], whole, UINT64_MAX);
	}
	make_end(&making);
}

static void test_models__after_an_fsync_of_the_directory_it_is_never_lost(void **state)
{
	struct making making;

	(void)state;
	make_replace(&making, true, true);
	for (size_t i = 0; i < model_count; i++) {
		if (models[i]->ignores_syncs)
			continue;
		assert_false(allows_after_ack(&making, models[i]->name, OLD));
		assert_true(allows_after_ack(&making, models[i]->name, NEW));
	}
	assert_true(allows_after_ack(&making, "lying-disk", OLD));
	make_end(&making);
}

static void test_models__what_was_seen_of_appending_is_allowed(void **state)
{
	static const char old[] = "f=a4196", new[] = "f=a4196b4096", tail[] = "f=a4196.4096";
	const struct seen seen[] = {
		{"ext4", {old, new, tail}},
		{"ext2", {old, new, tail}},
		{"journal", {old, new}},
		{"xfs", {old, new}},
		{"btrfs", {old, new}},
	};
	struct making making;

	(void)state;
	make_append(&making);
	SEEN(&making, seen);
	make_end(&making);
}

/* ---- what may not be left ---- */

static void test_models__a_file_that_replaced_another_is_whole_on_ext4_and_btrfs(void **state)
{
	static const char *const whole[] = {OLD " ", NEW " ", NULL};
	static const char *const prefixes[] = {OLD " ", NEW " ", "f=b4096 ", "f= ", NULL};
	struct making making;

	(void)state;
	make_replace(&making, false, false);
	assert_only(&making, "ext4", whole, UINT64_MAX);
	assert_only(&making, "btrfs", whole, UINT64_MAX);
	assert_only(&making, "journal", whole, UINT64_MAX);
	/* No flush, but never a size without its data. */
	assert_only(&making, "xfs", prefixes, UINT64_MAX);
	make_end(&making);
}

/* The truncation is there before the data are: a crash in between is no fault of the heuristic. But
 * what is logged after close(2) has the data before it. */
static void test_models__a_file_that_was_rewritten_is_whole_after_a_later_sync(void **state)
{
	static const char *const old_or_new[] = {NEW " ", NULL};
	struct making making;

	(void)state;
	make_truncate_write(&making);
	make_history(&making, EVENT_START);
	for (size_t i = 0; i < 3; i++) {
		static const char *const names[] = {"ext4", "xfs", "journal"};

		assert_only(&making, names[i], old_or_new, (uint64_t)1 << making.recording.count);
	}
	assert_true(allows_at_end(&making, "ext4-noauto", EMPTY));
	assert_true(allows_at_end(&making, "ext4-noauto", ZEROS));
	assert_true(allows_at_end(&making, "btrfs", OLD));
	assert_false(allows(&making, "btrfs", ZEROS));
	assert_false(allows(&making, "xfs", ZEROS));
	make_end(&making);
}

static void test_models__only_the_last_close_of_an_open_file_flushes_it(void **state)
{
	for (int is_last = 0; is_last < 2; is_last++) {
		struct making making;

		(void)state;
		begin_with_file(&making, 3 * MAKE_PAGE);
		make_open_truncated(&making, FILE_F);
		make_write(&making, FILE_F, 0, 2 * MAKE_PAGE, 'b');
		/* Of a copy of the descriptor. */
		make_add(&making, make_op(OP_CLOSE, FILE_F));
		if (is_last)
			make_close(&making, FILE_F);
		end_with_unrelated_sync(&making);
		assert_int_equal(allows_at_end(&making, "ext4", EMPTY), !is_last);
		assert_true(allows_at_end(&making, "ext4", NEW));
		make_end(&making);
	}
}

static void test_models__msync_writes_back_its_range(void **state)
{
	struct op sync = make_op(OP_FDATASYNC, FILE_F);
	struct making making;

	(void)state;
	begin_with_file(&making, 3 * MAKE_PAGE);
	for (uint64_t page = 0; page < 3; page++)
		make_add(
			&making, make_write_op(OP_STORE, FILE_F, page * MAKE_PAGE, MAKE_PAGE, 'b'));
	sync.point = POINT_MSYNC;
	sync.offset = MAKE_PAGE;
	sync.size_bytes = MAKE_PAGE;
	make_add(&making, sync);
	make_ack(&making);
	assert_false(allows_after_ack(&making, "ext4", OLD));
	assert_true(allows_after_ack(&making, "ext4", "f=a4096b4096a4096"));
	make_sync(&making, OP_FDATASYNC, FILE_F, 0);
	make_ack(&making);
	assert_false(allows_at_end(&making, "ext4", "f=a4096b4096a4096"));
	make_end(&making);
}

static void test_models__a_hole_is_seen_page_by_page(void **state)
{
	struct op punch = make_op(OP_PUNCH, FILE_F);
	struct making making;

	(void)state;
	begin_with_file(&making, 2 * MAKE_PAGE);
	punch.size_bytes = 2 * MAKE_PAGE;
	punch.is_hole = punch.keeps_size = true;
	make_add(&making, punch);
	assert_true(allows(&making, "posix", "f=.4096a4096"));
	assert_true(allows(&making, "posix", "f=a4096.4096"));
	make_fsync(&making, FILE_F);
	assert_false(allows_at_end(&making, "posix", "f=.4096a4096"));
	assert_true(allows_at_end(&making, "posix", "f=.8192"));
	make_end(&making);
}

static void test_models__a_size_never_outruns_its_data_on_xfs_and_btrfs(void **state)
{
	static const char *const prefixes[] = {"f=a4196 ", "f=a4196b3996 ", "f=a4196b4096 ", NULL};
	struct making making;

	(void)state;
	make_append(&making);
	assert_only(&making, "xfs", prefixes, UINT64_MAX);
	assert_only(&making, "btrfs", prefixes, UINT64_MAX);
	assert_only(&making, "journal", prefixes, UINT64_MAX);
	assert_true(allows(&making, "posix", "f=a4196.3996b100"));
	assert_true(allows(&making, "ext2", "f=a4196?3996b100") ||
		    allows(&making, "ext2", "f=a4196.3996?100"));
	make_end(&making);
}

static void test_models__a_rename_is_atomic_everywhere_but_on_ext2(void **state)
{
	static const char *const one_name[] = {"f=a", "g=a", NULL};
	struct making making;

	(void)state;
	begin_with_file(&making, 100);
	make_rename(&making, "f", "g");
	for (size_t i = 0; i < model_count; i++) {
		if (models[i]->splits_renames)
			continue;
		assert_only(&making, models[i]->name, one_name, UINT64_MAX);
		assert_false(allows(&making, models[i]->name, "f=a100 g=a100"));
	}
	assert_true(allows(&making, "ext2", "f=a100 g=a100"));
	assert_true(allows(&making, "ext2", "u=u10"));
	make_end(&making);
}

static void test_models__fsync_of_a_file_makes_its_name_durable_but_for_posix(void **state)
{
	struct making making;

	(void)state;
	begin_with_file(&making, 100);
	make_write(&making, make_file(&making, "n"), 0, 10, 'n');
	make_fsync(&making, FILE_NEW);
	assert_true(allows_at_end(&making, "posix", "f=a100 u=u10"));
	assert_true(allows_at_end(&making, "ext2", "f=a100 u=u10"));
	assert_true(allows_at_end(&making, "lying-disk", "f=a100 u=u10"));
	for (size_t i = 0; i < 5; i++) {
		static const char *const names[] = {
			"ext4", "ext4-noauto", "xfs", "btrfs", "journal"};
		static const char *const all[] = {"f=a100 n=n10 u=u10", NULL};

		assert_only(&making, names[i], all, (uint64_t)1 << making.recording.count);
	}
	make_end(&making);
}

/* Seen on ext4 and xfs; the log tree of btrfs holds the file that is synced and its names. */
static void test_models__fsync_of_one_file_commits_the_rename_of_another(void **state)
{
	struct making making;

	(void)state;
	begin_with_file(&making, 100);
	make_rename(&making, "f", "g");
	end_with_unrelated_sync(&making);
	for (size_t i = 0; i < model_count; i++) {
		const struct model *model = models[i];
		bool may_be_lost = !model->carries_order;

		assert_int_equal(allows_at_end(&making, model->name, "f=a100 u=u20") ||
					 allows_at_end(&making, model->name, "f=a100 u=u10"),
			may_be_lost);
	}
	assert_true(allows_at_end(&making, "btrfs", "f=a100 u=u20"));
	make_end(&making);
}

/* The pages are clean after the failure: the heuristic has nothing left to flush, and the rename
 * is written without them. No later sync is needed for that. */
static void test_models__a_rename_does_not_wait_for_data_that_a_failed_fsync_lost(void **state)
{
	static const char *const names[] = {"ext4", "btrfs", "journal"};

	(void)state;
	for (int is_late = 0; is_late < 2; is_late++) {
		struct making making;

		begin_with_file(&making, 3 * MAKE_PAGE);
		make_write(&making, make_file(&making, "t"), 0, 2 * MAKE_PAGE, 'b');
		make_sync(&making, OP_FSYNC, FILE_NEW, -EIO);
		/* Another fsync proves something once all was written again, and size with it. */
		if (is_late) {
			make_write(&making, FILE_NEW, 0, 2 * MAKE_PAGE, 'c');
			make_fsync(&making, FILE_NEW);
		}
		make_rename(&making, "t", "f");
		for (size_t i = 0; i < 3; i++) {
			assert_true(allows(&making, names[i], OLD));
			assert_int_equal(allows(&making, names[i], EMPTY), !is_late);
			assert_int_equal(allows(&making, names[i], NEW), !is_late);
			assert_int_equal(allows(&making, names[i], "f=c8192"), is_late);
		}
		make_end(&making);
	}
}

static void test_models__names_are_in_order_on_btrfs_within_a_directory_only(void **state)
{
	struct making making;
	uint32_t directory;

	(void)state;
	make_begin(&making);
	directory = make_new(&making, OP_MKDIR, TREE_ROOT, "d");
	make_settle(&making);
	make_file(&making, "a");
	make_file(&making, "b");
	make_new(&making, OP_OPEN, directory, "c");
	assert_true(allows(&making, "btrfs", "d/ d/c="));
	assert_false(allows(&making, "btrfs", "b= d/"));
	assert_false(allows(&making, "ext4", "d/ d/c="));
	assert_false(allows(&making, "xfs", "d/ d/c="));
	assert_true(allows(&making, "posix", "b= d/"));
	make_end(&making);
}

static void test_models__fdatasync_leaves_permission_bits_to_fsync(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct making making;
		struct op op = make_op(OP_CHMOD, FILE_F);
		struct answers answers;

		(void)state;
		begin_with_file(&making, 100);
		op.mode = 0600;
		make_add(&making, op);
		make_write(&making, FILE_F, 0, 10, 'b');
		make_sync(&making, i ? OP_FSYNC : OP_FDATASYNC, FILE_F, 0);
		answers = answers_of(&making, "posix");
		/* Both bits or the old ones; contents alone cannot tell them apart. */
		assert_int_equal(answers.count, 4);
		size_t at_end = 0;
		for (size_t k = 0; k < answers.count; k++)
			at_end += answers.items[k].points >> answers.end & 1;
		assert_int_equal(at_end, i ? 1 : 2);
		answers_release(&answers);
		make_end(&making);
	}
}

static int check_prefix(void *context, const struct crash_state *state)
{
	(void)context;
	for (size_t i = 0; i + 1 < state->end; i++)
		assert_true(!bits_has(state->lost, i) || bits_has(state->lost, i + 1));
	return 0;
}

/* Of the micro-operations themselves: then trees are prefixes, too. */
static void test_models__journal_and_a_lying_disk_leave_prefixes_only(void **state)
{
	static const char *const names[] = {"journal", "lying-disk"};

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		const struct crash_limits limits = {0};
		struct random random = {.state = seed};
		struct making making;

		random_recording(&random, &making, 30);
		for (size_t i = 0; i < 2; i++) {
			struct crash_coverage coverage;
			struct micro_ops ops;

			assert_int_equal(micro_ops_init(&ops, &making.recording,
						 model_named(names[i]), TEAR_SECTOR),
				0);
			assert_int_equal(
				crash_each(&ops, &limits, check_prefix, NULL, &coverage), 0);
			assert_true(coverage.is_exact);
			micro_ops_release(&ops);
		}
		make_end(&making);
	}
}

/* ---- Ferrite's litmus programs (Bornholt et al., ASPLOS'16) ---- */

/* Its ext4 model: what it says of new blocks and of sizes, with delayed allocation. Metadata in
 * order; the data of a file in order; data of a new block before the size that shows it; a size
 * when its time comes, after later names. */
static bool ferrite_delayed_orders(const struct micro_op *earlier, const struct micro_op *later)
{
	if (model_is_prompt(earlier))
		return model_is_logged(later);
	if (earlier->object != later->object)
		return false;
	if (earlier->kind == MICRO_DATA && later->kind == MICRO_SIZE)
		return earlier->is_new && later->is_growth && earlier->event == later->event &&
		       earlier->page == later->page;
	return earlier->kind == later->kind;
}

/* Without it, data come before the size in any block. */
static bool ferrite_ordered_orders(const struct micro_op *earlier, const struct micro_op *later)
{
	return ferrite_delayed_orders(earlier, later) || model_data_before_size(earlier, later);
}

static const struct model ferrite_delayed = {
	.name = "ferrite",
	.syncs_names = true,
	.carries_order = true,
	.orders = ferrite_delayed_orders,
};

static const struct model ferrite_ordered = {
	.name = "ferrite without delayed allocation",
	.syncs_names = true,
	.carries_order = true,
	.orders = ferrite_ordered_orders,
};

struct litmus {
	const char *model;
	size_t append, rename, rename_synced;
};

/* Why each is what it is: docs/models.md. */
static const struct litmus litmus[] = {
	{"btrfs", 4, 5, 4},
	{"ext2", 19, 13, 7},
	{"ext4", 12, 7, 5},
	{"ext4-noauto", 12, 7, 5},
	{"journal", 4, 4, 4},
	{"lying-disk", 4, 4, 4},
	{"posix", 15, 7, 5},
	{"xfs", 4, 5, 4},
};

static void assert_states(const struct making *making, const struct model *model, size_t expected)
{
	struct answers answers;

	answers_init(&answers, &making->recording, model, TEAR_PAGE, true);
	for (size_t i = 0; answers.count != expected && i < answers.count; i++)
		print_message("   \"%s\"\n", answers.items[i].text);
	if (answers.count != expected)
		fail_msg("%s: %zu states, not %zu", model->name, answers.count, expected);
	answers_release(&answers);
}

static void make_litmus_append(struct making *making)
{
	make_begin(making);
	make_write(making, make_file(making, "f"), 0, 2509, 'a');
	make_settle(making);
	make_write(making, FILE_F, 2509, 13, 'b');
	make_write(making, FILE_F, 2522, 2500, 'b');
}

static void make_litmus_rename(struct making *making, bool is_synced)
{
	make_begin(making);
	make_settle(making);
	make_write(making, make_file(making, "f"), 0, MAKE_PAGE, 'b');
	if (is_synced)
		make_fsync(making, FILE_F);
	make_rename(making, "f", "g");
}

static void test_models__the_engine_counts_what_ferrite_counts(void **state)
{
	struct making making;
	struct answers answers;

	(void)state;
	make_litmus_append(&making);
	assert_states(&making, &ferrite_delayed, 7);
	assert_states(&making, &ferrite_ordered, 4);
	answers_init(&answers, &making.recording, &ferrite_delayed, TEAR_PAGE, true);
	/* By the size: the old one, then each with more or less of its data. */
	assert_true(allows_at(&answers, "f=a2509", UINT64_MAX));
	assert_true(allows_at(&answers, "f=a2509.13", UINT64_MAX));
	assert_true(allows_at(&answers, "f=a2509b13", UINT64_MAX));
	assert_true(allows_at(&answers, "f=a2509.1587", UINT64_MAX));
	assert_true(allows_at(&answers, "f=a2509b13.1574", UINT64_MAX));
	assert_true(allows_at(&answers, "f=a2509b1587", UINT64_MAX));
	assert_true(allows_at(&answers, "f=a2509b2513", UINT64_MAX));
	answers_release(&answers);
	make_end(&making);
	make_litmus_rename(&making, false);
	assert_states(&making, &ferrite_delayed, 5);
	make_end(&making);
	make_litmus_rename(&making, true);
	assert_states(&making, &ferrite_delayed, 4);
	make_end(&making);
}

static void test_models__each_model_counts_what_docs_models_md_says(void **state)
{
	struct making making[3];

	(void)state;
	assert_int_equal(sizeof(litmus) / sizeof(*litmus), model_count);
	make_litmus_append(&making[0]);
	make_litmus_rename(&making[1], false);
	make_litmus_rename(&making[2], true);
	for (size_t i = 0; i < model_count; i++) {
		assert_states(&making[0], model_named(litmus[i].model), litmus[i].append);
		assert_states(&making[1], model_named(litmus[i].model), litmus[i].rename);
		assert_states(&making[2], model_named(litmus[i].model), litmus[i].rename_synced);
	}
	for (size_t i = 0; i < 3; i++)
		make_end(&making[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_models__what_one_allows_the_weaker_one_allows_too),
		cmocka_unit_test(test_models__what_was_seen_of_truncate_and_write_is_allowed),
		cmocka_unit_test(test_models__what_was_seen_of_replacing_without_a_sync_is_allowed),
		cmocka_unit_test(test_models__after_an_fsync_of_the_file_the_rename_may_be_lost),
		cmocka_unit_test(test_models__after_an_fsync_of_the_directory_it_is_never_lost),
		cmocka_unit_test(test_models__what_was_seen_of_appending_is_allowed),
		cmocka_unit_test(
			test_models__a_file_that_replaced_another_is_whole_on_ext4_and_btrfs),
		cmocka_unit_test(
			test_models__a_file_that_was_rewritten_is_whole_after_a_later_sync),
		cmocka_unit_test(test_models__only_the_last_close_of_an_open_file_flushes_it),
		cmocka_unit_test(test_models__msync_writes_back_its_range),
		cmocka_unit_test(test_models__a_hole_is_seen_page_by_page),
		cmocka_unit_test(test_models__a_size_never_outruns_its_data_on_xfs_and_btrfs),
		cmocka_unit_test(test_models__a_rename_is_atomic_everywhere_but_on_ext2),
		cmocka_unit_test(test_models__fsync_of_a_file_makes_its_name_durable_but_for_posix),
		cmocka_unit_test(test_models__fsync_of_one_file_commits_the_rename_of_another),
		cmocka_unit_test(
			test_models__a_rename_does_not_wait_for_data_that_a_failed_fsync_lost),
		cmocka_unit_test(test_models__names_are_in_order_on_btrfs_within_a_directory_only),
		cmocka_unit_test(test_models__fdatasync_leaves_permission_bits_to_fsync),
		cmocka_unit_test(test_models__journal_and_a_lying_disk_leave_prefixes_only),
		cmocka_unit_test(test_models__the_engine_counts_what_ferrite_counts),
		cmocka_unit_test(test_models__each_model_counts_what_docs_models_md_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
