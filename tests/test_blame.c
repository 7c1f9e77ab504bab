/*
 * Grouping violations by cause: the words for sites, which states belong together, and that no
 * cause hides another, whatever comes first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/blame.h"
#include "harness/crash.h"
#include "harness/oracle.h"
#include "harness/plugins.h"
#include "tests/random_recording.h"

static struct making making;
static struct micro_ops ops;
static struct causes causes;
static struct blame blame;

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

static int begin(void **state)
{
	(void)state;
	make_begin(&making);
	blame_begin(&blame, &causes, BLAME_MAX_GROUPS);
	return 0;
}

static int end(void **state)
{
	(void)state;
	blame_end(&blame);
	causes_release(&causes);
	micro_ops_release(&ops);
	make_end(&making);
	return 0;
}

static void begin_again(size_t max_groups)
{
	blame_end(&blame);
	causes_release(&causes);
	blame_begin(&blame, &causes, max_groups);
}

static void take_apart(void)
{
	name_calls();
	assert_int_equal(
		micro_ops_init(&ops, &making.recording, model_named("posix"), TEAR_PAGE), 0);
	assert_int_equal(blame_recording(&blame, &ops), 0);
}

/* ---- blaming ---- */

enum { ALL_KINDS = -1 };

/* Adds what an event did to the list of what is lost: all of it, or of one kind so many pieces. */
static void lose(struct cut *cut, size_t event, int kind, unsigned pieces)
{
	uint32_t lost[64] = {0};
	size_t count = 0;

	for (uint32_t i = 0; i < ops.count; i++) {
		bool is_lost = false;

		for (size_t k = 0; k < cut->lost_count; k++)
			is_lost |= cut->lost[k] == i;
		if (!is_lost && ops.items[i].event == event &&
			(kind == ALL_KINDS || (int)ops.items[i].kind == kind) && pieces) {
			is_lost = true;
			pieces--;
		}
		assert_true(count < 64);
		if (is_lost)
			lost[count++] = i;
	}
	memcpy(cut->lost, lost, count * sizeof(*lost));
	cut->lost_count = count;
}

static void begin_cut(struct cut *cut, size_t event)
{
	uint64_t nothing[8] = {0};

	assert_true(bits_words(ops.count) <= 8);
	assert_int_equal(cut_init(cut, &ops, event, nothing), 0);
}

/* Counts a cut that loses whole events (a bit each), and takes it as a witness if it is one. */
static bool blame_events(uint64_t events, size_t event, const char *difference)
{
	struct cut cut;
	struct cause *smallest;

	begin_cut(&cut, event);
	for (size_t i = 0; i < making.recording.count; i++) {
		if (events >> i & 1)
			lose(&cut, i, ALL_KINDS, UINT32_MAX);
	}
	assert_int_equal(blame_cut(&blame, &cut, difference, &smallest), 0);
	if (smallest) {
		assert_null(smallest->detail);
		assert_int_equal(smallest->cut.micro_ops, 0);
		smallest->detail = strdup("filled in");
		smallest->cut = cut;
	} else {
		cut_release(&cut);
	}
	return smallest != NULL;
}

static const struct cause *find_cause(const char *site, const char *difference)
{
	for (size_t i = 0; i < causes.count; i++) {
		if (!strcmp(causes.items[i].site, site) &&
			!strcmp(causes.items[i].difference, difference))
			return &causes.items[i];
	}
	for (size_t i = 0; i < causes.count; i++)
		print_error("there is: %s: %s\n", causes.items[i].site, causes.items[i].difference);
	fail_msg("no cause \"%s\": \"%s\"", site, difference);
	return NULL;
}

static void assert_cause(const char *site, const char *difference, uint64_t count)
{
	assert_int_equal(find_cause(site, difference)->count, count);
}

/* ---- words ---- */

static void assert_name(size_t event, const char *name)
{
	char text[200];

	blame_op_name(&making.recording, event, text, sizeof(text));
	assert_string_equal(text, name);
}

