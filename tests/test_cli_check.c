/* End to end: `tornwrite check` as somebody types it who has a program, and has not read the
 * source. Little programs are written as a user would; only the stages that matter are played out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <glob.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "tests/cli.h"
#include "tests/scratch.h"

/* ---- typing ---- */

/* In the child: quiet, and the small files where the test can see them. */
#define CHECK(...) RUN("check", "--progress", "never", "--scratch", "small", __VA_ARGS__)
#define CHECK_JSON(...) parse_check(CHECK("--json", "-", __VA_ARGS__))
#define KILL_ONLY "--fault", "kill", "--model", "none"
#define SH(text) "--", "sh", "-c", text

static json_t *parse_check(struct outcome outcome)
{
	if (outcome.status != 0 && outcome.status != 1 && outcome.status != 77)
		fail_msg("status %d: %s", outcome.status, outcome.err);
	return parse(&outcome);
}

static void write_script(const char *path, const char *script)
{
	write_file(path, script);
	assert_int_equal(chmod(path, 0755), 0);
}

static char *say(const char *command)
{
	static char said[65536];
	FILE *stream = popen(command, "r");
	size_t got;

	assert_non_null(stream);
	got = fread(said, 1, sizeof(said) - 1, stream);
	said[got] = 0;
	pclose(stream);
	return said;
}

static void shell(const char *command)
{
	if (system(command))
		fail_msg("failed: %s", command);
}

static bool has_program(const char *name)
{
	char command[128];

	snprintf(command, sizeof(command), "command -v %s >/dev/null", name);
	return !system(command);
}

static void need(const char *name)
{
	if (has_program(name))
		return;
	print_message("skipped: %s is not installed\n", name);
	skip();
}

/* A directory with a file in it, as in the examples. */
static int begin(void **state)
{
	if (scratch_enter(state))
		return -1;
	return mkdir("data", 0755) || mkdir("small", 0755) ||
	       system("printf 'old contents\\n' >data/f.txt; echo other >data/other");
}

/* ---- what was found ---- */

static json_t *find(json_t *json, const char *fault, const char *model, const char *property)
{
	json_t *item, *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		if (!is(item, "fault", fault) || !is(item, "model", model) ||
			!is(item, "property", property))
			continue;
		if (found)
			fail_msg("two results for %s %s %s", fault, model, property);
		found = item;
	}
	if (!found)
		fail_msg("no result for %s %s %s", fault, model, property);
	return found;
}

/* Whether a cause of the result says so. */
static bool has_cause(json_t *result, const char *words)
{
	json_t *cause;
	size_t i;

	json_array_foreach(json_object_get(result, "causes"), i, cause)
	{
		if (strstr(text(cause, "detail"), words))
			return true;
	}
	return false;
}

/* Whether the program said that it was done, and was not, in some run. */
static bool is_honest(json_t *json, const char *fault)
{
	static const char *const properties[] = {"atomicity", "consistency", "durability"};
	json_t *cause;
	size_t i;

	for (int p = 0; p < 3; p++) {
		json_array_foreach(
			json_object_get(find(json, fault, "", properties[p]), "causes"), i, cause)
		{
			if (json_is_false(json_object_get(cause, "honest")))
				return false;
		}
	}
	return true;
}

static void expect(json_t *json, const char *fault, const char *model, const char *property,
	const char *verdict, const char *words)
{
	json_t *result = find(json, fault, model, property);

	if (!is(result, "verdict", verdict))
		fail_msg("%s %s %s is %s, want %s: %s", fault, model, property,
			text(result, "verdict"), verdict, text(result, "detail"));
	if (words && !strstr(text(result, "detail"), words) && !has_cause(result, words))
		fail_msg("%s %s %s: want '%s' in: %s", fault, model, property, words,
			json_dumps(result, JSON_INDENT(1)));
}

/* ---- programs that are told apart ---- */

static const char naive[] = "#!/usr/bin/python3\n"
			    "with open('data/f.txt', 'w') as f:\n"
			    "    f.write('new contents\\n')\n";

static const char synced[] = "#!/usr/bin/python3\n"
			     "import os, sys\n"
			     "with open('data/f.tmp', 'w') as f:\n"
			     "    f.write('new contents\\n')\n"
			     "    f.flush()\n"
			     "    os.fsync(f.fileno())\n"
			     "os.replace('data/f.tmp', 'data/f.txt')\n"
			     "if len(sys.argv) > 1:\n"
			     "    fd = os.open('data', os.O_RDONLY)\n"
			     "    os.fsync(fd)\n";

