/*
 * The crash states that the harness finds are those that there are: thousands of short random
 * recordings, each looked at by harness/crash.c and by brute force over all subsets of
 * micro-operations (tests/brute_force.h). The trees must be the same, at the same crash points, and
 * each with the fewest lost. Then known recordings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "harness/crash.h"
#include "harness/crash_state.h"
#include "harness/cut.h"
#include "harness/plugins.h"
#include "tests/brute_force.h"
#include "tests/random_recording.h"

/* Sanitizers make all of this some times slower. */
#ifdef __SANITIZE_ADDRESS__
enum { EXACT_CASES = 1500, BOUNDED_CASES = 30, FULL_CASES = 1000 };
#else
enum { EXACT_CASES = 10000, BOUNDED_CASES = 120, FULL_CASES = 4000 };
#endif

/* Ten times as many with TEST_CASES=10, for whoever changed something and has the time. */
static uint64_t cases(uint64_t count)
{
	const char *factor = getenv("TEST_CASES");

	return factor ? count * strtoull(factor, NULL, 10) : count;
}

static const enum tear tears[] = {TEAR_SECTOR, TEAR_PAGE, TEAR_NONE};

enum { SEEN_TABLE = 1 << 18 };

/* ---- one case ---- */

struct found {
	uint64_t points;                   /* a bit each */
	uint8_t fewest_lost[BRUTE_POINTS]; /* by the epoch's end */
};

struct trial {
	uint64_t seed;
	struct making making;
	struct micro_ops ops;
	struct brute *brute;
	/* What the harness found, by number of tree in brute force. */
	struct found *found; /* owned */
	/* Hash table of what was handed out in an epoch. Zero: free. */
	uint64_t seen[SEEN_TABLE];
	uint64_t epochs; /* a bit each, by the crash point at their end */
	bool is_bounded;
	unsigned replayed;
};

static void trial_fail(const struct trial *trial, const char *what, size_t event, uint32_t tree)
{
	fprintf(stderr, "seed %llu model %s tear %d: %s (crash point %zu, tree %u)\n",
		(unsigned long long)trial->seed, trial->ops.model->name, (int)trial->ops.tear, what,
		event, tree);
	make_print(&trial->making.recording, stderr);
	for (size_t i = 0; i < trial->ops.count; i++)
		fprintf(stderr, "  micro %zu: event %zu kind %d object %u page %llu%s%s%s\n", i,
			trial->ops.items[i].event, trial->ops.items[i].kind,
			trial->ops.items[i].object, (unsigned long long)trial->ops.items[i].page,
			trial->ops.items[i].is_growth ? " growth" : "",
			trial->ops.items[i].is_new ? " new" : "",
			trial->ops.items[i].is_whole ? " whole" : "");
	fail();
}

static const struct model *model_named(const char *name)
{
	for (size_t i = 0; i < model_count; i++) {
		if (!strcmp(models[i]->name, name))
			return models[i];
	}
	return NULL;
}

/* A recording of few enough micro-operations for all subsets. */
static void trial_init(struct trial *trial, uint64_t seed)
{
	struct random random = {.state = seed * 1000003};
	const struct model *model = models[random_below(&random, (uint32_t)model_count)];
	enum tear tear = tears[random_below(&random, 3)];
	size_t most = 7 + random_below(&random, 6);
	int err;

	if (seed % 64 == 0)
		most = BRUTE_ITEMS;
	*trial = (struct trial){.seed = seed};
	random.is_small = tear == TEAR_SECTOR || random_percent(&random, 30);
	random.is_failing = random_percent(&random, 60);
	random_recording(&random, &trial->making, 3 + random_below(&random, 30));
	err = micro_ops_init(&trial->ops, &trial->making.recording, model, tear);
	assert_int_equal(err, 0);
	if (trial->ops.count > most) {
		make_cut(&trial->making, trial->ops.items[most].event);
		micro_ops_release(&trial->ops);
		err = micro_ops_init(&trial->ops, &trial->making.recording, model, tear);
		assert_int_equal(err, 0);
	}
	trial->brute = malloc(sizeof(*trial->brute));
	assert_non_null(trial->brute);
	brute_init(trial->brute, &trial->ops);
	trial->found = malloc(trial->brute->tree_count * sizeof(*trial->found));
	assert_non_null(trial->found);
	for (size_t i = 0; i < trial->brute->tree_count; i++) {
		trial->found[i] = (struct found){0};
		memset(trial->found[i].fewest_lost, 0xff, BRUTE_POINTS);
	}
}

