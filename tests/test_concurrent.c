/*
 * Several workers at once, end to end: what is known of strategies comes out, every lock that
 * somebody spoilt is found for the reason that it had, a witness is as short as can be, and one
 * schedule of each kind shows all that every schedule does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/concurrent.h"
#include "harness/jobs.h"
#include "harness/machine.h"
#include "harness/plugins.h"
#include "harness/power.h"
#include "tests/concurrent_twins.h"

extern const struct strategy *const broken_strategies[];
extern const size_t broken_strategy_count;

enum { SKIPPED = 77 };

/* Enough for every kind of schedules of the small ones; the databases have their own. */
enum {
	MAX_RUNS = 2000,
	SOME_RUNS = 200,
	DATABASE_RUNS = 100,
	BROKEN_RUNS = 200,
	FAULT_RUNS = 20,
	MOST_FAULT_RUNS = 300,
	PAYLOAD_BYTES = 1000
};

static struct scratch scratch = {.lock_fd = -1};
static struct workspace workspace = {.data_fd = -1, .probe_fd = -1};
static struct filter filter, crew_filter;

/* ---- plug-ins by name ---- */

static const struct strategy *find_strategy(const char *name)
{
	for (size_t i = 0; i < strategy_count; i++)
		if (!strcmp(strategies[i]->name, name))
			return strategies[i];
	for (size_t i = 0; i < broken_strategy_count; i++)
		if (!strcmp(broken_strategies[i]->name, name))
			return broken_strategies[i];
	fail_msg("there is no strategy %s", name);
	return NULL;
}

static const struct model *find_model(const char *name)
{
	for (size_t i = 0; i < model_count; i++)
		if (!strcmp(models[i]->name, name))
			return models[i];
	fail_msg("there is no model %s", name);
	return NULL;
}

static const struct fault *find_fault(const char *name)
{
	for (size_t i = 0; i < fault_count; i++)
		if (!strcmp(faults[i]->name, name))
			return faults[i];
	fail_msg("there is no fault %s", name);
	return NULL;
}

/* ---- one subject, ready for several workers ---- */

struct bench {
	struct sweep_options options;
	struct subject subject;
	struct sweep sweep;
};

/* One transaction for each writer. */
static void bench_init(struct bench *bench, const char *strategy, unsigned writers)
{
	const struct workload workload = {.txns = writers, .base_bytes = PAYLOAD_BYTES};
	char message[512] = "";
	int err;

	*bench = (struct bench){.options = {.scenario = "test", .seed = 1}};
	err = subject_init(&bench->subject, find_strategy(strategy), &workload, &workspace, message,
		sizeof(message));
	if (err)
		fail_msg("%s: %s: %s", strategy, message, strerror(-err));
	bench->sweep = (struct sweep){.subject = &bench->subject,
		.prober = prober_new(&bench->subject, &workspace),
		.workspace = &workspace,
		.filter = &filter,
		.crew_filter = &crew_filter,
		.options = &bench->options,
		.baseline_acknowledged = workload.txns};
	assert_non_null(bench->sweep.prober);
}

static void bench_release(struct bench *bench)
{
	prober_free(bench->sweep.prober);
	subject_release(&bench->subject);
}

/* ---- results, each made once ---- */

struct answer {
	const char *strategy, *contention; /* borrowed from tables */
	struct result_list results;
};

enum { MAX_ANSWERS = 200 };
static struct answer answers[MAX_ANSWERS];
static size_t answer_count;

static uint64_t max_runs(const char *strategy)
{
	for (size_t i = 0; i < CONCURRENT_TWIN_COUNT; i++)
		if (!strcmp(concurrent_twins[i].broken, strategy))
			return BROKEN_RUNS;
	return strncmp(strategy, "sqlite", 6) ? MAX_RUNS : DATABASE_RUNS;
}

static int run_crew(struct bench *bench, const char *contention, struct result_list *results)
{
	const char *fault = concurrent_name_fault(contention);
	bool is_naive = !strcmp(contention, "concurrent-naive-reader");
	bool has_reader = is_naive || !strcmp(contention, "concurrent-reader");
	struct concurrent concurrent = {.crew = {.writers = has_reader ? 1 : 2,
						.readers = has_reader,
						.is_naive = is_naive},
		.budget = {.max_runs = max_runs(bench->subject.strategy->name)}};
	struct result_list baseline = {0};
	char name[CONCURRENT_NAME_BYTES];
	int err = 0;

	if (fault) {
		err = concurrent_run(&bench->sweep, &concurrent, &baseline);
		result_list_release(&baseline);
		concurrent.fault = find_fault(fault);
		concurrent.budget.max_runs = FAULT_RUNS;
		bench->options.max_states = MOST_FAULT_RUNS;
	}
	concurrent_name(&concurrent, name);
	assert_string_equal(name, contention);
	return err ? err : concurrent_run(&bench->sweep, &concurrent, results);
}