static void test_cli_check__a_naive_rewrite_is_torn_by_a_kill(void **state)
{
	json_t *json;

	(void)state;
	need("/usr/bin/python3");
	write_script("rewrite", naive);
	json = CHECK_JSON("--dir", "data", "--model", "posix,ext4", "--fault", "kill,eio", "--",
		"./rewrite", "data");
	expect(json, "kill", "", "atomicity", "violated",
		"killed after open #1 (f.txt): f.txt is empty");
	expect(json, "kill", "", "durability", "holds", NULL);
	expect(json, "kill", "", "consistency", "holds", NULL);
	expect(json, "power", "ext4", "atomicity", "violated", "f.txt is empty");
	expect(json, "power", "ext4", "durability", "violated", "f.txt is old");
	expect(json, "eio", "", "atomicity", "violated", "f.txt is empty");
	json_decref(json);
}

static void test_cli_check__sed_in_place_is_not_durable(void **state)
{
	json_t *json;

	(void)state;
	json = CHECK_JSON(
		"--dir", "data", "--model", "posix,ext4", SH("sed -i s/old/new/ data/f.txt"));
	expect(json, "kill", "", "atomicity", "holds", NULL);
	expect(json, "kill", "", "durability", "holds", NULL);
	expect(json, "power", "ext4", "atomicity", "holds", NULL);
	expect(json, "power", "ext4", "durability", "violated", "rename #1 is lost");
	expect(json, "power", "posix", "atomicity", "violated", "f.txt is empty");
	expect(json, "power", "posix", "durability", "violated", "f.txt is old");
	expect(json, "enospc", "", "atomicity", "holds", NULL);
	assert_true(is_honest(json, "eio"));
	json_decref(json);
}

static void test_cli_check__without_a_sync_of_the_directory_only_durability_is_lost(void **state)
{
	json_t *json;

	(void)state;
	need("/usr/bin/python3");
	write_script("rewrite", synced);
	json = CHECK_JSON(
		"--dir", "data", "--cwd", ".", "--model", "posix,ext4", "--", "./rewrite");
	for (int i = 0; i < 2; i++) {
		const char *model = i ? "posix" : "ext4";

		expect(json, "power", model, "atomicity", "holds", NULL);
		expect(json, "power", model, "durability", "violated",
			"rename #1 is lost: the acknowledged update is lost: f.txt is old");
	}
	expect(json, "kill", "", "atomicity", "holds", NULL);
	assert_true(is_honest(json, "eio"));
	json_decref(json);
}

static void test_cli_check__a_synced_replacement_holds(void **state)
{
	struct outcome outcome;
	json_t *json, *item;
	size_t i, held = 0;

	(void)state;
	need("/usr/bin/python3");
	write_script("rewrite", synced);
	outcome = CHECK("--dir", "data", "--cwd", ".", "--model", "posix,ext4", "--json", "-", "--",
		"./rewrite", "well");
	assert_int_equal(outcome.status, 0);
	json = parse(&outcome);
	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		const char *verdict = text(item, "verdict");

		held += !strcmp(verdict, "holds");
		if (strcmp(verdict, "holds") && strcmp(verdict, "not-tested"))
			fail_msg("%s %s %s is %s", text(item, "fault"), text(item, "model"),
				text(item, "property"), verdict);
	}
	assert_true(held >= 8 * 3);
	json_decref(json);
}

/* ---- checkers ---- */

static const char load_program[] = "#!/usr/bin/python3\n"
				   "for i in range(1, 4):\n"
				   "    with open('log', 'a') as f:\n"
				   "        f.write('%d\\n' % i)\n"
				   "    print('ok', i, flush=True)\n";

static const char verify[] =
	"#!/usr/bin/python3\n"
	"import os, sys\n"
	"acked = int(os.environ['TORNWRITE_ACKED'])\n"
	"printed = open(os.environ['TORNWRITE_OUTPUT']).read().splitlines()\n"
	"if len(printed) < acked: sys.exit('printed only %d of %d' % (len(printed), acked))\n"
	"got = open('log').read() if os.path.exists('log') else ''\n"
	"if got and got[-1] != '\\n': sys.exit('torn: %r' % got)\n"
	"lines = got.split('\\n')[:-1]\n"
	"if lines != [str(n + 1) for n in range(len(lines))]: sys.exit('wrong: %r' % got)\n"
	"if len(lines) < acked: sys.exit('only %d lines' % len(lines))\n";