static void trial_release(struct trial *trial)
{
	brute_release(trial->brute);
	free(trial->brute);
	free(trial->found);
	micro_ops_release(&trial->ops);
	make_end(&trial->making);
}

static uint64_t bit_range(size_t first, size_t last)
{
	return (UINT64_MAX >> (63 - last)) & ~(((uint64_t)1 << first) - 1);
}

/* A witness of the state leads back to its tree. */
static bool is_replayed(const struct crash_state *state)
{
	struct cut cut;
	struct tree *tree;
	bool is_same;

	assert_int_equal(cut_init(&cut, state->ops, state->event, state->lost), 0);
	assert_int_equal(cut.lost_count, state->lost_count);
	assert_int_equal(cut_tree(&cut, (struct micro_ops *)state->ops, &tree), 0);
	is_same = XXH128_isEqual(tree_hash(tree), tree_hash(state->tree));
	tree_unref(tree);
	cut_release(&cut);
	return is_same;
}

/* Whether the same objects in the same state were there before in this epoch. */
static bool is_again(struct trial *trial, const struct crash_state *state, uint32_t taken)
{
	uint64_t key = brute_identity(trial->brute, taken) * 67 + state->event + 1;
	size_t at = key % SEEN_TABLE;

	while (trial->seen[at] && trial->seen[at] != key)
		at = (at + 1) % SEEN_TABLE;
	if (trial->seen[at])
		return true;
	trial->seen[at] = key;
	return false;
}

static int check_state(void *context, const struct crash_state *state)
{
	struct trial *trial = context;
	struct brute *brute = trial->brute;
	uint32_t number = brute_lookup(brute, tree_hash(state->tree));
	uint32_t lost = (uint32_t)state->lost[0], taken = brute->issued[state->event] & ~lost;
	struct found *found = &trial->found[number];
	uint64_t allowed;

	trial->epochs |= (uint64_t)1 << state->event;
	if (number == UINT32_MAX)
		trial_fail(trial, "no subset gives this tree", state->event, number);
	allowed = brute->trees[number].points;
	if (!(allowed >> state->event & 1))
		trial_fail(trial, "not allowed at this crash point", state->event, number);
	if (state->end != (size_t)__builtin_popcount(brute->issued[state->event]) ||
		lost & ~brute->issued[state->event])
		trial_fail(trial, "wrong micro-operations are lost", state->event, number);
	if (!brute_is_legal(brute, taken, state->event))
		trial_fail(trial, "what is lost may not be lost", state->event, number);
	if (brute->tree_of[taken] != number + 1)
		trial_fail(trial, "what is lost gives another tree", state->event, number);
	if (is_again(trial, state, taken))
		trial_fail(trial, "twice in one epoch", state->event, number);
	if (state->lost_count != (size_t)__builtin_popcount(lost))
		trial_fail(trial, "miscounted", state->event, number);
	if (state->birth < state->start || state->birth > state->event ||
		!(allowed >> state->birth & 1))
		trial_fail(trial, "not born yet", state->birth, number);
	if (trial->replayed++ % 4 == 0 && !is_replayed(state))
		trial_fail(trial, "its cut gives another tree", state->event, number);
	found->points |= bit_range(state->birth, state->event);
	if (state->lost_count < found->fewest_lost[state->event])
		found->fewest_lost[state->event] = (uint8_t)state->lost_count;
	return 0;
}

