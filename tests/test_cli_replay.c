/* End to end: the witnesses of power cuts, replayed; also those that somebody has damaged. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdbool.h>
#include <sys/stat.h>

#include "tests/cli.h"
#include "tests/scratch.h"

/* ---- witnesses ---- */

/* Replays the witness of a result: the words of the report, and a mark a fate. */
static void check_replay(json_t *result)
{
	json_t *cut = json_object_get(json_object_get(result, "plan"), "cut");
	struct outcome replay = RUN("replay", text(result, "witness"));
	bool is_losing = json_array_size(json_object_get(cut, "lost"));

	if (replay.status != 1 || !strstr(replay.out, text(result, "detail")))
		fail_msg("%s: status %d; want in it: %s; found: %s%s", text(result, "witness"),
			replay.status, text(result, "detail"), replay.out, replay.err);
	assert_has(replay.out, text(result, "model"));
	assert_has(replay.out, "  === power cut ===\n");
	assert_has(replay.out, "\nfiles:\n");
	assert_has(replay.out, "\nexpected: 0");
	assert_has(replay.out, "\ntransactions after:");
	assert_int_equal(is_losing,
		strstr(replay.out, "    LOST       ") || strstr(replay.out, "    TORN       "));
	assert_int_equal(
		strstr(replay.out, "    TORN ") != NULL, strstr(replay.out, "\ntorn: ") != NULL);
	release(&replay);
}

static void test_cli_replay__every_witness_replays(void **state)
{
	json_t *json = run_json(
		"power-cut", "replace,append-crc,truncate-write,spool-rename", "posix,ext2,ext4");
	json_t *item;
	unsigned violated = 0;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		char name[256];

		if (!is(item, "verdict", "violated"))
			continue;
		snprintf(name, sizeof(name), "witness/%s-%s-%s-%s.json", text(item, "subject"),
			text(item, "fault"), text(item, "model"), text(item, "property"));
		assert_string_equal(text(item, "witness"), name);
		check_replay(item);
		violated++;
	}
	assert_true(violated > 20);
	assert_int_equal(count_entries("witness"), violated);
	json_decref(json);
}

static void test_cli_replay__marks_tell_what_became_of_each_operation(void **state)
{
	struct outcome outcome;

	(void)state;
	json_decref(run_json("power-cut", "replace", "ext4"));
	outcome = RUN("replay", "witness/replace-power-ext4-durability.json");
	assert_int_equal(outcome.status, 1);
	assert_has(outcome.out, "replace under power, model ext4\n");
	assert_has(outcome.out, "\n    persisted  write #1 ");
	assert_has(outcome.out, "\n    LOST       rename #");
	assert_has(outcome.out, "\n               close #1 doc.txt\n");
	assert_has(outcome.out, "acknowledged\n  === power cut ===\n");
	release(&outcome);
	json_decref(run_json("power-cut", "replace", "posix"));
	outcome = RUN("replay", "witness/replace-power-posix-atomicity.json");
	assert_has(outcome.out, "\n    TORN       write #");
	assert_has(outcome.out, "\ntorn: of write #");
	assert_has(outcome.out, "of the size lost\n\nfiles:\n  doc.txt: 8192 bytes\n\nexpected: ");
	assert_has(outcome.out, "(torn: ");
	/* Nothing that came after the cut. */
	assert_null(strstr(outcome.out, "update 2 is acknowledged"));
	assert_has(outcome.out, "\n  (1 more event");
	release(&outcome);
}

static void test_cli_replay__kept_files_are_those_that_are_shown(void **state)
{
	struct outcome outcome;
	unsigned shown = 0;
	char *line;

	(void)state;
	json_decref(run_json("power-cut", "spool-rename", "posix"));
	outcome =
		RUN("replay", "witness/spool-rename-power-posix-atomicity.json", "--keep", "kept");
	assert_int_equal(outcome.status, 1);
	assert_has(outcome.out, "the files are in kept");
	line = strstr(outcome.out, "\nfiles:\n");
	assert_non_null(line);
	for (line += 8; *line == ' '; line += strcspn(line, "\n") + 1) {
		char name[256], path[512];
		unsigned long bytes;
		struct stat st;

		if (sscanf(line, " %255[^:\n]: %lu bytes", name, &bytes) != 2)
			continue;
		snprintf(path, sizeof(path), "kept/%s", name);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, bytes);
		shown++;
	}
	assert_true(shown > 1);
	release(&outcome);
	assert_int_equal(count_entries("kept/spool"), shown);
	assert_int_equal(count_entries("kept"), 1);
}

