/* Which operations a plan strikes, and what a scenario may say in libfiu's language. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/inject.h"
#include "harness/plugins.h"

enum { PAGE = 4096, MAX_OPS = 32 };

/* ---- a run is a list of operations, and its outcome a letter for each ---- */

static struct op op_at(enum point_id point)
{
	return (struct op){.kind = points[point].kind, .point = point, .size_bytes = 10};
}

/* Asks about one operation after the other. Ends the run before anything is asserted. */
static void run(const struct plan *plan, const struct op *ops, const uint64_t *blocks_used,
	size_t count, struct strike *strikes)
{
	unsigned fired, struck = 0;
	bool has_budget;

	assert_int_equal(inject_begin(plan, blocks_used ? blocks_used[0] : 0), 0);
	for (size_t i = 0; i < count; i++) {
		inject_ask(&ops[i], blocks_used ? blocks_used[i] : 0, &strikes[i]);
		struck += strikes[i].action != STRIKE_NONE;
	}
	fired = inject_fired();
	has_budget = inject_has_budget();
	inject_end();
	assert_int_equal(fired, struck);
	assert_int_equal(has_budget, blocks_used != NULL);
}

/* "." goes through, "E" fails, "L" fails late, "s" is short, "b" "m" "a" killed before, in the
 * middle, after. */
static void assert_letters(const struct strike *strikes, size_t count, const char *expected)
{
	static const char letters[] = {[STRIKE_NONE] = '.',
		[STRIKE_ERROR] = 'E',
		[STRIKE_LATE_ERROR] = 'L',
		[STRIKE_SHORT] = 's',
		[STRIKE_KILL_BEFORE] = 'b',
		[STRIKE_KILL_MIDDLE] = 'm',
		[STRIKE_KILL_AFTER] = 'a'};
	char found[MAX_OPS + 1] = "";

	for (size_t i = 0; i < count; i++)
		found[i] = letters[strikes[i].action];
	assert_string_equal(found, expected);
}

/* Runs a line of operations: w(rite) W (synchronous write) r(ead) o(pen) n (open that makes a new
 * file) f(sync) c(lose) R(ename) u(nlink) m(kdir). */
static void assert_strikes(const struct plan *plan, const char *operations, const char *expected)
{
	static const enum point_id points_of[128] = {['w'] = POINT_WRITE,
		['W'] = POINT_WRITE,
		['r'] = POINT_READ,
		['o'] = POINT_OPEN,
		['n'] = POINT_OPEN,
		['f'] = POINT_FSYNC,
		['c'] = POINT_CLOSE,
		['R'] = POINT_RENAME,
		['u'] = POINT_UNLINK,
		['m'] = POINT_MKDIR};
	struct op ops[MAX_OPS] = {{0}};
	struct strike strikes[MAX_OPS] = {{0}};
	size_t count = strlen(operations);

	for (size_t i = 0; i < count; i++) {
		ops[i] = op_at(points_of[(int)operations[i]]);
		ops[i].is_creating = operations[i] == 'n';
		ops[i].is_synchronous = operations[i] == 'W';
		ops[i].is_growing = true;
		ops[i].data = (uint8_t *)"0123456789";
	}
	run(plan, ops, NULL, count, strikes);
	assert_letters(strikes, count, expected);
}

static const struct fault *fault_named(const char *name)
{
	for (size_t i = 0; i < fault_count; i++) {
		if (!strcmp(faults[i]->name, name))
			return faults[i];
	}
	fail_msg("there is no fault %s", name);
	return NULL;
}

static void assert_fault(const char *name, unsigned variant, uint64_t n, const char *operations,
	const char *expected)
{
	struct plan plan = {.fault = fault_named(name), .variant = variant, .n = n};

	assert_strikes(&plan, operations, expected);
}

/* ---- where and how often ---- */