/* As run_crew(), "concurrent-power": the power fails while two write. */
static int run_power(struct bench *bench, struct result_list *results)
{
	struct power power = {.model = find_model("posix"),
		.tear = TEAR_PAGE,
		.crew = {.writers = 2, .is_crashed = true},
		.budget = {.max_runs = FAULT_RUNS}};
	char name[POWER_NAME_BYTES];

	power_name(&power, name);
	assert_string_equal(name, "concurrent-power");
	return power_run(&bench->sweep, &power, results);
}

static const struct result_list *ask(const char *strategy, const char *contention)
{
	struct answer *answer = &answers[answer_count];
	struct bench bench;
	int err;

	for (size_t i = 0; i < answer_count; i++)
		if (!strcmp(answers[i].strategy, strategy) &&
			!strcmp(answers[i].contention, contention))
			return &answers[i].results;
	assert_true(answer_count < MAX_ANSWERS);
	bench_init(&bench, strategy, strstr(contention, "reader") ? 1 : 2);
	*answer = (struct answer){strategy, contention, {0}};
	err = strcmp(contention, "concurrent-power")
	              ? run_crew(&bench, contention, &answer->results)
	              : run_power(&bench, &answer->results);
	bench_release(&bench);
	if (err)
		fail_msg("%s, %s: the harness failed: %s", strategy, contention, strerror(-err));
	answer_count++;
	return &answer->results;
}

static const struct result *result_of(
	const char *strategy, const char *contention, enum property property)
{
	const struct result_list *results = ask(strategy, contention);

	for (size_t i = 0; i < results->count; i++)
		if (results->items[i].property == property)
			return &results->items[i];
	fail_msg("%s has no result for %s", strategy, property_names[property]);
	return NULL;
}

static const char *detail_of(const struct result *result)
{
	return result->detail ? result->detail : "no detail";
}

/* "holds" counts only if nothing was left out, and must say what that was. */
static bool is_right(const struct result *result, enum verdict verdict, const char *reason)
{
	const char *detail = detail_of(result);

	if (result->verdict == verdict && (!reason || strstr(detail, reason)) &&
		(verdict != VERDICT_HOLDS ||
			(result->evidence.coverage == COVERAGE_EXHAUSTIVE &&
				!strncmp(detail, "all ", 4) && strstr(detail, "schedules"))))
		return true;
	print_error("%s, %s: %s should be %s, %s, but is %s, %s: %s\n", result->subject,
		result->fault, property_names[result->property], verdict_names[verdict],
		reason ? reason : "exhaustively", verdict_names[result->verdict],
		coverage_names[result->evidence.coverage], detail);
	return false;
}

/* Neither found nor claimed to be absent: it was too much. */
static bool is_not_violated(const struct result *result)
{
	if (result->verdict == VERDICT_HOLDS || result->verdict == VERDICT_UNKNOWN)
		return true;
	print_error("%s, %s: %s should not be %s: %s\n", result->subject, result->fault,
		property_names[result->property], verdict_names[result->verdict],
		detail_of(result));
	return false;
}

/* ---- known answers ---- */

struct known {
	const char *strategy, *contention;
	enum property property;
	const char *reason; /* NULL: it holds; otherwise it is violated */
};

