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

enum {
	MAX_TXNS = 1000,
	MAX_FIU_RUNS = 1000000,
	MAX_SCHEDULES = 100000000,
	MAX_LINE = 65536,
	MAX_PLUGINS = 256
};

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

/* ---- names of plug-ins ---- */

static size_t strategy_names(const char **names)
{
	for (size_t i = 0; i < strategy_count; i++)
		names[i] = strategies[i]->name;
	return strategy_count;
}

static size_t fault_names(const char **names)
{
	for (size_t i = 0; i < fault_count; i++)
		names[i] = faults[i]->name;
	return fault_count;
}

static size_t model_names(const char **names)
{
	for (size_t i = 0; i < model_count; i++)
		names[i] = models[i]->name;
	return model_count;
}

/* Calls `add` for each plug-in of a kind whose name matches the word. */
static int choose(struct parse *parse, const char *kind, size_t (*list)(const char **names),
	const char *word, void (*add)(struct scenario *scenario, size_t index))
{
	const char *names[MAX_PLUGINS];
	size_t count = list(names);
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		if (fnmatch(word, names[i], 0))
			continue;
		found = true;
		add(parse->scenario, i);
	}
	if (found)
		return 1;
	return is_glob(word) ? refuse(parse, "no %s matches '%s'", kind, word)
	                     : refuse(parse, "there is no %s '%s'; did you mean '%s'?", kind, word,
				       suggest(word, names, count));
}

static void add_strategy(struct scenario *scenario, size_t index)
{
	for (size_t i = 0; i < scenario->strategy_count; i++) {
		if (scenario->strategies[i] == strategies[index])
			return;
	}
	scenario->strategies[scenario->strategy_count++] = strategies[index];
}

static void add_fault(const struct fault **list, size_t *count, size_t index)
{
	for (size_t i = 0; i < *count; i++) {
		if (list[i] == faults[index])
			return;
	}
	list[(*count)++] = faults[index];
}

static void add_struck_fault(struct scenario *scenario, size_t index)
{
	add_fault(scenario->faults, &scenario->fault_count, index);
}

static void add_crashed_fault(struct scenario *scenario, size_t index)
{
	add_fault(scenario->crashed_faults, &scenario->crashed_fault_count, index);
}

static void add_concurrent_fault(struct scenario *scenario, size_t index)
{
	add_fault(scenario->contention.faults, &scenario->contention.fault_count, index);
}

static void add_to_models(const struct model **list, size_t *count, size_t index)
{
	for (size_t i = 0; i < *count; i++) {
		if (list[i] == models[index])
			return;
	}
	list[(*count)++] = models[index];
}

static void add_model(struct scenario *scenario, size_t index)
{
	add_to_models(scenario->models, &scenario->model_count, index);
}

static void add_concurrent_model(struct scenario *scenario, size_t index)
{
	add_to_models(scenario->contention.models, &scenario->contention.model_count, index);
}

static int add_strategies(struct parse *parse, const char *word)
{
	return choose(parse, "strategy", strategy_names, word, add_strategy);
}

static int add_faults(struct parse *parse, const char *word)
{
	return choose(parse, "fault", fault_names, word, add_struck_fault);
}

static int add_crashed_faults(struct parse *parse, const char *word)
{
	return choose(parse, "fault", fault_names, word, add_crashed_fault);
}

static int add_models(struct parse *parse, const char *word)
{
	return choose(parse, "model", model_names, word, add_model);
}

static int add_concurrent_faults(struct parse *parse, const char *word)
{
	struct contention *contention = &parse->scenario->contention;
	int good = choose(parse, "fault", fault_names, word, add_concurrent_fault);

	for (size_t i = 0; good && i < contention->fault_count; i++) {
		const struct fault *fault = contention->faults[i];
		bool has_budget = fault->is_real;

		for (unsigned k = 0; k < fault_variant_count(fault); k++)
			has_budget |= fault_is_budget(fault_variant(fault, k)->repeat);
		if (has_budget)
			good = refuse(parse,
				"concurrent_faults: %s counts free blocks, which workers share",
				fault->name);
	}
	return good;
}

