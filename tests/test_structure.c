/*
 * Dependencies point one way. Reads the #include lines of the sources below $TORNWRITE_SOURCE and
 * holds them against the order of the layers, which is written down here and nowhere else. The
 * last tests break each rule on invented lines, for a check that cannot go red is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From the ground up. A module may include those before it and itself; those on one line do not
 * know each other. */
static const char *const layers[] = {
	"exit_code io suggest op txn watchdog progress child interrupt machine footprint sandbox "
	"printable",
	"jobs explore command",
	"tree view",
	"oracle",
	"recording options strategy filter model checker",
	"workspace store fault task micro_op touch",
	"full_disk inject epoch",
	"decode crash_state",
	"fake crash cut",
	"trace",
	"schedule spawn",
	"record",
	"sync_loss",
	"probe",
	"judge",
	"explain",
	"explain_cut result",
	"blame",
	"report sweep",
	"crew",
	"concurrent power",
	"check",
	"plugins",
	"expectation",
	"scenario",
	"witness",
	"publish",
	"commands",
	"cmd",
	"main",
};

enum { LAYER_COUNT = sizeof(layers) / sizeof(*layers) };

/* Several files are one module: what begins with the name and an underscore, and has no layer of
 * its own. */
static const char *const families[] = {"blame", "check", "cmd", "command", "crash", "decode",
	"explore", "judge", "machine", "micro_op", "oracle", "probe", "record", "store", "trace",
	"tree"};

/* What a strategy may know: how to be one, and help with files. */
static const char strategy_headers[] = "strategy store io txn view";
static const char model_headers[] = "model";
static const char fault_headers[] = "fault op tree strategy";
static const char report_headers[] = "report result judge op";

/* ---- the rules: NULL, or what is wrong with FILE including HEADER ---- */

static bool has_word(const char *words, const char *word, size_t length)
{
	while (*words) {
		size_t size = strcspn(words, " ");

		if (size == length && !strncmp(words, word, length))
			return true;
		words += size + (words[size] == ' ');
	}
	return false;
}

static int layer_of(const char *module)
{
	for (int i = 0; i < LAYER_COUNT; i++) {
		if (has_word(layers[i], module, strlen(module)))
			return i;
	}
	return -1;
}

/* The module's name: no folder, no ending, the family's for one of several files. */
static void module_of(const char *path, char name[64])
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t length = strcspn(base, ".");

	snprintf(name, 64, "%.*s", (int)length, base);
	if (layer_of(name) >= 0)
		return;
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		size_t size = strlen(families[i]);

		if (!strncmp(name, families[i], size) && name[size] == '_')
			name[size] = 0;
	}
}

static bool starts_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static const char *wrong_in_plugin(const char *header, const char *allowed)
{
	char module[64];

	module_of(header, module);
	if (!starts_with(header, "harness/"))
		return "a plug-in includes headers of the harness only, never another plug-in";
	if (!has_word(allowed, module, strlen(module)))
		return "a plug-in of this kind has no business with this header";
	return NULL;
}

/* A sabotaged twin is the strategy whose name it begins with, with something changed. */
static bool is_twin(const char *file, const char *header)
{
	const char *name = file + strlen("tests/broken/"), *twin = header + strlen("strategies/");
	size_t length = strcspn(twin, ".");

	return starts_with(header, "strategies/") && !strncmp(name, twin, length) &&
	       name[length] == '_';
}

static const char *wrong_in_harness(const char *file, const char *header)
{
	char from[64], to[64];

	module_of(file, from);
	module_of(header, to);
	if (!starts_with(header, "harness/"))
		return "the harness names no plug-in and no test";
	if (strstr(header, "_private.h") && strcmp(from, to))
		return "a private header is for the files of its own module";
	if (!strcmp(to, "plugins") &&
		!has_word("scenario expectation publish cmd", from, strlen(from)))
		return "plugins.h is for what scenarios name, publish.c and the commands";
	if (!strcmp(to, "commands") && strcmp(from, "main") && strcmp(from, "cmd"))
		return "commands.h is for main.c and the commands";
	if (layer_of(from) < 0)
		return "this module has no layer: add it to the table in tests/test_structure.c";
	if (layer_of(to) < 0)
		return "the header has no layer: add it to the table in tests/test_structure.c";
	if (strcmp(from, to) && layer_of(to) >= layer_of(from))
		return "the header belongs to a layer that is not below";
	return NULL;
}

