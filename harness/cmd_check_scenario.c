/* Programs as scenarios (scenarios/programs/), and as part of a witness. */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cmd_check.h"
#include "harness/options.h"
#include "harness/suggest.h"

/* The keys of a [program], in the order of enum key. */
static const char *const keys[] = {"summary", "needs", "package", "version", "setup", "command",
	"check", "check_server", "ack", "ignore", "time_limit", "note", "documented"};

enum key {
	KEY_SUMMARY,
	KEY_NEEDS,
	KEY_PACKAGE,
	KEY_VERSION,
	KEY_SETUP,
	KEY_COMMAND,
	KEY_CHECK,
	KEY_CHECK_SERVER,
	KEY_ACK,
	KEY_IGNORE,
	KEY_TIME_LIMIT,
	/* For readers, and for docs/gallery.md. */
	KEY_NOTE,
	KEY_DOCUMENTED,
	KEY_COUNT,
};

struct values {
	const char *path;
	char *text[KEY_COUNT]; /* lines joined */
};

static int take(void *user, const char *section, const char *name, const char *value)
{
	struct values *values = user;
	char *joined;

	if (strcmp(section, "program"))
		options_fail("%s: there is no section [%s] in the scenario of a program",
			values->path, section);
	for (int i = 0; i < KEY_COUNT; i++) {
		char *before = values->text[i];

		if (strcmp(name, keys[i]))
			continue;
		if (asprintf(&joined, "%s%s%s", before ? before : "", before && *before ? "\n" : "",
			    value) < 0)
			options_fail("out of memory");
		free(before);
		values->text[i] = joined;
		return 1;
	}
	options_fail("%s: there is no key '%s'; did you mean '%s'?", values->path, name,
		suggest(name, keys, KEY_COUNT));
}

/* Whether a command can be found along PATH. */
static bool is_installed(const char *name)
{
	const char *path = getenv("PATH");
	char file[4096];

	for (; path && *path; path += strcspn(path, ":"), path += *path == ':') {
		snprintf(file, sizeof(file), "%.*s/%s", (int)strcspn(path, ":"), path, name);
		if (!access(file, X_OK))
			return true;
	}
	return false;
}

static void need(const struct values *values)
{
	char *words = values->text[KEY_NEEDS], *word, *rest = NULL;

	for (word = words ? strtok_r(words, " \n", &rest) : NULL; word;
		word = strtok_r(NULL, " \n", &rest)) {
		if (is_installed(word))
			continue;
		fprintf(stderr, "skipped: %s: '%s' is not installed\n", values->path, word);
		exit(EXIT_SKIPPED);
	}
}

static void add_ignored(struct check_options *options, char *globs)
{
	char *rest = NULL;

	for (char *glob = globs ? strtok_r(globs, ", \n", &rest) : NULL; glob;
		glob = strtok_r(NULL, ", \n", &rest)) {
		if (options->ignored_count == CHECK_MAX_IGNORED)
			options_fail("more than %d globs to ignore", CHECK_MAX_IGNORED);
		options->ignored[options->ignored_count++] = glob;
	}
}

/* "scenarios/programs/sed.ini" is "sed". */
static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path, *ending = strrchr(base, '.');
	char *name;

	if (asprintf(&name, "%.*s",
		    ending && !strcmp(ending, ".ini") ? (int)(ending - base) : (int)strlen(base),
		    base) < 0)
		options_fail("out of memory");
	return name;
}