static void test_inject__without_a_fault_nothing_is_struck(void **state)
{
	static const struct plan nothing;

	(void)state;
	assert_strikes(&nothing, "orwfcRu", ".......");
}

static void test_inject__the_nth_chance_is_struck_and_no_other(void **state)
{
	(void)state;
	assert_fault("enospc", 0, 1, "orwfwcR", "..E....");
	assert_fault("enospc", 0, 2, "orwfwcR", "....E..");
	assert_fault("enospc", 0, 3, "orwfwcR", "......E");
	assert_fault("enospc", 0, 4, "orwfwcR", ".......");
	assert_fault("emfile", 0, 2, "onwo", ".E..");
}

static void test_inject__a_persistent_fault_stays_at_its_point(void **state)
{
	(void)state;
	assert_fault("enospc", 1, 2, "wwRwnw", ".E.E.E");
	assert_fault("enospc", 1, 3, "wwRwRnR", "..E.E.E");
	assert_fault("eio", 1, 1, "fwfRf", "E.E.E");
}

static void test_inject__every_first_try_is_interrupted_and_the_retry_is_not(void **state)
{
	(void)state;
	assert_fault("eintr", 0, 2, "wfff", ".E..");
	assert_fault("eintr", 1, 1, "wwwwfff", "E.E....");
	assert_fault("eintr", 1, 2, "wfwff", ".E..E");
}

static void test_inject__no_space_for_good_is_everywhere(void **state)
{
	(void)state;
	assert_fault("enospc", 2, 2, "wwmnRu", "sEEE..");
	assert_fault("enospc", 2, 1, "fwfmw", ".E.EE");
}

static void test_inject__no_space_that_passes_strikes_the_next_one_only(void **state)
{
	(void)state;
	assert_fault("enospc", 3, 2, "wwmnw", "sE...");
	assert_fault("enospc", 3, 3, "wRfmww", "s..E..");
}

static void test_inject__a_kill_is_before_in_or_after(void **state)
{
	(void)state;
	assert_fault("kill", 0, 2, "orwnf", "...b.");
	assert_fault("kill", 2, 3, "orwnf", "....a");
}

/* One operation can offer several chances, and they count one after the other. */
static void test_inject__chances_within_an_operation_are_counted(void **state)
{
	static const char *const expected[] = {"m.", "m.", ".m", ".m", ".."};
	struct op ops[2] = {op_at(POINT_WRITE), op_at(POINT_WRITE)};
	struct strike strikes[2];

	(void)state;
	ops[0].offset = ops[1].offset = 100;
	ops[0].size_bytes = ops[1].size_bytes = 2 * PAGE;
	for (uint64_t n = 1; n <= 5; n++) {
		struct plan plan = {.fault = fault_named("kill"), .variant = 1, .n = n};

		run(&plan, ops, NULL, 2, strikes);
		assert_letters(strikes, 2, expected[n - 1]);
		if (n <= 4)
			assert_int_equal(
				strikes[(n - 1) / 2].bytes, (n % 2 ? PAGE : 2 * PAGE) - 100);
	}
}

/* The disk has two free blocks when 10 are in use; the first write needs two, the others three. */
static void assert_budget(unsigned variant, const uint64_t *blocks_used, const char *expected)
{
	struct plan plan = {.fault = fault_named("full-disk"), .variant = variant, .n = 3};
	struct op ops[6];
	struct strike strikes[6];

	for (int i = 0; i < 6; i++) {
		ops[i] = op_at(POINT_WRITE);
		ops[i].size_bytes = 3 * PAGE;
		ops[i].new_blocks = 3;
	}
	ops[0].new_blocks = 2;
	run(&plan, ops, blocks_used, 6, strikes);
	assert_letters(strikes, 6, expected);
	assert_int_equal(strikes[1].bytes, 2 * PAGE);
	assert_int_equal(strikes[2].error, ENOSPC);
}

