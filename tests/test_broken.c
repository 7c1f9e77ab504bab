/*
 * Every wrong strategy of tests/broken/ is caught, for the reason that was planted, and the same
 * check finds nothing in the sound strategy whose twin it is. Without the fault the twins of faults
 * look well: it is the fault that shows them. Those that a power cut shows are in test_power.c,
 * those that several workers show in test_concurrent.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "harness/plugins.h"
#include "harness/sweep.h"
#include "harness/workspace.h"
#include "tests/concurrent_twins.h"
#include "tests/power_twins.h"

extern const struct strategy *const broken_strategies[];
extern const size_t broken_strategy_count;

enum { SKIPPED = 77 };

struct row {
	const char *broken, *twin;
	const char *fault; /* NULL: none, it is wrong by itself */
	enum property property;
	const char *reason; /* a part of the detail */
	unsigned hangs_in;  /* the first run that hangs, and the last that is made; 0: none does */
};

static const struct row rows[] = {
	{"ack-before-write", "append", NULL, DURABILITY, "1 acknowledged transaction gone", 0},
	{"append-ahead", "append", NULL, CONSISTENCY, "transaction 3 is there, but never began", 0},
	{"append-compact-gap", "append-compact", "kill", CONSISTENCY, "the reader fails: ENOENT",
		0},
	{"append-crc-fsync-swallow", "append-crc-fsync", "eio", DURABILITY,
		"after the failed sync a power cut takes 1 acknowledged transaction", 0},
	{"append-crc-odsync-measures", "append-crc-odsync", "eio", DURABILITY,
		"after the failed sync a power cut takes 1 acknowledged transaction", 0},
	{"append-crc-repair-empties", "append-crc-repair", "enospc", DURABILITY,
		"1 acknowledged transaction gone", 0},
	{"append-crc-repair-overdone", "append-crc-repair", "kill", CONSISTENCY,
		"the next update destroys transaction 0", 0},
	{"append-crc-repair-pads", "append-crc-repair", "kill", CONSISTENCY,
		"the next update leaves damage behind", 0},
	{"append-crc-repair-skipped", "append-crc-repair", "kill", CONSISTENCY,
		"the next update is acknowledged but not there", 0},
	{"append-crc-unchecked", "append-crc", "kill", ATOMICITY, "transaction 1 is there in part",
		0},
	{"append-lock-crc-fsync-keeps", "append-lock-crc-fsync", "eio", ATOMICITY,
		"update 1 reported an error but is visible", 0},
	{"append-newline-apart", "append", "edquot", ATOMICITY, "transaction 1 runs into", 0},
	{"append-one-write", "append", "short-write", CONSISTENCY,
		"bytes that belong to no transaction are read as one", 0},
	{"append-one-write", "append", "short-write", ATOMICITY,
		"a piece of a transaction is there (1 byte)", 0},
	{"append-postpones", "append", "edquot", CONSISTENCY, "transaction 2 stands before 1", 0},
	{"append-starts-over", "append", "eintr", CONSISTENCY, "transaction 1 is there twice", 0},
	{"append-swallow", "append", "edquot", DURABILITY, "1 acknowledged transaction gone", 0},
	{"append-three-lines", "append", NULL, CONSISTENCY,
		"after the next update the reader fails: EOVERFLOW", 0},
	{"counter-lock-restarts", "counter-lock", "short-write", CONSISTENCY,
		"transaction 3 is there, but never began", 0},
	{"counter-replace-lock-naive-forgets", "counter-replace-lock-naive", "emfile", DURABILITY,
		"1 acknowledged transaction gone", 0},
	{"counter-replace-lock-swallow", "counter-replace-lock", "enospc", ATOMICITY,
		"nothing can be read: the reader fails: EUCLEAN", 0},
	{"counter-starts-over", "counter", "eintr", CONSISTENCY,
		"transaction 3 is there, but never began", 0},
	{"exchange-stays", "exchange", "eio", ATOMICITY,
		"update 1 reported an error but is visible", 0},
	{"generation-symlink-fsync-early", "generation-symlink-fsync", "kill", CONSISTENCY,
		"the reader fails: ENOENT", 0},
	{"generation-symlink-in-place", "generation-symlink", "kill", CONSISTENCY,
		"the files do not agree: transaction 1 is in 1 of 3", 0},
	{"lockfile-rename-stale", "lockfile-rename", "enospc", CONSISTENCY,
		"the next update fails: EBUSY", 0},
	{"maildir-early", "maildir", "kill", ATOMICITY, "an empty record is there", 0},
	{"replace-exits", "replace", "enospc", CONSISTENCY, "the worker exits with status 1", 0},
	{"replace-fsync-crashes", "replace-fsync", "emfile", CONSISTENCY,
		"the worker dies from SIGSEGV", 0},
	{"replace-fsync-dir-swallow", "replace-fsync-dir", "eio", DURABILITY,
		"after the failed sync a power cut takes 1 acknowledged transaction", 0},
	{"replace-fsync-early", "replace-fsync", "kill", ATOMICITY, "the file is empty", 0},
	{"replace-fsync-swallow", "replace-fsync", "eio", DURABILITY,
		"after the failed sync a power cut takes", 0},
	{"replace-gap", "replace", "kill", ATOMICITY,
		"nothing can be read: the reader fails: ENOENT", 0},
	{"replace-lock-copies", "replace-lock", "enospc", ATOMICITY, "the file is empty", 0},
	{"replace-lock-fsync-dir-removes", "replace-lock-fsync-dir", "enospc", DURABILITY,
		"1 acknowledged transaction gone", 0},
	{"replace-lock-keeps-lock", "replace-lock", "emfile", CONSISTENCY, "the update never ends",
		3},
	{"replace-lock-naive-insists", "replace-lock-naive", "full-disk", CONSISTENCY,
		"the update never ends", 1},
	{"replace-lock-naive-shrugs", "replace-lock-naive", "emfile", DURABILITY,
		"1 acknowledged transaction gone", 0},
	{"replace-overwrites", "replace", "kill", ATOMICITY, "transaction 1 is there in part", 0},
	{"spool-crc-crashes", "spool-crc", "kill", CONSISTENCY, "the reader crashes (SIGSEGV)", 0},
	{"spool-crc-unchecked", "spool-crc", "kill", ATOMICITY, "transaction 1 is there in part",
		0},
	{"spool-excl-collides", "spool-excl", NULL, DURABILITY, "2 acknowledged transactions gone",
		0},
	{"spool-rename-fsync-dir-retries", "spool-rename-fsync-dir", "eio", DURABILITY,
		"after the failed sync a power cut takes 1 acknowledged transaction", 0},
	{"spool-rename-in-place", "spool-rename", "kill", ATOMICITY, "an empty record is there", 0},
	{"spool-rename-reads-aside", "spool-rename", "eio", ATOMICITY,
		"write #1 failed with EIO: an empty record is there", 0},
	{"sqlite-removes-journal", "sqlite", "kill", CONSISTENCY, "the reader fails: EUCLEAN", 0},
	{"sqlite-swallow", "sqlite", "enospc", DURABILITY, "1 acknowledged transaction gone", 0},
	{"sqlite-wal-removes-log", "sqlite-wal", "kill", CONSISTENCY, "the reader fails: EUCLEAN",
		0},
	{"tree-lockfile-skips", "tree-lockfile", "eintr", ATOMICITY,
		"transaction 1 is in 2 of 3 files that must agree", 0},
	{"truncate-write-fsync-interrupted", "truncate-write-fsync", "eintr", ATOMICITY,
		"neither the state before the update nor the one after", 0},
	{"truncate-write-inplace-unseeked", "truncate-write-inplace", NULL, CONSISTENCY,
		"bytes that belong to no transaction are read as one", 0},
	{"truncate-write-lock-restarts", "truncate-write-lock", "short-write", CONSISTENCY,
		"bytes that belong to no transaction are read as one", 0},
	{"truncate-write-one-read", "truncate-write", "short-write", DURABILITY,
		"2 acknowledged transactions gone", 0},
	{"two-slots-header-crc", "two-slots", "kill", ATOMICITY,
		"killed in pwrite #1 (doc.slots) after 4096 of 18339 bytes: transaction 0 is there "
		"in part",
		0},
	{"two-slots-same", "two-slots", "kill", CONSISTENCY, "the reader fails: EUCLEAN", 0},
	{"undo-journal-crashes", "undo-journal", "kill", CONSISTENCY, "recovery crashes (SIGSEGV)",
		0},
	{"undo-journal-demands", "undo-journal", NULL, CONSISTENCY, "recovery fails: ENOENT", 0},
	{"undo-journal-refuses", "undo-journal", NULL, CONSISTENCY, "recovery fails: EACCES", 0},
	{"undo-journal-ignored", "undo-journal", "kill", ATOMICITY,
		"transaction 1 is there in part", 0},
	{"undo-journal-stays", "undo-journal", "kill", CONSISTENCY, "the next update fails: EEXIST",
		0},
	{"undo-journal-torn", "undo-journal", "kill", DURABILITY, "1 acknowledged transaction gone",
		0},
	{"undo-journal-waits", "undo-journal", "kill", CONSISTENCY, "recovery hangs", 4},
};
enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

