/* End to end: power cuts as a user has them played out, reads about them and replays them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <ctype.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "tests/cli.h"
#include "tests/scratch.h"

static json_t *find_result(json_t *json, const char *fault, const char *model, const char *property)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		if (is(item, "fault", fault) && is(item, "model", model) &&
			is(item, "property", property))
			return item;
	}
	fail_msg("no result for %s, %s, %s", fault, model, property);
	return NULL;
}

static json_int_t evidence(json_t *result, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(result, "evidence"), key));
}

/* ---- results ---- */

static void check_evidence(json_t *result)
{
	bool is_power = *text(result, "model");
	bool is_run = !is(result, "verdict", "not-tested");
	double sets = json_real_value(json_object_get(json_object_get(result, "evidence"), "sets"));

	assert_string_equal(text(json_object_get(result, "evidence"), "coverage"), "exhaustive");
	if (!is_power || !is_run)
		return;
	assert_true(evidence(result, "runs") > 0);
	assert_true(evidence(result, "fired") > 0);
	assert_true(evidence(result, "states") >= evidence(result, "unique_states"));
	assert_true(evidence(result, "unique_states") > 1);
	assert_true(sets >= (double)evidence(result, "unique_states") / 2);
}

static void test_cli_power__results_are_schema_version_1(void **state)
{
	json_t *json = run_json("power-cut",
		"replace,replace-fsync-dir,append-crc-fsync,undo-journal", "posix,ext4");
	json_t *item;
	size_t i;

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(json, "schema_version")), 1);
	assert_int_equal(json_object_size(json_object_get(json, "summary")), 4);
	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		const char *fault = text(item, "fault"), *model = text(item, "model");
		bool is_violated = is(item, "verdict", "violated");

		assert_string_equal(text(item, "scenario"), "power-cut");
		assert_int_equal(json_integer_value(json_object_get(item, "workers")), 1);
		assert_true(json_is_boolean(json_object_get(item, "claimed")));
		if (strcmp(fault, "none")) {
			assert_true(!strcmp(fault, "power") || !strcmp(fault, "recovery"));
			assert_true(!strcmp(model, "posix") || !strcmp(model, "ext4"));
		} else {
			assert_true(json_is_null(json_object_get(item, "model")));
		}
		assert_int_equal(is_violated, *text(item, "witness") != 0);
		assert_int_equal(is_violated, json_is_object(json_object_get(item, "plan")));
		if (!is(item, "verdict", "holds"))
			assert_true(strlen(text(item, "detail")) > 10);
		check_evidence(item);
	}
	json_decref(json);
}

static bool is_same_question(json_t *a, json_t *b)
{
	static const char *const keys[] = {"subject", "scenario", "fault", "model", "property"};

	for (int i = 0; i < 5; i++) {
		if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i])))
			return false;
	}
	return true;
}

static void test_cli_power__each_question_has_one_answer(void **state)
{
	json_t *json = run_json("power-cut", "replace,undo-journal", "posix,ext4,lying-disk");
	json_t *results = json_object_get(json, "results");

	(void)state;
	/* None, and power and recovery under three models. */
	assert_int_equal(json_array_size(results), 2 * (1 + 2 * 3) * 4);
	for (size_t i = 0; i < json_array_size(results); i++) {
		for (size_t k = 0; k < i; k++) {
			json_t *a = json_array_get(results, i), *b = json_array_get(results, k);

			if (is_same_question(a, b))
				fail_msg("twice: %s %s %s %s", text(a, "subject"), text(a, "fault"),
					text(a, "model"), text(a, "property"));
		}
	}
	json_decref(json);
}

