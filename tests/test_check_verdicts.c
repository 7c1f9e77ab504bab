/*
 * `tornwrite check` from outside, with programs of a few lines about which one can know what must
 * be said: what looked like `holds` and was not, and what looked like a violation and was none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77 };

static char here[] = "/tmp/tornwrite-verdicts-XXXXXX";

/* What ran last: its results, its exit status, and what it said on standard error. */
static json_t *results;
static int status;
static char said[4096];

static void put_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void read_said(void)
{
	FILE *file = fopen("said", "r");
	size_t size = file ? fread(said, 1, sizeof(said) - 1, file) : 0;

	said[size] = 0;
	if (file)
		fclose(file);
}

/* Runs `tornwrite check OPTIONS -- python3 ../program.py` where data/f.txt holds "old". */
static void check(const char *options, const char *program)
{
	char command[2048];
	json_t *report;

	json_decref(results);
	results = NULL;
	put_text("program.py", program);
	assert_int_equal(
		system("rm -rf data report.json && mkdir data && echo old >data/f.txt"), 0);
	snprintf(command, sizeof(command),
		">out 2>said timeout 100 \"$TORNWRITE\" check --dir data --progress never "
		"--witness-dir "
		"witness "
		"--json report.json %s -- python3 %s/program.py",
		options, here);
	status = WEXITSTATUS(system(command));
	read_said();
	report = json_load_file("report.json", 0, NULL);
	results = json_incref(json_object_get(report, "results"));
	json_decref(report);
}

/* The result of a fault (or of a model) and a property. */
static json_t *find_result(const char *fault, const char *property)
{
	size_t i;
	json_t *result;

	json_array_foreach(results, i, result)
	{
		const char *model = json_string_value(json_object_get(result, "model"));

		if (!strcmp(json_string_value(json_object_get(result, "property")), property) &&
			!strcmp(model ? model : json_string_value(json_object_get(result, "fault")),
				fault))
			return result;
	}
	print_message("%s\n", said);
	fail_msg("no result of %s, %s", fault, property);
	return NULL;
}

static void expect(const char *fault, const char *property, const char *verdict, const char *words)
{
	json_t *result = find_result(fault, property);
	const char *found = json_string_value(json_object_get(result, "verdict"));
	const char *detail = json_string_value(json_object_get(result, "detail"));

	if (strcmp(found, verdict) || (words && !strstr(detail ? detail : "", words)))
		fail_msg("%s, %s: %s (%s)", fault, property, found, detail ? detail : "");
}

/* ---- what a checker is told ---- */

/* Each update is a line of its own, synced before it is acknowledged. */
static const char log_program[] = "import os\n"
				  "f = os.open('f.txt', os.O_WRONLY | os.O_APPEND)\n"
				  "for k in range(1, 4):\n"
				  "    os.write(f, b'line %d\\n' % k)\n"
				  "    os.fsync(f)\n"
				  "    print('ok line', k, flush=True)\n";

static void test_check_verdicts__a_checker_sees_what_had_been_printed(void **context)
{
	(void)context;
	check("--fault kill --model posix --ack '^ok' --check 'sed -n \"s/^ok //p\" "
	      "\"$TORNWRITE_OUTPUT\" | { n=0; while read line; do n=$((n + 1)); grep -qx \"$line\" "
	      "f.txt || exit 1; done; test $n = $TORNWRITE_ACKED; }'",
		log_program);
	expect("kill", "durability", "holds", NULL);
	expect("kill", "atomicity", "holds", NULL);
	expect("posix", "durability", "holds", NULL);
	expect("posix", "atomicity", "holds", NULL);
}

/* ---- acknowledgements ---- */

/* A replacement with fsync; the directory is synced only the last time. */
static const char toggle_program[] = "import os\n"
				     "for k in range(1, 5):\n"
				     "    f = os.open('t', os.O_WRONLY | os.O_CREAT)\n"
				     "    os.write(f, b'old' if k % 2 == 0 else b'new')\n"
				     "    os.fsync(f)\n"
				     "    os.rename('t', 'f.txt')\n"
				     "    if k == 4:\n"
				     "        os.fsync(os.open('.', os.O_RDONLY))\n"
				     "    print('ok', k, flush=True)\n";

static void test_check_verdicts__a_later_state_that_looks_like_the_lost_one_excuses_nothing(
	void **context)
{
	(void)context;
	check("--fault kill --model posix --ack '^ok'", toggle_program);
	expect("posix", "durability", "violated", "lost");
	expect("kill", "durability", "holds", NULL);
}