/* ---- the property ---- */

static void assert_tree_is_the_same(const struct trial *trial, uint32_t number)
{
	const struct brute_tree *tree = &trial->brute->trees[number];
	const struct found *found = &trial->found[number];

	if (found->points != tree->points)
		trial_fail(trial, "not found where it may be found",
			(size_t)__builtin_ctzll(found->points ^ tree->points), number);
	for (size_t i = 0; i < trial->brute->points; i++) {
		if (trial->epochs >> i & 1 && found->fewest_lost[i] != tree->fewest_lost[i])
			trial_fail(trial, "the same tree loses less", i, number);
	}
}

static void assert_same_as_brute_force(uint64_t seed, double *states, double *subsets)
{
	const struct crash_limits limits = {.seed = seed};
	struct crash_coverage coverage;
	static struct trial trial;
	double sets = 0;

	trial_init(&trial, seed);
	assert_int_equal(crash_each(&trial.ops, &limits, check_state, &trial, &coverage), 0);
	assert_true(coverage.is_exact);
	assert_false(coverage.is_cut);
	for (uint32_t i = 0; i < trial.brute->tree_count; i++)
		assert_tree_is_the_same(&trial, i);
	for (size_t i = 0; i < trial.brute->points; i++) {
		if (trial.epochs >> i & 1)
			sets += trial.brute->legal[i];
	}
	if (sets != coverage.sets)
		trial_fail(&trial, "sets are miscounted", 0, 0);
	*states += (double)coverage.states;
	*subsets += sets;
	trial_release(&trial);
}

static void test_crash__exactly_the_states_of_brute_force_are_found(void **state)
{
	double states = 0, subsets = 0;

	(void)state;
	for (uint64_t seed = 0; seed < cases(EXACT_CASES); seed++)
		assert_same_as_brute_force(seed, &states, &subsets);
	print_message("%.0f states, %.0f legal sets\n", states, subsets);
}

/* The tree of all that was issued is the tree that the program saw, in every model. */
static void test_crash__with_nothing_lost_the_tree_is_the_one_that_was_seen(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < cases(FULL_CASES); seed++) {
		struct random random = {.state = seed * 7919};
		enum tear tear = tears[random_below(&random, 3)];
		const struct model *model = models[random_below(&random, (uint32_t)model_count)];
		static struct trial trial;
		struct cut cut;
		struct tree *tree;
		uint64_t nothing[64] = {0};

		trial.seed = seed;
		random_recording(&random, &trial.making, random_below(&random, 40));
		assert_int_equal(
			micro_ops_init(&trial.ops, &trial.making.recording, model, tear), 0);
		assert_in_range(trial.ops.count, 0, 64 * 64 - 1);
		assert_int_equal(
			cut_init(&cut, &trial.ops, trial.making.recording.count, nothing), 0);
		assert_int_equal(cut_tree(&cut, &trial.ops, &tree), 0);
		if (!XXH128_isEqual(tree_hash(tree), tree_hash(trial.making.now))) {
			tree_print_difference(trial.making.now, tree, stderr);
			trial_fail(&trial, "another tree", trial.making.recording.count, 0);
		}
		tree_unref(tree);
		cut_release(&cut);
		micro_ops_release(&trial.ops);
		make_end(&trial.making);
	}
}

/* ---- bounded ---- */

/* Sets of micro-operations that lose few of what is open, or of which few survive. */
static void assert_tiers_are_there(struct trial *trial, const struct crash_coverage *coverage)
{
	const struct brute *brute = trial->brute;

	for (size_t point = 0; point < brute->points; point++) {
		uint32_t open = brute->issued[point] & ~brute->promised[point];

		if (!(trial->epochs >> point & 1))
			continue;
		for (uint32_t lost = open;; lost = (lost - 1) & open) {
			uint32_t taken = brute->issued[point] & ~lost;
			unsigned count = (unsigned)__builtin_popcount(lost);
			unsigned left = (unsigned)__builtin_popcount(open & ~lost);

			if ((count <= coverage->lost || left <= coverage->surviving) &&
				brute_is_legal(brute, taken, point) &&
				trial->found[brute->tree_of[taken] - 1].fewest_lost[point] == 0xff)
				trial_fail(trial, "said to be covered, and is not", point,
					brute->tree_of[taken] - 1);
			if (!lost)
				break;
		}
	}
}