static void test_cli_power__the_same_seed_gives_the_same_report(void **state)
{
	static const char strategies[] =
		"replace*,spool-*,maildir,undo-journal,lockfile-rename,exchange";
	json_t *reports[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct outcome outcome =
			RUN("run", "power-cut", "--strategy", strategies, "--model", "posix,btrfs",
				"--seed", "7", "--jobs", i ? "2" : "1", "--json", "-");

		reports[i] = parse(&outcome);
		assert_non_null(json_object_get(reports[i], "timing"));
		json_object_del(reports[i], "timing");
	}
	for (size_t i = 0; i < json_array_size(json_object_get(reports[0], "results")); i++) {
		json_t *a = json_array_get(json_object_get(reports[0], "results"), i);
		json_t *b = json_array_get(json_object_get(reports[1], "results"), i);

		if (!json_equal(a, b))
			fail_msg("%s %s %s %s: \"%s\" and \"%s\"", text(a, "subject"),
				text(a, "fault"), text(a, "model"), text(a, "property"),
				text(a, "detail"), text(b, "detail"));
	}
	assert_true(json_equal(reports[0], reports[1]));
	json_decref(reports[0]);
	json_decref(reports[1]);
}

/* ---- options ---- */

static void test_cli_power__bad_words_are_refused_with_the_nearest_right_one(void **state)
{
	(void)state;
	expect_failure(RUN("run", "power-cut", "--model", "posx"), 2,
		"--model: there is no model 'posx'; did you mean 'posix'?");
	expect_failure(RUN("run", "--model", "posix,ext5"), 2, "there is no model 'ext5'");
	expect_failure(RUN("run", "--model", "z*"), 2, "--model: no model matches 'z*'");
	expect_failure(RUN("run", "--model", ""), 2, "--model: no model is named");
	expect_failure(RUN("run", "--model", " , "), 2, "--model: no model is named");
	expect_failure(RUN("run", "--model"), 2, "requires an argument");
	expect_failure(RUN("run", "--models", "posix"), 2, "did you mean '--model'");
	expect_failure(RUN("run", "--tear", "513"), 2, "--tear 513: want 512, 4096 or none");
	expect_failure(RUN("run", "--tear", "-512"), 2, "--tear -512: want");
	expect_failure(RUN("run", "--tear", ""), 2, "--tear : want");
	expect_failure(RUN("run", "power"), 2, "did you mean 'power-cut'");
	expect_failure(RUN("list", "model"), 2, "did you mean 'models'");
}

static void test_cli_power__models_can_be_asked_of_any_scenario(void **state)
{
	json_t *json = run_json("kill", "replace-fsync-dir", "x*,posix");

	(void)state;
	assert_string_equal(text(find_result(json, "kill", "", "atomicity"), "verdict"), "holds");
	assert_string_equal(
		text(find_result(json, "power", "xfs", "durability"), "verdict"), "holds");
	assert_string_equal(
		text(find_result(json, "power", "posix", "durability"), "verdict"), "holds");
	json_decref(json);
}

static void test_cli_power__writes_tear_where_it_is_said(void **state)
{
	static const char *const words[] = {"none", "4096", "512"};
	json_int_t states[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct outcome outcome = RUN("run", "power-cut", "--strategy", "append-crc",
			"--model", "ext4", "--tear", words[i], "--json", "-");
		json_t *json = parse(&outcome);
		json_t *result = find_result(json, "power", "ext4", "durability");
		json_t *cut = json_object_get(json_object_get(result, "plan"), "cut");

		assert_int_equal(json_integer_value(json_object_get(cut, "tear")), atoi(words[i]));
		states[i] = evidence(result, "states");
		outcome = RUN("replay", text(result, "witness"));
		assert_int_equal(outcome.status, 1);
		assert_has(outcome.out, text(result, "detail"));
		release(&outcome);
		json_decref(json);
	}
	assert_true(states[0] < states[1] && states[1] < states[2]);
}

static void test_cli_power__models_are_listed(void **state)
{
	struct outcome outcome = RUN("list", "models");

	(void)state;
	assert_int_equal(outcome.status, 0);
	assert_has(outcome.out, "\n  posix                      nothing is ordered");
	assert_has(outcome.out, "\n  ext4-noauto ");
	assert_has(outcome.out, "\n  lying-disk ");
	assert_null(strstr(outcome.out, "replace-fsync"));
	release(&outcome);
}