static void expect_of_load(json_t *json)
{
	expect(json, "kill", "", "atomicity", "holds", NULL);
	expect(json, "kill", "", "durability", "holds", NULL);
	expect(json, "power", "posix", "atomicity", "violated", "the checker says: torn");
	expect(json, "power", "posix", "durability", "violated",
		"3 of 3 acknowledged updates are lost");
	expect(json, "power", "ext4", "durability", "violated",
		"1 of 3 acknowledged updates is lost: only 2 lines");
	assert_true(is_honest(json, "eio"));
}

#define LOAD                                                                                       \
	"--dir", "db", "--ack", "^ok [0-9]+$", "--model", "posix,ext4", "--fault", "kill,eio",     \
		"--check", "./verify.py", "--", "./load"

static void test_cli_check__a_checker_and_a_program_beside_the_directory_are_found(void **state)
{
	json_t *json;

	(void)state;
	need("/usr/bin/python3");
	mkdir("db", 0755);
	write_script("load", load_program);
	write_script("verify.py", verify);
	json = CHECK_JSON(LOAD);
	expect_of_load(json);
	json_decref(json);
	assert_int_equal(count_entries("db"), 0);
}

static void test_cli_check__a_checker_and_a_program_in_the_directory_are_found(void **state)
{
	json_t *json;

	(void)state;
	need("/usr/bin/python3");
	mkdir("db", 0755);
	write_script("db/load", load_program);
	write_script("db/verify.py", verify);
	json = CHECK_JSON(LOAD);
	expect_of_load(json);
	json_decref(json);
	assert_int_equal(count_entries("db"), 2);
}

static void test_cli_check__a_checker_that_stays_alive_finds_the_same(void **state)
{
	json_t *json;

	(void)state;
	need("/usr/bin/python3");
	mkdir("db", 0755);
	write_script("load", load_program);
	write_script("verify.py",
		"#!/usr/bin/python3\n"
		"import os, sys\n"
		"for line in sys.stdin:\n"
		"    acked, where, printed = line.rstrip('\\n').split('\\t')\n"
		"    path = os.path.join(where, 'log')\n"
		"    got = open(path).read() if os.path.exists(path) else ''\n"
		"    lines = got.split('\\n')[:-1]\n"
		"    if got and got[-1] != '\\n': print('torn: %r' % got, flush=True)\n"
		"    elif lines != [str(n + 1) for n in range(len(lines))]: print('wrong', "
		"flush=True)\n"
		"    elif len(lines) < int(acked): print('only %d lines' % len(lines), "
		"flush=True)\n"
		"    else: print('ok', flush=True)\n");
	json = CHECK_JSON("--dir", "db", "--ack", "^ok [0-9]+$", "--model", "posix,ext4", "--fault",
		"kill,eio", "--check-server", "./verify.py", "--", "./load");
	expect_of_load(json);
	json_decref(json);
}

static void test_cli_check__git_commit_is_judged_by_its_own_checker(void **state)
{
	json_t *json;

	(void)state;
	need("git");
	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	shell("git init -q repo && cd repo && git config user.name a && git config user.email a@b "
	      "&& "
	      "echo 1 >f && git add f && git commit -q -m 1 && echo 2 >f && git add f");
	write_script("fsck.sh", "#!/bin/sh\nexec git fsck --strict\n");
	json = CHECK_JSON("--dir", "repo", "--check", "./fsck.sh", KILL_ONLY, "--", "git", "commit",
		"-m", "x");
	expect(json, "kill", "", "atomicity", "holds", NULL);
	json_decref(json);
	json = CHECK_JSON("--dir", "repo", "--check", "./fsck.sh", "--fault", "none", "--model",
		"posix", "--max-states", "150", "--", "git", "commit", "-m", "x");
	expect(json, "power", "posix", "atomicity", "violated", "the checker says:");
	expect(json, "power", "posix", "consistency", "unknown", "--max-states reached");
	json_decref(json);
	assert_string_equal(say("git -C repo status --short"), "M  f\n");
}

static void test_cli_check__a_wrong_checker_is_refused(void **state)
{
	(void)state;
	expect_failure(CHECK("--dir", "data", "--check", "echo no good; exit 1",
			       SH("echo new >data/f.txt")),
		2,
		"the checker rejects the state before the command, without any crash: the checker "
		"says: no good");
	expect_failure(
		CHECK("--dir", "data", "--check", "grep old f.txt", SH("echo new >data/f.txt")), 2,
		"the checker rejects the state after the command, without any crash");
	expect_failure(CHECK("--dir", "data", "--check", "./no-such", SH("echo new >data/f.txt")),
		2, "no-such");
	expect_failure(CHECK("--dir", "data", "--check", "", SH("echo new >data/f.txt")), 2,
		"--check: the command is empty");
	expect_failure(CHECK("--dir", "data", "--check", "true", "--check-server", "true",
			       SH("echo new >data/f.txt")),
		2, "one of --check and --check-server");
}

