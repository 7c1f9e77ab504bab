/*
 * Somebody's own programs: what they do to a directory is recorded, and replays. That it replays
 * is checked by program_record() itself against the files on disk; here is asked what a user would
 * notice: that the program did its work, as it does without us, and how it ended. The same is done
 * without namespaces and without seccomp, by this program with an argument.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>

#include "harness/plugins.h"
#include "harness/sandbox.h"
#include "tests/program_cases.h"
#include "tests/program_run.h"

static char own_path[PATH_MAX];

#define COMMAND(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SHELL(text) COMMAND("sh", "-c", text)

static const struct fault *find_fault(const char *name)
{
	for (size_t i = 0; i < fault_count; i++) {
		if (!strcmp(faults[i]->name, name))
			return faults[i];
	}
	return NULL;
}

static bool has_program(const char *name)
{
	char command[256];

	snprintf(command, sizeof(command), "command -v %s >/dev/null", name);
	return !system(command);
}

static void need(const char *names)
{
	char copy[256], *rest = NULL;

	snprintf(copy, sizeof(copy), "%s", names);
	for (char *name = strtok_r(copy, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
		if (has_program(name))
			continue;
		print_message("skipped: %s is not installed\n", name);
		skip();
	}
}

/* ---- the programs ---- */

static struct tree *load(struct recorded *recorded)
{
	struct tree *tree;

	assert_int_equal(tree_load(recorded->program.directory_fd, &tree, NULL), 0);
	return tree;
}

static void assert_same_tree(const struct tree *expected, const struct tree *found)
{
	if (XXH128_isEqual(tree_hash(expected), tree_hash(found)))
		return;
	tree_print_difference(expected, found, stderr);
	fail_msg("the files differ, see above");
}

/* What the program leaves when nobody looks. */
static struct tree *run_natively(struct recorded *recorded, const char *command)
{
	struct tree *tree;

	recorded_shell(recorded, command);
	tree = load(recorded);
	assert_int_equal(
		tree_store_over(recorded->program.initial, recorded->program.directory_fd), 0);
	return tree;
}

static void test_case(void **state)
{
	enum { RUNS = 3 };
	const struct program_case *this = *state;
	struct recording recordings[RUNS];
	struct recorded recorded;
	struct tree *native = NULL;

	need(this->needs);
	recorded_init(&recorded, this->setup, SHELL(this->command), NULL);
	if (this->is_as_native)
		native = run_natively(&recorded, this->command);
	for (int i = 0; i < RUNS; i++) {
		recorded_record(&recorded, NULL, &recordings[i]);
		if (recordings[i].ending != ENDED_DONE)
			recorded_print(&recorded, &recordings[i]);
		assert_int_equal(recordings[i].ending, ENDED_DONE);
		assert_int_equal(recordings[i].notes, this->notes);
		assert_int_equal(recorded_acks(&recordings[i]), 1);
		if (native)
			assert_same_tree(native, recordings[i].final);
		recorded_shell(&recorded, this->verify);
	}
	for (int i = 1; this->is_repeatable && i < RUNS; i++) {
		if (!recordings_equal(&recordings[0], &recordings[i])) {
			recorded_print(&recorded, &recordings[0]);
			recorded_print(&recorded, &recordings[i]);
			fail_msg("two recordings differ, see above");
		}
	}
	for (int i = 0; i < RUNS; i++)
		recording_release(&recordings[i]);
	tree_unref(native);
	recorded_release(&recorded);
}

/* ---- acknowledgements and output ---- */

static void test_record_program__lines_that_match_acknowledge_what_was_done_before(void **state)
{
	struct recorded recorded;
	struct recording recording;
	unsigned acks = 0, writes = 0;

	(void)state;
	recorded_init(&recorded, NULL,
		SHELL("echo hello; for i in 1 2 3; do echo $i >>f; echo ok $i; done; printf 'ok "
		      "4'"),
		"^ok [0-9]+$");
	recorded_record(&recorded, NULL, &recording);
	for (size_t i = 0; i < recording.count; i++) {
		const struct event *event = &recording.events[i];

		writes += event->kind == EVENT_OP && event->op.kind == OP_WRITE;
		if (event->kind != EVENT_ACK)
			continue;
		assert_int_equal(event->txn, ++acks);
		assert_int_equal(writes, acks < 4 ? acks : 3);
		assert_int_equal(event->output_bytes, acks < 4 ? 6 + 5 * acks : 25);
	}
	assert_int_equal(acks, 4);
	assert_int_equal(recording.output_bytes, 25);
	assert_memory_equal(recording.output, "hello\nok 1\nok 2\nok 3\nok 4", 25);
	recording_release(&recording);
	recorded_release(&recorded);
}