static void test_cli_power__a_dry_run_says_which_models(void **state)
{
	struct outcome outcome = RUN("run", "power-after-fault", "kill", "--dry-run", "--model",
		"ext4*", "--strategy", "replace");

	(void)state;
	assert_int_equal(outcome.status, 0);
	assert_has(outcome.out, "power cuts under: ext4 ext4-noauto\n  and after: enospc ");
	assert_has(outcome.out, "faults: kill\n  power cuts under: ext4 ext4-noauto\n");
	release(&outcome);
	assert_int_equal(access("witness", F_OK), -1);
}

/* ---- limits ---- */

static void is_all_unknown(struct outcome *outcome)
{
	json_t *json, *item;
	size_t i;

	skip_without_ptrace(outcome);
	assert_int_equal(outcome->status, 5);
	json = parse(outcome);
	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		if (is(item, "fault", "none") || is(item, "property", "isolation") ||
			is(item, "verdict", "not-tested"))
			continue;
		assert_string_equal(text(item, "verdict"), "unknown");
		assert_string_equal(text(item, "detail"), "--max-states reached");
		assert_string_equal(text(json_object_get(item, "evidence"), "coverage"), "bounded");
		if (is(item, "fault", "power"))
			assert_int_equal(evidence(item, "states"), 10);
	}
	json_decref(json);
}

static void test_cli_power__what_was_not_run_is_never_held(void **state)
{
	struct outcome outcome =
		RUN("run", "power-cut", "--strategy", "replace-fsync-dir,undo-journal", "--model",
			"posix", "--max-states", "10", "--require-complete", "--json", "-");

	(void)state;
	is_all_unknown(&outcome);
}

/* States before the fault are not read, and count all the same. */
static void test_cli_power__nor_after_a_fault(void **state)
{
	struct outcome outcome = RUN("run", "power-after-fault", "--strategy", "append-crc-fsync",
		"--max-states", "10", "--require-complete", "--json", "-");

	(void)state;
	is_all_unknown(&outcome);
}

static void test_cli_power__a_violation_that_was_found_in_time_counts(void **state)
{
	struct outcome outcome = RUN("run", "power-cut", "--strategy", "replace", "--model",
		"posix", "--max-states", "10", "--json", "-");
	json_t *json = parse(&outcome), *item;
	unsigned violated = 0;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		if (is(item, "fault", "power")) {
			assert_string_not_equal(text(item, "verdict"), "holds");
			violated += is(item, "verdict", "violated");
		}
	}
	assert_true(violated > 0);
	json_decref(json);
}

/* SQLite's log takes many seconds. */
static void test_cli_power__a_time_limit_ends_it(void **state)
{
	struct outcome outcome = RUN("run", "power-cut", "--strategy", "sqlite-wal", "--model",
		"posix,ext4", "--time-limit", "1", "--require-complete", "--json", "-");
	json_t *json;

	(void)state;
	skip_without_ptrace(&outcome);
	assert_int_equal(outcome.status, 5);
	json = parse(&outcome);
	assert_string_equal(
		text(find_result(json, "recovery", "ext4", "atomicity"), "verdict"), "unknown");
	assert_string_equal(text(find_result(json, "recovery", "ext4", "atomicity"), "detail"),
		"--time-limit reached");
	json_decref(json);
}

static bool has_said(const char *words)
{
	char *said = read_all("err");
	bool found = strstr(said, words);

	free(said);
	return found;
}