static void test_cli_check__a_checker_that_hangs_is_a_finding(void **state)
{
	json_t *json;

	(void)state;
	json = CHECK_JSON("--dir", "data", KILL_ONLY, "--check-timeout", "1", "--check",
		"test -s f.txt || sleep 1000", SH("echo new >data/f.txt"));
	expect(json, "kill", "", "consistency", "violated", "the checker hangs");
	expect(json, "kill", "", "durability", "holds", NULL);
	json_decref(json);
}

/* ---- what counts ---- */

static void test_cli_check__ignored_files_do_not_count(void **state)
{
	json_t *json;

	(void)state;
	json = CHECK_JSON("--dir", "data", KILL_ONLY, "--ignore", "*.txt",
		SH("echo new >data/f.txt; echo new >data/new"));
	expect(json, "kill", "", "atomicity", "violated", "new");
	assert_false(has_cause(find(json, "kill", "", "atomicity"), "f.txt is"));
	json_decref(json);
	json = CHECK_JSON(
		"--dir", "data", KILL_ONLY, SH("echo new >data/f.txt; echo new >data/new"));
	assert_true(has_cause(find(json, "kill", "", "atomicity"), "f.txt is empty"));
	json_decref(json);
}

static void test_cli_check__success_without_the_update_is_not_honest(void **state)
{
	json_t *json;

	(void)state;
	json = CHECK_JSON("--dir", "data", "--fault", "eio,enospc", "--model", "none",
		SH("echo new >data/f.txt; exit 0"));
	expect(json, "eio", "", "atomicity", "violated",
		"and the exit status is 0: f.txt is empty");
	assert_false(is_honest(json, "eio"));
	assert_false(is_honest(json, "enospc"));
	json_decref(json);
	json = CHECK_JSON("--dir", "data", "--fault", "eio,enospc", "--model", "none",
		SH("echo new >data/f.txt"));
	assert_true(is_honest(json, "eio"));
	assert_true(is_honest(json, "enospc"));
	json_decref(json);
}

#define COUNT_UP                                                                                   \
	"--dir", "data", "--fault", "none", "--model", "none", "--workers", "2", "--setup",        \
		"echo 0 >n", "--check", "test $(cat n) -ge $TORNWRITE_ACKED", "--", "./count"

static void write_counter(void)
{
	write_script("count", "#!/usr/bin/python3 -S\n"
			      "import os, sys\n"
			      "os.chdir(sys.argv[1])\n"
			      "n = int(open('n').read())\n"
			      "new = 'n.%d' % os.getpid()\n"
			      "with open(new, 'w') as f: f.write(str(n + 1))\n"
			      "os.rename(new, 'n')\n");
}

static void test_cli_check__an_update_lost_between_two_is_found(void **state)
{
	struct outcome outcome;
	json_t *json;

	(void)state;
	need("/usr/bin/python3");
	write_counter();
	json = CHECK_JSON(COUNT_UP, "data");
	expect(json, "concurrent", "", "isolation", "violated", NULL);
	json_decref(json);
	/* As it is done in scripts: who took the lock is gone when the shell goes on. */
	need("flock");
	outcome = CHECK("--dir", "data", "--fault", "none", "--model", "none", "--workers", "2",
		"--setup", "printf '' >n", "--check", "test $(wc -c <n) -ge $TORNWRITE_ACKED",
		SH("cd data; exec 9>>lock; flock 9; printf '%sx' \"$(cat n)\" >n.$$; mv n.$$ n"));
	assert_int_equal(outcome.status, 0);
	assert_has(outcome.out, "all ");
	assert_has(outcome.out, " kinds of schedules");
	release(&outcome);
}

static void test_cli_check__what_differs_from_run_to_run_is_said(void **state)
{
	struct outcome outcome = CHECK("--dir", "data", "--fault", "eio", "--model", "none",
		"--json", "json", SH("cat /proc/sys/kernel/random/uuid >data/f.txt"));
	json_t *json;

	(void)state;
	assert_has(outcome.err, "f.txt");
	assert_has(outcome.err, "note: ");
	release(&outcome);
	json = json_load_file("json", 0, NULL);
	assert_non_null(json);
	assert_false(is(find(json, "eio", "", "atomicity"), "verdict", "holds"));
	assert_false(is(find(json, "eio", "", "durability"), "verdict", "holds"));
	json_decref(json);

	outcome = CHECK("--dir", "data", "--fault", "eintr", "--model", "none", "--json", "json",
		SH("read u </proc/sys/kernel/random/uuid; echo new >data/$u"));
	release(&outcome);
	json = json_load_file("json", 0, NULL);
	assert_non_null(json);
	assert_false(is(find(json, "eintr", "", "durability"), "verdict", "holds"));
	json_decref(json);
}