static struct scratch scratch = {.lock_fd = -1};
static struct workspace workspace = {.data_fd = -1, .probe_fd = -1};
static struct filter filter;

/* ---- a shorter patience ---- */

static bool is_hasty;

/* In place of libc's: while a row hangs on purpose, the watchdog of harness/watchdog.c bites after
 * a hundredth of its time. */
int setitimer(__itimer_which_t which, const struct itimerval *value, struct itimerval *old)
{
	struct itimerval timer = *value;

	if (is_hasty && (timer.it_value.tv_sec || timer.it_value.tv_usec)) {
		timer.it_value = (struct timeval){.tv_usec = RECORD_TIMEOUT_MS * 1000 / 10 / 100};
		timer.it_interval = timer.it_value;
	}
	return (int)syscall(SYS_setitimer, which, &timer, old);
}

/* ---- a sweep ---- */

static const struct strategy *find(
	const struct strategy *const *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(table[i]->name, name))
			return table[i];
	return NULL;
}

static const struct fault *find_fault(const char *name)
{
	for (size_t i = 0; i < fault_count; i++)
		if (!strcmp(faults[i]->name, name))
			return faults[i];
	return NULL;
}

/* What the sweep without a fault and then the one with it say: a result a property each. */
struct outcome {
	struct result_list baseline, faulty;
};