static const struct known knowns[] = {
	{"truncate-write", "concurrent", ISOLATION, "lost update (G-single)"},
	{"replace", "concurrent", ISOLATION, "lost update (G-single)"},
	{"replace-lock-naive", "concurrent", ISOLATION, "ghost"},
	{"counter", "concurrent", ISOLATION, "lost update (G-single)"},
	{"counter-replace-lock-naive", "concurrent", ISOLATION, "ghost"},
	{"truncate-write-lock", "concurrent", ISOLATION, NULL},
	{"replace-lock", "concurrent", ISOLATION, NULL},
	{"replace-lock-fsync-dir", "concurrent", ISOLATION, NULL},
	{"lockfile-rename", "concurrent", ISOLATION, NULL},
	{"append-lock-crc-fsync", "concurrent", ISOLATION, NULL},
	{"append", "concurrent", ISOLATION, NULL},
	{"counter-lock", "concurrent", ISOLATION, NULL},
	{"counter-replace-lock", "concurrent", ISOLATION, NULL},
	{"spool-excl", "concurrent", ISOLATION, NULL},
	{"spool-crc", "concurrent", ISOLATION, NULL},
	{"spool-rename", "concurrent", ISOLATION, NULL},
	{"spool-rename-fsync-dir", "concurrent", ISOLATION, NULL},
	{"maildir", "concurrent", ISOLATION, NULL},
	{"truncate-write", "concurrent-reader", ATOMICITY, "intermediate read (G1b)"},
	{"counter-lock", "concurrent-reader", ATOMICITY, "intermediate read (G1b)"},
	{"replace", "concurrent-reader", ATOMICITY, NULL},
	{"replace-lock-fsync-dir", "concurrent-reader", ATOMICITY, NULL},
	{"append-lock-crc-fsync", "concurrent-reader", ATOMICITY, NULL},
	{"spool-excl", "concurrent-reader", ATOMICITY, "an empty record is there"},
	{"spool-rename", "concurrent-reader", ATOMICITY, NULL},
	{"spool-rename", "concurrent-reader", ISOLATION, NULL},
	{"maildir", "concurrent-reader", ATOMICITY, NULL},
	{"tree-lockfile", "concurrent-reader", ATOMICITY, NULL},
	{"tree-lockfile", "concurrent-naive-reader", ATOMICITY, "fractured read"},
	{"generation-symlink", "concurrent-reader", ATOMICITY, NULL},
	{"generation-symlink", "concurrent-naive-reader", ATOMICITY, "fractured read"},
	{"lockfile-rename", "concurrent-kill", CONSISTENCY, "the next update fails: EBUSY"},
};

static void test_concurrent__known_answers_come_out(void **state)
{
	bool is_well = true;

	(void)state;
	for (size_t i = 0; i < sizeof(knowns) / sizeof(knowns[0]); i++) {
		const struct known *known = &knowns[i];

		is_well &= is_right(result_of(known->strategy, known->contention, known->property),
			known->reason ? VERDICT_VIOLATED : VERDICT_HOLDS, known->reason);
	}
	assert_true(is_well);
}

/* Each names the reason; nothing fails, so that durability is not asked. */
static void test_concurrent__what_two_writers_cannot_tell_is_not_tested(void **state)
{
	bool is_well = is_right(result_of("replace-lock", "concurrent", DURABILITY),
		VERDICT_NOT_TESTED, "nothing fails");

	(void)state;
	is_well &= is_right(result_of("replace-lock", "concurrent", ATOMICITY), VERDICT_NOT_TESTED,
		"needs a reader");
	assert_true(is_well);
}

/* Far too many schedules: nothing is found, and nothing is said to hold. */
static void test_concurrent__a_database_is_neither_guilty_nor_acquitted(void **state)
{
	static const char *const names[] = {"sqlite", "sqlite-wal"};
	bool is_well = true;

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct result *result = result_of(names[i], "concurrent", ISOLATION);

		is_well &= is_right(result, VERDICT_UNKNOWN, "pre-emption");
		is_well &= is_right(result, VERDICT_UNKNOWN, "schedules in all");
		is_well &= result->evidence.coverage == COVERAGE_BOUNDED;
	}
	assert_true(is_well);
}

/* ---- faults beside another worker ---- */

static void test_concurrent__a_kill_leaves_the_other_worker_well(void **state)
{
	static const char strategy[] = "replace-lock-fsync-dir";

	(void)state;
	assert_true(is_not_violated(result_of(strategy, "concurrent-kill", CONSISTENCY)));
	assert_true(is_not_violated(result_of(strategy, "concurrent-kill", DURABILITY)));
	assert_true(result_of(strategy, "concurrent-kill", DURABILITY)->evidence.fired > 0);
}

static void test_concurrent__a_kill_proves_nothing_where_updates_are_lost_anyway(void **state)
{
	bool is_well = true;

	(void)state;
	for (int i = 0; i < PROPERTY_COUNT; i++)
		is_well &= is_right(result_of("replace", "concurrent-kill", (enum property)i),
			VERDICT_NOT_TESTED, "without a fault, too");
	assert_true(is_well);
}