static void test_cli_replay__a_power_cut_after_a_fault_shows_both(void **state)
{
	unsigned killed = 0, failed = 0;
	json_t *json, *item;
	size_t i;

	(void)state;
	write_file(
		"s.ini", "models = posix\nafter_fault = eio kill\nrecovery = no\npayload = 300\n");
	json = run_json("s.ini", "truncate-write,replace-fsync,two-slots", "posix");
	json_array_foreach(json_object_get(json, "results"), i, item)
	{
		bool is_killed = is(item, "fault", "power-after-kill");
		struct outcome replay;

		assert_false(is(item, "fault", "recovery"));
		if (!is(item, "verdict", "violated") || is(item, "fault", "power"))
			continue;
		assert_true(is_killed || is(item, "fault", "power-after-eio"));
		assert_has(text(item, "detail"), is_killed ? "killed " : " EIO");
		assert_has(text(item, "detail"), "; power cut ");
		check_replay(item);
		replay = RUN("replay", text(item, "witness"));
		killed += is_killed;
		failed += !is_killed && strstr(replay.out, "   <== this call ");
		release(&replay);
	}
	assert_true(killed > 3 && failed > 3);
	json_decref(json);
}

/* ---- damaged witnesses ---- */

/* Sets a value of the witness, by its path; NULL removes it. */
static void edit(json_t *witness, const char *path, const char *value)
{
	char copy[64], *rest = copy, *key;

	snprintf(copy, sizeof(copy), "%s", path);
	key = strsep(&rest, ".");
	for (; rest; key = strsep(&rest, "."))
		witness = json_object_get(witness, key);
	assert_true(json_is_object(witness));
	if (value)
		assert_int_equal(
			json_object_set_new(witness, key, json_loads(value, JSON_DECODE_ANY, NULL)),
			0);
	else
		assert_int_equal(json_object_del(witness, key), 0);
}

static struct outcome replay_json(json_t *witness)
{
	assert_int_equal(json_dump_file(witness, "w.json", 0), 0);
	return RUN("replay", "w.json");
}

struct damage {
	const char *path, *value;
	int status;
	const char *words;
};

static const struct damage damages[] = {
	{"model", "\"posx\"", 2, "there is no model 'posx'"},
	{"model", "null", 2, "there is no fault 'power'"},
	{"model", "7", 2, "there is no fault 'power'"},
	{"fault", "\"kill\"", 2, "'kill' is no power cut"},
	{"fault", "\"pwoer\"", 2, "'pwoer' is no power cut"},
	{"fault", "\"power-after-rain\"", 2, "there is no fault 'rain'"},
	{"fault", "\"power-after-\"", 2, "there is no fault ''"},
	{"fault", "\"power-after-eio\"", 3, "the run is not the one"},
	{"fault", "\"recovery\"", 2, "no power cut"},
	{"subject", "\"replac\"", 2, "there is no strategy 'replac'"},
	{"subject", "\"append\"", 3, "the run is not the one"},
	{"plan", NULL, 2, "no plan"},
	{"plan.cut", NULL, 2, "no plan"},
	{"plan.cut", "null", 2, "incomplete"},
	{"plan.cut", "{}", 2, "incomplete"},
	{"plan.cut", "\"here\"", 2, "incomplete"},
	{"plan.cut.lost", NULL, 2, "incomplete"},
	{"plan.cut.lost", "12", 2, "incomplete"},
	{"plan.cut.lost", "[\"a\"]", 2, "incomplete"},
	{"plan.cut.lost", "[-1]", 2, "incomplete"},
	{"plan.cut.lost", "[4294967308]", 2, "incomplete"},
	{"plan.cut.lost", "[99]", 3, "was it edited?"},
	{"plan.cut.lost", "[12, 3]", 3, "was it edited?"},
	{"plan.cut.lost", "[12, 12]", 3, "was it edited?"},
	{"plan.cut.micro_ops", "0", 2, "no plan"},
	{"plan.cut.micro_ops", "-1", 3, "the run is not the one"},
	{"plan.cut.micro_ops", "15", 3,
		"the run is not the one of the witness (14 micro-operations, "
		"not 15)"},
	{"plan.cut.micro_ops", "4611686018427387904", 3, "the run is not the one"},
	{"plan.cut.before_event", NULL, 2, "incomplete"},
	{"plan.cut.before_event", "\"end\"", 2, "incomplete"},
	{"plan.cut.before_event", "0", 3, "was it edited?"},
	{"plan.cut.before_event", "-1", 3, "was it edited?"},
	{"plan.cut.before_event", "1000000", 3, "was it edited?"},
	{"plan.cut.before_event", "9223372036854775807", 3, "was it edited?"},
	{"plan.cut.tear", "7", 2, "incomplete"},
	{"plan.cut.tear", "-4096", 2, "incomplete"},
	{"plan.cut.tear", "512", 3, "the run is not the one"},
	{"plan.recovery_cut",
		"{\"before_event\": 0, \"micro_ops\": 1, \"tear\": 4096, \"lost\": []}", 2,
		"the strategy replace has no recovery"},
	{"plan.txns", "-1", 2, "no workload"},
	{"plan.txns", "3", 3, "the run is not the one"},
	{"plan.payload_bytes", "-1", 2, "no workload"},
	{"plan.payload_bytes", "9001", 3, "the run is not the one"},
};

static json_t *load_witness(const char *path)
{
	json_t *witness = json_load_file(path, 0, NULL);

	assert_non_null(witness);
	return witness;
}