static void test_inject__a_budget_strikes_what_does_not_fit(void **state)
{
	(void)state;
	assert_budget(0, (const uint64_t[]){10, 10, 12, 99, 9, 11}, ".sEE.s");
}

static void test_inject__a_shrinking_budget_gives_nothing_back(void **state)
{
	(void)state;
	assert_budget(1, (const uint64_t[]){10, 10, 12, 10, 9, 12}, ".sEEEE");
}

static void test_inject__each_run_counts_from_the_beginning(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_fault("eintr", 1, 1, "wwfw", "E..E");
}

/* ---- how ---- */

static unsigned chances_of_tiny(const struct op *op, unsigned variant)
{
	(void)variant;
	return op->kind == OP_UNLINK ? 0 : 1;
}

static void strike_short(
	const struct op *op, unsigned variant, uint64_t chance, struct strike *strike)
{
	(void)variant;
	*strike = (struct strike){STRIKE_SHORT, 0, op->size_bytes - 1 - chance};
}

static void test_inject__a_fault_without_a_hook_fails_with_its_error(void **state)
{
	const struct fault fault = {.name = "tiny", .error = ENOLCK, .chances = chances_of_tiny};
	struct plan plan = {.fault = &fault, .n = 1};
	struct op op = op_at(POINT_FLOCK);
	struct strike strike;

	(void)state;
	run(&plan, &op, NULL, 1, &strike);
	assert_int_equal(strike.action, STRIKE_ERROR);
	assert_int_equal(strike.error, ENOLCK);
}

static void test_inject__a_short_call_is_asked_under_reduce_with_its_bytes(void **state)
{
	static const struct fault_variant variants[] = {{"always", REPEAT_SAME_POINT}};
	static const enum point_id moving[] = {POINT_READ, POINT_PREAD, POINT_READV, POINT_PREADV,
		POINT_WRITE, POINT_PWRITE, POINT_WRITEV, POINT_PWRITEV};
	const struct fault fault = {.name = "tiny",
		.variants = variants,
		.variant_count = 1,
		.chances = chances_of_tiny,
		.strike = strike_short};

	(void)state;
	for (size_t i = 0; i < sizeof(moving) / sizeof(*moving); i++) {
		struct plan plan = {.fault = &fault, .n = 1};
		struct op op = op_at(moving[i]);
		struct strike strike;

		assert_true(point_has_reduce(moving[i]));
		run(&plan, &op, NULL, 1, &strike);
		assert_int_equal(strike.action, STRIKE_SHORT);
		assert_int_equal(strike.bytes, 9);
	}
}

static void test_inject__a_close_fails_late(void **state)
{
	(void)state;
	assert_fault("eio", 0, 1, "cw", "L.");
	assert_fault("eio", 2, 1, "wWW", ".L.");
}

/* ---- libfiu's command language ---- */

static void assert_translated(const char *command, const char *expected)
{
	char *translated, message[256] = "";

	if (inject_check_command(command, &translated, message, sizeof(message)))
		fail_msg("%s: %s", command, message);
	assert_string_equal(translated, expected);
	free(translated);
}

static void assert_refused(const char *command, const char *expected)
{
	char *translated, message[256] = "";

	assert_int_equal(
		inject_check_command(command, &translated, message, sizeof(message)), -EINVAL);
	assert_null(translated);
	assert_string_equal(message, expected);
}

static void test_inject__commands_are_translated(void **state)
{
	(void)state;
	assert_translated("enable name=posix/io/rw/write,failinfo=ENOSPC",
		"enable name=posix/io/rw/write,failinfo=28");
	assert_translated("enable name=posix/io/rw/write,failinfo=5",
		"enable name=posix/io/rw/write,failinfo=5");
	assert_translated("enable_random  probability=0.05, name=posix/io/*  onetime",
		"enable_random probability=0.05,name=posix/io/*,onetime");
	assert_translated("enable name=posix/io/rw/read/reduce,failnum=3",
		"enable name=posix/io/rw/read/reduce,failnum=3");
	assert_translated("disable name=*", "disable name=*");
}

