/*
 * Reading .ini files with inih. Every key and word is checked here, so that whoever runs a
 * scenario may rely on it; the first mistake is told with its line and the nearest right word.
 */
#include "harness/scenario.h"

#include <errno.h>
#include <fnmatch.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/io.h"
#include "harness/plugins.h"
#include "harness/suggest.h"

enum { MAX_TXNS = 1000, MAX_FIU_RUNS = 1000000, MAX_LINE = 65536 };

struct parse {
	struct scenario *scenario;
	char *message;
	size_t message_size;
	bool has_failed;
	bool has_strategies;
};

__attribute__((format(printf, 2, 3))) static int refuse(
	struct parse *parse, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(parse->message, parse->message_size, format, arguments);
	va_end(arguments);
	parse->has_failed = true;
	return 0; /* what inih takes for an error */
}

static bool is_glob(const char *word)
{
	return strpbrk(word, "*?[") != NULL;
}

static const char *nearest_strategy(const char *word)
{
	const char *names[256];
	size_t count = 0;

	while (count < strategy_count && count < 256) {
		names[count] = strategies[count]->name;
		count++;
	}
	return suggest(word, names, count);
}

static const char *nearest_fault(const char *word)
{
	const char *names[256];
	size_t count = 0;

	while (count < fault_count && count < 256) {
		names[count] = faults[count]->name;
		count++;
	}
	return suggest(word, names, count);
}

static int add_strategies(struct parse *parse, const char *word)
{
	struct scenario *scenario = parse->scenario;
	bool found = false;

	for (size_t i = 0; i < strategy_count; i++) {
		bool is_in = false;

		if (fnmatch(word, strategies[i]->name, 0))
			continue;
		found = true;
		for (size_t k = 0; k < scenario->strategy_count; k++)
			is_in |= scenario->strategies[k] == strategies[i];
		if (!is_in)
			scenario->strategies[scenario->strategy_count++] = strategies[i];
	}
	if (found)
		return 1;
	return is_glob(word) ? refuse(parse, "no strategy matches '%s'", word)
	                     : refuse(parse, "there is no strategy '%s'; did you mean '%s'?", word,
				       nearest_strategy(word));
}

static int add_faults(struct parse *parse, const char *word)
{
	struct scenario *scenario = parse->scenario;
	bool found = false;

	for (size_t i = 0; i < fault_count; i++) {
		bool is_in = false;

		if (fnmatch(word, faults[i]->name, 0))
			continue;
		found = true;
		for (size_t k = 0; k < scenario->fault_count; k++)
			is_in |= scenario->faults[k] == faults[i];
		if (!is_in)
			scenario->faults[scenario->fault_count++] = faults[i];
	}
	if (found)
		return 1;
	return is_glob(word) ? refuse(parse, "no fault matches '%s'", word)
	                     : refuse(parse, "there is no fault '%s'; did you mean '%s'?", word,
				       nearest_fault(word));
}

static int each_word(
	struct parse *parse, const char *value, int (*add)(struct parse *parse, const char *word))
{
	char *copy = strdup(value), *rest = copy, *word;
	int good = copy != NULL;

	while (good && (word = strsep(&rest, " \t,"))) {
		if (*word)
			good = add(parse, word);
	}
	free(copy);
	return good;
}

static int set_number(struct parse *parse, const char *key, const char *value, unsigned long low,
	unsigned long high, unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(value, &end, 10);
	if (*value >= '0' && *value <= '9' && !*end && !errno && *number >= low && *number <= high)
		return 1;
	return refuse(parse, "%s = %s: not a number from %lu to %lu", key, value, low, high);
}

static int add_command(struct parse *parse, const char *value)
{
	char *translated, *joined, message[256];
	struct scenario *scenario = parse->scenario;

	if (inject_check_command(value, &translated, message, sizeof(message)))
		return refuse(parse, "fiu = %s: %s", value, message);
	if (asprintf(&joined, "%s%s\n", scenario->commands ? scenario->commands : "", translated) <
		0)
		joined = NULL;
	free(translated);
	if (!joined)
		return refuse(parse, "out of memory");
	free(scenario->commands);
	scenario->commands = joined;
	return 1;
}

static int on_key(struct parse *parse, const char *key, const char *value)
{
	static const char *const keys[] = {
		"summary", "strategies", "faults", "txns", "payload", "fiu", "fiu_runs"};
	struct scenario *scenario = parse->scenario;
	unsigned long number = 0;
	int good;

	if (!strcmp(key, "summary")) {
		free(scenario->summary);
		scenario->summary = strdup(value);
		return scenario->summary != NULL;
	}
	if (!strcmp(key, "strategies")) {
		parse->has_strategies = true;
		return each_word(parse, value, add_strategies);
	}
	if (!strcmp(key, "faults"))
		return each_word(parse, value, add_faults);
	if (!strcmp(key, "txns")) {
		good = set_number(parse, key, value, 1, MAX_TXNS, &number);
		scenario->workload.txns = (unsigned)number;
		return good;
	}
	if (!strcmp(key, "payload")) {
		good = set_number(parse, key, value, TXN_MIN_BYTES, TXN_MAX_BYTES, &number);
		scenario->workload.base_bytes = number;
		return good;
	}
	if (!strcmp(key, "fiu"))
		return add_command(parse, value);
	if (!strcmp(key, "fiu_runs")) {
		good = set_number(parse, key, value, 1, MAX_FIU_RUNS, &number);
		scenario->fiu_runs = (unsigned)number;
		return good;
	}
	return refuse(parse, "there is no key '%s'; did you mean '%s'?", key,
		suggest(key, keys, sizeof(keys) / sizeof(*keys)));
}