static void test_record_program__what_fails_does_not_acknowledge(void **state)
{
	struct recorded recorded;
	struct recording recording;

	(void)state;
	recorded_init(&recorded, NULL, SHELL("echo x >f; echo sorry; echo no >&2; exit 3"), NULL);
	recorded_record(&recorded, NULL, &recording);
	assert_int_equal(recording.ending, ENDED_CRASH);
	assert_true(WIFEXITED(recording.status));
	assert_int_equal(WEXITSTATUS(recording.status), 3);
	assert_int_equal(recorded_acks(&recording), 0);
	assert_memory_equal(recording.output, "sorry\n", 6);
	assert_string_equal(recorded_read(recorded.errors), "no\n");
	recording_release(&recording);
	recorded_release(&recorded);
}

/* ---- how it ends ---- */

static void test_record_program__a_signal_is_the_programs_own_end(void **state)
{
	static const int numbers[] = {SIGSEGV, SIGTERM, SIGABRT, SIGKILL};
	char command[64];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct recorded recorded;
		struct recording recording;

		snprintf(command, sizeof(command), "echo x >f; kill -%d $$", numbers[i]);
		recorded_init(&recorded, NULL, SHELL(command), NULL);
		recorded_record(&recorded, NULL, &recording);
		assert_int_equal(recording.ending, ENDED_CRASH);
		assert_true(WIFSIGNALED(recording.status));
		assert_int_equal(WTERMSIG(recording.status), numbers[i]);
		assert_true(tree_find(recording.final, "f") != UINT32_MAX);
		recording_release(&recording);
		recorded_release(&recorded);
	}
}

static void expect_ending(const char *command, unsigned timeout_ms, enum ending ending)
{
	struct recorded recorded;
	struct recording recording;

	recorded_init(&recorded, NULL, SHELL(command), NULL);
	recorded.program.timeout_ms = timeout_ms;
	recorded_record(&recorded, NULL, &recording);
	if (recording.ending != ending)
		fail_msg("%s: ending %d, want %d", command, recording.ending, ending);
	assert_int_equal(recorded_acks(&recording), 0);
	assert_int_equal(recording.notes, 0);
	recording_release(&recording);
	recorded_release(&recorded);
}

static void test_record_program__who_does_nothing_for_long_hangs(void **state)
{
	(void)state;
	expect_ending("echo x >f; exec sleep 1000", 300, ENDED_HANG);
	expect_ending("echo x >f; sleep 1000", 300, ENDED_HANG);
	expect_ending("echo x >f; while :; do :; done", 300, ENDED_HANG);
	expect_ending("echo x >f; kill -STOP $$", 300, ENDED_HANG);
	expect_ending("echo x >f; trap '' TERM INT HUP; sleep 1000 & wait", 300, ENDED_HANG);
}

static void test_record_program__who_starts_others_for_ever_hangs(void **state)
{
	(void)state;
	expect_ending("echo x >f; while :; do /bin/true; done", 200, ENDED_HANG);
}

static void test_record_program__who_writes_for_ever_is_endless(void **state)
{
	(void)state;
	expect_ending(
		"exec dd if=/dev/zero of=f bs=1 conv=notrunc status=none", 20000, ENDED_ENDLESS);
}

static void expect_left_running(const char *command, unsigned timeout_ms)
{
	struct recorded recorded;
	struct recording recording;

	recorded_init(&recorded, NULL, SHELL(command), NULL);
	recorded.program.timeout_ms = timeout_ms;
	recorded_record(&recorded, NULL, &recording);
	assert_int_equal(recording.ending, ENDED_DONE);
	assert_int_equal(recording.notes, NOTE_LEFT_RUNNING);
	assert_int_equal(recorded_acks(&recording), 1);
	recording_release(&recording);
	recorded_release(&recorded);
}