static void test_inject__mistakes_in_commands_are_told_with_a_suggestion(void **state)
{
	(void)state;
	assert_refused("enabel name=posix/io/rw/write",
		"libfiu has no command 'enabel'; did you mean 'enable'?");
	assert_refused("", "libfiu has no command ''; did you mean 'enable'?");
	assert_refused("enable", "'enable' needs name=POINT");
	assert_refused("enable name=", "'enable' needs name=POINT");
	assert_refused("enable name=posix/io/rw/wrote",
		"there is no point 'posix/io/rw/wrote'; did you mean 'posix/io/rw/write'?");
	assert_refused("enable name=posix/io/sync/fsync/reduce",
		"there is no point 'posix/io/sync/fsync/reduce'; did you mean "
		"'posix/io/sync/fsync'?");
	assert_refused("enable name=linux/oi/*",
		"there is no point 'linux/oi/*'; did you mean 'linux/io/flock'?");
	assert_refused("enable name=posix/io/rw/write,probabilty=1",
		"libfiu has no parameter 'probabilty'; did you mean 'probability'?");
	assert_refused("enable name=posix/io/rw/write,failinfo", "'failinfo' needs a value");
	assert_refused(
		"enable name=posix/io/rw/write,failnum=0", "failnum '0' is not a number above 0");
}

static void test_inject__numbers_that_libfiu_would_misread_are_refused(void **state)
{
	static const char *const probabilities[] = {"1.01", "-0.1", "often", "nan", "0.5x"};
	static const char *const errors[] = {"ENOSPACE", "0x1c", "0", "-5", "99999"};
	char command[128], expected[128];

	(void)state;
	for (int i = 0; i < 5; i++) {
		snprintf(command, sizeof(command),
			"enable_random name=posix/io/rw/write,probability=%s", probabilities[i]);
		snprintf(expected, sizeof(expected), "probability '%s' is not between 0 and 1",
			probabilities[i]);
		assert_refused(command, expected);
		snprintf(command, sizeof(command), "enable name=posix/io/rw/write,failinfo=%s",
			errors[i]);
		snprintf(expected, sizeof(expected),
			"failinfo '%s' is neither an error's name nor a number", errors[i]);
		assert_refused(command, expected);
	}
}

static void assert_any_refusal(const char *command)
{
	char *translated, message[256] = "";

	if (!inject_check_command(command, &translated, message, sizeof(message))) {
		print_message("accepted: %s\n", translated);
		free(translated);
		fail();
	}
}

static void test_inject__a_wildcard_that_libfiu_does_not_know_is_refused(void **state)
{
	(void)state;
	assert_any_refusal("enable name=posix/*/write");
}

static void test_inject__enable_random_needs_a_probability(void **state)
{
	(void)state;
	assert_any_refusal("enable_random name=posix/io/rw/write");
}

static void test_inject__enable_takes_no_probability(void **state)
{
	(void)state;
	assert_any_refusal("enable name=posix/io/rw/write,probability=0.05");
}

static void test_inject__a_failnum_is_a_number(void **state)
{
	(void)state;
	assert_any_refusal("enable name=posix/io/rw/write,failnum=ENOSPC");
}

static void test_inject__a_refused_plan_needs_no_end(void **state)
{
	struct plan plan = {.commands = "no such command\n"};

	(void)state;
	assert_int_equal(inject_begin(&plan, 0), -EINVAL);
	assert_fault("emfile", 0, 1, "o", "E");
}