static int find_word(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(word, words[i]))
			return (int)i;
	}
	return -1;
}

/* "SUBJECT.PROPERTY" or "SUBJECT.FAULT.PROPERTY" = VERDICT */
static int on_expectation(struct parse *parse, const char *key, const char *value)
{
	struct scenario *scenario = parse->scenario;
	char *copy = strdup(key), *rest = copy;
	const char *subject = strsep(&rest, "."), *fault = rest ? strsep(&rest, ".") : NULL;
	const char *property = rest ? rest : fault;
	struct expectation *more;
	int which, verdict, good = 0;

	if (!rest)
		fault = NULL;
	if (!property) {
		refuse(parse, "[expect] %s: want STRATEGY.PROPERTY or STRATEGY.FAULT.PROPERTY",
			key);
		goto out;
	}
	which = find_word(property, property_names, PROPERTY_COUNT);
	verdict = find_word(value, verdict_names, 4);
	if (which < 0) {
		refuse(parse, "there is no property '%s'; did you mean '%s'?", property,
			suggest(property, property_names, PROPERTY_COUNT));
		goto out;
	}
	if (verdict < 0) {
		refuse(parse, "there is no verdict '%s'; did you mean '%s'?", value,
			suggest(value, verdict_names, 4));
		goto out;
	}
	if (!is_glob(subject) && strcmp(subject, nearest_strategy(subject))) {
		refuse(parse, "there is no strategy '%s'; did you mean '%s'?", subject,
			nearest_strategy(subject));
		goto out;
	}
	if (fault && !is_glob(fault) && strcmp(fault, "none") && strcmp(fault, "fiu") &&
		strcmp(fault, nearest_fault(fault))) {
		refuse(parse, "there is no fault '%s'; did you mean '%s'?", fault,
			nearest_fault(fault));
		goto out;
	}
	more = realloc(scenario->expectations,
		(scenario->expectation_count + 1) * sizeof(*scenario->expectations));
	if (!more)
		goto out;
	scenario->expectations = more;
	more[scenario->expectation_count++] = (struct expectation){strdup(subject),
		fault ? strdup(fault) : NULL, (enum property)which, (enum verdict)verdict};
	good = 1;
out:
	free(copy);
	return good;
}

static int on_line(void *context, const char *section, const char *key, const char *value)
{
	struct parse *parse = context;

	if (parse->has_failed)
		return 0;
	if (!*section)
		return on_key(parse, key, value);
	if (!strcmp(section, "expect"))
		return on_expectation(parse, key, value);
	return refuse(parse, "there is no section [%s]; did you mean [expect]?", section);
}

static const char *builtin_text(const char *name)
{
	for (size_t i = 0; i < builtin_scenario_count; i++) {
		if (!strcmp(name, builtin_scenarios[i].name))
			return builtin_scenarios[i].text;
	}
	return NULL;
}

static bool is_file_name(const char *name)
{
	size_t length = strlen(name);

	return strchr(name, '/') || (length > 4 && !strcmp(name + length - 4, ".ini"));
}

static const char *nearest_scenario(const char *name)
{
	const char *names[64];
	size_t count = 0;

	while (count < builtin_scenario_count && count < 64) {
		names[count] = builtin_scenarios[count].name;
		count++;
	}
	return suggest(name, names, count);
}

/* inih says nothing of a section without keys. Returns its line, or 0. */
static int find_bad_section(struct parse *parse, const char *text)
{
	int line = 1;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n', line++) {
		text += strspn(text, " \t");
		if (*text == '[' && strncmp(text, "[expect]", 8)) {
			refuse(parse, "there is no section %.*s; did you mean [expect]?",
				(int)strcspn(text, " \t\r\n"), text);
			return line;
		}
	}
	return 0;
}

/* Returns inih's answer: 0, the number of the first wrong line, or -1: not readable. */
static int parse_text(struct parse *parse, const char *name, const char *text)
{
	struct buffer file = {0};
	int err, line;

	if (!text) {
		err = io_read_file(name, &file);
		if (!err)
			err = buffer_add(&file, "", 1);
		if (err) {
			refuse(parse, "%s", strerror(-err));
			buffer_release(&file);
			return -1;
		}
		text = file.data;
	}
	/* inih's own limit of 200 bytes a line would cut a list of strategies. */
	ini_use_stack = false;
	ini_allow_realloc = true;
	ini_max_line = MAX_LINE;
	line = find_bad_section(parse, text);
	if (!line)
		line = ini_parse_string(text, on_line, parse);
	buffer_release(&file);
	return line;
}

