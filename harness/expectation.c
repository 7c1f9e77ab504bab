/* Names are checked when they are read, so that a typing error cannot make an expectation idle. */
#include "harness/expectation.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/concurrent.h"
#include "harness/plugins.h"
#include "harness/power.h"
#include "harness/suggest.h"

enum { MAX_PARTS = 4, MAX_NAMES = 256 };

static int find_word(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(word, words[i]))
			return (int)i;
	}
	return -1;
}

/* Whether a word is a glob or one of the names; if not, the message says so. */
static bool is_known(const char *kind, const char *word, const char *const *names, size_t count,
	char *message, size_t message_size)
{
	if (strpbrk(word, "*?[") || find_word(word, names, count) >= 0)
		return true;
	snprintf(message, message_size, "there is no %s '%s'; did you mean '%s'?", kind, word,
		suggest(word, names, count));
	return false;
}

static bool is_subject(const char *word, char *message, size_t message_size)
{
	const char *names[MAX_NAMES];

	for (size_t i = 0; i < strategy_count; i++)
		names[i] = strategies[i]->name;
	return is_known("strategy", word, names, strategy_count, message, message_size);
}

static bool is_model(const char *word, char *message, size_t message_size)
{
	const char *names[MAX_NAMES];

	for (size_t i = 0; i < model_count; i++)
		names[i] = models[i]->name;
	return is_known("model", word, names, model_count, message, message_size);
}

static bool is_fault(const char *word, char *message, size_t message_size)
{
	const char *names[MAX_NAMES] = {"none", "fiu", "power", "recovery", "concurrent",
		"concurrent-reader", "concurrent-naive-reader", "concurrent-power"};
	const char *after = power_name_fault(word);
	size_t count = 8;

	if (find_word(word, names, count) >= 0)
		return true;
	if (!after)
		after = concurrent_name_fault(word);

	for (size_t i = 0; i < fault_count; i++)
		names[count++] = faults[i]->name;
	return is_known("fault", after ? after : word, names, count, message, message_size);
}

static bool is_word(const char *kind, const char *word, const char *const *words, size_t count,
	int *index, char *message, size_t message_size)
{
	*index = find_word(word, words, count);
	if (*index >= 0)
		return true;
	snprintf(message, message_size, "there is no %s '%s'; did you mean '%s'?", kind, word,
		suggest(word, words, count));
	return false;
}

int expectation_parse(struct expectation *expectation, const char *key, const char *value,
	char *message, size_t message_size)
{
	char *copy = strdup(key), *rest = copy, *parts[MAX_PARTS + 1] = {0};
	size_t count = 0;
	int property, verdict, err = -EINVAL;

	*expectation = (struct expectation){0};
	while (rest && count <= MAX_PARTS)
		parts[count++] = strsep(&rest, ".");
	if (!copy || count < 2 || count > MAX_PARTS) {
		snprintf(message, message_size,
			"[expect] %s: want STRATEGY.PROPERTY, STRATEGY.FAULT.PROPERTY or "
			"STRATEGY.FAULT.MODEL.PROPERTY",
			key);
		goto out;
	}
	if (!is_word("property", parts[count - 1], property_names, PROPERTY_COUNT, &property,
		    message, message_size) ||
		!is_word("verdict", value, verdict_names, 4, &verdict, message, message_size) ||
		!is_subject(parts[0], message, message_size) ||
		(count > 2 && !is_fault(parts[1], message, message_size)) ||
		(count > 3 && !is_model(parts[2], message, message_size)))
		goto out;
	expectation->property = (enum property)property;
	expectation->verdict = (enum verdict)verdict;
	expectation->subject = strdup(parts[0]);
	expectation->fault = count > 2 ? strdup(parts[1]) : NULL;
	expectation->model = count > 3 ? strdup(parts[2]) : NULL;
	err = expectation->subject ? 0 : -ENOMEM;
out:
	free(copy);
	return err;
}

void expectation_release(struct expectation *expectation)
{
	free(expectation->subject);
	free(expectation->fault);
	free(expectation->model);
	*expectation = (struct expectation){0};
}

static bool is_about(const struct expectation *expectation, const struct result *result)
{
	return result->property == expectation->property &&
	       (!expectation->fault || !fnmatch(expectation->fault, result->fault, 0)) &&
	       (!expectation->model ||
		       (result->model && !fnmatch(expectation->model, result->model, 0)));
}

bool expectation_holds(const struct expectation *expectation, const char *scenario,
	const char *subject, const struct result_list *results)
{
	enum verdict worst = VERDICT_NOT_TESTED;

	if (fnmatch(expectation->subject, subject, 0))
		return true;
	for (size_t i = 0; i < results->count; i++) {
		const struct result *result = &results->items[i];

		if (!strcmp(result->scenario, scenario) && !strcmp(result->subject, subject) &&
			is_about(expectation, result) && result->verdict > worst)
			worst = result->verdict;
	}
	if (worst == expectation->verdict)
		return true;
	fprintf(stderr, "%s: expected %s.%s%s%s%s%s = %s, found %s\n", scenario, subject,
		expectation->fault ? expectation->fault : "", expectation->fault ? "." : "",
		expectation->model ? expectation->model : "", expectation->model ? "." : "",
		property_names[expectation->property], verdict_names[expectation->verdict],
		verdict_names[worst]);
	return false;
}