static void test_crash__bounded_states_are_legal_and_the_tiers_that_are_claimed_are_full(
	void **state)
{
	static struct trial trial;

	(void)state;
	for (uint64_t seed = 0; seed < cases(BOUNDED_CASES); seed++) {
		/* Few states are as legal, and claim less. */
		const struct crash_limits limits = {
			.seed = seed, .is_bounded = true, .budget = seed % 3 ? 0 : 8};
		struct crash_coverage coverage;

		trial_init(&trial, seed);
		trial.is_bounded = true;
		assert_int_equal(
			crash_each(&trial.ops, &limits, check_state, &trial, &coverage), 0);
		assert_false(coverage.is_exact);
		assert_false(coverage.is_cut);
		assert_tiers_are_there(&trial, &coverage);
		/* The usual budget is far more than that takes. */
		if (!limits.budget && (coverage.lost < 3 || coverage.surviving < 3))
			trial_fail(&trial, "three are too much", coverage.lost, coverage.surviving);
		trial_release(&trial);
	}
}

/* ---- known recordings ---- */

struct wanted {
	XXH128_hash_t hash; /* of a tree that is looked for */
	unsigned states, times;
	size_t event, birth, lost_count; /* of the last one */
};

static int want(void *context, const struct crash_state *state)
{
	struct wanted *wanted = context;

	wanted->states++;
	if (XXH128_isEqual(tree_hash(state->tree), wanted->hash)) {
		wanted->times++;
		wanted->event = state->event;
		wanted->birth = state->birth;
		wanted->lost_count = state->lost_count;
	}
	return 0;
}

/* Looks for the tree of the micro-operations less `lost` (up to 64). */
static struct wanted look_for(const struct making *making, const char *model, enum tear tear,
	const struct crash_limits *limits, uint64_t lost, struct crash_coverage *coverage)
{
	struct wanted wanted = {.states = 0};
	uint64_t bits[64] = {lost};
	struct micro_ops ops;
	struct cut cut;
	struct tree *tree;

	assert_int_equal(micro_ops_init(&ops, &making->recording, model_named(model), tear), 0);
	assert_int_equal(cut_init(&cut, &ops, making->recording.count, bits), 0);
	assert_int_equal(cut_tree(&cut, &ops, &tree), 0);
	wanted.hash = tree_hash(tree);
	assert_int_equal(crash_each(&ops, limits, want, &wanted, coverage), 0);
	tree_unref(tree);
	cut_release(&cut);
	micro_ops_release(&ops);
	return wanted;
}

static void test_crash__too_many_states_are_not_all_found_and_it_says_so(void **state)
{
	const struct crash_limits few = {.max_bytes = 1 << 20}, cut = {.max_states = 10}, all = {0};
	struct crash_coverage coverage;
	struct making making;
	struct wanted wanted;

	(void)state;
	make_begin(&making);
	for (int i = 0; i < 20; i++) {
		char name[8];

		snprintf(name, sizeof(name), "f%d", i);
		make_write(&making, make_file(&making, name), 0, MAKE_PAGE, 'a');
	}
	make_settle(&making);
	for (uint32_t i = 1; i <= 20; i++)
		make_write(&making, i, 0, MAKE_PAGE, 'b');
	wanted = look_for(&making, "posix", TEAR_PAGE, &few, 1, &coverage);
	assert_false(coverage.is_exact);
	assert_int_equal(coverage.exact_epochs, 0);
	assert_int_equal(coverage.epochs, 1);
	assert_int_equal(coverage.widest, 20);
	assert_int_equal(coverage.lost, 3);
	assert_int_equal(coverage.surviving, 3);
	assert_true(coverage.samples > 0);
	assert_int_equal(wanted.times, 1);
	assert_int_equal(wanted.lost_count, 1);
	assert_in_range(wanted.states, 2 * (20 + 190 + 1140) + 2, 40000);
	/* One less than two to the twentieth is still too much without any limit of ours. */
	look_for(&making, "posix", TEAR_PAGE, &all, 1, &coverage);
	assert_false(coverage.is_exact);
	/* In order there are only 21. */
	wanted = look_for(&making, "journal", TEAR_PAGE, &few, 1U << 19, &coverage);
	assert_true(coverage.is_exact);
	assert_int_equal(wanted.states, 21);
	assert_int_equal(wanted.times, 1);
	wanted = look_for(&making, "journal", TEAR_PAGE, &cut, 1U << 19, &coverage);
	assert_false(coverage.is_exact);
	assert_true(coverage.is_cut);
	assert_int_equal(wanted.states, 10);
	make_end(&making);
}