/* Whether any process has this in its command line. */
static bool is_running(const char *mark)
{
	char command[256];

	snprintf(command, sizeof(command),
		"{ for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done | grep "
		"-q -- '[%c]%s'; } 2>/dev/null",
		mark[0], mark + 1);
	return !system(command);
}

/* What sleeps between `before` and `after` does so for a time that is nobody else's here. */
static void expect_left_and_killed(
	const char *before, const char *seconds, const char *after, unsigned timeout_ms)
{
	char command[256], mark[32];

	snprintf(mark, sizeof(mark), "sleep %s%u", seconds, (unsigned)getpid());
	snprintf(command, sizeof(command), "echo x >f; %s%s%s", before, mark, after);
	expect_left_running(command, timeout_ms);
	assert_false(is_running(mark));
}

static void test_record_program__what_is_left_running_is_killed_and_said(void **state)
{
	(void)state;
	expect_left_and_killed("", "86400.", " &", PROGRAM_TIMEOUT_MS);
	need("setsid");
	expect_left_and_killed("setsid -f ", "86400.", "", PROGRAM_TIMEOUT_MS);
}

static void test_record_program__what_is_left_running_cannot_go_on_for_ever(void **state)
{
	(void)state;
	expect_left_and_killed("(while :; do ", "0.01", "; done) &", 1000);
}

/* ---- what is said of it ---- */

static unsigned notes_of(const char *command)
{
	struct recorded recorded;
	struct recording recording;
	unsigned notes;

	recorded_init(&recorded, NULL, SHELL(command), NULL);
	recorded_record(&recorded, NULL, &recording);
	assert_int_equal(recording.ending, ENDED_DONE);
	notes = recording.notes;
	recording_release(&recording);
	recorded_release(&recorded);
	return notes;
}

static void test_record_program__special_files_are_said(void **state)
{
	(void)state;
	assert_int_equal(notes_of("echo x >f; mkfifo p"), NOTE_SPECIAL);
	assert_int_equal(notes_of("echo x >f"), 0);
}

static void test_record_program__set_uid_programs_are_said(void **state)
{
	(void)state;
	/* Ours: which ones there are differs from system to system. */
	assert_int_equal(
		notes_of("cp /bin/true t; chmod 4755 t; ./t; rm t; echo x >f"), NOTE_SETUID);
	assert_int_equal(notes_of("cp /bin/true t; chmod 755 t; ./t; rm t; echo x >f"), 0);
}

static void test_record_program__who_traces_is_said(void **state)
{
	(void)state;
	need("python3");
	assert_int_equal(notes_of("python3 -c 'import ctypes\n"
				  "assert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == -1\n"
				  "open(\"f\", \"w\").write(\"x\")'"),
		NOTE_PTRACE);
}

static void test_record_program__writes_elsewhere_are_named(void **state)
{
	char command[PATH_MAX + 64], path[PATH_MAX + 16];
	struct recorded recorded;
	struct recording recording;

	(void)state;
	snprintf(path, sizeof(path), "%s/elsewhere", scratch_path);
	snprintf(command, sizeof(command),
		"echo x >f; echo y >../elsewhere; cat ../elsewhere >f; "
		"echo z >/dev/null");
	recorded_init(&recorded, NULL, SHELL(command), NULL);
	recorded_record(&recorded, NULL, &recording);
	assert_int_equal(recording.outside_count, 1);
	assert_string_equal(recording.outside[0], path);
	recording_release(&recording);
	recorded_release(&recorded);
}

static void test_record_program__why_it_could_not_be_started_is_known(void **state)
{
	static const struct plan no_fault;
	static const struct {
		const char *word;
		int error;
	} cases[] = {{"no-such-program", ENOENT}, {"./plain", EACCES}, {".", EACCES}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct recorded recorded;
		struct recording recording;

		recorded_init(&recorded, "echo x >plain", COMMAND(cases[i].word), NULL);
		assert_int_equal(
			program_record(&recorded.program, &no_fault, &program_filter, &recording),
			-ENOEXEC);
		assert_int_equal(program_start_error(&recorded.program), cases[i].error);
		recording_release(&recording);
		recorded_release(&recorded);
	}
}