static void test_concurrent__a_power_cut_takes_nothing_that_was_synced(void **state)
{
	(void)state;
	assert_true(is_not_violated(
		result_of("replace-lock-fsync-dir", "concurrent-power", DURABILITY)));
	assert_true(is_right(result_of("replace-lock-fsync-dir-no-directory-sync",
				     "concurrent-power", DURABILITY),
		VERDICT_VIOLATED, "gone"));
}

/* ---- witnesses ---- */

static void test_concurrent__a_witness_has_the_fewest_preemptions(void **state)
{
	static const char *const names[] = {
		"replace", "counter", "truncate-write", "replace-lock-naive"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct result *result = result_of(names[i], "concurrent", ISOLATION);

		assert_int_equal(result->verdict, VERDICT_VIOLATED);
		assert_int_equal(result->schedule.preemptions, 1);
		assert_true(result->schedule.count > 0);
	}
}

/* ---- all schedules, or one of each kind ---- */

/* What a run comes to, for those who were there. */
struct outcome {
	XXH128_hash_t hash;
	unsigned preemptions; /* the fewest */
};

enum { MAX_OUTCOMES = 500 };

/* Every schedule; one of each kind; the same and the first look at few pre-emptions. */
enum which { EVERY, KINDS, KINDS_AND_FEW };

struct outcomes {
	const char *strategy;
	struct crew crew;
	struct outcome items[MAX_OUTCOMES];
	size_t count;
	uint64_t kinds; /* runs in search of one of each kind */
	uint64_t runs;
	bool is_exhaustive;
	enum which which;
};

static bool is_never_over(void *context)
{
	(void)context;
	return false;
}

static XXH128_hash_t hash_run(const struct crew *crew, const struct crew_run *run)
{
	XXH128_hash_t final = tree_hash(run->recording->final);
	XXH3_state_t hash;
	int ending = (int)run->recording->ending;
	unsigned txns = 0;

	XXH3_128bits_reset(&hash);
	XXH3_128bits_update(&hash, &final, sizeof(final));
	XXH3_128bits_update(&hash, &ending, sizeof(ending));
	for (uint64_t txn = 1; txn < 10; txn++) {
		for (size_t i = 0; i < run->recording->count; i++) {
			const struct event *event = &run->recording->events[i];
			int answer[3] = {(int)txn, (int)event->kind, event->error};

			if ((event->kind != EVENT_ACK && event->kind != EVENT_REFUSE) ||
				event->txn != txn)
				continue;
			XXH3_128bits_update(&hash, answer, sizeof(answer));
			txns++;
		}
	}
	assert_true(txns <= 9);
	for (unsigned i = 0; i < crew->readers; i++) {
		const struct reading *reading = &run->readings[i];

		XXH3_128bits_update(&hash, &reading->error, sizeof(reading->error));
		XXH3_128bits_update(&hash, &reading->view.number, sizeof(reading->view.number));
		for (size_t k = 0; k < reading->view.count; k++) {
			const struct view_entry *entry = &reading->view.entries[k];

			XXH3_128bits_update(&hash, &entry->id, sizeof(entry->id));
			XXH3_128bits_update(
				&hash, &entry->intact_bytes, sizeof(entry->intact_bytes));
			XXH3_128bits_update(&hash, &entry->size_bytes, sizeof(entry->size_bytes));
			XXH3_128bits_update(&hash, &entry->match, sizeof(entry->match));
		}
	}
	return XXH3_128bits_digest(&hash);
}

static bool has_outcome(const struct outcomes *outcomes, const struct outcome *wanted)
{
	for (size_t i = 0; i < outcomes->count; i++)
		if (XXH128_isEqual(outcomes->items[i].hash, wanted->hash))
			return true;
	return false;
}

static int note(void *context, const struct crew_run *run)
{
	struct outcomes *outcomes = context;
	struct outcome outcome = {hash_run(&outcomes->crew, run), run->schedule->preemptions};

	outcomes->runs++;
	outcomes->kinds += run->is_kind;
	/* The first look at few pre-emptions would hide what the search for kinds leaves out. */
	if (!run->is_kind && outcomes->which == KINDS)
		return 0;
	for (size_t i = 0; i < outcomes->count; i++) {
		struct outcome *known = &outcomes->items[i];

		if (!XXH128_isEqual(known->hash, outcome.hash))
			continue;
		if (outcome.preemptions < known->preemptions)
			known->preemptions = outcome.preemptions;
		return 0;
	}
	if (outcomes->count == MAX_OUTCOMES)
		return -E2BIG;
	outcomes->items[outcomes->count++] = outcome;
	return 0;
}