static void test_blame__calls_are_named_by_what_a_file_was_or_will_be(void **state)
{
	uint32_t old, fresh, kept, gone, directory;

	(void)state;
	directory = make_new(&making, OP_MKDIR, TREE_ROOT, "d");
	old = make_new(&making, OP_OPEN, directory, "f");
	make_settle(&making);
	make_write(&making, old, 0, 10, 'a');                                 /* 0 */
	fresh = make_file(&making, "tmp.8472");                               /* 1 */
	make_write(&making, fresh, 0, 10, 'b');                               /* 2 */
	make_move(&making, OP_RENAME, TREE_ROOT, "tmp.8472", directory, "f"); /* 3 */
	make_write(&making, fresh, 0, 10, 'c');                               /* 4 */
	kept = make_new(&making, OP_OPEN, directory, "log");                  /* 5 */
	make_write(&making, kept, 0, 10, 'd');                                /* 6 */
	gone = make_file(&making, "lock.8472");                               /* 7 */
	make_remove(&making, OP_UNLINK, TREE_ROOT, "lock.8472");              /* 8 */
	make_write(&making, gone, 0, 10, 'e');                                /* 9 */
	make_move(&making, OP_RENAME, directory, "f", TREE_ROOT, "g");        /* 10 */
	make_sync(&making, OP_SYNC, UINT32_MAX, 0);                           /* 11 */
	make_fsync(&making, TREE_ROOT);                                       /* 12 */
	name_calls();
	assert_name(0, "write (d/f)");
	assert_name(1, "open (new d/f)");
	assert_name(2, "write (new d/f)");
	assert_name(3, "rename (d/f)");
	assert_name(4, "write (d/f)");
	assert_name(5, "open (d/log)");
	assert_name(6, "write (d/log)");
	assert_name(7, "open (a temporary file)");
	assert_name(8, "unlink (a temporary file)");
	assert_name(9, "write (a temporary file)");
	assert_name(10, "rename (g)");
	assert_name(11, "sync");
	assert_name(12, "fsync (the directory)");
}

static void assert_site(const struct cut *cut, const char *site)
{
	struct cause *smallest;

	begin_again(1);
	assert_int_equal(blame_recording(&blame, &ops), 0);
	assert_int_equal(blame_cut(&blame, cut, "f is empty", &smallest), 0);
	assert_non_null(smallest);
	assert_string_equal(smallest->site, site);
}

static void test_blame__a_site_says_what_is_lost(void **state)
{
	struct cut cut;
	uint32_t f, g;

	(void)state;
	f = make_file(&making, "f");
	make_write(&making, f, 0, 10, 'a');
	g = make_file(&making, "g");
	make_settle(&making);
	make_write(&making, f, 0, 9000, 'b'); /* 0 */
	make_rename(&making, "f", "h");       /* 1 */
	make_truncate(&making, g, 100);       /* 2 */
	make_write(&making, g, 0, 10, 'c');   /* 3 */
	take_apart();
	begin_cut(&cut, 3);
	lose(&cut, 0, MICRO_DATA, 2);
	assert_site(&cut, "a part of the data of write (f) is lost");
	lose(&cut, 0, MICRO_DATA, 1);
	assert_site(&cut, "the data of write (f) is lost");
	lose(&cut, 0, MICRO_SIZE, 1);
	assert_site(&cut, "the data and a part of the size of write (f) is lost");
	lose(&cut, 0, ALL_KINDS, 9);
	assert_site(&cut, "write (f) is lost");
	lose(&cut, 1, ALL_KINDS, 9);
	assert_site(&cut, "rename (h) and write (f) are lost");
	lose(&cut, 3, ALL_KINDS, 9);
	assert_site(&cut, "rename (h), write (f) and write (g) are lost");
	lose(&cut, 2, ALL_KINDS, 9);
	assert_site(&cut, "rename (h), truncate (g), write (f) and 1 more are lost");
	cut_release(&cut);
}

static void test_blame__what_calls_at_one_site_lose_is_added_up(void **state)
{
	struct cut cut;

	(void)state;
	make_file(&making, "f");
	make_settle(&making);
	make_write(&making, 1, 0, 10, 'a');
	make_write(&making, 1, 10, 10, 'b');
	take_apart();
	begin_cut(&cut, 1);
	lose(&cut, 0, MICRO_DATA, 1);
	lose(&cut, 1, MICRO_SIZE, 1);
	assert_site(&cut, "the data and the size of write (f) is lost");
	cut_release(&cut);
}