static void outcome_release(struct outcome *outcome)
{
	result_list_release(&outcome->baseline);
	result_list_release(&outcome->faulty);
}

/* `max_runs` 0: as many as there are places. Returns 0 or -errno. */
static int run(const struct strategy *strategy, const struct fault *fault, unsigned max_runs,
	struct outcome *outcome)
{
	const struct workload workload = {.txns = 2, .base_bytes = TXN_DEFAULT_BYTES};
	const struct sweep_fault none = {0};
	const struct sweep_fault some = {.fault = fault};
	struct sweep_options options = {.scenario = "broken"};
	struct subject subject = {0};
	struct sweep sweep = {.subject = &subject,
		.workspace = &workspace,
		.filter = &filter,
		.options = &options};
	char message[512] = "";
	int err = subject_init(&subject, strategy, &workload, &workspace, message, sizeof(message));

	/* A worker that crashes would return to cmocka by way of its handler, and go on with the
	 * tests. */
	signal(SIGSEGV, SIG_DFL);
	*outcome = (struct outcome){0};
	if (!err) {
		sweep.prober = prober_new(&subject, &workspace);
		err = sweep.prober ? sweep_run(&sweep, &none, &outcome->baseline) : -ENOMEM;
	}
	options.max_states = max_runs;
	is_hasty = max_runs > 0;
	if (!err && fault)
		err = sweep_run(&sweep, &some, &outcome->faulty);
	is_hasty = false;
	if (message[0])
		print_error("%s\n", message);
	prober_free(sweep.prober);
	subject_release(&subject);
	return err;
}

static const struct result *result_of(const struct result_list *results, enum property property)
{
	for (size_t i = 0; i < results->count; i++)
		if (results->items[i].property == property)
			return &results->items[i];
	return NULL;
}