static void test_inject__commands_strike_by_exact_name_and_by_wildcard(void **state)
{
	struct plan exact = {.commands = "enable name=posix/io/rw/write,failinfo=28\n"};
	struct plan wild = {.commands = "enable name=posix/io/dir/*,failinfo=5\n"};
	struct plan two = {.commands = "enable name=posix/io/sync/fsync\n"
				       "enable name=posix/io/rw/read/reduce\n"};
	struct op op = op_at(POINT_WRITE);
	struct strike strike;

	(void)state;
	assert_strikes(&exact, "wrRfw", "E...E");
	assert_strikes(&wild, "wRuo", ".EE.");
	assert_strikes(&two, "fwr", "E.s");
	run(&exact, &op, NULL, 1, &strike);
	assert_int_equal(strike.error, ENOSPC);
	/* Nothing is left behind, neither by commands nor for them. */
	assert_fault("emfile", 0, 1, "wRuo", "...E");
	assert_strikes(&exact, "wRuo", "E...");
}

static void strike_at_random(uint64_t seed, char found[201])
{
	struct plan plan = {
		.commands = "enable_random name=posix/io/rw/*,probability=0.3\n", .seed = seed};
	struct op ops[200];
	struct strike strikes[200];

	for (int i = 0; i < 200; i++)
		ops[i] = op_at(POINT_WRITE);
	run(&plan, ops, NULL, 200, strikes);
	for (int i = 0; i < 200; i++)
		found[i] = strikes[i].action == STRIKE_NONE    ? '.'
		           : strikes[i].action == STRIKE_ERROR ? 'E'
		                                               : 's';
	found[200] = 0;
}

static void test_inject__random_commands_repeat_with_the_seed(void **state)
{
	char first[201], again[201], other[201], high[201];

	(void)state;
	strike_at_random(1, first);
	strike_at_random(2, other);
	strike_at_random(1ull << 40 | 1, high);
	strike_at_random(1, again);
	assert_string_equal(first, again);
	assert_string_not_equal(first, other);
	assert_string_not_equal(first, high);
	assert_non_null(strchr(first, 'E'));
	assert_non_null(strchr(first, 's'));
	assert_non_null(strchr(first, '.'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inject__without_a_fault_nothing_is_struck),
		cmocka_unit_test(test_inject__the_nth_chance_is_struck_and_no_other),
		cmocka_unit_test(test_inject__a_persistent_fault_stays_at_its_point),
		cmocka_unit_test(test_inject__every_first_try_is_interrupted_and_the_retry_is_not),
		cmocka_unit_test(test_inject__no_space_for_good_is_everywhere),
		cmocka_unit_test(test_inject__no_space_that_passes_strikes_the_next_one_only),
		cmocka_unit_test(test_inject__a_kill_is_before_in_or_after),
		cmocka_unit_test(test_inject__chances_within_an_operation_are_counted),
		cmocka_unit_test(test_inject__a_budget_strikes_what_does_not_fit),
		cmocka_unit_test(test_inject__each_run_counts_from_the_beginning),
		cmocka_unit_test(test_inject__a_fault_without_a_hook_fails_with_its_error),
		cmocka_unit_test(test_inject__a_short_call_is_asked_under_reduce_with_its_bytes),
		cmocka_unit_test(test_inject__a_close_fails_late),
		cmocka_unit_test(test_inject__commands_are_translated),
		cmocka_unit_test(test_inject__mistakes_in_commands_are_told_with_a_suggestion),
		cmocka_unit_test(test_inject__numbers_that_libfiu_would_misread_are_refused),
		cmocka_unit_test(test_inject__commands_strike_by_exact_name_and_by_wildcard),
		cmocka_unit_test(test_inject__random_commands_repeat_with_the_seed),
		cmocka_unit_test(test_inject__a_shrinking_budget_gives_nothing_back),
		cmocka_unit_test(test_inject__a_wildcard_that_libfiu_does_not_know_is_refused),
		cmocka_unit_test(test_inject__enable_random_needs_a_probability),
		cmocka_unit_test(test_inject__enable_takes_no_probability),
		cmocka_unit_test(test_inject__a_failnum_is_a_number),
		cmocka_unit_test(test_inject__a_refused_plan_needs_no_end),
	};

	if (inject_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