static void test_blame__half_a_rename_is_told(void **state)
{
	struct cut cut;

	(void)state;
	make_file(&making, "f");
	make_settle(&making);
	make_rename(&making, "f", "g");
	name_calls();
	assert_int_equal(
		micro_ops_init(&ops, &making.recording, model_named("ext2"), TEAR_PAGE), 0);
	begin_cut(&cut, 0);
	lose(&cut, 0, MICRO_NAME, 1);
	assert_site(&cut, "a half of rename (g) is lost");
	cut_release(&cut);
}

static void test_blame__a_site_that_loses_nothing_is_a_moment(void **state)
{
	struct cut cut;

	(void)state;
	make_write(&making, make_file(&making, "f"), 0, 10, 'a');
	make_history(&making, EVENT_ACK);
	take_apart();
	begin_cut(&cut, 2);
	assert_site(&cut, "cut after write (f)");
	cut_release(&cut);
	begin_cut(&cut, 0);
	assert_site(&cut, "cut after open (f)");
	cut_release(&cut);
	micro_ops_release(&ops);
	make_settle(&making);
	make_history(&making, EVENT_ACK);
	take_apart();
	begin_cut(&cut, 0);
	assert_site(&cut, "cut before anything was done");
	cut_release(&cut);
}

/* ---- which states belong together ---- */

/* Files "a" to "h", and one write to each: events 0 to 7. */
enum { A = 1, B = 2, C = 4, D = 8, FILES = 8 };

static void make_writes(void)
{
	for (char name[] = "a"; *name < 'a' + FILES; ++*name)
		make_file(&making, name);
	make_settle(&making);
	for (uint32_t i = 1; i <= FILES; i++)
		make_write(&making, i, 0, 10, 'x');
	take_apart();
}

static void test_blame__who_loses_more_belongs_to_who_loses_less(void **state)
{
	(void)state;
	make_writes();
	assert_true(blame_events(A, 7, "f is empty"));
	assert_false(blame_events(A | B, 7, "f is empty"));
	assert_false(blame_events(A | C | D, 7, "f is empty"));
	assert_int_equal(causes.count, 1);
	assert_cause("write (a) is lost", "f is empty", 3);
}

static void test_blame__who_loses_less_takes_over(void **state)
{
	(void)state;
	make_writes();
	assert_true(blame_events(A | B | C, 7, "f is empty"));
	assert_true(blame_events(A | B | D, 7, "f is empty"));
	assert_true(blame_events(C, 7, "f is empty"));
	assert_int_equal(causes.count, 2);
	assert_cause("write (c) is lost", "f is empty", 2);
	assert_true(blame_events(A, 7, "f is empty"));
	assert_int_equal(causes.count, 2);
	assert_cause("write (a) is lost", "f is empty", 2);
	assert_cause("write (c) is lost", "f is empty", 2);
}

static void test_blame__one_cause_does_not_hide_another(void **state)
{
	(void)state;
	make_writes();
	blame_events(A, 7, "f is empty");
	blame_events(B, 7, "f is empty");
	blame_events(A | B, 7, "f is empty");
	blame_events(A, 7, "f is missing");
	blame_events(A | C, 7, "g is empty");
	assert_int_equal(causes.count, 4);
	assert_cause("write (b) is lost", "f is empty", 1);
	assert_cause("write (a) is lost", "f is missing", 1);
	assert_cause("write (a) and write (c) are lost", "g is empty", 1);
	assert_int_equal(find_cause("write (a) is lost", "f is empty")->count, 2);
}