static void test_check_verdicts__what_is_acknowledged_before_it_is_done_is_not_known(void **context)
{
	(void)context;
	check("--fault kill --model posix --ack '^ok'",
		"import os\n"
		"for k in range(1, 4):\n"
		"    print('ok', k, flush=True)\n"
		"    f = os.open('t', os.O_WRONLY | os.O_CREAT)\n"
		"    os.write(f, b'%d' % k)\n"
		"    os.fsync(f)\n"
		"    os.rename('t', 'f.txt')\n"
		"    os.fsync(os.open('.', os.O_RDONLY))\n");
	expect("kill", "durability", "unknown", "changes nothing that can be seen");
	expect("posix", "durability", "unknown", "changes nothing that can be seen");
}

static void test_check_verdicts__updates_of_modes_only_are_not_known(void **context)
{
	(void)context;
	check("--fault kill --model none --ack '^ok'", "import os\n"
						       "for k in range(1, 4):\n"
						       "    if k == 2:\n"
						       "        os.chmod('f.txt', 0o600)\n"
						       "    else:\n"
						       "        os.symlink('x', 'l%d' % k)\n"
						       "    print('ok', k, flush=True)\n");
	expect("kill", "durability", "unknown", "an update changes nothing that can be seen");
}

static void test_check_verdicts__acknowledgements_of_one_moment_are_one(void **context)
{
	(void)context;
	check("--fault kill --model none --ack '^ok'", "import os\n"
						       "os.symlink('x', 'l')\n"
						       "print('ok 1\\nok 2', flush=True)\n"
						       "os.symlink('x', 'm')\n"
						       "print('ok 3\\nok 4', flush=True)\n");
	expect("kill", "durability", "holds", NULL);
}

static void test_check_verdicts__acknowledgements_after_much_output_count(void **context)
{
	(void)context;
	check("--fault kill --model posix --ack '^ok'",
		"import os, sys\n"
		"sys.stdout.write(('x' * 99 + '\\n') * 20000)\n"
		"f = os.open('t', os.O_WRONLY | os.O_CREAT)\n"
		"os.write(f, b'new')\n"
		"os.fsync(f)\n"
		"os.rename('t', 'f.txt')\n"
		"print('ok', flush=True)\n");
	expect("posix", "durability", "violated", "lost");
	expect("kill", "durability", "holds", NULL);
}

static void test_check_verdicts__standard_output_may_be_opened_anew(void **context)
{
	(void)context;
	check("--fault kill --model posix --ack '^ok'",
		"import os\n"
		"for k in range(1, 3):\n"
		"    f = os.open('t', os.O_WRONLY | os.O_CREAT)\n"
		"    os.write(f, b'%d' % k)\n"
		"    os.fsync(f)\n"
		"    os.rename('t', 'f.txt')\n"
		"    if k == 1:\n"
		"        os.fsync(os.open('.', os.O_RDONLY))\n"
		"    with open('/dev/stdout', 'w') as out:\n"
		"        out.write('ok %d\\n' % k)\n");
	assert_non_null(strstr(said, "2 acknowledgements"));
	expect("posix", "durability", "violated", "1 of 2");
	expect("kill", "atomicity", "holds", NULL);
}

static void test_check_verdicts__who_only_prints_hangs(void **context)
{
	(void)context;
	check("--fault eio --model none --timeout 1",
		"import os\n"
		"f = os.open('f.txt', os.O_WRONLY | os.O_TRUNC)\n"
		"try:\n"
		"    os.write(f, b'new')\n"
		"except OSError:\n"
		"    while True:\n"
		"        print('failed', flush=True)\n");
	expect("eio", "consistency", "violated", "hangs");
}

/* ---- tasks ---- */

static void test_check_verdicts__who_came_first_is_not_taken_for_certain(void **context)
{
	const char *options = "--fault kill --model none --check true";

	(void)context;
	check(options, "import os, threading\n"
		       "a = threading.Thread(target=os.symlink, args=('x', 'l1'))\n"
		       "b = threading.Thread(target=os.symlink, args=('x', 'l2'))\n"
		       "a.start()\n"
		       "b.start()\n"
		       "a.join()\n"
		       "b.join()\n");
	expect("kill", "atomicity", "unknown", "other orders");
	check(options, "import os, threading\n"
		       "a = threading.Thread(target=os.symlink, args=('x', 'l1'))\n"
		       "a.start()\n"
		       "a.join()\n"
		       "os.symlink('x', 'l2')\n");
	expect("kill", "atomicity", "holds", NULL);
}