static const char *wrong(const char *file, const char *header)
{
	if (starts_with(file, "strategies/"))
		return wrong_in_plugin(header, strategy_headers);
	if (starts_with(file, "tests/broken/"))
		return is_twin(file, header) ? NULL : wrong_in_plugin(header, strategy_headers);
	if (starts_with(file, "faults/models/"))
		return wrong_in_plugin(header, model_headers);
	if (starts_with(file, "faults/"))
		return wrong_in_plugin(header, fault_headers);
	if (starts_with(file, "reports/"))
		return wrong_in_plugin(header, report_headers);
	return wrong_in_harness(file, header);
}

/* ---- reading the sources ---- */

/* The header in an #include "..." line; false: the line is something else. */
static bool parse_include(const char *line, char header[256])
{
	return sscanf(line, " # include \"%255[^\"]\"", header) == 1;
}

static unsigned check_file(const char *path, const char *file)
{
	FILE *stream = fopen(path, "r");
	char line[1024], header[256];
	unsigned problems = 0, number = 0;

	assert_non_null(stream);
	while (fgets(line, sizeof(line), stream)) {
		const char *problem;

		number++;
		if (!parse_include(line, header))
			continue;
		problem = wrong(file, header);
		if (problem)
			print_error("%s:%u: #include \"%s\": %s\n", file, number, header, problem);
		problems += problem != NULL;
	}
	fclose(stream);
	return problems;
}

