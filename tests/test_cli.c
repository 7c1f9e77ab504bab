/* End to end: the program as a user starts it. Skips what needs ptrace where there is none. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <jansson.h>
#include <limits.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/cli.h"
#include "tests/scratch.h"

static json_t *find_result(
	json_t *json, const char *subject, const char *fault, const char *property)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		if (!strcmp(text(item, "subject"), subject) &&
			!strcmp(text(item, "fault"), fault) &&
			!strcmp(text(item, "property"), property))
			return item;
	}
	fail_msg("no result for %s, %s, %s", subject, fault, property);
	return NULL;
}

/* Every subject whose name begins with `prefix` has this verdict, with evidence. */
static void expect_verdict(json_t *json, const char *prefix, const char *fault,
	const char *property, const char *verdict)
{
	json_t *summary = json_object_get(json, "summary"), *unused;
	const char *subject;
	unsigned found = 0;

	json_object_foreach(summary, subject, unused)
	{
		json_t *result, *evidence;

		if (strncmp(subject, prefix, strlen(prefix)))
			continue;
		found++;
		result = find_result(json, subject, fault, property);
		evidence = json_object_get(result, "evidence");
		if (strcmp(text(result, "verdict"), verdict))
			fail_msg("%s %s %s: %s, want %s (%s)", subject, fault, property,
				text(result, "verdict"), verdict, text(result, "detail"));
		assert_true(json_integer_value(json_object_get(evidence, "fired")) > 0);
		if (!strcmp(verdict, "holds"))
			assert_string_equal(text(evidence, "coverage"), "exhaustive");
		if (!strcmp(verdict, "violated")) {
			assert_true(strlen(text(result, "detail")) > 10);
			assert_int_equal(access(text(result, "witness"), R_OK), 0);
		}
	}
	assert_true(found > 0);
}

/* ---- usage ---- */

static void test_cli__no_arguments_print_a_short_help(void **state)
{
	struct outcome outcome = finish(start(NULL, (const char *const[]){NULL}));

	(void)state;
	assert_int_equal(outcome.status, 0);
	assert_non_null(strstr(outcome.out, "Example"));
	release(&outcome);
}

static void test_cli__bad_words_are_refused_with_the_nearest_right_one(void **state)
{
	(void)state;
	expect_failure(RUN("rnu"), 2, "did you mean 'run'");
	expect_failure(RUN("run", "quik"), 2, "did you mean 'quick'");
	expect_failure(RUN("run", "--strategi", "x"), 2, "did you mean '--strategy'");
	expect_failure(RUN("run", "--strategy", "replace-fsnc"), 2, "did you mean 'replace-fsync'");
	expect_failure(RUN("list", "fault"), 2, "did you mean 'faults'");
	expect_failure(RUN("run", "--jobs", "many"), 2, "--jobs many");
	expect_failure(RUN("run", "--jobs", "-1"), 2, "--jobs -1");
	expect_failure(RUN("run", "--seed", "0xzz"), 2, "--seed 0xzz");
	expect_failure(RUN("run", "--time-limit", "1e99"), 2, "--time-limit 1e99");
	expect_failure(RUN("run", "--color", "alway"), 2, "did you mean 'always'");
	expect_failure(RUN("replay"), 2, "which witness");
	expect_failure(RUN("replay", "nowhere.json"), 2, "nowhere.json");
}

static void test_cli__a_glob_that_matches_nothing_selects_nothing(void **state)
{
	(void)state;
	expect_failure(RUN("run", "--strategy", "zzz*"), 4, "zzz*");
}

static void test_cli__scenario_mistakes_are_told_with_file_and_line(void **state)
{
	(void)state;
	write_file("s.ini", "txns = 2\nfalts = kill\n");
	expect_failure(RUN("run", "s.ini"), 2, "s.ini:2: there is no key 'falts'");
	write_file("s.ini", "faults = kil\n");
	expect_failure(
		RUN("run", "s.ini"), 2, "s.ini:1: there is no fault 'kil'; did you mean 'kill'");
	write_file("s.ini", "faults = kill\ntxns = 0\n");
	expect_failure(RUN("run", "s.ini"), 2, "s.ini:2: txns = 0");
	write_file("s.ini", "fiu = enable name=posix/io/rw/wriet\n");
	expect_failure(RUN("run", "s.ini"), 2, "did you mean 'posix/io/rw/write'");
	expect_failure(RUN("run", "./missing.ini"), 2, "./missing.ini");
	expect_failure(RUN("run", "/"), 2, "/");
}

static void test_cli__witnesses_that_are_none_are_refused(void **state)
{
	(void)state;
	write_file("w.json", "{}");
	expect_failure(RUN("replay", "w.json"), 2, "w.json: not a witness");
	write_file("w.json", "[1");
	expect_failure(RUN("replay", "w.json"), 2, "w.json:1");
	write_file("w.json", "{\"kind\": \"tornwrite witness\", \"schema_version\": 1}");
	expect_failure(RUN("replay", "w.json"), 2, "incomplete");
}