/* The bug of LevelDB 1.10 (Zheng et al., OSDI'14): CURRENT names the new MANIFEST by a rename, the
 * old one is unlinked, and the directory is never synced. */
static void test_crash__the_unlink_alone_survives_among_many_others(void **state)
{
	static const bool bounded[] = {false, true};
	struct crash_coverage coverage;
	struct making making;
	uint32_t noise;

	(void)state;
	make_begin(&making);
	make_write(&making, make_file(&making, "MANIFEST-1"), 0, 100, 'm');
	make_write(&making, make_file(&making, "CURRENT"), 0, 10, '1');
	noise = make_file(&making, "LOG");
	make_settle(&making);
	make_write(&making, make_file(&making, "MANIFEST-2"), 0, 100, 'n');
	make_fsync(&making, 4);
	make_write(&making, make_file(&making, "tmp"), 0, 10, '2');
	make_fsync(&making, 5);
	make_sync(&making, OP_FSYNC, TREE_ROOT, 0);
	make_rename(&making, "tmp", "CURRENT");
	for (unsigned i = 0; i < 20; i++)
		make_write(&making, noise, i * MAKE_PAGE % (15 * MAKE_PAGE), MAKE_PAGE, 'x');
	make_remove(&making, OP_UNLINK, TREE_ROOT, "MANIFEST-1");
	for (size_t i = 0; i < 2; i++) {
		const struct crash_limits limits = {.is_bounded = bounded[i], .max_bytes = 1 << 22};
		struct micro_ops ops;
		struct wanted wanted;
		uint64_t lost = 0;

		assert_int_equal(
			micro_ops_init(&ops, &making.recording, model_named("posix"), TEAR_PAGE),
			0);
		for (size_t k = 0; k + 1 < ops.count; k++) {
			if (ops.items[k].event > 6)
				lost |= (uint64_t)1 << k;
		}
		micro_ops_release(&ops);
		wanted = look_for(&making, "posix", TEAR_PAGE, &limits, lost, &coverage);
		assert_false(coverage.is_exact);
		assert_int_equal(wanted.times, 1);
		assert_int_equal(wanted.birth, making.recording.count - 1);
		/* Where names are in order, the rename would be there. */
		wanted = look_for(&making, "ext4", TEAR_PAGE, &limits, lost, &coverage);
		assert_int_equal(wanted.times, 0);
	}
	make_end(&making);
}