/* ---- under a fault ---- */

static bool run_struck(struct recorded *recorded, const char *fault, unsigned variant, uint64_t n,
	struct recording *recording)
{
	struct plan plan = {.fault = find_fault(fault), .variant = variant, .n = n};

	assert_non_null(plan.fault);
	recorded_record(recorded, &plan, recording);
	return recording->fired;
}

/* Each place of a program of several processes, one of them writing more than a page at a time. */
static void test_record_program__a_kill_ends_all_of_it_wherever_it_strikes(void **state)
{
	struct recorded recorded;
	unsigned struck = 0;

	(void)state;
	recorded_init(&recorded, "echo old >f",
		SHELL("sed -i s/old/new/ f; (echo a >a; echo b >>a) & "
		      "dd if=/dev/zero of=big bs=10000 count=1 status=none; wait; mv a c"),
		NULL);
	for (unsigned variant = 0; variant < 3; variant++) {
		for (uint64_t n = 1;; n++) {
			struct recording recording;
			bool has_fired = run_struck(&recorded, "kill", variant, n, &recording);

			struck += has_fired;
			if (recorded_acks(&recording) != !has_fired) {
				recorded_print(&recorded, &recording);
				fail_msg("variant %u, %u: acknowledged", variant, (unsigned)n);
			}
			assert_int_equal(recording.ending, has_fired ? ENDED_STRUCK : ENDED_DONE);
			assert_int_equal(recording.notes, 0);
			recording_release(&recording);
			if (!has_fired)
				break;
		}
	}
	if (struck < 20)
		fail_msg("struck %u times only", struck);
	recorded_release(&recorded);
}

static void test_record_program__a_call_that_fails_is_seen_by_the_program(void **state)
{
	struct recorded recorded;
	struct recording recording;

	(void)state;
	recorded_init(&recorded, "echo old >f", SHELL("echo new >f || exit 7"), NULL);
	assert_true(run_struck(&recorded, "eio", 0, 2, &recording));
	assert_int_equal(recording.ending, ENDED_CRASH);
	assert_int_equal(WEXITSTATUS(recording.status), 7);
	assert_int_equal(recorded_acks(&recording), 0);
	assert_int_equal(tree_file_bytes(recording.final, tree_find(recording.final, "f")), 0);
	recording_release(&recording);
	/* And the next run begins with the files as they were. */
	recorded_record(&recorded, NULL, &recording);
	assert_int_equal(recording.ending, ENDED_DONE);
	assert_int_equal(recording.fired, 0);
	assert_int_equal(tree_file_bytes(recording.initial, tree_find(recording.initial, "f")), 4);
	recording_release(&recording);
	recorded_release(&recorded);
}

/* The clock is the same in each run, and yet a time that is waited for comes. */
static void test_record_program__a_time_that_is_waited_for_comes(void **state)
{
	static const char wait[] = "end=$(($(date +%s) + 1))\n"
				   "while test $(date +%s) -lt $end; do sleep 0.1; done\n"
				   "date +%Y >f";
	struct recorded recorded;
	struct recording recording;

	(void)state;
	recorded_init(&recorded, NULL, SHELL(wait), NULL);
	recorded_record(&recorded, NULL, &recording);
	assert_int_equal(recording.ending, ENDED_DONE);
	recorded_shell(&recorded, "test $(cat f) = 2026");
	recording_release(&recording);
	recorded_release(&recorded);
}

/* ---- where less is allowed ---- */

static void deny(scmp_filter_ctx context, int call)
{
	assert_int_equal(seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), call, 0), 0);
}

/* As in a container: no namespaces, no mounts. */
static void deny_namespaces(void)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);

	assert_non_null(context);
	deny(context, SCMP_SYS(unshare));
	deny(context, SCMP_SYS(setns));
	deny(context, SCMP_SYS(mount));
	assert_int_equal(seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				 SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWPID, CLONE_NEWPID)),
		0);
	assert_int_equal(seccomp_load(context), 0);
	seccomp_release(context);
}