/* ---- results ---- */

static void test_cli_check__each_question_has_one_answer(void **state)
{
	static const char *const keys[] = {"fault", "model", "property"};
	json_t *json, *results, *item, *cause;
	size_t i, c, causes = 0;

	(void)state;
	json = CHECK_JSON("--dir", "data", "--model", "posix,ext4", SH("echo new >data/f.txt"));
	results = json_object_get(json, "results");
	assert_int_equal(json_integer_value(json_object_get(json, "schema_version")), 1);
	json_array_foreach(results, i, item)
	{
		bool is_violated = is(item, "verdict", "violated");

		for (size_t k = 0; k < i; k++) {
			json_t *other = json_array_get(results, k);
			int same = 0;

			for (int key = 0; key < 3; key++)
				same += json_equal(json_object_get(item, keys[key]),
					json_object_get(other, keys[key]));
			assert_true(same < 3);
		}
		assert_int_equal(is_violated, json_array_size(json_object_get(item, "causes")) > 0);
		if (!is(item, "verdict", "holds"))
			assert_true(*text(item, "detail") != 0);
		json_array_foreach(json_object_get(item, "causes"), c, cause)
		{
			causes++;
			assert_true(*text(cause, "detail") != 0);
			assert_true(json_integer_value(json_object_get(cause, "count")) > 0);
			assert_int_equal(access(text(cause, "witness"), R_OK), 0);
		}
	}
	assert_true(causes > 8);
	json_decref(json);
}

static unsigned count_verdicts(json_t *json, const char *verdict)
{
	unsigned count = 0;
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(json, "results"), i, item) count +=
		is(item, "verdict", verdict);
	return count;
}

static void test_cli_check__what_was_not_played_out_is_unknown(void **state)
{
	struct outcome outcome;
	json_t *json;

	(void)state;
	json = CHECK_JSON("--dir", "data", "--model", "posix", "--max-states", "1",
		SH("sed -i s/old/new/ data/f.txt"));
	assert_int_equal(count_verdicts(json, "holds"), 0);
	assert_true(count_verdicts(json, "unknown") > 10);
	json_decref(json);
	/* The checker alone takes longer. */
	json = CHECK_JSON("--dir", "data", "--model", "posix", "--fault", "kill", "--time-limit",
		"1", "--check", "sleep 0.6", SH("sed -i s/old/new/ data/f.txt"));
	assert_int_equal(count_verdicts(json, "holds"), 0);
	assert_true(count_verdicts(json, "unknown") >= 2);
	json_decref(json);
	outcome = CHECK("--dir", "data", KILL_ONLY, "--max-states", "1", "--require-complete",
		SH("sed -i s/old/new/ data/f.txt"));
	assert_int_equal(outcome.status, 5);
	release(&outcome);
	outcome = CHECK("--dir", "data", KILL_ONLY, "--require-complete",
		SH("sed -i s/old/new/ data/f.txt"));
	assert_int_equal(outcome.status, 0);
	release(&outcome);
}

/* ---- replay ---- */

static void replay_each(json_t *json, const char *fault, const char *model)
{
	unsigned replayed = 0;
	json_t *item, *cause;
	size_t i, c;

	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		if (!is(item, "fault", fault) || !is(item, "model", model))
			continue;
		json_array_foreach(json_object_get(item, "causes"), c, cause)
		{
			struct outcome outcome = RUN("replay", text(cause, "witness"));
			char words[64];

			snprintf(words, sizeof(words), "%s violated", text(item, "property"));
			if (outcome.status != 1 || !strstr(outcome.out, words))
				fail_msg("%s: status %d, want '%s' in: %s%s",
					text(cause, "witness"), outcome.status, words, outcome.out,
					outcome.err);
			replayed++;
			release(&outcome);
		}
	}
	if (!replayed)
		fail_msg("%s %s has no witness", fault, model);
}

static void test_cli_check__each_witness_shows_its_violation_again(void **state)
{
	json_t *json;

	(void)state;
	json = CHECK_JSON("--dir", "data", "--fault", "kill,eio,enospc,full-disk", "--model",
		"posix,ext4", SH("cat data/other data/other >data/f.txt"));
	replay_each(json, "kill", "");
	replay_each(json, "power", "posix");
	replay_each(json, "power", "ext4");
	replay_each(json, "eio", "");
	replay_each(json, "enospc", "");
	replay_each(json, "full-disk", "");
	json_decref(json);
	need("/usr/bin/python3");
	write_counter();
	json = CHECK_JSON(COUNT_UP, "data");
	replay_each(json, "concurrent", "");
	json_decref(json);
}