static void test_blame__a_torn_write_explains_a_lost_one(void **state)
{
	struct cut torn, lost;
	struct cause *smallest;

	(void)state;
	make_file(&making, "f");
	make_write(&making, 1, 0, 9000, 'a');
	make_settle(&making);
	make_write(&making, 1, 0, 9000, 'b');
	take_apart();
	begin_cut(&lost, 0);
	lose(&lost, 0, MICRO_DATA, 3);
	assert_int_equal(blame_cut(&blame, &lost, "f is a mix", &smallest), 0);
	assert_string_equal(smallest->site, "write (f) is lost");
	begin_cut(&torn, 0);
	lose(&torn, 0, MICRO_DATA, 2);
	assert_int_equal(blame_cut(&blame, &torn, "f is a mix", &smallest), 0);
	assert_string_equal(smallest->site, "a part of the data of write (f) is lost");
	assert_int_equal(blame_cut(&blame, &lost, "f is a mix", &smallest), 0);
	assert_null(smallest);
	cut_release(&torn);
	begin_cut(&torn, 0);
	lose(&torn, 0, MICRO_DATA, 1);
	/* Less is lost of the same. */
	assert_int_equal(blame_cut(&blame, &torn, "f is a mix", &smallest), 0);
	assert_non_null(smallest);
	assert_int_equal(causes.count, 1);
	assert_int_equal(causes.items[0].count, 4);
	cut_release(&torn);
	cut_release(&lost);
}

static void test_blame__a_witness_loses_no_more_than_its_site_says(void **state)
{
	struct cut cut;
	struct cause *smallest;

	(void)state;
	make_write(&making, make_file(&making, "f"), 0, 5 * MAKE_PAGE, 'a');
	make_write(&making, make_file(&making, "g"), 0, 10, 'a');
	make_settle(&making);
	make_write(&making, 1, 0, 5 * MAKE_PAGE, 'b');
	make_write(&making, 2, 0, 10, 'b');
	take_apart();
	begin_cut(&cut, 1);
	lose(&cut, 0, MICRO_DATA, 4);
	assert_int_equal(blame_cut(&blame, &cut, "f is a mix", &smallest), 0);
	assert_non_null(smallest);
	cut_release(&cut);
	begin_cut(&cut, 1);
	lose(&cut, 0, MICRO_DATA, 1);
	lose(&cut, 1, ALL_KINDS, 1);
	assert_int_equal(blame_cut(&blame, &cut, "f is a mix", &smallest), 0);
	assert_null(smallest);
	assert_cause("a part of the data of write (f) is lost", "f is a mix", 2);
	cut_release(&cut);
}

static void test_blame__the_same_call_on_the_same_file_is_one_site(void **state)
{
	(void)state;
	make_write(&making, make_file(&making, "f"), 0, 10, 'x');
	make_settle(&making);
	for (int i = 0; i < 5; i++)
		make_write(&making, 1, 0, 10, 'a');
	take_apart();
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(blame_events(1u << i, 4, "f is empty"), i == 0);
	assert_int_equal(causes.count, 1);
	assert_cause("write (f) is lost", "f is empty", 5);
}

/* ---- moments ---- */

static void test_blame__a_moment_that_breaks_it_by_itself_is_not_blamed_on_losses(void **state)
{
	(void)state;
	make_writes();
	blame_events(0, 2, "f is empty");
	/* After the write to "c" it is so anyway. */
	assert_false(blame_events(A, 2, "f is empty"));
	assert_false(blame_events(B, 2, "f is empty"));
	assert_false(blame_events(B | 1u << 3, 3, "f is empty"));
	assert_int_equal(causes.count, 1);
	assert_cause("cut after write (c)", "f is empty", 4);
	/* Elsewhere it is not. */
	assert_true(blame_events(A, 3, "f is empty"));
	assert_int_equal(causes.count, 2);
	assert_cause("write (a) is lost", "f is empty", 1);
}

static void test_blame__a_moment_that_comes_late_takes_only_what_is_its_own(void **state)
{
	(void)state;
	make_writes();
	blame_events(A, 2, "f is empty");
	blame_events(B, 2, "f is empty");
	blame_events(B | C, 4, "f is empty");
	blame_events(C, 2, "g is empty");
	blame_events(0, 2, "f is empty");
	assert_int_equal(causes.count, 3);
	assert_cause("cut after write (c)", "f is empty", 2);
	assert_cause("write (b) is lost", "f is empty", 2);
	assert_cause("write (c) is lost", "g is empty", 1);
	/* What was taken over remembers where it was seen. */
	blame_events(B | C, 4, "h is empty");
	blame_events(B, 2, "h is empty");
	blame_events(0, 2, "h is empty");
	assert_cause("write (b) is lost", "h is empty", 2);
	assert_cause("cut after write (c)", "h is empty", 1);
}