/* This program again, with a few of its tests. */
static void run_self(const char *variable, const char *argument)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		setenv(variable, "0", 1);
		execl(own_path, own_path, argument, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_record_program__the_same_without_namespaces(void **state)
{
	(void)state;
	run_self("TORNWRITE_TEST", "--without-namespaces");
}

static void test_record_program__the_same_without_seccomp(void **state)
{
	(void)state;
	run_self("TORNWRITE_SECCOMP", "--without-seccomp");
}

/* ---- all of them ---- */

static const struct CMUnitTest edge_tests[] = {
	cmocka_unit_test(test_record_program__lines_that_match_acknowledge_what_was_done_before),
	cmocka_unit_test(test_record_program__what_fails_does_not_acknowledge),
	cmocka_unit_test(test_record_program__a_signal_is_the_programs_own_end),
	cmocka_unit_test(test_record_program__who_does_nothing_for_long_hangs),
	cmocka_unit_test(test_record_program__who_starts_others_for_ever_hangs),
	cmocka_unit_test(test_record_program__what_is_left_running_is_killed_and_said),
	cmocka_unit_test(test_record_program__what_is_left_running_cannot_go_on_for_ever),
	cmocka_unit_test(test_record_program__special_files_are_said),
	cmocka_unit_test(test_record_program__set_uid_programs_are_said),
	cmocka_unit_test(test_record_program__who_traces_is_said),
	cmocka_unit_test(test_record_program__writes_elsewhere_are_named),
	cmocka_unit_test(test_record_program__why_it_could_not_be_started_is_known),
	cmocka_unit_test(test_record_program__a_kill_ends_all_of_it_wherever_it_strikes),
	cmocka_unit_test(test_record_program__a_call_that_fails_is_seen_by_the_program),
};

/* These take longest, and need not be repeated. */
static const struct CMUnitTest long_tests[] = {
	cmocka_unit_test(test_record_program__who_writes_for_ever_is_endless),
	cmocka_unit_test(test_record_program__a_time_that_is_waited_for_comes),
	cmocka_unit_test(test_record_program__the_same_without_namespaces),
	cmocka_unit_test(test_record_program__the_same_without_seccomp),
};

enum {
	EDGE_COUNT = sizeof(edge_tests) / sizeof(*edge_tests),
	LONG_COUNT = sizeof(long_tests) / sizeof(*long_tests),
};

/* In all variants, and those that need a plain host only in one. */
static const char few[] = "python_replace sqlite_wal sed_in_place make_parallel "
			  "shell_outlived_by_its_child shell_kills_its_group";

static size_t collect(struct CMUnitTest *tests, bool is_all)
{
	static char names[PROGRAM_CASE_COUNT][96];
	size_t count = 0;

	for (size_t i = 0; i < PROGRAM_CASE_COUNT; i++) {
		if (!is_all && !strstr(few, program_cases[i].name))
			continue;
		snprintf(names[i], sizeof(names[i]), "test_record_program__replays_%s",
			program_cases[i].name);
		tests[count++] = (struct CMUnitTest){.name = names[i],
			.test_func = test_case,
			.initial_state = (void *)(uintptr_t)&program_cases[i]};
	}
	for (size_t i = 0; i < EDGE_COUNT; i++)
		tests[count++] = edge_tests[i];
	for (size_t i = 0; is_all && i < LONG_COUNT; i++)
		tests[count++] = long_tests[i];
	return count;
}

int main(int count, char **arguments)
{
	static struct CMUnitTest tests[PROGRAM_CASE_COUNT + EDGE_COUNT + LONG_COUNT];
	size_t test_count = collect(tests, count == 1);
	int failures;

	if (!realpath(arguments[0], own_path))
		return 1;
	/* Not what a version manager put before it. */
	setenv("PATH", "/usr/bin:/bin:/usr/local/bin:/usr/sbin:/sbin", 1);
	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	if (count > 1 && !strcmp(arguments[1], "--without-namespaces"))
		deny_namespaces();
	else
		sandbox_enter();
	if (inject_init() || filter_init(&program_filter, FILTER_PROGRAM) || scratch_enter(NULL))
		return 1;
	failures = _cmocka_run_group_tests("record_program", tests, test_count, NULL, NULL);
	scratch_leave(NULL);
	filter_release(&program_filter);
	return failures;
}