static void test_cli_check__a_replay_keeps_the_files(void **state)
{
	struct outcome outcome;
	struct stat st;

	(void)state;
	outcome = CHECK("--dir", "data", KILL_ONLY, SH("echo new >data/f.txt"));
	assert_int_equal(outcome.status, 1);
	release(&outcome);
	outcome = RUN("replay", "--keep", "kept", "witness/sh-kill-atomicity.json");
	assert_int_equal(outcome.status, 1);
	assert_has(outcome.out, "f.txt is empty");
	release(&outcome);
	assert_int_equal(stat("kept/f.txt", &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_string_equal(say("cat kept/other data/f.txt"), "other\nold contents\n");
}

/* ---- the user's own files ---- */

/* Everything about them that somebody could notice. */
static char *describe(void)
{
	return strdup(
		say("find data -printf '%P %y %m %u %s %i %T@ %C@ %l\\n' | sort; cat data/f.txt; "
		    "wc -l </proc/self/mountinfo"));
}

static void expect_nothing_left(const char *before)
{
	char *after = describe();

	assert_string_equal(before, after);
	assert_int_equal(count_entries("small"), 0);
	free(after);
}

static void test_cli_check__the_users_files_are_not_touched(void **state)
{
	char *before;
	struct outcome outcome;

	(void)state;
	shell("ln -s f.txt data/link; mkdir data/d; touch -d 2001-01-01 data/d data/other");
	before = describe();
	outcome = CHECK("--dir", "data", "--model", "posix",
		SH("sed -i s/old/new/ data/f.txt; rm data/other; chmod 600 data/link; mv data/d "
		   "data/e"));
	assert_int_equal(outcome.status, 1);
	release(&outcome);
	expect_nothing_left(before);
	free(before);
}

/* Whether a process has this in its command line. */
static bool is_running(const char *mark)
{
	char command[256];

	snprintf(command, sizeof(command),
		"{ for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done | "
		"grep -q -- '[%c]%s'; } 2>/dev/null",
		mark[0], mark + 1);
	return !system(command);
}

static void interrupt(int number, const char *const *arguments, const char *mark, int status)
{
	char *before = describe();
	struct outcome outcome;
	pid_t pid = start(NULL, arguments);

	for (int i = 0; i < 5000 && !is_running(mark); i++)
		usleep(1000);
	kill(pid, number);
	outcome = finish(pid);
	assert_int_equal(outcome.status, status);
	release(&outcome);
	/* Whom nobody could end dies with its parent, which takes a moment. */
	for (int i = 0; i < 1000 && is_running(mark); i++)
		usleep(1000);
	assert_false(is_running(mark));
	if (number == SIGKILL)
		shell("rm -rf small/tornwrite-*");
	expect_nothing_left(before);
	free(before);
}

static void test_cli_check__who_is_interrupted_leaves_nothing(void **state)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGKILL};
	char mark[32], command[128], checker[128];
	const char *const in_command[] = {
		"check", "--scratch", "small", "--dir", "data", "--", "sh", "-c", command, NULL};
	const char *const in_checker[] = {"check", "--scratch", "small", "--dir", "data", "--check",
		checker, "--check-timeout", "100", "--", "sh", "-c", "echo new >data/f.txt", NULL};

	(void)state;
	/* Nobody else's on this machine. */
	snprintf(mark, sizeof(mark), "sleep 86400.%u", (unsigned)getpid());
	snprintf(command, sizeof(command), "echo new >data/f.txt; %s", mark);
	snprintf(checker, sizeof(checker), "test -s f.txt || %s", mark);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		interrupt(numbers[i], in_command, mark, 128 + numbers[i]);
		interrupt(numbers[i], in_checker, mark, 128 + numbers[i]);
	}
}

/* ---- bad input ---- */