static void test_cli__unusable_directories_are_refused(void **state)
{
	(void)state;
	write_file("file", "mine");
	expect_failure(RUN("run", "--dir", "missing"), 2, "missing");
	expect_failure(RUN("run", "--dir", "file"), 2, "file");
	expect_failure(RUN("run", "--json", "missing/x.json"), 2, "--json missing/x.json");
	expect_failure(RUN("run", "--witness-dir", "missing/w"), 2, "--witness-dir missing/w");
}

/* ---- verdicts ---- */

static void test_cli__kill_tells_truncating_from_replacing(void **state)
{
	struct outcome outcome = RUN("run", "kill", "--json", "-", "--strategy",
		"truncate-write*,replace*,spool-rename*");
	json_t *json;

	(void)state;
	json = parse(&outcome);
	expect_verdict(json, "truncate-write", "kill", "atomicity", "violated");
	expect_verdict(json, "replace", "kill", "atomicity", "holds");
	expect_verdict(json, "spool-rename", "kill", "atomicity", "holds");
	assert_int_equal(json_integer_value(json_object_get(json, "schema_version")), 1);
	json_decref(json);
}

static void test_cli__full_disk_tells_who_destroys_the_old_data(void **state)
{
	struct outcome outcome = RUN("run", "full-disk", "--json", "-", "--strategy",
		"truncate-write*,replace*,append-crc,append-crc-fsync");
	json_t *json;

	(void)state;
	json = parse(&outcome);
	expect_verdict(json, "truncate-write", "full-disk", "durability", "violated");
	expect_verdict(json, "replace", "full-disk", "durability", "holds");
	/* The bug in the article's own snippet: a torn tail swallows the next record. */
	assert_string_equal(
		text(find_result(json, "append-crc", "enospc", "durability"), "verdict"),
		"violated");
	assert_string_equal(
		text(find_result(json, "append-crc-fsync", "enospc", "durability"), "verdict"),
		"holds");
	json_decref(json);
}

static void test_cli__a_really_full_disk_agrees_with_the_injected_one(void **state)
{
	static const char *const properties[] = {"atomicity", "consistency", "durability"};
	struct outcome outcome;
	json_t *json, *summary, *unused;
	const char *subject;

	(void)state;
	write_file("s.ini", "faults = full-disk full-disk-real\ntxns = 3\n");
	outcome = RUN("run", "s.ini", "--json", "-");
	json = parse(&outcome);
	summary = json_object_get(json, "summary");
	json_object_foreach(summary, subject, unused)
	{
		for (int i = 0; i < 3; i++) {
			json_t *played = find_result(json, subject, "full-disk", properties[i]);
			json_t *real = find_result(json, subject, "full-disk-real", properties[i]);

			if (strstr(text(real, "detail"), "skipped")) {
				print_message("skipped: %s\n", text(real, "detail"));
				json_decref(json);
				skip();
			}
			if (strcmp(text(played, "verdict"), text(real, "verdict")))
				fail_msg("%s %s: injected %s (%s), real %s (%s)", subject,
					properties[i], text(played, "verdict"),
					text(played, "detail"), text(real, "verdict"),
					text(real, "detail"));
		}
	}
	json_decref(json);
}

static void test_cli__the_same_seed_gives_the_same_report(void **state)
{
	json_t *first, *second;
	struct outcome outcome;

	(void)state;
	write_file("s.ini", "faults = kill eio\nfiu = enable_random name=posix/io/rw/*,"
			    "probability=0.1,failinfo=ENOSPC\nfiu_runs = 20\n");
	outcome = RUN("run", "s.ini", "--json", "-", "--jobs", "1", "--strategy",
		"replace,maildir,sqlite*,exchange,append-compact");
	first = parse(&outcome);
	outcome = RUN("run", "s.ini", "--json", "-", "--jobs", "2", "--strategy",
		"replace,maildir,sqlite*,exchange,append-compact");
	second = parse(&outcome);
	json_object_del(first, "timing");
	json_object_del(second, "timing");
	assert_true(json_equal(first, second));
	json_decref(first);
	json_decref(second);
}