int scenario_load(struct scenario *scenario, const char *name, char *message, size_t size)
{
	const char *text = is_file_name(name) ? NULL : builtin_text(name);
	char problem[512] = "not of the form KEY = VALUE";
	struct parse parse = {scenario, problem, sizeof(problem), false, false};
	int line;

	memset(scenario, 0, sizeof(*scenario));
	if (!text && !is_file_name(name)) {
		snprintf(message, size, "there is no scenario '%s'; did you mean '%s'?", name,
			nearest_scenario(name));
		return -EINVAL;
	}
	scenario->name = strdup(name);
	scenario->fiu_runs = 100;
	scenario->workload = (struct workload){2, TXN_DEFAULT_BYTES};
	scenario->strategies = calloc(strategy_count, sizeof(*scenario->strategies));
	scenario->faults = calloc(fault_count, sizeof(*scenario->faults));
	if (!scenario->name || !scenario->strategies || !scenario->faults)
		return -ENOMEM;
	line = parse_text(&parse, name, text);
	if (!line && !parse.has_strategies)
		each_word(&parse, "*", add_strategies);
	if (!line && !scenario->fault_count && !scenario->commands) {
		refuse(&parse, "nothing to do: no 'faults' and no 'fiu'");
		line = -1;
	}
	if (!line)
		return 0;
	if (line > 0)
		snprintf(message, size, "%s:%d: %s", name, line, problem);
	else
		snprintf(message, size, "%s: %s", name, problem);
	scenario_release(scenario);
	return -EINVAL;
}

int scenario_select(struct scenario *scenario, const char *globs, char *message, size_t size)
{
	char problem[512];
	struct scenario wanted = {0};
	struct parse parse = {&wanted, problem, sizeof(problem), false, false};
	size_t kept = 0;
	int good;

	wanted.strategies = calloc(strategy_count, sizeof(*wanted.strategies));
	if (!wanted.strategies)
		return -ENOMEM;
	good = each_word(&parse, globs, add_strategies);
	/* A glob that matches nothing leaves nothing to do, which is not a mistake. */
	if (!good && !strncmp(problem, "no strategy matches", 19))
		good = 1;
	if (!good)
		snprintf(message, size, "--strategy: %s", problem);
	for (size_t i = 0; i < scenario->strategy_count; i++) {
		for (size_t k = 0; k < wanted.strategy_count; k++) {
			if (scenario->strategies[i] == wanted.strategies[k]) {
				scenario->strategies[kept++] = scenario->strategies[i];
				break;
			}
		}
	}
	scenario->strategy_count = kept;
	free(wanted.strategies);
	return good ? 0 : -EINVAL;
}

static enum verdict worst_found(const struct scenario *scenario,
	const struct expectation *expectation, const struct result_list *results,
	const char *subject)
{
	enum verdict worst = VERDICT_NOT_TESTED;

	for (size_t i = 0; i < results->count; i++) {
		const struct result *result = &results->items[i];

		if (!strcmp(result->scenario, scenario->name) &&
			!strcmp(result->subject, subject) &&
			result->property == expectation->property &&
			(!expectation->fault || !fnmatch(expectation->fault, result->fault, 0)) &&
			result->verdict > worst)
			worst = result->verdict;
	}
	return worst;
}

bool scenario_expectations_hold(const struct scenario *scenario, const struct result_list *results)
{
	bool all_hold = true;

	for (size_t i = 0; i < scenario->expectation_count; i++) {
		const struct expectation *expectation = &scenario->expectations[i];

		for (size_t k = 0; k < scenario->strategy_count; k++) {
			const char *subject = scenario->strategies[k]->name;
			enum verdict worst;

			if (fnmatch(expectation->subject, subject, 0))
				continue;
			worst = worst_found(scenario, expectation, results, subject);
			if (worst == expectation->verdict)
				continue;
			all_hold = false;
			fprintf(stderr, "%s: expected %s.%s%s%s = %s, found %s\n", scenario->name,
				subject, expectation->fault ? expectation->fault : "",
				expectation->fault ? "." : "",
				property_names[expectation->property],
				verdict_names[expectation->verdict], verdict_names[worst]);
		}
	}
	return all_hold;
}

void scenario_release(struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->expectation_count; i++) {
		free(scenario->expectations[i].subject);
		free(scenario->expectations[i].fault);
	}
	free(scenario->expectations);
	free(scenario->name);
	free(scenario->summary);
	free(scenario->strategies);
	free(scenario->faults);
	free(scenario->commands);
	memset(scenario, 0, sizeof(*scenario));
}