static void test_cli_check__what_cannot_be_checked_is_refused(void **state)
{
	(void)state;
	expect_failure(RUN("check"), 2, "which command?");
	expect_failure(RUN("check", "--dir", "data", "--"), 2, "which command?");
	expect_failure(CHECK("--dir", "data", "--", "no-such-program", "x"), 2,
		"no-such-program: No such file or directory");
	expect_failure(CHECK("--dir", "data", "--", "./no-such"), 2, "no-such: No such file");
	expect_failure(CHECK("--dir", "data", "--", "data/f.txt"), 2, "Permission denied");
	expect_failure(CHECK("--dir", "no-such", "--", "true"), 2, "--dir no-such: No such file");
	expect_failure(CHECK("--dir", "data/f.txt", "--", "true"), 2, "Not a directory");
	expect_failure(CHECK("--dir", "data", SH("echo said; echo cried >&2; exit 3")), 2,
		"without any fault sh failed with exit status 3\n  | said\n  | cried");
	expect_failure(CHECK("--dir", "data", SH("echo x >data/f.txt; kill -SEGV $$")), 2,
		"without any fault sh died of signal 11");
	expect_failure(
		CHECK("--dir", "data", "--timeout", "1", SH("echo x >data/f.txt; sleep 1000")), 2,
		"sh hangs without any fault");
	expect_failure(
		CHECK("--dir", "data", "--setup", "echo sorry; exit 4", SH("echo x >data/f.txt")),
		2, "--setup failed with exit status 4\n  | sorry");
	expect_failure(CHECK("--dir", "data", "--ack", "(", SH("echo x >data/f.txt")), 2,
		"--ack (: no regular expression");
	expect_failure(CHECK("--dir", "data", "--fault", "oi", SH("echo x >data/f.txt")), 2,
		"there is no such fault");
	expect_failure(CHECK("--dir", "data", "--json", "no/such/json", SH("echo x >data/f.txt")),
		2, "no/such");
	expect_failure(CHECK("--dir", "data", "--fault", "none", "--model", "none", "--", "true"),
		4, "nothing is selected");
}

static void test_cli_check__who_writes_nothing_there_is_told_where_it_wrote(void **state)
{
	struct outcome outcome = CHECK("--dir", "data", SH("echo hi >elsewhere; cat data/f.txt"));
	char words[PATH_MAX + 80];

	(void)state;
	snprintf(words, sizeof(words), "it writes to %s/elsewhere", scratch_path);
	assert_has(outcome.err, words);
	assert_has(outcome.err, "changes nothing in ");
	assert_int_equal(outcome.status, 4);
	release(&outcome);
	snprintf(words, sizeof(words),
		"warning: it also writes to %s/elsewhere, which is not watched", scratch_path);
	outcome = CHECK(
		"--dir", "data", KILL_ONLY, SH("echo hi >elsewhere; sed -i s/old/new/ data/f.txt"));
	assert_has(outcome.err, words);
	assert_int_equal(outcome.status, 0);
	release(&outcome);
}

static void expect_warning(const char *command, const char *words)
{
	struct outcome outcome = CHECK("--dir", "data", KILL_ONLY, SH(command));

	if (outcome.status > 1)
		fail_msg("%s: status %d: %s", command, outcome.status, outcome.err);
	assert_has(outcome.err, words);
	release(&outcome);
}

static void test_cli_check__what_was_not_seen_or_not_allowed_is_said(void **state)
{
	(void)state;
	expect_warning("cp /bin/true data/t; chmod 4755 data/t; data/t; rm data/t; "
		       "echo x >data/f.txt",
		"warning: a set-uid program was run");
	expect_warning(
		"mkfifo data/p; echo x >data/f.txt", "warning: it makes a device, fifo or socket");
	expect_warning("echo x >data/f.txt; sleep 1000 &", "warning: sh left processes running");
	if (has_program("/usr/bin/python3"))
		expect_warning(
			"/usr/bin/python3 -c 'import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, "
			"0)'; echo x >data/f.txt",
			"warning: it wanted to trace a process");
	shell("mkfifo data/fifo");
	expect_warning("echo x >data/f.txt", "warning: left out of the copy: fifo");
}

static void test_cli_check__who_leaves_processes_behind_holds_nothing(void **state)
{
	json_t *json;

	(void)state;
	json = CHECK_JSON(
		"--dir", "data", KILL_ONLY, SH("sed -i s/old/new/ data/f.txt; sleep 1000 &"));
	assert_int_equal(count_verdicts(json, "holds"), 0);
	expect(json, "kill", "", "atomicity", "unknown", "left processes running");
	json_decref(json);
}

static void test_cli_check__a_large_directory_is_refused_unless_allowed(void **state)
{
	struct outcome outcome;

	(void)state;
	shell("head -c 3000000 /dev/zero >data/big");
	expect_failure(
		CHECK("--dir", "data", "--max-size", "1", SH("sed -i s/old/new/ data/f.txt")), 2,
		"too much; watch a smaller directory (--dir), or allow it (--max-size)");
	outcome = CHECK(
		"--dir", "data", KILL_ONLY, "--max-size", "4", SH("sed -i s/old/new/ data/f.txt"));
	assert_int_equal(outcome.status, 0);
	release(&outcome);
}