/* 64 micro-operations fill a word of a set; what is behind it was not issued yet. */
static void test_crash__nothing_issued_later_keeps_equal_states_apart(void **state)
{
	const struct crash_limits limits = {0};
	struct crash_coverage coverage;
	struct making making;
	struct wanted wanted;
	uint32_t file;

	(void)state;
	make_begin(&making);
	file = make_file(&making, "f");
	make_write(&making, file, 0, MAKE_PAGE, 'a');
	make_write(&making, make_file(&making, "g"), 0, MAKE_PAGE, 'a');
	make_settle(&making);
	for (unsigned i = 0; i < 32; i++)
		make_write(&making, file, 0, MAKE_PAGE, 'b');
	for (unsigned i = 0; i < 32; i++)
		make_write(&making, 2, 0, MAKE_PAGE, 'b');
	make_fsync(&making, file);
	make_write(&making, file, 0, MAKE_PAGE, 'c');
	make_write(&making, 2, 0, MAKE_PAGE, 'c');
	make_cut(&making, 65);
	wanted = look_for(&making, "ext4", TEAR_PAGE, &limits, 0, &coverage);
	assert_int_equal(coverage.epochs, 2);
	assert_int_equal(wanted.states, 2 * 2 + 2);
	make_write(&making, file, 0, MAKE_PAGE, 'c');
	make_write(&making, 2, 0, MAKE_PAGE, 'c');
	wanted = look_for(&making, "ext4", TEAR_PAGE, &limits, 0, &coverage);
	assert_int_equal(wanted.states, 2 * 2 + 2 * 3);
	make_end(&making);
}

static void test_crash__an_untorn_write_is_ordered_by_the_pages_it_writes(void **state)
{
	const struct crash_limits limits = {0};
	struct crash_coverage coverage;
	struct making making;
	struct wanted wanted;

	(void)state;
	make_begin(&making);
	make_write(&making, make_file(&making, "f"), 0, 3 * MAKE_PAGE, 'a');
	make_settle(&making);
	make_write(&making, 1, MAKE_PAGE, 2 * MAKE_PAGE, 'b');
	make_write(&making, 1, 0, MAKE_PAGE, 'c');
	wanted = look_for(&making, "ext4", TEAR_NONE, &limits, 1, &coverage);
	assert_int_equal(wanted.times, 1);
	assert_int_equal(wanted.states, 4);
	make_write(&making, 1, 2 * MAKE_PAGE, 10, 'd');
	/* The last one without the first: the page cache has no such page. */
	wanted = look_for(&making, "ext4", TEAR_NONE, &limits, 1, &coverage);
	assert_int_equal(wanted.times, 0);
	assert_int_equal(wanted.states, 6);
	make_end(&making);
}

static void test_crash__a_synced_sparse_write_holds_no_garbage(void **state)
{
	const struct crash_limits limits = {0};
	struct crash_coverage coverage;
	struct making making;
	struct wanted wanted;

	(void)state;
	make_begin(&making);
	make_file(&making, "f");
	make_settle(&making);
	make_write(&making, 1, 5000, 10, 'a');
	/* Garbage where the data are to come, zeros, the data, or a size that does not show it. */
	wanted = look_for(&making, "ext2", TEAR_SECTOR, &limits, 0, &coverage);
	assert_int_equal(wanted.states, 4);
	make_fsync(&making, 1);
	make_truncate(&making, 1, 8000);
	make_fsync(&making, 1);
	wanted = look_for(&making, "ext2", TEAR_SECTOR, &limits, 0, &coverage);
	assert_int_equal(coverage.epochs, 3);
	assert_int_equal(wanted.states, 4 + 2 + 1);
	assert_int_equal(wanted.times, 2);
	make_end(&making);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crash__with_nothing_lost_the_tree_is_the_one_that_was_seen),
		cmocka_unit_test(test_crash__exactly_the_states_of_brute_force_are_found),
		cmocka_unit_test(
			test_crash__bounded_states_are_legal_and_the_tiers_that_are_claimed_are_full),
		cmocka_unit_test(test_crash__too_many_states_are_not_all_found_and_it_says_so),
		cmocka_unit_test(test_crash__the_unlink_alone_survives_among_many_others),
		cmocka_unit_test(test_crash__nothing_issued_later_keeps_equal_states_apart),
		cmocka_unit_test(test_crash__an_untorn_write_is_ordered_by_the_pages_it_writes),
		cmocka_unit_test(test_crash__a_synced_sparse_write_holds_no_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