/* ---- the rows ---- */

static bool is_clean(const struct result_list *results)
{
	bool is_violated = false;

	for (size_t i = 0; i < results->count; i++) {
		const struct result *result = &results->items[i];

		if (result->verdict != VERDICT_VIOLATED)
			continue;
		is_violated = true;
		print_error("%s: %s is violated: %s\n", result->subject,
			property_names[result->property], result->detail);
	}
	return !is_violated;
}

static bool is_caught(const struct row *row, const struct outcome *outcome)
{
	const struct result *result =
		result_of(row->fault ? &outcome->faulty : &outcome->baseline, row->property);
	const char *detail = result && result->detail ? result->detail : "nothing was found";

	if (result && result->verdict == VERDICT_VIOLATED && strstr(detail, row->reason))
		return true;
	print_error("%s under %s: %s should be violated with '%s', but: %s\n", row->broken,
		row->fault ? row->fault : "no fault", property_names[row->property], row->reason,
		detail);
	return false;
}

static bool is_acquitted(const struct row *row, const struct outcome *outcome)
{
	const struct result *result =
		result_of(row->fault ? &outcome->faulty : &outcome->baseline, row->property);

	if (result && result->verdict == VERDICT_HOLDS)
		return true;
	print_error("%s under %s: %s should hold, but: %s\n", row->twin,
		row->fault ? row->fault : "no fault", property_names[row->property],
		result && result->detail ? result->detail : "there is no result");
	return false;
}

static void test_broken__is_caught_and_its_twin_is_not(void **state)
{
	const struct row *row = *state;
	const struct strategy *broken = find(broken_strategies, broken_strategy_count, row->broken);
	const struct strategy *twin = find(strategies, strategy_count, row->twin);
	const struct fault *fault = row->fault ? find_fault(row->fault) : NULL;
	struct outcome outcome;

	assert_non_null(broken);
	assert_non_null(twin);
	assert_true(fault || !row->fault);

	int err = run(broken, fault, row->hangs_in, &outcome);
	bool is_well = !err && is_caught(row, &outcome);

	if (fault)
		is_well &= is_clean(&outcome.baseline);
	outcome_release(&outcome);
	assert_int_equal(err, 0);

	err = run(twin, fault, 0, &outcome);
	is_well &= !err && is_acquitted(row, &outcome);
	outcome_release(&outcome);
	assert_int_equal(err, 0);
	assert_true(is_well);
}

/* ---- the table ---- */

/* Whose twin it is; NULL: it has no row. */
static const char *twin_of(const char *broken)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (!strcmp(rows[i].broken, broken))
			return rows[i].twin;
	for (size_t i = 0; i < POWER_TWIN_COUNT; i++)
		if (!strcmp(power_twins[i].broken, broken))
			return power_twins[i].twin;
	for (size_t i = 0; i < CONCURRENT_TWIN_COUNT; i++)
		if (!strcmp(concurrent_twins[i].broken, broken))
			return concurrent_twins[i].twin;
	return NULL;
}

/* "append_swallow.c" is "append-swallow"; false for what is no C file. */
static bool name_of_file(const char *file, char *name, size_t size_bytes)
{
	size_t length = strlen(file);

	if (length < 3 || length >= size_bytes || strcmp(file + length - 2, ".c") != 0)
		return false;
	for (size_t i = 0; i < length; i++)
		name[i] = file[i] == '_' ? '-' : file[i];
	name[length - 2] = '\0';
	return true;
}

static void assert_names_twin(int directory_fd, const char *file, const char *twin)
{
	int fd = openat(directory_fd, file, O_RDONLY | O_CLOEXEC);
	char text[64] = "";
	char want[64];

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	snprintf(want, sizeof(want), "/* %s's twin: ", twin);
	assert_memory_equal(text, want, strlen(want));
}

