/*
 * Power cuts end to end: what is known of strategies comes out under each model, every sync that
 * somebody left out is found for the reason that it had, and a disk without syncs keeps nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/plugins.h"
#include "harness/power.h"
#include "tests/power_twins.h"

extern const struct strategy *const broken_strategies[];
extern const size_t broken_strategy_count;

enum { SKIPPED = 77 };

static struct scratch scratch = {.lock_fd = -1};
static struct workspace workspace = {.data_fd = -1, .probe_fd = -1};
static struct filter filter;

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
	for (size_t i = 0; name && i < fault_count; i++)
		if (!strcmp(faults[i]->name, name))
			return faults[i];
	return NULL;
}

/* Whether the name is one of those, separated by spaces. */
static bool has_name(const char *names, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = names; (at = strstr(at, name)); at += length)
		if ((at == names || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

/* ---- one subject, ready for cuts ---- */

/* As small as shows it: the states of a database multiply. The first that fits counts. */
static const struct {
	const char *strategy; /* how its name begins */
	const char *cut;      /* NULL: any */
	struct workload workload;
} sizes[] = {
	{"generation-symlink", NULL, {2, 1000}},
	/* A row for which the tree has to grow, so that half a checkpoint is visible. */
	{"sqlite-wal-no-log-name-sync", NULL, {1, 2000}},
	{"sqlite-wal-no", NULL, {1, 1000}},
	{"sqlite-wal", NULL, {2, 1000}},
	{"sqlite-no", NULL, {1, 3000}},
	{"sqlite", "recovery", {1, 3000}},
	{"", NULL, {2, 3000}},
};

struct bench {
	struct sweep_options options;
	struct subject subject;
	struct sweep sweep;
};

static void bench_init(struct bench *bench, const char *strategy, const char *cut)
{
	char message[512] = "";
	size_t i = 0;
	int err;

	while (strncmp(sizes[i].strategy, strategy, strlen(sizes[i].strategy)) != 0 ||
		(sizes[i].cut && strcmp(sizes[i].cut, cut) != 0))
		i++;
	*bench = (struct bench){.options = {.scenario = "test"}};
	err = subject_init(&bench->subject, find_strategy(strategy), &sizes[i].workload, &workspace,
		message, sizeof(message));
	if (err)
		fail_msg("%s: %s: %s", strategy, message, strerror(-err));
	bench->sweep = (struct sweep){.subject = &bench->subject,
		.prober = prober_new(&bench->subject, &workspace),
		.workspace = &workspace,
		.filter = &filter,
		.options = &bench->options,
		.baseline_acknowledged = sizes[i].workload.txns};
	assert_non_null(bench->sweep.prober);
}

static void bench_release(struct bench *bench)
{
	prober_free(bench->sweep.prober);
	subject_release(&bench->subject);
}

/* ---- results, each made once ---- */

struct answer {
	const char *strategy, *cut, *model; /* borrowed from tables */
	struct result_list results;
};

enum { MAX_ANSWERS = 400 };
static struct answer answers[MAX_ANSWERS];
static size_t answer_count;

static const struct answer *ask(const char *strategy, const char *cut, const char *model)
{
	struct power power = {.model = find_model(model),
		.tear = TEAR_PAGE,
		.fault = find_fault(power_name_fault(cut)),
		.is_recovery = !strcmp(cut, "recovery")};
	struct answer *answer = &answers[answer_count];
	char name[POWER_NAME_BYTES];
	struct bench bench;

	for (size_t i = 0; i < answer_count; i++)
		if (!strcmp(answers[i].strategy, strategy) && !strcmp(answers[i].cut, cut) &&
			!strcmp(answers[i].model, model))
			return &answers[i];
	power_name(&power, name);
	assert_string_equal(name, cut);
	assert_true(answer_count < MAX_ANSWERS);
	bench_init(&bench, strategy, cut);
	*answer = (struct answer){strategy, cut, model, {0}};
	assert_int_equal(power_run(&bench.sweep, &power, &answer->results), 0);
	bench_release(&bench);
	answer_count++;
	return answer;
}

static const struct result *result_of(
	const char *strategy, const char *cut, const char *model, enum property property)
{
	const struct result_list *results = &ask(strategy, cut, model)->results;

	for (size_t i = 0; i < results->count; i++)
		if (results->items[i].property == property)
			return &results->items[i];
	fail_msg("%s has no result for %s", strategy, property_names[property]);
	return NULL;
}

/* "holds" counts only if nothing was left out. `reason` is a part of the detail, or NULL. */
static bool is_right(const struct result *result, enum verdict verdict, const char *reason)
{
	const char *detail = result->detail ? result->detail : "no detail";

	if (result->verdict == verdict && (!reason || strstr(detail, reason)) &&
		(verdict != VERDICT_HOLDS || result->evidence.coverage == COVERAGE_EXHAUSTIVE))
		return true;
	print_error("%s, %s under %s: %s should be %s, %s, but is %s, %s: %s\n", result->subject,
		result->fault, result->model, property_names[result->property],
		verdict_names[verdict], reason ? reason : "exhaustively",
		verdict_names[result->verdict], coverage_names[result->evidence.coverage], detail);
	return false;
}

/* ---- known answers ---- */

struct known {
	const char *strategies, *cut;
	const char *models; /* NULL: all honest ones; "": all */
	enum property property;
	const char *reason; /* NULL: it holds; otherwise it is violated */
};

static const char good_strategies[] = "replace-fsync-dir append-crc-fsync spool-rename-fsync-dir "
				      "generation-symlink-fsync sqlite-wal two-slots";

static const struct known knowns[] = {
	{good_strategies, "power", NULL, ATOMICITY, NULL},
	{good_strategies, "power", NULL, CONSISTENCY, NULL},
	{good_strategies, "power", NULL, DURABILITY, NULL},
	{"sqlite", "power", "posix ext4 xfs btrfs", ATOMICITY, NULL},
	{"sqlite", "power", "posix btrfs", DURABILITY,
		"power cut after update 2 was acknowledged: unlink #2 is lost"},
	{"sqlite", "power", "ext4 xfs", DURABILITY,
		"power cut after update 1 was acknowledged: unlink #1 is lost"},
	{"replace", "power", "ext4 btrfs journal", ATOMICITY, NULL},
	{"replace", "power", "posix ext4-noauto xfs", ATOMICITY,
		"rename #2 is on disk, 1 of 3 steps of the size of write #2"},
	{"replace-fsync", "power", NULL, ATOMICITY, NULL},
	{"replace-fsync", "power", "posix", DURABILITY, "is on disk, rename #1 is not"},
	{"replace-fsync", "power", "ext4 ext4-noauto xfs journal", DURABILITY, "rename #1 is lost"},
	/* fsync of the second file takes the log along, but for btrfs. */
	{"replace-fsync", "power", "btrfs", DURABILITY, "rename #2 is lost"},
	{"truncate-write", "power", "", ATOMICITY, "(doc.txt)"},
	{"append-crc", "power", NULL, ATOMICITY, NULL},
	{"append-crc", "power", NULL, DURABILITY, "of the size of write #2 (log) is lost"},
	{"replace-fsync-dir", "power", "lying-disk", ATOMICITY, NULL},
	{"undo-journal sqlite", "recovery", "posix", ATOMICITY, NULL},
	{"undo-journal sqlite", "recovery", "posix", CONSISTENCY, NULL},
	{"undo-journal sqlite", "recovery", "posix", DURABILITY, NULL},
};

static bool is_meant(const struct known *known, const struct model *model)
{
	if (!known->models)
		return model->is_honest;
	return !*known->models || has_name(known->models, model->name);
}

static void test_power__known_answers_come_out(void **state)
{
	bool is_well = true;

	(void)state;
	for (size_t i = 0; i < sizeof(knowns) / sizeof(knowns[0]); i++) {
		const struct known *known = &knowns[i];
		unsigned asked = 0;

		for (size_t k = 0; k < strategy_count * model_count; k++) {
			const struct strategy *strategy = strategies[k / model_count];
			const struct model *model = models[k % model_count];

			if (!has_name(known->strategies, strategy->name) || !is_meant(known, model))
				continue;
			asked++;
			is_well &= is_right(
				result_of(strategy->name, known->cut, model->name, known->property),
				known->reason ? VERDICT_VIOLATED : VERDICT_HOLDS, known->reason);
		}
		assert_true(asked > 0);
	}
	assert_true(is_well);
}

static void test_power__a_lying_disk_keeps_nothing(void **state)
{
	bool is_well = true;

	(void)state;
	for (size_t i = 0; i < strategy_count; i++) {
		const struct result *result =
			result_of(strategies[i]->name, "power", "lying-disk", DURABILITY);

		/* What always refuses its updates. */
		if (!strcmp(strategies[i]->name, "generation-symlink-naive"))
			is_well &=
				is_right(result, VERDICT_NOT_TESTED, "no update is acknowledged");
		else
			is_well &= is_right(result, VERDICT_VIOLATED, "gone");
	}
	assert_true(is_well);
}

static void test_power__no_recovery_is_none_that_holds(void **state)
{
	bool is_well = true;
	unsigned count = 0;

	(void)state;
	for (size_t i = 0; i < strategy_count; i++) {
		if (strategies[i]->recover)
			continue;
		count++;
		is_well &= is_right(result_of(strategies[i]->name, "recovery", "posix", ATOMICITY),
			VERDICT_NOT_TESTED, "the strategy has no recovery");
	}
	assert_true(is_well && count > 0);
}

/* Its recovery fails in every state, so that a second crash could show nothing more. */
static void test_power__what_no_state_keeps_recovery_cannot_keep(void **state)
{
	(void)state;
	assert_true(is_right(result_of("undo-journal-refuses", "recovery", "posix", CONSISTENCY),
		VERDICT_NOT_TESTED, "every crash state breaks it without a second crash"));
}

/* ---- twins ---- */

static void test_power__is_caught_and_its_twin_is_not(void **state)
{
	const struct power_twin *row = *state;
	bool is_well = is_right(result_of(row->broken, row->cut, "posix", row->property),
		VERDICT_VIOLATED, row->reason);

	is_well &= is_right(
		result_of(row->twin, row->cut, "posix", row->property), VERDICT_HOLDS, NULL);
	/* Without the fault, or a crash in recovery, it looks well. */
	if (strcmp(row->cut, "power") != 0)
		is_well &= is_right(result_of(row->broken, "power", "posix", row->property),
			VERDICT_HOLDS, NULL);
	if (row->spared_by)
		is_well &= is_right(result_of(row->broken, row->cut, row->spared_by, row->property),
			VERDICT_HOLDS, NULL);
	assert_true(is_well);
}

/* ---- without any sync ---- */

/* As eatmydata(1) would have it. */
static void eat_syncs(struct recording *recording)
{
	size_t kept = 0;

	for (size_t i = 0; i < recording->count; i++) {
		struct event *event = &recording->events[i];

		if (event->kind == EVENT_OP &&
			(event->op.kind == OP_FSYNC || event->op.kind == OP_FDATASYNC ||
				event->op.kind == OP_SYNC)) {
			op_release(&event->op);
			continue;
		}
		event->op.is_synchronous = false;
		recording->events[kept++] = *event;
	}
	recording->count = kept;
}

struct search {
	struct bench bench;
	struct recording recording;
	bool is_found;
};

static int visit(void *context, const struct crash_state *state)
{
	struct search *search = context;
	struct judgement judgement = {0};
	const struct probe *probe;
	struct history *history =
		history_new(&search->bench.subject, &search->recording, state->event);
	int err = history ? prober_ask(search->bench.sweep.prober, state->tree, PROBE_LIFE, &probe)
	                  : -ENOMEM;

	if (!err)
		judge_crash(&search->bench.subject, history, probe, &judgement);
	history_free(history);
	search->is_found |= judgement.findings[DURABILITY].is_violated;
	return err;
}

static bool is_over(void *context)
{
	const struct search *search = context;

	return search->is_found;
}

static bool is_durable(const char *strategy, bool has_syncs)
{
	struct search search = {0};
	struct crash_limits limits = {
		.is_bounded = !has_syncs, .is_over = is_over, .context = &search};
	struct plan plan = {0};
	struct crash_coverage coverage;
	struct micro_ops ops;

	bench_init(&search.bench, strategy, "power");
	assert_int_equal(sweep_record(&search.bench.sweep, &plan, &search.recording), 0);
	if (!has_syncs)
		eat_syncs(&search.recording);
	assert_int_equal(
		micro_ops_init(&ops, &search.recording, find_model("posix"), TEAR_PAGE), 0);
	assert_int_equal(crash_each(&ops, &limits, visit, &search, &coverage), 0);
	micro_ops_release(&ops);
	recording_release(&search.recording);
	bench_release(&search.bench);
	return !search.is_found;
}

static void test_power__what_was_durable_needs_its_syncs(void **state)
{
	bool is_well = true;
	unsigned count = 0;

	(void)state;
	for (size_t i = 0; i < strategy_count; i++) {
		const char *name = strategies[i]->name;

		if (!(strategies[i]->claims.durable & SURVIVES_POWER))
			continue;
		is_well &= is_right(
			result_of(name, "power", "posix", DURABILITY), VERDICT_HOLDS, NULL);
		count++;
		/* So that it is the syncs that make the difference, and not this search. */
		if (!is_durable(name, true) || is_durable(name, false)) {
			print_error("%s: syncs make no difference\n", name);
			is_well = false;
		}
	}
	assert_true(is_well);
	assert_true(count >= 12);
}

/* ---- */

static void tear_down(void)
{
	for (size_t i = 0; i < answer_count; i++)
		result_list_release(&answers[i].results);
	answer_count = 0;
	workspace_release(&workspace);
	scratch_release(&scratch);
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

	/* A worker that crashes would return to cmocka by way of its handler. */
	signal(SIGSEGV, SIG_DFL);
	if (!err)
		err = scratch_init(&scratch, NULL, message, sizeof(message));
	if (!err)
		err = filter_init(&filter, 0);
	if (!err)
		err = workspace_init(&workspace, &scratch, 0);
	if (message[0])
		fprintf(stderr, "%s\n", message);
	if (err)
		return err;
	bench_init(&bench, "append", "power");
	err = sweep_record(&bench.sweep, &plan, &recording);
	recording_release(&recording);
	bench_release(&bench);
	return err;
}

/* An argument chooses tests: the name of a test or of a twin, or a pattern with '*' and '?'. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power__known_answers_come_out),
		cmocka_unit_test(test_power__a_lying_disk_keeps_nothing),
		cmocka_unit_test(test_power__no_recovery_is_none_that_holds),
		cmocka_unit_test(test_power__what_no_state_keeps_recovery_cannot_keep),
		cmocka_unit_test(test_power__what_was_durable_needs_its_syncs),
	};
	struct CMUnitTest twin_tests[POWER_TWIN_COUNT];
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
	for (size_t i = 0; i < POWER_TWIN_COUNT; i++)
		twin_tests[i] = (struct CMUnitTest){.name = power_twins[i].broken,
			.test_func = test_power__is_caught_and_its_twin_is_not,
			.initial_state = (void *)&power_twins[i]};
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	failures += _cmocka_run_group_tests(
		"twins", twin_tests, POWER_TWIN_COUNT, NULL, tear_down_group);
	return failures;
}