static void test_blame__what_lasts_is_one_cause(void **state)
{
	(void)state;
	make_writes();
	for (size_t event = 1; event < 7; event++) {
		if (event != 4)
			assert_int_equal(blame_events(0, event, "f is empty"), event % 4 == 1);
	}
	assert_true(blame_events(0, 2, "g is empty"));
	assert_int_equal(causes.count, 3);
	/* From "b" to "d", and again from "f" on. */
	assert_cause("cut after write (b)", "f is empty", 3);
	assert_cause("cut after write (f)", "f is empty", 2);
	assert_false(blame_events(A, 3, "f is empty"));
	assert_true(blame_events(A, 4, "f is empty"));
}

static void test_blame__of_other_moments_the_smallest_witness_is_kept(void **state)
{
	struct cause *smallest;

	(void)state;
	assert_int_equal(blame_moment(&blame, "killed after x", 7, "f is empty", &smallest), 0);
	assert_string_equal(smallest->site, "killed after x");
	smallest->detail = strdup("seven");
	smallest->killed_at = 7;
	assert_int_equal(blame_moment(&blame, "killed after x", 9, "f is empty", &smallest), 0);
	assert_null(smallest);
	assert_int_equal(blame_moment(&blame, "killed after x", 5, "f is empty", &smallest), 0);
	assert_non_null(smallest);
	assert_null(smallest->detail);
	assert_int_equal(smallest->killed_at, 0);
	assert_int_equal(blame_moment(&blame, "killed after y", 5, "f is empty", &smallest), 0);
	assert_non_null(smallest);
	assert_int_equal(causes.count, 2);
	assert_cause("killed after x", "f is empty", 3);
}

/* ---- room and order ---- */

static void test_blame__what_has_no_room_is_counted(void **state)
{
	struct cause *smallest;
	char moment[8];

	(void)state;
	begin_again(5);
	for (size_t i = 0; i < 20; i++) {
		snprintf(moment, sizeof(moment), "m%02zu", i * 7 % 20);
		assert_int_equal(
			blame_moment(&blame, moment, i * 7 % 20 / 2, "f is empty", &smallest), 0);
		if (smallest)
			assert_string_equal(smallest->site, moment);
	}
	assert_int_equal(causes.count, 5);
	assert_int_equal(causes.left_out, 15);
	/* Those with the smallest witnesses are there, and of those as small the first by name. */
	blame_end(&blame);
	for (size_t i = 0; i < 5; i++) {
		snprintf(moment, sizeof(moment), "m%02zu", i);
		assert_string_equal(causes.items[i].site, moment);
	}
}

static void test_blame__causes_are_put_in_order(void **state)
{
	struct cause *smallest;

	(void)state;
	blame_moment(&blame, "c", 1, "y", &smallest);
	blame_moment(&blame, "b", 2, "x", &smallest);
	blame_moment(&blame, "a", 2, "x", &smallest);
	blame_moment(&blame, "a", 2, "w", &smallest);
	blame_end(&blame);
	assert_string_equal(causes.items[0].site, "c");
	assert_string_equal(causes.items[1].difference, "w");
	assert_string_equal(causes.items[2].site, "a");
	assert_string_equal(causes.items[3].site, "b");
}

/* ---- whatever comes first ---- */

enum { ROUNDS = 300, SETS = 1 << FILES, DIFFERENCES = 2, FIRST_SEED = 7 };

/* What must be lost for each difference: some sets of events. */
struct truth {
	unsigned count;
	uint64_t sets[6];
};

static bool is_broken(const struct truth *truth, uint64_t lost)
{
	for (unsigned i = 0; i < truth->count; i++) {
		if (!(truth->sets[i] & ~lost))
			return true;
	}
	return false;
}