static void test_cli_power__an_interrupt_gives_a_partial_report_and_cleans_up(void **state)
{
	struct outcome outcome;
	json_t *json;
	pid_t pid;

	(void)state;
	assert_int_equal(mkdir("work", 0700), 0);
	write_file("work/mine", "");
	pid = start(NULL, (const char *const[]){"run", "power-cut", "--strategy",
				  "append-crc-fsync,sqlite-wal", "--jobs", "1", "--dir", "work",
				  "--json", "-", "--progress", "always", NULL});
	wait_for_scratch("work");
	/* The other one, which takes long, is under way. */
	for (int i = 0; i < 20000 && !has_said("[1/2] append-crc-fsync"); i++)
		usleep(1000);
	kill(pid, SIGINT);
	outcome = finish(pid);
	skip_without_ptrace(&outcome);
	assert_int_equal(outcome.status, 130);
	assert_int_equal(count_entries("work"), 1);
	outcome.status = 0;
	json = parse(&outcome);
	assert_true(json_is_true(json_object_get(json, "interrupted")));
	assert_string_equal(
		text(find_result(json, "power", "xfs", "durability"), "verdict"), "holds");
	assert_string_equal(text(json_array_get(json_object_get(json, "results"),
					 json_array_size(json_object_get(json, "results")) - 1),
				    "verdict"),
		"unknown");
	json_decref(json);
}

/* ---- scenario files ---- */

static void test_cli_power__a_scenario_file_says_how(void **state)
{
	json_t *json, *item, *plan;
	struct outcome outcome;
	size_t i;

	(void)state;
	write_file("s.ini", "strategies = append-crc replace-fsync-dir\nmodels = ext4\ntear = 512\n"
			    "after_fault = kill\nrecovery = no\ntxns = 1\npayload = 5000\n"
			    "power_payload = 1000\n[power_payload]\nappend* = 700\n");
	outcome = RUN("run", "s.ini", "--json", "-");
	json = parse(&outcome);
	assert_int_equal(json_array_size(json_object_get(json, "results")), 2 * 3 * 4);
	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		assert_true(is(item, "fault", "none") || is(item, "fault", "power") ||
			    is(item, "fault", "power-after-kill"));
	}
	find_result(json, "power-after-kill", "ext4", "consistency");
	item = find_result(json, "power", "ext4", "durability");
	plan = json_object_get(item, "plan");
	assert_int_equal(json_integer_value(json_object_get(plan, "payload_bytes")), 700);
	assert_int_equal(json_integer_value(json_object_get(plan, "txns")), 1);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(plan, "cut"), "tear")), 512);
	json_decref(json);
}

static void test_cli_power__a_fault_before_it_and_recovery_after_it_are_two_things(void **state)
{
	json_t *json;

	(void)state;
	write_file("s.ini", "models = posix\nafter_fault = kill\npayload = 300\n");
	json = run_json("s.ini", "replace", "ext4");
	assert_string_equal(
		text(find_result(json, "power", "ext4", "durability"), "verdict"), "violated");
	assert_string_equal(
		text(find_result(json, "power-after-kill", "ext4", "durability"), "verdict"),
		"violated");
	assert_string_equal(text(find_result(json, "recovery", "ext4", "durability"), "detail"),
		"the strategy has no recovery");
	json_decref(json);
}