/* ---- witnesses ---- */

static void test_check_verdicts__each_witness_replays_to_its_own_words(void **context)
{
	(void)context;
	assert_int_equal(system("rm -rf witness"), 0);
	check("--fault kill --model posix,ext4 --ack '^ok'",
		"import os\n"
		"os.mkdir('d')\n"
		"os.symlink('x', 'd/l')\n"
		"f = os.open('t', os.O_WRONLY | os.O_CREAT)\n"
		"os.write(f, b'n' * 6000)\n"
		"os.rename('t', 'f.txt')\n"
		"print('ok 1', flush=True)\n"
		"os.link('f.txt', 'g')\n"
		"os.unlink('d/l')\n"
		"os.rmdir('d')\n"
		"print('ok 2', flush=True)\n");
	expect("posix", "durability", "violated", NULL);
	put_text("replay.py",
		"import glob, json, os, subprocess\n"
		"witnesses = glob.glob('witness/*.json')\n"
		"assert len(witnesses) > 9\n"
		"for path in witnesses:\n"
		"    detail = json.load(open(path))['detail'].split(': ', 1)[1]\n"
		"    run = subprocess.run([os.environ['TORNWRITE'], 'replay', path],\n"
		"        capture_output=True, text=True)\n"
		"    assert run.returncode == 1 and detail in run.stdout, detail + run.stdout\n");
	assert_int_equal(system("timeout 200 python3 replay.py"), 0);
}

/* ---- shared mappings ---- */

static void test_check_verdicts__what_was_stored_before_an_acknowledgement_survives_a_kill(
	void **context)
{
	(void)context;
	check("--fault kill --model posix --ack '^ok' --check 'test $TORNWRITE_ACKED = 0 || grep "
	      "-q "
	      "new f.txt'",
		"import mmap, os\n"
		"m = mmap.mmap(os.open('f.txt', os.O_RDWR), 4)\n"
		"m[0:3] = b'new'\n"
		"print('ok', flush=True)\n"
		"os.symlink('x', 'l')\n");
	expect("kill", "durability", "unknown", "shared mapping");
	expect("posix", "durability", "violated", "store");
}

static void test_check_verdicts__the_exit_acknowledges_what_was_stored(void **context)
{
	(void)context;
	check("--fault kill --model posix", "import mmap, os\n"
					    "m = mmap.mmap(os.open('f.txt', os.O_RDWR), 4)\n"
					    "m[0:3] = b'new'\n"
					    "os._exit(0)\n");
	expect("posix", "durability", "violated", "lost");
}

static void test_check_verdicts__what_is_stored_and_taken_back_is_not_known(void **context)
{
	(void)context;
	check("--fault kill --model none", "import mmap, os\n"
					   "m = mmap.mmap(os.open('f.txt', os.O_RDWR), 4)\n"
					   "m[0:3] = b'BAD'\n"
					   "m[0:3] = b'old'\n"
					   "os.symlink('x', 'l')\n");
	expect("kill", "atomicity", "unknown", "shared mapping");
}

/* ---- chance ---- */

static void test_check_verdicts__an_update_under_another_name_is_not_lost(void **context)
{
	(void)context;
	check("--fault eio --model none",
		"import os, time, uuid\n"
		"def put():\n"
		"    name = 'm-%s-%d' % (uuid.uuid4().hex[:8], time.time() * 1e6)\n"
		"    f = os.open(name + '.tmp', os.O_WRONLY | os.O_CREAT | os.O_EXCL)\n"
		"    os.write(f, b'hello')\n"
		"    os.rename(name + '.tmp', name)\n"
		"for k in range(3):\n"
		"    try:\n"
		"        put()\n"
		"        break\n"
		"    except OSError:\n"
		"        if k == 2:\n"
		"            raise\n");
	expect("eio", "durability", "unknown", "chance");
	check("--fault eio --model none", "import os, time\n"
					  "open('t%d' % time.time_ns(), 'w').close()\n"
					  "try:\n"
					  "    f = os.open('f.txt', os.O_WRONLY | os.O_TRUNC)\n"
					  "    os.write(f, b'new')\n"
					  "except OSError:\n"
					  "    pass\n");
	expect("eio", "atomicity", "violated", "f.txt is empty");
}

/* ---- several at once ---- */

static void check_several(const char *options, const char *script)
{
	char both[2048];

	snprintf(both, sizeof(both), "--fault none --model none --workers 2 %s -- sh -c '%s' #",
		options, script);
	check(both, "");
}