static void test_broken__every_file_has_a_row_and_says_whose_twin_it_is(void **state)
{
	const char *source = getenv("TORNWRITE_SOURCE");
	const struct dirent *entry;
	char path[4096];
	char name[256];
	size_t files = 0;

	(void)state;
	if (!source)
		skip();
	snprintf(path, sizeof(path), "%s/tests/broken", source);

	DIR *directory = opendir(path);

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		if (!name_of_file(entry->d_name, name, sizeof(name)))
			continue;
		files++;
		if (!twin_of(name) || !find(broken_strategies, broken_strategy_count, name))
			fail_msg("%s has no row, or another name", entry->d_name);
		assert_names_twin(dirfd(directory), entry->d_name, twin_of(name));
	}
	closedir(directory);
	assert_int_equal(files, broken_strategy_count);
}

static void test_broken__every_strategy_that_claims_something_has_a_twin(void **state)
{
	(void)state;
	for (size_t i = 0; i < strategy_count; i++) {
		const struct claims *claims = &strategies[i]->claims;
		bool has_twin = false;

		/* What always refuses its updates is never judged to hold. */
		if (!strcmp(strategies[i]->name, "generation-symlink-naive") ||
			!(claims->atomic | claims->consistent | claims->durable))
			continue;
		for (size_t k = 0; k < ROW_COUNT; k++)
			has_twin |= !strcmp(rows[k].twin, strategies[i]->name);
		if (!has_twin)
			fail_msg("%s has no sabotaged twin", strategies[i]->name);
	}
}

static bool has_power_twin(const char *strategy, bool is_for_durability)
{
	for (size_t i = 0; i < POWER_TWIN_COUNT; i++)
		if ((power_twins[i].property == DURABILITY) == is_for_durability &&
			!strcmp(power_twins[i].twin, strategy))
			return true;
	return false;
}

static void test_broken__every_strategy_that_survives_a_power_cut_has_a_twin(void **state)
{
	(void)state;
	for (size_t i = 0; i < strategy_count; i++) {
		const struct claims *claims = &strategies[i]->claims;
		const char *name = strategies[i]->name;

		/* As above. */
		if (!strcmp(name, "generation-symlink-naive") ||
			!((claims->atomic | claims->consistent | claims->durable) & SURVIVES_POWER))
			continue;
		if (!has_power_twin(name, claims->durable & SURVIVES_POWER))
			fail_msg("%s has no twin that a power cut shows", name);
	}
}

/* ---- */

static void tear_down(void)
{
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
	struct outcome outcome = {0};
	int err = inject_init();

	if (!err)
		err = scratch_init(&scratch, NULL, message, sizeof(message));
	if (!err)
		err = filter_init(&filter, 0);
	if (!err)
		err = workspace_init(&workspace, &scratch, 0);
	if (!err)
		err = run(find(strategies, strategy_count, "append"), NULL, 0, &outcome);
	outcome_release(&outcome);
	if (message[0])
		fprintf(stderr, "%s\n", message);
	return err;
}

/* An argument chooses rows: a name, or a pattern with '*' and '?'. */
int main(int argc, char **argv)
{
	const struct CMUnitTest table_tests[] = {
		cmocka_unit_test(test_broken__every_file_has_a_row_and_says_whose_twin_it_is),
		cmocka_unit_test(test_broken__every_strategy_that_claims_something_has_a_twin),
		cmocka_unit_test(test_broken__every_strategy_that_survives_a_power_cut_has_a_twin),
	};
	struct CMUnitTest row_tests[ROW_COUNT];
	int err = set_up();
	int failures;

	if (err == -ENOTRECOVERABLE) {
		tear_down();
		puts("skipped: ptrace or seccomp is not allowed here");
		return SKIPPED;
	}
	if (err) {
		tear_down();
		fprintf(stderr, "the harness could not be started: %s\n", strerror(-err));
		return 1;
	}
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	for (size_t i = 0; i < ROW_COUNT; i++)
		row_tests[i] = (struct CMUnitTest){.name = rows[i].broken,
			.test_func = test_broken__is_caught_and_its_twin_is_not,
			.initial_state = (void *)&rows[i]};
	failures = cmocka_run_group_tests(table_tests, NULL, NULL);
	failures += _cmocka_run_group_tests("rows", row_tests, ROW_COUNT, NULL, tear_down_group);
	return failures;
}