static void test_cli__every_violation_replays(void **state)
{
	struct outcome outcome = RUN("run", "quick", "--json", "-", "--strategy",
		"truncate-write,append-crc,tree-lockfile,generation-symlink-naive,sqlite-wal");
	json_t *json, *item;
	size_t i;
	unsigned replayed = 0;

	(void)state;
	json = parse(&outcome);
	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		struct outcome replay;
		char detail[1024], *measure;

		if (strcmp(text(item, "verdict"), "violated"))
			continue;
		snprintf(detail, sizeof(detail), "%s", text(item, "detail"));
		/* One schedule does not tell in how many it is so. */
		measure = strstr(detail, "; in ");
		if (measure)
			*measure = 0;
		replay = RUN("replay", text(item, "witness"));
		if (replay.status != 1 || !strstr(replay.out, detail))
			fail_msg("%s: status %d; want in it: %s; found: %s", text(item, "witness"),
				replay.status, detail, replay.out);
		release(&replay);
		replayed++;
	}
	assert_true(replayed > 10);
	json_decref(json);
}

static void test_cli__kept_files_are_those_that_were_found(void **state)
{
	struct outcome outcome = RUN("run", "kill", "--strategy", "truncate-write", "--json", "-");
	struct stat st;

	(void)state;
	json_decref(parse(&outcome));
	outcome = RUN("replay", "witness/truncate-write-kill-atomicity.json", "--keep", "kept");
	assert_int_equal(outcome.status, 1);
	release(&outcome);
	assert_int_equal(stat("kept/doc.txt", &st), 0);
	assert_int_equal(st.st_size, 0);
	expect_failure(
		RUN("replay", "witness/truncate-write-kill-atomicity.json", "--keep", "kept"), 2,
		"exists already");
}

/* ---- exit statuses ---- */

static void test_cli__what_was_not_run_is_never_held(void **state)
{
	struct outcome outcome = RUN("run", "kill", "--strategy", "replace-fsync", "--max-states",
		"2", "--require-complete", "--json", "-");
	json_t *json;

	(void)state;
	if (outcome.status != 77)
		assert_int_equal(outcome.status, 5);
	json = parse(&outcome);
	assert_string_equal(
		text(find_result(json, "replace-fsync", "kill", "atomicity"), "verdict"),
		"unknown");
	json_decref(json);
}

static void test_cli__an_expectation_that_does_not_come_true_exits_1(void **state)
{
	struct outcome outcome;

	(void)state;
	write_file("s.ini", "faults = kill\nstrategies = truncate-write\n[expect]\n"
			    "truncate-write.kill.atomicity = holds\n");
	outcome = RUN("run", "s.ini");
	if (outcome.status == 77)
		skip();
	assert_int_equal(outcome.status, 1);
	assert_non_null(strstr(outcome.err, "expected truncate-write.kill.atomicity = holds"));
	release(&outcome);
	write_file("s.ini", "faults = kill\nstrategies = truncate-write\n[expect]\n"
			    "truncate-write.kill.atomicity = violated\n");
	outcome = RUN("run", "s.ini");
	assert_int_equal(outcome.status, 0);
	release(&outcome);
}

static void refuse_ptrace(void)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);

	if (!context || seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ptrace), 0) ||
		seccomp_load(context))
		_exit(126);
}

static void test_cli__without_ptrace_it_skips_and_says_what_to_change(void **state)
{
	const char *wish = getenv("TORNWRITE_SECCOMP");
	struct outcome outcome;

	(void)state;
	if (wish && !strcmp(wish, "0")) {
		print_message("skipped: seccomp filters cannot be used here\n");
		skip();
	}
	outcome = finish(start(
		refuse_ptrace, (const char *const[]){"run", "kill", "--strategy", "append", NULL}));
	expect_failure(outcome, 77, "ptrace");
}

static void full_output(void)
{
	dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO);
}

static void test_cli__a_report_that_cannot_be_written_is_no_success(void **state)
{
	struct outcome outcome = finish(start(
		full_output, (const char *const[]){"run", "kill", "--strategy", "append", NULL}));

	(void)state;
	if (outcome.status == 77)
		skip();
	expect_failure(outcome, 3, "standard output");
}

/* ---- leaving nothing behind ---- */

static void test_cli__files_in_dir_are_left_alone(void **state)
{
	struct outcome outcome;
	char *kept;

	(void)state;
	assert_int_equal(mkdir("work", 0700), 0);
	write_file("work/doc.txt", "the user's own");
	outcome =
		RUN("run", "kill", "--strategy", "truncate-write", "--dir", "work", "--json", "-");
	json_decref(parse(&outcome));
	assert_int_equal(count_entries("work"), 1);
	kept = read_all("work/doc.txt");
	assert_string_equal(kept, "the user's own");
	free(kept);
}

static void test_cli__an_interrupt_gives_a_partial_report_and_cleans_up(void **state)
{
	struct outcome outcome;
	pid_t pid;

	(void)state;
	assert_int_equal(mkdir("work", 0700), 0);
	write_file("work/mine", "");
	pid = start(NULL,
		(const char *const[]){"run", "nightly", "--dir", "work", "--json", "-", NULL});
	wait_for_scratch("work");
	kill(pid, SIGINT);
	outcome = finish(pid);
	if (outcome.status == 77)
		skip();
	assert_int_equal(outcome.status, 130);
	assert_int_equal(count_entries("work"), 1);
	outcome.status = 0;
	json_decref(parse(&outcome));
}