static void test_check_verdicts__copies_may_acknowledge_several_updates(void **context)
{
	(void)context;
	check_several("--ack ^ok", "for i in 1 2; do echo x >>f.txt; echo ok; done");
	expect("concurrent", "isolation", "holds", NULL);
}

static void test_check_verdicts__copies_may_come_in_any_order(void **context)
{
	(void)context;
	check_several("", "echo $$ >>f.txt");
	expect("concurrent", "isolation", "holds", NULL);
	check_several("--ack ^ok", "for i in 1 2; do echo $$ >>f.txt; echo ok; done");
	expect("concurrent", "isolation", "unknown", "order");
}

static void test_check_verdicts__a_checker_of_copies_sees_what_all_have_printed(void **context)
{
	(void)context;
	check_several(
		"--ack ^ok --check 'grep -c ok \"$TORNWRITE_OUTPUT\" >n; read n <n; test $n = "
		"$TORNWRITE_ACKED'",
		"echo x >>f.txt; echo ok");
	expect("concurrent", "isolation", "holds", NULL);
	check_several("--ack ^ok --check 'while read ok id; do grep -q $id f.txt || exit 1; done "
		      "<\"$TORNWRITE_OUTPUT\"'",
		"read d <f.txt; echo \"$d $$\" >f.txt; echo ok $$");
	expect("concurrent", "isolation", "violated", "lost");
}

static void test_check_verdicts__who_waits_for_a_lock_elsewhere_does_not_hang(void **context)
{
	(void)context;
	check_several("--timeout 1 --time-limit 5", "exec 9</etc/passwd; flock 9; echo x >>f.txt");
	expect("concurrent", "consistency", "unknown", NULL);
	expect("concurrent", "isolation", "unknown", NULL);
}

/* ---- what cannot be judged ---- */

static void test_check_verdicts__output_that_is_no_text_is_told_all_the_same(void **context)
{
	(void)context;
	check("--fault kill --model none", "import os\n"
					   "os.write(1, b'\\xff\\xfe broken\\n')\n"
					   "os._exit(1)\n");
	assert_int_equal(status, 2);
	assert_non_null(strstr(said, "?? broken"));
}

/* ---- everything ---- */

static int enter(void **context)
{
	(void)context;
	return !mkdtemp(here) || chdir(here);
}

static int leave(void **context)
{
	char command[64];

	(void)context;
	json_decref(results);
	snprintf(command, sizeof(command), "rm -rf %s", here);
	return chdir("/") || system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_verdicts__a_checker_sees_what_had_been_printed),
		cmocka_unit_test(
			test_check_verdicts__a_later_state_that_looks_like_the_lost_one_excuses_nothing),
		cmocka_unit_test(
			test_check_verdicts__what_is_acknowledged_before_it_is_done_is_not_known),
		cmocka_unit_test(test_check_verdicts__updates_of_modes_only_are_not_known),
		cmocka_unit_test(test_check_verdicts__acknowledgements_of_one_moment_are_one),
		cmocka_unit_test(test_check_verdicts__acknowledgements_after_much_output_count),
		cmocka_unit_test(test_check_verdicts__standard_output_may_be_opened_anew),
		cmocka_unit_test(test_check_verdicts__who_only_prints_hangs),
		cmocka_unit_test(test_check_verdicts__who_came_first_is_not_taken_for_certain),
		cmocka_unit_test(test_check_verdicts__each_witness_replays_to_its_own_words),
		cmocka_unit_test(
			test_check_verdicts__what_was_stored_before_an_acknowledgement_survives_a_kill),
		cmocka_unit_test(test_check_verdicts__the_exit_acknowledges_what_was_stored),
		cmocka_unit_test(test_check_verdicts__what_is_stored_and_taken_back_is_not_known),
		cmocka_unit_test(test_check_verdicts__an_update_under_another_name_is_not_lost),
		cmocka_unit_test(test_check_verdicts__copies_may_acknowledge_several_updates),
		cmocka_unit_test(test_check_verdicts__copies_may_come_in_any_order),
		cmocka_unit_test(
			test_check_verdicts__a_checker_of_copies_sees_what_all_have_printed),
		cmocka_unit_test(test_check_verdicts__who_waits_for_a_lock_elsewhere_does_not_hang),
		cmocka_unit_test(test_check_verdicts__output_that_is_no_text_is_told_all_the_same),
	};

	if (system("python3 -c pass 2>/dev/null"))
		return SKIPPED;
	return cmocka_run_group_tests(tests, enter, leave);
}