static void test_cli_power__scenario_mistakes_are_told_with_file_and_line(void **state)
{
	static const char *const mistakes[][2] = {
		{"models = posix\nmodels = ext\n",
			"s.ini:2: there is no model 'ext'; did you mean"},
		{"model = posix\n", "s.ini:1: there is no key 'model'; did you mean 'models'?"},
		{"models = posix\nafter_fault = kil\n", "s.ini:2: there is no fault 'kil'"},
		{"after_fault = kill\n", "s.ini: nothing to do"},
		{"faults = kill\nafter_fault = kill\n", "s.ini: after_fault needs models"},
		{"models = posix\n\ntear = 1024\n", "s.ini:3: tear = 1024: want 512, 4096 or none"},
		{"models = posix\nrecovery = maybe\n", "s.ini:2: recovery = maybe: want yes or no"},
		{"models = posix\npower_payload = 0\n", "s.ini:2: power_payload = 0: not a number"},
		{"models = posix\n[power_payload]\nappen = 99\n", "s.ini:3: there is no strategy"},
		{"models = posix\n[power_payloads]\nappend = 99\n",
			"did you mean [power_payload]?"},
		{"models = posix\n[expect]\nappend.power.posx.atomicity = holds\n",
			"s.ini:3: there is no model 'posx'; did you mean 'posix'?"},
		{"models = posix\n[expect]\nappend.pow.posix.atomicity = holds\n",
			"s.ini:3: there is no fault 'pow'; did you mean 'power'?"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
		write_file("s.ini", mistakes[i][0]);
		expect_failure(RUN("run", "s.ini"), 2, mistakes[i][1]);
	}
}

static void test_cli_power__expectations_are_about_one_model(void **state)
{
	struct outcome outcome;

	(void)state;
	write_file("s.ini", "strategies = replace\nmodels = posix ext4\nrecovery = no\n[expect]\n"
			    "replace.power.posix.atomicity = violated\n"
			    "replace.power.ext4.atomicity = holds\n"
			    "replace.power.atomicity = violated\n");
	outcome = RUN("run", "s.ini");
	skip_without_ptrace(&outcome);
	assert_int_equal(outcome.status, 0);
	release(&outcome);
	write_file("s.ini", "strategies = replace\nmodels = posix ext4\nrecovery = no\n[expect]\n"
			    "replace.power.posix.durability = violated\n"
			    "replace.power.posix.atomicity = holds\n");
	outcome = RUN("run", "s.ini");
	assert_int_equal(outcome.status, 1);
	assert_has(outcome.err, "s.ini: expected replace.power.posix.atomicity = holds, found "
				"violated\n");
	assert_null(strstr(outcome.err, "durability"));
	release(&outcome);
}

/* ---- other reports ---- */

static void test_cli_power__the_table_has_a_column_a_model(void **state)
{
	struct outcome outcome =
		RUN("run", "power-cut", "--strategy", "replace,append-crc,append-crc-fsync",
			"--model", "posix,ext4", "--color", "never", "--progress", "never");
	const char *row;

	(void)state;
	skip_without_ptrace(&outcome);
	assert_int_equal(outcome.status, 0);
	assert_has(outcome.out, "strategy                   posix          ext4           \n");
	assert_has(outcome.out, "\nreplace                    ✗ breaks A C D ✗ breaks D     \n");
	assert_has(outcome.out, "\nappend-crc                 ✗ breaks C D   ✗ breaks C D   \n");
	assert_has(outcome.out, "\nappend-crc-fsync           ✓ holds        ✓ holds        \n");
	row = strstr(outcome.out, "\nreplace ");
	assert_has(row, "\n    A power posix: power cut after ");
	assert_has(outcome.out, "\n  tornwrite replay witness/append-crc-power-posix-");
	assert_has(outcome.out, "A atomicity, C consistency, D durability.");
	assert_null(strstr(outcome.out, "Isolated"));
	assert_null(strstr(outcome.out, "CLAIM"));
	release(&outcome);
}

static void test_cli_power__faults_and_models_stand_side_by_side(void **state)
{
	struct outcome outcome = RUN("run", "kill", "--strategy", "replace", "--model", "ext4",
		"--color", "never", "--progress", "never");

	(void)state;
	skip_without_ptrace(&outcome);
	assert_has(outcome.out, "Durable       ext4           \n");
	assert_has(outcome.out, "· not-tested  ✓ holds       ✗ breaks D     \n");
	release(&outcome);
}

/* Tags that are open at the same time. */
struct tags {
	char names[8][32];
	unsigned depth, cases;
};

/* One tag, from behind its '<'. Returns what comes behind its '>'. */
static const char *read_tag(struct tags *tags, const char *at)
{
	bool is_closing = *at == '/', is_quoted = false;
	char name[32];
	size_t length;

	at += is_closing;
	length = strspn(at, "abcdefghijklmnopqrstuvwxyz-");
	assert_true(length > 0 && length < sizeof(name));
	snprintf(name, sizeof(name), "%.*s", (int)length, at);
	tags->cases += !is_closing && !strcmp(name, "testcase");
	for (; is_quoted || *at != '>'; at++) {
		assert_true(*at && *at != '<');
		is_quoted ^= *at == '"';
	}
	if (is_closing) {
		assert_true(tags->depth > 0);
		assert_string_equal(tags->names[--tags->depth], name);
	} else if (at[-1] != '/') {
		assert_true(tags->depth < 8);
		strcpy(tags->names[tags->depth++], name);
	}
	return at + 1;
}

/* Returns the number of test cases of XML that is well formed. */
static unsigned read_xml(const char *xml)
{
	struct tags tags = {0};
	const char *at = strstr(xml, "?>\n");

	assert_int_equal(strncmp(xml, "<?xml version=\"1.0\"", 19), 0);
	assert_non_null(at);
	for (at += 3; *at;) {
		assert_true(tags.depth > 0 || isspace((unsigned char)*at) || *at == '<');
		if (*at == '&')
			assert_true(strchr("aglq", at[1]) && strchr(at, ';'));
		if (*at++ == '<')
			at = read_tag(&tags, at);
	}
	assert_int_equal(tags.depth, 0);
	return tags.cases;
}

static void test_cli_power__junit_names_the_model(void **state)
{
	struct outcome outcome = RUN("run", "power-cut", "--strategy", "replace", "--model",
		"posix,ext4", "--junit", "j.xml", "--json", "-");
	json_t *json = parse(&outcome), *item;
	char *xml = read_all("j.xml");
	size_t i;

	(void)state;
	assert_int_equal(read_xml(xml), json_array_size(json_object_get(json, "results")));
	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		bool has_model = *text(item, "model");
		char name[256], *found;

		snprintf(name, sizeof(name),
			"classname=\"replace.power-cut\" name=\"%s under %s%s%s\"",
			text(item, "property"), text(item, "fault"), has_model ? ", model " : "",
			text(item, "model"));
		assert_has(xml, name);
		found = strstr(xml, name);
		assert_null(strstr(found + 1, name));
	}
	assert_has(xml, "<system-out>power cut after ");
	free(xml);
	json_decref(json);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cli_power__results_are_schema_version_1),
		TEST(test_cli_power__each_question_has_one_answer),
		TEST(test_cli_power__the_same_seed_gives_the_same_report),
		TEST(test_cli_power__bad_words_are_refused_with_the_nearest_right_one),
		TEST(test_cli_power__models_can_be_asked_of_any_scenario),
		TEST(test_cli_power__writes_tear_where_it_is_said),
		TEST(test_cli_power__models_are_listed),
		TEST(test_cli_power__a_dry_run_says_which_models),
		TEST(test_cli_power__what_was_not_run_is_never_held),
		TEST(test_cli_power__nor_after_a_fault),
		TEST(test_cli_power__a_violation_that_was_found_in_time_counts),
		TEST(test_cli_power__a_time_limit_ends_it),
		TEST(test_cli_power__an_interrupt_gives_a_partial_report_and_cleans_up),
		TEST(test_cli_power__a_scenario_file_says_how),
		TEST(test_cli_power__a_fault_before_it_and_recovery_after_it_are_two_things),
		TEST(test_cli_power__scenario_mistakes_are_told_with_file_and_line),
		TEST(test_cli_power__expectations_are_about_one_model),
		TEST(test_cli_power__the_table_has_a_column_a_model),
		TEST(test_cli_power__faults_and_models_stand_side_by_side),
		TEST(test_cli_power__junit_names_the_model),
	};

	program = getenv("TORNWRITE");
	if (!program) {
		print_message("skipped: the environment does not say where TORNWRITE is\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