static bool is_smallest_set(const struct truth *truth, uint64_t lost)
{
	for (unsigned i = 0; i < FILES; i++) {
		if (lost >> i & 1 && is_broken(truth, lost & ~(1ull << i)))
			return false;
	}
	return is_broken(truth, lost);
}

/* The events that a witness loses. */
static uint64_t events_of(const struct cut *cut)
{
	uint64_t events = 0;

	for (size_t i = 0; i < cut->lost_count; i++)
		events |= 1ull << ops.items[cut->lost[i]].event;
	return events;
}

static void check_groups(const struct truth *truths, uint64_t added)
{
	static const char *const differences[DIFFERENCES] = {"f is empty", "g is empty"};
	uint64_t counted = 0;

	for (unsigned k = 0; k < DIFFERENCES; k++) {
		size_t expected = 0, found = 0;

		for (uint64_t lost = 1; lost < SETS; lost++)
			expected += is_smallest_set(&truths[k], lost);
		for (size_t i = 0; i < causes.count; i++) {
			if (strcmp(causes.items[i].difference, differences[k]) != 0)
				continue;
			found++;
			counted += causes.items[i].count;
			assert_true(is_smallest_set(&truths[k], events_of(&causes.items[i].cut)));
			assert_string_equal(causes.items[i].detail, "filled in");
		}
		/* Each is another: equal sets are one group. */
		assert_int_equal(found, expected);
	}
	assert_int_equal(counted, added);
	assert_int_equal(causes.left_out, 0);
}

static void test_blame__groups_are_the_smallest_sets_in_any_order(void **state)
{
	struct random random = {.state = FIRST_SEED};
	uint32_t order[SETS] = {0};

	(void)state;
	make_writes();
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct truth truths[DIFFERENCES];
		uint64_t added = 0;

		begin_again(BLAME_MAX_GROUPS);
		assert_int_equal(blame_recording(&blame, &ops), 0);
		for (unsigned k = 0; k < DIFFERENCES; k++) {
			truths[k].count = 1 + random_below(&random, 6);
			for (unsigned i = 0; i < truths[k].count; i++)
				truths[k].sets[i] = 1 + random_below(&random, SETS - 1);
		}
		for (uint32_t i = 0; i < SETS; i++) {
			uint32_t other = random_below(&random, i + 1);

			order[i] = order[other];
			order[other] = i;
		}
		for (uint32_t i = 0; i < SETS; i++) {
			if (is_broken(&truths[0], order[i])) {
				blame_events(order[i], 7, "f is empty");
				added++;
			}
			if (is_broken(&truths[1], order[i])) {
				blame_events(order[i], 7, "g is empty");
				added++;
			}
		}
		check_groups(truths, added);
	}
}

/* ---- with the oracle, on a program ---- */

struct trial {
	struct oracle *oracle;
	unsigned broken;
};

static void blame_tree(struct trial *trial, const struct tree *tree, const struct cut *cut)
{
	const struct opinion *opinion;

	assert_int_equal(oracle_ask(trial->oracle, tree, 0, &opinion), 0);
	trial->broken += opinion->first == SIZE_MAX;
	for (size_t i = 0; i < opinion->difference_count; i++) {
		struct cause *smallest;

		assert_int_equal(blame_cut(&blame, cut, opinion->differences[i].key, &smallest), 0);
	}
}

static int blame_state(void *context, const struct crash_state *state)
{
	size_t birth = state->start;
	struct cut cut;

	for (size_t i = state->end; i-- > 0;) {
		if (bits_has(state->lost, i))
			continue;
		birth = state->ops->items[i].event > birth ? state->ops->items[i].event : birth;
		break;
	}
	assert_int_equal(cut_init(&cut, state->ops, birth, state->lost), 0);
	blame_tree(context, state->tree, &cut);
	cut_release(&cut);
	return 0;
}