/* Checks every file that matches, and that there are some. */
static void check_files(const char *pattern)
{
	const char *source = getenv("TORNWRITE_SOURCE");
	char whole[4096];
	unsigned problems = 0;
	glob_t files;

	if (!source)
		fail_msg("TORNWRITE_SOURCE is not set: run the tests with ctest");
	snprintf(whole, sizeof(whole), "%s/%s", source, pattern);
	assert_int_equal(glob(whole, 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++)
		problems += check_file(files.gl_pathv[i], files.gl_pathv[i] + strlen(source) + 1);
	globfree(&files);
	if (problems)
		fail_msg("%u wrong #include line(s), see above", problems);
}

static void test_structure__strategies_include_headers_of_the_harness_only(void **state)
{
	(void)state;
	check_files("strategies/*.c");
	check_files("tests/broken/*.c");
}

static void test_structure__faults_include_headers_of_the_harness_only(void **state)
{
	(void)state;
	check_files("faults/*.c");
}

static void test_structure__models_include_model_h_only(void **state)
{
	(void)state;
	check_files("faults/models/*.c");
}

static void test_structure__reports_include_headers_of_the_harness_only(void **state)
{
	(void)state;
	check_files("reports/*.c");
}

static void test_structure__the_harness_is_built_in_layers(void **state)
{
	(void)state;
	check_files("harness/*.[ch]");
}

static void test_structure__every_layer_exists(void **state)
{
	const char *source = getenv("TORNWRITE_SOURCE");

	(void)state;
	assert_non_null(source);
	for (int i = 0; i < LAYER_COUNT; i++) {
		char words[256], *rest = words, *module;

		snprintf(words, sizeof(words), "%s", layers[i]);
		while ((module = strsep(&rest, " "))) {
			char pattern[4096];
			glob_t files;

			snprintf(pattern, sizeof(pattern), "%s/harness/%s[._]*", source, module);
			if (glob(pattern, 0, NULL, &files))
				fail_msg("there is no harness/%s.c: take it out of the table",
					module);
			globfree(&files);
		}
	}
}

/* ---- sizes ---- */

/* Aims are 500 lines and six hooks; the second is a rule, and what is far from the first too. */
enum { PLUGIN_LINES = 500, HARNESS_LINES = 700, INTERFACE_HOOKS = 6 };

static char *read_source(const char *path)
{
	FILE *stream = fopen(path, "r");
	char *text = NULL;
	size_t capacity = 0;

	assert_non_null(stream);
	assert_true(getdelim(&text, &capacity, 0, stream) > 0);
	fclose(stream);
	return text;
}

static unsigned count_of(const char *text, const char *end, const char *part)
{
	unsigned count = 0;

	for (; (text = strstr(text, part)) && (!end || text < end); text++)
		count++;
	return count;
}

/* How many pointers to functions a struct of a header has; UINT_MAX: there is no such struct. */
static unsigned count_hooks(const char *text, const char *kind)
{
	char opening[64];
	const char *start;

	snprintf(opening, sizeof(opening), "\nstruct %s {\n", kind);
	start = strstr(text, opening);
	return start ? count_of(start, strstr(start, "\n};"), "(*") : UINT_MAX;
}

static void check_lines(const char *pattern, unsigned most)
{
	const char *source = getenv("TORNWRITE_SOURCE");
	char whole[4096];
	glob_t files;

	assert_non_null(source);
	snprintf(whole, sizeof(whole), "%s/%s", source, pattern);
	assert_int_equal(glob(whole, 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		char *text = read_source(files.gl_pathv[i]);

		if (count_of(text, NULL, "\n") > most)
			fail_msg("%s has more than %u lines: split it", files.gl_pathv[i], most);
		free(text);
	}
	globfree(&files);
}

static void test_structure__no_file_is_far_from_500_lines(void **state)
{
	(void)state;
	check_lines("strategies/*.c", PLUGIN_LINES);
	check_lines("faults/*.c", PLUGIN_LINES);
	check_lines("faults/models/*.c", PLUGIN_LINES);
	check_lines("reports/*.c", PLUGIN_LINES);
	check_lines("harness/*.[ch]", HARNESS_LINES);
}

static void test_structure__an_interface_has_at_most_six_hooks(void **state)
{
	static const char *const kinds[] = {"strategy", "fault", "model", "report"};
	const char *source = getenv("TORNWRITE_SOURCE");

	(void)state;
	assert_non_null(source);
	for (int i = 0; i < 4; i++) {
		char path[4096], *text;
		unsigned hooks;

		snprintf(path, sizeof(path), "%s/harness/%s.h", source, kinds[i]);
		text = read_source(path);
		hooks = count_hooks(text, kinds[i]);
		if (hooks < 1 || hooks > INTERFACE_HOOKS)
			fail_msg("struct %s has %u hooks", kinds[i], hooks);
		free(text);
	}
}

static void test_structure__hooks_are_counted(void **state)
{
	static const char text[] = "\nstruct x_y {\n\tint (*a)(void);\n};\n"
				   "struct x {\n\tint (*a)(void);\n\t/* (x) */ int b;\n"
				   "\tvoid (*c)(int (*d)(void));\n};\nint (*e)(void);\n";

	(void)state;
	assert_int_equal(count_hooks(text, "x_y"), 1);
	assert_int_equal(count_hooks(text, "x"), 3);
	assert_int_equal(count_hooks(text, "y"), UINT_MAX);
}

/* ---- the rules can go red ---- */

static void assert_wrong(const char *file, const char *header, const char *part)
{
	const char *problem = wrong(file, header);

	if (!problem)
		fail_msg("%s may include %s", file, header);
	if (!strstr(problem, part))
		fail_msg("%s: %s: %s", file, header, problem);
}

static void assert_right(const char *file, const char *header)
{
	const char *problem = wrong(file, header);

	if (problem)
		fail_msg("%s: %s: %s", file, header, problem);
}

static void test_structure__wrong_includes_of_plugins_are_found(void **state)
{
	(void)state;
	assert_wrong("strategies/append.c", "strategies/replace.h", "never another plug-in");
	assert_wrong("strategies/append.c", "tests/scratch.h", "never another plug-in");
	assert_wrong("strategies/append.c", "replace.c", "never another plug-in");
	assert_wrong("strategies/append.c", "harness/judge.h", "no business");
	assert_wrong("strategies/append.c", "harness/probe.h", "no business");
	assert_wrong("strategies/append.c", "harness/recording.h", "no business");
	assert_wrong("tests/broken/append.c", "harness/judge.h", "no business");
	assert_wrong("tests/broken/append.c", "strategies/append.c", "never another plug-in");
	assert_wrong("tests/broken/append_x.c", "strategies/replace.c", "never another plug-in");
	assert_wrong("tests/broken/append_x.c", "tests/broken/append_y.c", "never another plug-in");
	assert_right("tests/broken/append_x.c", "strategies/append.c");
	assert_wrong("faults/kill.c", "faults/eio.c", "never another plug-in");
	assert_wrong("faults/kill.c", "harness/inject.h", "no business");
	assert_wrong("reports/json.c", "harness/plugins.h", "no business");
	assert_wrong("faults/models/xfs.c", "faults/models/ext4.c", "never another plug-in");
	assert_wrong("faults/models/xfs.c", "harness/micro_op.h", "no business");
	assert_wrong("faults/models/xfs.c", "harness/fault.h", "no business");
	assert_wrong("faults/eio.c", "harness/model.h", "no business");
	assert_right("faults/models/xfs.c", "harness/model.h");
	assert_right("strategies/append.c", "harness/store.h");
	assert_right("faults/kill.c", "harness/tree.h");
	assert_right("reports/json.c", "harness/report.h");
}

static void test_structure__wrong_includes_of_the_harness_are_found(void **state)
{
	(void)state;
	assert_wrong("harness/judge.c", "strategies/append.c", "names no plug-in");
	assert_wrong("harness/judge.c", "tests/scratch.h", "names no plug-in");
	assert_wrong("harness/judge.c", "harness/tree_private.h", "a private header");
	assert_wrong("harness/power.c", "harness/crash_private.h", "a private header");
	assert_wrong("harness/crash_state.c", "harness/crash_private.h", "a private header");
	assert_wrong("harness/micro_op.c", "harness/probe_private.h", "a private header");
	assert_wrong("harness/sweep.c", "harness/plugins.h", "is for what scenarios name");
	assert_wrong("harness/power.c", "harness/plugins.h", "is for what scenarios name");
	assert_wrong("harness/scenario.c", "harness/commands.h", "is for main.c");
	assert_wrong("harness/new.c", "harness/op.h", "this module has no layer");
	assert_wrong("harness/judge.c", "harness/new.h", "the header has no layer");
	assert_wrong("harness/cut.c", "harness/crash.h", "not below");
	assert_wrong("harness/crash_state.c", "harness/crash.h", "not below");
	assert_wrong("harness/crash_bounded.c", "harness/judge.h", "not below");
	assert_wrong("harness/epoch.c", "harness/inject.h", "not below");
	assert_right("harness/tree_disk.c", "harness/tree_private.h");
	assert_right("harness/crash_bounded.c", "harness/crash_private.h");
	assert_right("harness/micro_op_pool.c", "harness/micro_op.h");
	assert_right("harness/cmd_replay_cut.c", "harness/explain_cut.h");
	assert_right("harness/expectation.c", "harness/plugins.h");
	assert_right("harness/cmd_list.c", "harness/plugins.h");
	assert_right("harness/cmd_run.c", "harness/witness.h");
	assert_right("harness/judge.c", "harness/judge.h");
}

static void assert_order(const char *const *order, int count)
{
	for (int i = 0; i < count; i++) {
		for (int k = i + 1; k < count; k++) {
			char file[64], header[64];

			snprintf(file, sizeof(file), "harness/%s.c", order[i]);
			snprintf(header, sizeof(header), "harness/%s.h", order[k]);
			assert_wrong(file, header, "not below");
		}
	}
}

static void test_structure__each_step_of_the_order_is_kept(void **state)
{
	static const char *const steps[] = {"op", "tree", "recording", "inject", "decode", "trace",
		"record", "probe", "judge", "explain", "result", "sweep", "power", "expectation",
		"scenario", "witness", "cmd_run", "main"};
	static const char *const crashing[] = {"tree_assemble", "model", "micro_op_pool", "epoch",
		"crash_state", "cut", "explain_cut", "power", "expectation", "cmd_replay_cut"};

	(void)state;
	assert_order(steps, sizeof(steps) / sizeof(*steps));
	assert_order(crashing, sizeof(crashing) / sizeof(*crashing));
}

static void test_structure__include_lines_are_recognised(void **state)
{
	char header[256];

	(void)state;
	assert_true(parse_include("#include \"harness/op.h\"\n", header));
	assert_string_equal(header, "harness/op.h");
	assert_true(parse_include("\t#  include   \"x.h\" /* why */\n", header));
	assert_string_equal(header, "x.h");
	assert_false(parse_include("#include <stdio.h>\n", header));
	assert_false(parse_include("\"#include\"\n", header));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_structure__strategies_include_headers_of_the_harness_only),
		cmocka_unit_test(test_structure__faults_include_headers_of_the_harness_only),
		cmocka_unit_test(test_structure__models_include_model_h_only),
		cmocka_unit_test(test_structure__reports_include_headers_of_the_harness_only),
		cmocka_unit_test(test_structure__the_harness_is_built_in_layers),
		cmocka_unit_test(test_structure__every_layer_exists),
		cmocka_unit_test(test_structure__no_file_is_far_from_500_lines),
		cmocka_unit_test(test_structure__an_interface_has_at_most_six_hooks),
		cmocka_unit_test(test_structure__hooks_are_counted),
		cmocka_unit_test(test_structure__wrong_includes_of_plugins_are_found),
		cmocka_unit_test(test_structure__wrong_includes_of_the_harness_are_found),
		cmocka_unit_test(test_structure__each_step_of_the_order_is_kept),
		cmocka_unit_test(test_structure__include_lines_are_recognised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