static void collect(struct outcomes *outcomes, const char *strategy, unsigned readers,
	enum which which, uint64_t runs)
{
	const struct crew_budget budget = {.max_runs = runs, .is_unreduced = which == EVERY};
	const struct plan plan = {.seed = 1};
	struct crew_coverage coverage;
	struct bench bench;
	int err;

	*outcomes = (struct outcomes){

		.strategy = strategy,
		.which = which,
		.crew = {.writers = readers ? 1 : 2, .readers = readers}};
	bench_init(&bench, strategy, outcomes->crew.writers);
	err = crew_each_schedule(&bench.sweep, &outcomes->crew, &plan, &budget,
		&(struct crew_visit){is_never_over, note, outcomes}, &coverage);
	bench_release(&bench);
	if (err)
		fail_msg("%s: %s", strategy, strerror(-err));
	outcomes->is_exhaustive = coverage.is_exhaustive;
}

struct pair {
	const char *strategy;
	unsigned readers;
	bool is_too_much; /* for every schedule: those that are run must be of a known kind */
};

static const struct pair pairs[] = {
	{"counter", 0, false},
	{"counter-lock", 0, false},
	{"append", 0, false},
	{"counter-replace-lock-naive", 0, false},
	{"spool-excl", 1, false},
	{"lockfile-rename", 0, false},
	{"truncate-write", 0, true},
	{"replace-one-name", 0, true},
};

static bool is_subset(const struct outcomes *some, const struct outcomes *all, const char *what)
{
	size_t missing = 0;

	for (size_t i = 0; i < some->count; i++)
		missing += !has_outcome(all, &some->items[i]);
	if (missing)
		print_error("%s: %zu of %zu outcomes of %s are missing\n", some->strategy, missing,
			some->count, what);
	return !missing;
}

static void test_concurrent__one_of_each_kind_shows_what_all_schedules_do(void **state)
{
	const struct pair *pair = *state;
	static struct outcomes all, kinds;

	collect(&kinds, pair->strategy, pair->readers, KINDS, MAX_RUNS);
	collect(&all, pair->strategy, pair->readers, EVERY,
		pair->is_too_much ? SOME_RUNS : MAX_RUNS);
	assert_true(kinds.is_exhaustive);
	assert_int_equal(all.is_exhaustive, !pair->is_too_much);
	assert_true(kinds.kinds > 0 && kinds.kinds <= all.runs);
	assert_true(kinds.count > 0);
	assert_true(is_subset(&all, &kinds, "all schedules"));
	if (!pair->is_too_much)
		assert_true(is_subset(&kinds, &all, "the kinds"));
}

/* Two that write one file at a time, and then look for it, mix only if each is interrupted. */
static void test_concurrent__a_shared_temporary_file_needs_more_than_one_preemption(void **state)
{
	static struct outcomes kinds;
	unsigned most = 0;

	(void)state;
	collect(&kinds, "replace-one-name", 0, KINDS_AND_FEW, MAX_RUNS);
	for (size_t i = 0; i < kinds.count; i++)
		if (kinds.items[i].preemptions > most)
			most = kinds.items[i].preemptions;
	assert_true(most > 1);
}

/* ---- twins ---- */

static void test_concurrent__is_caught_and_its_twin_is_not(void **state)
{
	const struct concurrent_twin *row = *state;
	const struct result *broken = result_of(row->broken, row->contention, row->property);
	const struct result *sound = result_of(row->twin, row->contention, row->property);
	bool is_well = is_right(broken, VERDICT_VIOLATED, row->reason);

	if (!row->is_other_reason) {
		is_well &= is_right(sound, VERDICT_HOLDS, NULL);
	} else if (strstr(detail_of(sound), row->reason)) {
		print_error("%s: %s, too\n", row->twin, row->reason);
		is_well = false;
	}
	assert_true(is_well);
}