static void close_output(void)
{
	close(STDOUT_FILENO);
}

static void set_no_color(void)
{
	setenv("NO_COLOR", "1", 1);
}

static void test_cli_check__output_that_cannot_be_written_is_an_error(void **state)
{
	static const char *const arguments[] = {"check", "--scratch", "small", "--dir", "data",
		"--fault", "kill", "--model", "none", "--", "sh", "-c",
		"sed -i s/old/new/ data/f.txt", NULL};
	struct outcome outcome = finish(start(close_output, arguments));

	(void)state;
	assert_int_equal(outcome.status, 3);
	release(&outcome);
	outcome = finish(start(set_no_color, arguments));
	assert_int_equal(outcome.status, 0);
	assert_null(strchr(outcome.out, '\033'));
	release(&outcome);
}

/* ---- who has no privileges ---- */

static void become_nobody(void)
{
	if (setgid(65534) || setuid(65534))
		_exit(126);
}

static void test_cli_check__an_ordinary_user_needs_none(void **state)
{
	static const char *const arguments[] = {"check", "--progress", "never", "--dir", "data",
		"--model", "posix,ext4", "--json", "-", "--", "sh", "-c",
		"sed -i s/old/new/ data/f.txt", NULL};
	struct outcome outcome;
	json_t *json;

	(void)state;
	if (geteuid()) {
		print_message("skipped: the other tests run as an ordinary user already\n");
		skip();
	}
	shell("mkdir data/closed; chmod 700 data/closed; chmod 755 .; chown -h 65534 . data "
	      "data/f.txt");
	outcome = finish(start(become_nobody, arguments));
	assert_has(outcome.err, "left out of the copy: closed, which may not be read");
	json = parse_check(outcome);
	expect(json, "kill", "", "atomicity", "holds", NULL);
	expect(json, "power", "ext4", "durability", "violated", "rename #1 is lost");
	expect(json, "power", "posix", "atomicity", "violated", "f.txt is empty");
	json_decref(json);
	assert_string_equal(say("cat data/f.txt"), "old contents\n");
}

#define CHECK_TEST(name)                                                                           \
	cmocka_unit_test_setup_teardown(test_cli_check__##name, begin, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHECK_TEST(a_naive_rewrite_is_torn_by_a_kill),
		CHECK_TEST(sed_in_place_is_not_durable),
		CHECK_TEST(without_a_sync_of_the_directory_only_durability_is_lost),
		CHECK_TEST(a_synced_replacement_holds),
		CHECK_TEST(a_checker_and_a_program_beside_the_directory_are_found),
		CHECK_TEST(a_checker_and_a_program_in_the_directory_are_found),
		CHECK_TEST(a_checker_that_stays_alive_finds_the_same),
		CHECK_TEST(git_commit_is_judged_by_its_own_checker),
		CHECK_TEST(a_wrong_checker_is_refused),
		CHECK_TEST(a_checker_that_hangs_is_a_finding),
		CHECK_TEST(ignored_files_do_not_count),
		CHECK_TEST(success_without_the_update_is_not_honest),
		CHECK_TEST(an_update_lost_between_two_is_found),
		CHECK_TEST(what_differs_from_run_to_run_is_said),
		CHECK_TEST(each_question_has_one_answer),
		CHECK_TEST(what_was_not_played_out_is_unknown),
		CHECK_TEST(each_witness_shows_its_violation_again),
		CHECK_TEST(a_replay_keeps_the_files),
		CHECK_TEST(the_users_files_are_not_touched),
		CHECK_TEST(who_is_interrupted_leaves_nothing),
		CHECK_TEST(what_cannot_be_checked_is_refused),
		CHECK_TEST(who_writes_nothing_there_is_told_where_it_wrote),
		CHECK_TEST(what_was_not_seen_or_not_allowed_is_said),
		CHECK_TEST(who_leaves_processes_behind_holds_nothing),
		CHECK_TEST(a_large_directory_is_refused_unless_allowed),
		CHECK_TEST(output_that_cannot_be_written_is_an_error),
		CHECK_TEST(an_ordinary_user_needs_none),
	};

	program = getenv("TORNWRITE");
	if (!program) {
		print_message("TORNWRITE is not set: run the tests with ctest\n");
		return 1;
	}
	setenv("PATH", "/usr/bin:/bin:/usr/local/bin:/usr/sbin:/sbin", 1);
	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