/* Those that lose nothing come first. */
static void blame_moments(struct trial *trial)
{
	for (size_t i = 0; i < making.recording.count; i++) {
		struct tree *tree;
		struct cut cut;

		begin_cut(&cut, i);
		assert_int_equal(cut_tree(&cut, &ops, &tree), 0);
		blame_tree(trial, tree, &cut);
		tree_unref(tree);
		cut_release(&cut);
	}
}

/* Crashes what was made, under the weakest model. */
static unsigned blame_recording_of(struct tree *before)
{
	struct tree *legal[] = {before, making.now};
	const struct oracle_rules rules = {0};
	struct crash_limits limits = {0};
	struct crash_coverage coverage;
	struct trial trial = {0};

	take_apart();
	assert_int_equal(oracle_new(&trial.oracle, legal, 2, &rules), 0);
	blame_moments(&trial);
	assert_int_equal(crash_each(&ops, &limits, blame_state, &trial, &coverage), 0);
	oracle_free(trial.oracle);
	return trial.broken;
}

static void test_blame__a_replacement_without_fsync(void **state)
{
	struct tree *before;

	(void)state;
	make_write(&making, make_file(&making, "f"), 0, 10, 'a');
	make_settle(&making);
	before = tree_ref(making.now);
	make_write(&making, make_file(&making, "f.tmp"), 0, 100, 'b');
	make_rename(&making, "f.tmp", "f");
	make_fsync(&making, TREE_ROOT);
	assert_true(blame_recording_of(before) > 0);
	assert_int_equal(causes.count, 2);
	find_cause("the size of write (new f) is lost", "f is empty");
	find_cause("the data of write (new f) is lost", "f has zeros");
	tree_unref(before);
}

static void test_blame__a_rewrite_in_place_and_a_lost_name(void **state)
{
	struct tree *before;

	(void)state;
	make_write(&making, make_file(&making, "f"), 0, 5000, 'a');
	make_settle(&making);
	before = tree_ref(making.now);
	make_open_truncated(&making, 1);
	make_write(&making, 1, 0, 6000, 'b');
	make_write(&making, make_file(&making, "g"), 0, 10, 'c');
	assert_true(blame_recording_of(before) > 0);
	/* An interruption, what a disk makes of it, and two files that belong together. */
	find_cause("cut after open (f)", "f is empty");
	find_cause("the size of write (f) is lost", "f is empty");
	find_cause("a part of the size of write (f) is lost", "f is truncated");
	find_cause("a part of the data of write (f) is lost", "f has zeros");
	find_cause("the data of write (g) is lost", "g has zeros");
	find_cause("the size of write (g) is lost", "g is empty");
	find_cause("open (g) is lost", "f is new and g is not there yet");
	find_cause("cut after write (f)", "f is new and g is not there yet");
	tree_unref(before);
}

#define HERE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HERE(test_blame__calls_are_named_by_what_a_file_was_or_will_be),
		HERE(test_blame__a_site_says_what_is_lost),
		HERE(test_blame__what_calls_at_one_site_lose_is_added_up),
		HERE(test_blame__half_a_rename_is_told),
		HERE(test_blame__a_site_that_loses_nothing_is_a_moment),
		HERE(test_blame__who_loses_more_belongs_to_who_loses_less),
		HERE(test_blame__who_loses_less_takes_over),
		HERE(test_blame__one_cause_does_not_hide_another),
		HERE(test_blame__a_torn_write_explains_a_lost_one),
		HERE(test_blame__a_witness_loses_no_more_than_its_site_says),
		HERE(test_blame__the_same_call_on_the_same_file_is_one_site),
		HERE(test_blame__a_moment_that_breaks_it_by_itself_is_not_blamed_on_losses),
		HERE(test_blame__a_moment_that_comes_late_takes_only_what_is_its_own),
		HERE(test_blame__what_lasts_is_one_cause),
		HERE(test_blame__of_other_moments_the_smallest_witness_is_kept),
		HERE(test_blame__what_has_no_room_is_counted),
		HERE(test_blame__causes_are_put_in_order),
		HERE(test_blame__groups_are_the_smallest_sets_in_any_order),
		HERE(test_blame__a_replacement_without_fsync),
		HERE(test_blame__a_rewrite_in_place_and_a_lost_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