static void test_cli_replay__damaged_witnesses_are_refused(void **state)
{
	static const char path[] = "witness/replace-power-posix-atomicity.json";

	(void)state;
	assert_int_equal(mkdir("work", 0700), 0);
	json_decref(run_json("power-cut", "replace", "posix"));
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		const struct damage *damage = &damages[i];
		json_t *witness = load_witness(path);
		struct outcome outcome;

		edit(witness, damage->path, damage->value);
		assert_int_equal(json_dump_file(witness, "w.json", 0), 0);
		outcome = RUN("replay", "w.json", "--dir", "work");
		if (outcome.status != damage->status || !strstr(outcome.err, damage->words) ||
			count_entries("work"))
			fail_msg("%s = %s: status %d, want %d; standard error: %s; want in it: %s",
				damage->path, damage->value, outcome.status, damage->status,
				outcome.err, damage->words);
		/* Told once. */
		assert_null(strstr(strstr(outcome.err, "error: ") + 1, "error: "));
		release(&outcome);
		json_decref(witness);
	}
}

static void test_cli_replay__a_huge_list_is_refused(void **state)
{
	json_t *witness, *lost = json_array();

	(void)state;
	json_decref(run_json("power-cut", "replace", "posix"));
	witness = load_witness("witness/replace-power-posix-atomicity.json");
	for (int i = 0; i < 300000; i++)
		json_array_append_new(lost, json_integer(i));
	json_object_set_new(json_object_get(json_object_get(witness, "plan"), "cut"), "lost", lost);
	expect_failure(replay_json(witness), 3, "was it edited?");
	json_decref(witness);
}

/* ---- recovery ---- */

/* A witness for undo-journal: the power fails before `event`, and again in recovery. */
static json_t *make_witness(int event, int micro_ops, int recovery_event, int recovery_micro_ops)
{
	json_t *witness = json_pack("{s:s, s:i, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:b, s:s}",
		"kind", "tornwrite witness", "schema_version", 1, "subject", "undo-journal",
		"scenario", "made by hand", "workers", 1, "fault", "recovery", "model", "posix",
		"property", "atomicity", "verdict", "violated", "claimed", 1, "detail",
		"what it said");

	json_object_set_new(witness, "plan",
		json_pack("{s:i, s:i, s:s, s:i, s:i, s:n, s:{s:i, s:i, s:i, s:[]},"
			  " s:{s:i, s:i, s:i, s:[i]}}",
			"variant", 0, "n", 0, "seed", "0x1", "txns", 2, "payload_bytes", 300, "fiu",
			"cut", "before_event", event, "micro_ops", micro_ops, "tear", 4096, "lost",
			"recovery_cut", "before_event", recovery_event, "micro_ops",
			recovery_micro_ops, "tear", 4096, "lost", 0));
	return witness;
}

/* What the refusal of a wrong number says is the right one. */
static int right_number(json_t *witness)
{
	struct outcome outcome = replay_json(witness);
	const char *open = strstr(outcome.err, "witness (");
	int number = open ? atoi(open + strlen("witness (")) : -1;

	if (outcome.status == 77)
		skip();
	assert_int_equal(outcome.status, 3);
	release(&outcome);
	json_decref(witness);
	return number;
}

static void test_cli_replay__a_power_cut_in_recovery_is_shown(void **state)
{
	enum { WRONG = 1000000 };
	int micro_ops = right_number(make_witness(0, WRONG, 0, WRONG)), recovered = 0;
	int event = 0, recovery_event = 0;
	struct outcome outcome = {0};
	json_t *witness;

	(void)state;
	assert_true(micro_ops > 5);
	/* The first moment at which recovery has something to do with the file. */
	for (; recovered < 3; event++)
		recovered = right_number(make_witness(event, micro_ops, 0, WRONG));
	event--;
	do {
		release(&outcome);
		witness = make_witness(event, micro_ops, ++recovery_event, recovered);
		outcome = replay_json(witness);
		json_decref(witness);
	} while (outcome.status == 3 && recovery_event < 30);
	assert_int_equal(outcome.status, 0);
	assert_has(outcome.out, "undo-journal under recovery, model posix\n");
	assert_has(outcome.out, "  === power cut ===\n");
	assert_has(strstr(outcome.out, "\nrecovery:\n"), "    LOST       ");
	assert_has(strstr(outcome.out, "\nrecovery:\n"), "  === power cut ===\n");
	assert_has(outcome.out, "\nexpected: 0, with or without 1\ntransactions after: 0\n");
	assert_has(outcome.out,
		"atomicity is not violated this time: the witness says \"what it said\"");
	release(&outcome);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cli_replay__every_witness_replays),
		TEST(test_cli_replay__marks_tell_what_became_of_each_operation),
		TEST(test_cli_replay__kept_files_are_those_that_are_shown),
		TEST(test_cli_replay__a_power_cut_after_a_fault_shows_both),
		TEST(test_cli_replay__damaged_witnesses_are_refused),
		TEST(test_cli_replay__a_huge_list_is_refused),
		TEST(test_cli_replay__a_power_cut_in_recovery_is_shown),
	};

	program = getenv("TORNWRITE");
	if (!program) {
		print_message("skipped: the environment does not say where TORNWRITE is\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