/* Of those that claim it and are acquitted, each has one that is not. */
static void test_concurrent__every_strategy_that_claims_isolation_has_a_twin(void **state)
{
	(void)state;
	for (size_t i = 0; i < strategy_count; i++) {
		const char *name = strategies[i]->name;
		bool has_twin = !strategies[i]->claims.isolated || !strncmp(name, "sqlite", 6);

		for (size_t k = 0; k < CONCURRENT_TWIN_COUNT; k++)
			has_twin |= !strcmp(concurrent_twins[k].twin, name) &&
			            !concurrent_twins[k].is_other_reason;
		if (!has_twin)
			fail_msg("%s has no sabotaged twin", name);
	}
}

/* ---- */

static void tear_down(void)
{
	for (size_t i = 0; i < answer_count; i++)
		result_list_release(&answers[i].results);
	answer_count = 0;
	workspace_release(&workspace);
	scratch_release(&scratch);
	filter_release(&crew_filter);
	filter_release(&filter);
}

static int tear_down_group(void **state)
{
	(void)state;
	tear_down();
	return 0;
}

/* Returns 0 or -errno, -ENOTRECOVERABLE when workers cannot be traced here. */
static int set_up(void)
{
	char message[512] = "";
	struct recording recording = {0};
	struct plan plan = {0};
	struct bench bench;
	int err = inject_init();

	/* Temporary names are made of the time, too. */
	if (!err)
		err = machine_unmap_clock();
	/* Tracer and workers on one CPU, and not all tests on the same. */
	jobs_pin((unsigned)getpid());
	/* A worker that crashes would return to cmocka by way of its handler. */
	signal(SIGSEGV, SIG_DFL);
	if (!err)
		err = scratch_init(&scratch, NULL, message, sizeof(message));
	if (!err)
		err = filter_init(&filter, 0);
	if (!err)
		err = filter_init(&crew_filter, FILTER_LOOKS);
	if (!err)
		err = workspace_init(&workspace, &scratch, 0);
	if (message[0])
		fprintf(stderr, "%s\n", message);
	if (err)
		return err;
	bench_init(&bench, "append", 2);
	err = sweep_record(&bench.sweep, &plan, &recording);
	recording_release(&recording);
	bench_release(&bench);
	return err;
}

/* An argument chooses tests: the name of a test, a pair or a twin, or a pattern with '*' and '?'.
 */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_concurrent__known_answers_come_out),
		cmocka_unit_test(test_concurrent__what_two_writers_cannot_tell_is_not_tested),
		cmocka_unit_test(test_concurrent__a_database_is_neither_guilty_nor_acquitted),
		cmocka_unit_test(test_concurrent__a_kill_leaves_the_other_worker_well),
		cmocka_unit_test(
			test_concurrent__a_kill_proves_nothing_where_updates_are_lost_anyway),
		cmocka_unit_test(test_concurrent__a_power_cut_takes_nothing_that_was_synced),
		cmocka_unit_test(test_concurrent__a_witness_has_the_fewest_preemptions),
		cmocka_unit_test(
			test_concurrent__a_shared_temporary_file_needs_more_than_one_preemption),
		cmocka_unit_test(test_concurrent__every_strategy_that_claims_isolation_has_a_twin),
	};
	enum { PAIR_COUNT = sizeof(pairs) / sizeof(pairs[0]) };
	struct CMUnitTest pair_tests[PAIR_COUNT];
	struct CMUnitTest twin_tests[CONCURRENT_TWIN_COUNT];
	int err = set_up();
	int failures;

	if (err) {
		tear_down();
		fprintf(stderr, "%s: %s\n",
			err == -ENOTRECOVERABLE ? "skipped, for ptrace or seccomp is not allowed"
						: "the harness could not be started",
			strerror(-err));
		return err == -ENOTRECOVERABLE ? SKIPPED : 1;
	}
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	for (size_t i = 0; i < PAIR_COUNT; i++)
		pair_tests[i] = (struct CMUnitTest){.name = pairs[i].strategy,
			.test_func = test_concurrent__one_of_each_kind_shows_what_all_schedules_do,
			.initial_state = (void *)&pairs[i]};
	for (size_t i = 0; i < CONCURRENT_TWIN_COUNT; i++)
		twin_tests[i] = (struct CMUnitTest){.name = concurrent_twins[i].broken,
			.test_func = test_concurrent__is_caught_and_its_twin_is_not,
			.initial_state = (void *)&concurrent_twins[i]};
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	failures += _cmocka_run_group_tests("kinds", pair_tests, PAIR_COUNT, NULL, NULL);
	failures += _cmocka_run_group_tests(
		"twins", twin_tests, CONCURRENT_TWIN_COUNT, NULL, tear_down_group);
	return failures;
}