/* Whether a process works below `path`. */
static bool has_process_in(const char *path)
{
	DIR *stream = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	assert_non_null(stream);
	while ((entry = readdir(stream))) {
		char link[PATH_MAX], target[PATH_MAX];
		ssize_t size;

		if (snprintf(link, sizeof(link), "/proc/%s/cwd", entry->d_name) >=
			(int)sizeof(link))
			continue;
		size = readlink(link, target, sizeof(target) - 1);
		if (size < 0)
			continue;
		target[size] = 0;
		found |= !strncmp(target, path, strlen(path));
	}
	closedir(stream);
	return found;
}

/* Whether somebody still holds the lock of the scratch directory that begins with `prefix`. */
static bool is_locked(const char *prefix)
{
	char pattern[PATH_MAX + 32];
	glob_t found;
	bool locked = false;
	int fd;

	snprintf(pattern, sizeof(pattern), "%s*/.tornwrite-lock", prefix);
	if (glob(pattern, 0, NULL, &found))
		return false;
	fd = open(found.gl_pathv[0], O_RDWR);
	if (fd >= 0) {
		locked = flock(fd, LOCK_EX | LOCK_NB);
		close(fd);
	}
	globfree(&found);
	return locked;
}

static void test_cli__what_a_killed_run_left_is_removed_by_the_next(void **state)
{
	char path[PATH_MAX];
	struct outcome outcome;
	pid_t pid;

	(void)state;
	assert_int_equal(mkdir("work", 0700), 0);
	write_file("work/mine", "");
	assert_non_null(realpath("work", path));
	strcat(path, "/tornwrite-");
	pid = start(NULL,
		(const char *const[]){"run", "nightly", "--dir", "work", "--json", "-", NULL});
	wait_for_scratch("work");
	kill(pid, SIGKILL);
	outcome = finish(pid);
	release(&outcome);
	/* Drivers and workers die with it; the kernel needs a moment. */
	for (int i = 0; i < 10000 && has_process_in(path); i++)
		usleep(1000);
	assert_false(has_process_in(path));
	assert_int_equal(count_entries("work"), 2);
	/* A driver works elsewhere and holds the lock until it is dead. */
	for (int i = 0; i < 10000 && is_locked(path); i++)
		usleep(1000);
	outcome = RUN("run", "kill", "--strategy", "append", "--dir", "work");
	assert_int_equal(count_entries("work"), 1);
	assert_non_null(strstr(outcome.err, "left behind by a run that was killed"));
	release(&outcome);
}

static void test_cli__junit_has_a_case_for_each_result(void **state)
{
	struct outcome outcome =
		RUN("run", "kill", "--strategy", "truncate-write", "--junit", "j.xml");
	char *xml;

	(void)state;
	if (outcome.status == 77)
		skip();
	release(&outcome);
	xml = read_all("j.xml");
	assert_non_null(strstr(xml, "tests=\"8\" failures=\"0\""));
	assert_non_null(strstr(xml, "<testcase classname=\"truncate-write.kill\" "
				    "name=\"atomicity under kill\"><system-out>"));
	free(xml);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cli__no_arguments_print_a_short_help),
		TEST(test_cli__bad_words_are_refused_with_the_nearest_right_one),
		TEST(test_cli__a_glob_that_matches_nothing_selects_nothing),
		TEST(test_cli__scenario_mistakes_are_told_with_file_and_line),
		TEST(test_cli__witnesses_that_are_none_are_refused),
		TEST(test_cli__unusable_directories_are_refused),
		TEST(test_cli__kill_tells_truncating_from_replacing),
		TEST(test_cli__full_disk_tells_who_destroys_the_old_data),
		TEST(test_cli__a_really_full_disk_agrees_with_the_injected_one),
		TEST(test_cli__the_same_seed_gives_the_same_report),
		TEST(test_cli__every_violation_replays),
		TEST(test_cli__kept_files_are_those_that_were_found),
		TEST(test_cli__what_was_not_run_is_never_held),
		TEST(test_cli__an_expectation_that_does_not_come_true_exits_1),
		TEST(test_cli__without_ptrace_it_skips_and_says_what_to_change),
		TEST(test_cli__a_report_that_cannot_be_written_is_no_success),
		TEST(test_cli__files_in_dir_are_left_alone),
		TEST(test_cli__an_interrupt_gives_a_partial_report_and_cleans_up),
		TEST(test_cli__what_a_killed_run_left_is_removed_by_the_next),
		TEST(test_cli__junit_has_a_case_for_each_result),
	};

	program = getenv("TORNWRITE");
	if (!program) {
		print_message("skipped: the environment does not say where TORNWRITE is\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