static int add_concurrent_models(struct parse *parse, const char *word)
{
	return choose(parse, "model", model_names, word, add_concurrent_model);
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

static int set_tear(struct parse *parse, const char *value)
{
	static const struct {
		const char *word;
		enum tear tear;
	} tears[] = {{"512", TEAR_SECTOR}, {"4096", TEAR_PAGE}, {"none", TEAR_NONE}};

	for (size_t i = 0; i < sizeof(tears) / sizeof(*tears); i++) {
		if (strcmp(value, tears[i].word))
			continue;
		parse->scenario->tear = tears[i].tear;
		return 1;
	}
	return refuse(parse, "tear = %s: want 512, 4096 or none", value);
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

static int set_flag(struct parse *parse, const char *key, const char *value, bool *flag)
{
	*flag = !strcmp(value, "yes");
	return *flag || !strcmp(value, "no") ? 1
	                                     : refuse(parse, "%s = %s: want yes or no", key, value);
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

/* Several workers. -1: the key is about something else. */
static int on_contention_key(struct parse *parse, const char *key, const char *value)
{
	struct contention *contention = &parse->scenario->contention;
	const struct {
		const char *key;
		unsigned *number;
		unsigned long low, high;
	} numbers[] = {{"workers", &contention->workers, 1, TRACE_MAX_WORKERS / 2},
		{"readers", &contention->readers, 0, TRACE_MAX_WORKERS / 2},
		{"concurrent_txns", &contention->txns, 1, MAX_TXNS}};
	unsigned long number;
	int good;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strcmp(key, numbers[i].key))
			continue;
		good = set_number(parse, key, value, numbers[i].low, numbers[i].high, &number);
		if (good)
			*numbers[i].number = (unsigned)number;
		return good;
	}
	if (!strcmp(key, "schedules")) {
		good = set_number(parse, key, value, 1, MAX_SCHEDULES, &number);
		contention->budget.max_runs = number;
		return good;
	}
	if (!strcmp(key, "reduced")) {
		good = set_flag(parse, key, value, &contention->budget.is_unreduced);
		contention->budget.is_unreduced = !contention->budget.is_unreduced;
		return good;
	}
	if (!strcmp(key, "naive_readers"))
		return set_flag(parse, key, value, &contention->has_naive_readers);
	if (!strcmp(key, "concurrent_faults"))
		return each_word(parse, value, add_concurrent_faults);
	if (!strcmp(key, "concurrent_models"))
		return each_word(parse, value, add_concurrent_models);
	return -1;
}

static int on_key(struct parse *parse, const char *key, const char *value)
{
	static const char *const keys[] = {"summary", "strategies", "faults", "models",
		"after_fault", "tear", "recovery", "power_payload", "txns", "payload", "fiu",
		"fiu_runs", "workers", "readers", "naive_readers", "concurrent_faults",
		"concurrent_models", "concurrent_txns", "schedules", "reduced"};
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
	if (!strcmp(key, "models"))
		return each_word(parse, value, add_models);
	if (!strcmp(key, "after_fault"))
		return each_word(parse, value, add_crashed_faults);
	if (!strcmp(key, "tear"))
		return set_tear(parse, value);
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
	if (!strcmp(key, "recovery"))
		return set_flag(parse, key, value, &scenario->crashes_recovery);
	if (!strcmp(key, "power_payload")) {
		good = set_number(parse, key, value, TXN_MIN_BYTES, TXN_MAX_BYTES, &number);
		scenario->power_base_bytes = number;
		return good;
	}
	if (!strcmp(key, "fiu"))
		return add_command(parse, value);
	if (!strcmp(key, "fiu_runs")) {
		good = set_number(parse, key, value, 1, MAX_FIU_RUNS, &number);
		scenario->fiu_runs = (unsigned)number;
		return good;
	}
	good = on_contention_key(parse, key, value);
	if (good >= 0)
		return good;
	return refuse(parse, "there is no key '%s'; did you mean '%s'?", key,
		suggest(key, keys, sizeof(keys) / sizeof(*keys)));
}

static int on_expectation(struct parse *parse, const char *key, const char *value)
{
	struct scenario *scenario = parse->scenario;
	struct expectation *more = realloc(scenario->expectations,
		(scenario->expectation_count + 1) * sizeof(*scenario->expectations));
	char problem[400];

	if (!more)
		return refuse(parse, "out of memory");
	scenario->expectations = more;
	if (expectation_parse(
		    &more[scenario->expectation_count], key, value, problem, sizeof(problem)))
		return refuse(parse, "%s", problem);
	scenario->expectation_count++;
	return 1;
}

/* [power_payload] GLOB = BYTES */
static int on_power_payload(struct parse *parse, const char *key, const char *value)
{
	struct scenario *scenario = parse->scenario;
	struct power_payload *more = realloc(scenario->power_payloads,
		(scenario->power_payload_count + 1) * sizeof(*scenario->power_payloads));
	const char *names[MAX_PLUGINS];
	size_t count = strategy_names(names);
	unsigned long number;
	bool is_known = false;

	if (!more)
		return refuse(parse, "out of memory");
	scenario->power_payloads = more;
	for (size_t i = 0; i < count; i++)
		is_known |= !fnmatch(key, names[i], 0);
	if (!is_known)
		return refuse(parse, "there is no strategy '%s'; did you mean '%s'?", key,
			suggest(key, names, count));
	if (!set_number(parse, key, value, TXN_MIN_BYTES, TXN_MAX_BYTES, &number))
		return 0;
	more[scenario->power_payload_count].subject = strdup(key);
	if (!more[scenario->power_payload_count].subject)
		return refuse(parse, "out of memory");
	more[scenario->power_payload_count++].base_bytes = number;
	return 1;
}

static int refuse_section(struct parse *parse, const char *name)
{
	static const char *const names[] = {"expect", "power_payload"};

	return refuse(parse, "there is no section [%s]; did you mean [%s]?", name,
		suggest(name, names, 2));
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
	if (!strcmp(section, "power_payload"))
		return on_power_payload(parse, key, value);
	return refuse_section(parse, section);
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
	char name[64];

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n', line++) {
		text += strspn(text, " \t");
		if (*text == '[' && strncmp(text, "[expect]", 8) &&
			strncmp(text, "[power_payload]", 15)) {
			snprintf(name, sizeof(name), "%.*s", (int)strcspn(text + 1, "] \t\r\n"),
				text + 1);
			refuse_section(parse, name);
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
	scenario->tear = TEAR_PAGE;
	scenario->crashes_recovery = true;
	scenario->contention = (struct contention){.workers = 1,
		.txns = 1,
		.budget = {.max_runs = 2000},
		.faults = calloc(fault_count, sizeof(*scenario->contention.faults)),
		.models = calloc(model_count, sizeof(*scenario->contention.models))};
	scenario->models = calloc(model_count, sizeof(*scenario->models));
	scenario->crashed_faults = calloc(fault_count, sizeof(*scenario->crashed_faults));
	scenario->strategies = calloc(strategy_count, sizeof(*scenario->strategies));
	scenario->faults = calloc(fault_count, sizeof(*scenario->faults));
	if (!scenario->name || !scenario->strategies || !scenario->faults || !scenario->models ||
		!scenario->crashed_faults || !scenario->contention.faults ||
		!scenario->contention.models)
		return -ENOMEM;
	line = parse_text(&parse, name, text);
	if (!line && !parse.has_strategies)
		each_word(&parse, "*", add_strategies);
	if (!line && !scenario->fault_count && !scenario->commands && !scenario->model_count &&
		scenario->contention.workers < 2 && !scenario->contention.readers) {
		refuse(&parse,
			"nothing to do: no 'faults', no 'models', no 'workers' and no 'fiu'");
		line = -1;
	}
	if (!line && scenario->contention.workers < 2 &&
		(scenario->contention.fault_count || scenario->contention.model_count)) {
		refuse(&parse, "concurrent_faults and concurrent_models need workers = 2 or more");
		line = -1;
	}
	if (!line && scenario->crashed_fault_count && !scenario->model_count) {
		refuse(&parse, "after_fault needs models: power cuts under which?");
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

struct workload scenario_power_workload(
	const struct scenario *scenario, const struct strategy *strategy)
{
	struct workload workload = scenario->workload;

	if (scenario->power_base_bytes)
		workload.base_bytes = scenario->power_base_bytes;
	for (size_t i = 0; i < scenario->power_payload_count; i++) {
		if (!fnmatch(scenario->power_payloads[i].subject, strategy->name, 0))
			workload.base_bytes = scenario->power_payloads[i].base_bytes;
	}
	return workload;
}

struct workload scenario_concurrent_workload(
	const struct scenario *scenario, const struct strategy *strategy, unsigned writers)
{
	struct workload workload = scenario_power_workload(scenario, strategy);

	workload.txns = writers * scenario->contention.txns;
	return workload;
}

int scenario_set_models(
	struct scenario *scenario, const char *globs, char *message, size_t message_size)
{
	char problem[512];
	struct parse parse = {scenario, problem, sizeof(problem), false, false};

	scenario->model_count = 0;
	if (each_word(&parse, globs, add_models) && scenario->model_count) {
		/* Also for several workers, where they have any. */
		if (scenario->contention.model_count) {
			scenario->contention.model_count = 0;
			each_word(&parse, globs, add_concurrent_models);
		}
		return 0;
	}
	snprintf(message, message_size, "--model: %s",
		parse.has_failed ? problem : "no model is named");
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

bool scenario_expectations_hold(const struct scenario *scenario, const struct result_list *results)
{
	bool all_hold = true;

	for (size_t i = 0; i < scenario->expectation_count; i++) {
		for (size_t k = 0; k < scenario->strategy_count; k++)
			all_hold &= expectation_holds(&scenario->expectations[i], scenario->name,
				scenario->strategies[k]->name, results);
	}
	return all_hold;
}

void scenario_release(struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->expectation_count; i++)
		expectation_release(&scenario->expectations[i]);
	for (size_t i = 0; i < scenario->power_payload_count; i++)
		free(scenario->power_payloads[i].subject);
	free(scenario->power_payloads);
	free(scenario->expectations);
	free(scenario->name);
	free(scenario->summary);
	free(scenario->strategies);
	free(scenario->faults);
	free(scenario->models);
	free(scenario->crashed_faults);
	free(scenario->contention.faults);
	free(scenario->contention.models);
	free(scenario->commands);
	memset(scenario, 0, sizeof(*scenario));
}