void check_scenario_load(const char *path, struct check_options *options, uint64_t *time_limit_s)
{
	static char *argv[] = {"sh", "-c", NULL, NULL};
	struct values values = {.path = path};
	char **text = values.text;
	int line = ini_parse(path, take, &values);

	if (line < 0)
		options_fail("%s: %s", path, strerror(errno ? errno : ENOENT));
	if (line > 0)
		options_fail("%s:%d: not a line of a scenario", path, line);
	if (!text[KEY_COMMAND] || !*text[KEY_COMMAND])
		options_fail("%s: it has no 'command'", path);
	need(&values);
	argv[2] = text[KEY_COMMAND];
	options->argv = argv;
	options->subject = options->scenario = name_of(path);
	options->setup = options->setup ? options->setup : text[KEY_SETUP];
	if (!options->checker && text[KEY_CHECK_SERVER]) {
		options->checker = text[KEY_CHECK_SERVER];
		options->is_server = true;
	}
	options->checker = options->checker ? options->checker : text[KEY_CHECK];
	options->ack = options->ack ? options->ack : text[KEY_ACK];
	add_ignored(options, text[KEY_IGNORE]);
	if (text[KEY_TIME_LIMIT] && !*time_limit_s)
		*time_limit_s = options_number("time_limit", text[KEY_TIME_LIMIT], 1, 1000000);
	free(text[KEY_SUMMARY]);
	free(text[KEY_PACKAGE]);
	free(text[KEY_VERSION]);
	free(text[KEY_NOTE]);
	free(text[KEY_DOCUMENTED]);
}

/* ---- witnesses ---- */

static void put_text(json_t *json, const char *key, const char *text)
{
	if (text)
		json_object_set_new(json, key, json_string(text));
}

json_t *check_program_to_json(const struct check_options *options)
{
	json_t *json = json_object(), *argv = json_array(), *ignored = json_array();

	for (size_t i = 0; options->argv[i]; i++)
		json_array_append_new(argv, json_string(options->argv[i]));
	for (size_t i = 0; i < options->ignored_count; i++)
		json_array_append_new(ignored, json_string(options->ignored[i]));
	json_object_set_new(json, "argv", argv);
	put_text(json, "directory", options->directory);
	put_text(json, "cwd", options->cwd);
	json_object_set_new(json, "is_empty", json_boolean(options->is_empty));
	put_text(json, "setup", options->setup);
	put_text(json, "checker", options->checker);
	json_object_set_new(json, "is_server", json_boolean(options->is_server));
	json_object_set_new(json, "has_looks", json_boolean(options->has_looks));
	put_text(json, "ack", options->ack);
	json_object_set_new(json, "ignored", ignored);
	json_object_set_new(json, "tear", json_integer(options->tear));
	json_object_set_new(json, "timeout_ms", json_integer(options->timeout_ms));
	json_object_set_new(json, "checker_timeout_ms", json_integer(options->checker_timeout_ms));
	json_object_set_new(json, "max_bytes", json_integer((json_int_t)options->max_bytes));
	return json;
}

static const char *text_of(json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

int check_program_from_json(json_t *json, struct check_options *options)
{
	json_t *words = json_object_get(json, "argv"), *ignored = json_object_get(json, "ignored");
	size_t count = json_array_size(words);
	char **argv = calloc(count + 1, sizeof(*argv));

	if (!argv)
		return -ENOMEM;
	options->directory = text_of(json, "directory");
	options->cwd = text_of(json, "cwd");
	for (size_t i = 0; i < count; i++) {
		argv[i] = (char *)(uintptr_t)json_string_value(json_array_get(words, i));
		if (!argv[i])
			count = 0;
	}
	options->argv = argv;
	if (!count || !options->directory || json_array_size(ignored) > CHECK_MAX_IGNORED)
		return -EPROTO;
	for (size_t i = 0; i < json_array_size(ignored); i++) {
		const char *glob = json_string_value(json_array_get(ignored, i));

		if (!glob)
			return -EPROTO;
		options->ignored[options->ignored_count++] = glob;
	}
	options->is_empty = json_is_true(json_object_get(json, "is_empty"));
	options->setup = text_of(json, "setup");
	options->checker = text_of(json, "checker");
	options->is_server = json_is_true(json_object_get(json, "is_server"));
	options->has_looks = json_is_true(json_object_get(json, "has_looks"));
	options->ack = text_of(json, "ack");
	options->tear = (enum tear)json_integer_value(json_object_get(json, "tear"));
	options->timeout_ms = (unsigned)json_integer_value(json_object_get(json, "timeout_ms"));
	options->checker_timeout_ms =
		(unsigned)json_integer_value(json_object_get(json, "checker_timeout_ms"));
	options->max_bytes = (uint64_t)json_integer_value(json_object_get(json, "max_bytes"));
	return options->timeout_ms && options->checker_timeout_ms ? 0 : -EPROTO;
}
