/* The list, the summary, and both directions of the JSON form. */
#include "harness/result.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *const verdict_names[] = {
	[VERDICT_NOT_TESTED] = "not-tested",
	[VERDICT_HOLDS] = "holds",
	[VERDICT_UNKNOWN] = "unknown",
	[VERDICT_VIOLATED] = "violated",
};

const char *const coverage_names[] = {
	[COVERAGE_EXHAUSTIVE] = "exhaustive",
	[COVERAGE_BOUNDED] = "bounded",
	[COVERAGE_SAMPLED] = "sampled",
};

void cause_release(struct cause *cause)
{
	free(cause->site);
	free(cause->difference);
	free(cause->detail);
	free(cause->witness);
	cut_release(&cause->cut);
	schedule_release(&cause->schedule);
	memset(cause, 0, sizeof(*cause));
}

int causes_add(struct causes *causes, struct cause *cause)
{
	if (causes->count == causes->capacity) {
		size_t capacity = causes->capacity * 2 + 8;
		struct cause *items = realloc(causes->items, capacity * sizeof(*items));

		if (!items) {
			cause_release(cause);
			return -ENOMEM;
		}
		causes->items = items;
		causes->capacity = capacity;
	}
	causes->items[causes->count++] = *cause;
	memset(cause, 0, sizeof(*cause));
	return 0;
}

void causes_release(struct causes *causes)
{
	for (size_t i = 0; i < causes->count; i++)
		cause_release(&causes->items[i]);
	free(causes->items);
	memset(causes, 0, sizeof(*causes));
}

void result_release(struct result *result)
{
	free(result->subject);
	free(result->scenario);
	free(result->fault);
	free(result->model);
	free(result->detail);
	free(result->witness);
	free(result->commands);
	cut_release(&result->cut);
	cut_release(&result->recovery_cut);
	schedule_release(&result->schedule);
	causes_release(&result->causes);
	memset(result, 0, sizeof(*result));
}

/* ---- parts of one result ---- */

static bool loses_at_least(const struct cause *cause, const struct cause *less)
{
	size_t found = 0;

	for (size_t i = 0; i < cause->cut.lost_count && found < less->cut.lost_count; i++)
		found += cause->cut.lost[i] == less->cut.lost[found];
	return found == less->cut.lost_count && (found || !cause->cut.lost_count);
}

static bool are_alike(const struct cause *a, const struct cause *b)
{
	return !strcmp(a->difference, b->difference) &&
	       (!strcmp(a->site, b->site) || loses_at_least(a, b) || loses_at_least(b, a));
}

static void swap_causes(struct cause *a, struct cause *b)
{
	struct cause other = *a;

	*a = *b;
	*b = other;
}

static int take_cause(struct causes *causes, struct cause *cause)
{
	for (size_t i = 0; i < causes->count; i++) {
		struct cause *known = &causes->items[i];
		uint64_t count = known->count + cause->count;

		if (!are_alike(known, cause))
			continue;
		if (cause->cut.lost_count < known->cut.lost_count)
			swap_causes(known, cause);
		known->count = count;
		cause_release(cause);
		return 0;
	}
	return causes_add(causes, cause);
}

int result_merge(struct result *result, struct result *part)
{
	struct evidence *sum = &result->evidence;
	const struct evidence *more = &part->evidence;
	char *detail;
	int err = 0;

	if (part->verdict > result->verdict) {
		detail = result->detail;
		result->verdict = part->verdict;
		result->detail = part->detail;
		part->detail = detail;
	}
	if (more->coverage > sum->coverage)
		sum->coverage = more->coverage;
	if (more->residue > sum->residue)
		sum->residue = more->residue;
	/* What is one for all parts is not added: the recording, and the sets that states stand
	 * for. */
	sum->states += more->states;
	sum->unique_states += more->unique_states;
	sum->fired += more->fired;
	sum->checker_runs += more->checker_runs;
	sum->alike += more->alike;
	result->causes.left_out += part->causes.left_out;
	for (size_t i = 0; !err && i < part->causes.count; i++)
		err = take_cause(&result->causes, &part->causes.items[i]);
	result_release(part);
	return err;
}

int result_list_add(struct result_list *list, struct result *result)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity * 2 + 64;
		struct result *items = realloc(list->items, capacity * sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = *result;
	memset(result, 0, sizeof(*result));
	return 0;
}

void result_list_release(struct result_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		result_release(&list->items[i]);
	free(list->items);
	memset(list, 0, sizeof(*list));
}

static bool is_under(const struct result *result, const char *model)
{
	if (!model)
		return true;
	return *model ? result->model && !strcmp(result->model, model) : !result->model;
}

enum verdict result_list_worst_under(const struct result_list *list, const char *subject,
	enum property property, const char *model, const struct result **worst)
{
	const struct result *found = NULL;
	bool has_fault = false, has_sampled = false;

	for (size_t i = 0; i < list->count; i++) {
		const struct result *result = &list->items[i];

		if (result->property != property || !is_under(result, model) ||
			strcmp(result->subject, subject))
			continue;
		/* Samples that found nothing add nothing, and take nothing away. */
		if (result->verdict == VERDICT_UNKNOWN &&
			result->evidence.coverage == COVERAGE_SAMPLED) {
			has_sampled = true;
			continue;
		}
		has_fault |= strcmp(result->fault, "none") && result->verdict != VERDICT_NOT_TESTED;
		if (!found || result->verdict > found->verdict)
			found = result;
	}
	if (worst)
		*worst = found;
	/* That it works when nothing goes wrong is not what was asked. */
	if (found && found->verdict == VERDICT_HOLDS && !has_fault)
		return has_sampled ? VERDICT_UNKNOWN : VERDICT_NOT_TESTED;
	return found ? found->verdict : VERDICT_NOT_TESTED;
}

enum verdict result_list_worst(const struct result_list *list, const char *subject,
	enum property property, const struct result **worst)
{
	return result_list_worst_under(list, subject, property, NULL, worst);
}

/* ---- JSON ---- */

static json_t *evidence_to_json(const struct evidence *evidence)
{
	json_t *json = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "coverage",
		coverage_names[evidence->coverage], "runs", (json_int_t)evidence->runs, "fired",
		(json_int_t)evidence->fired, "states", (json_int_t)evidence->states,
		"unique_states", (json_int_t)evidence->unique_states, "residue",
		(json_int_t)evidence->residue);
	json_t *struck = json_object();

	if (evidence->checker_runs || evidence->alike) {
		json_object_set_new(
			json, "checker_runs", json_integer((json_int_t)evidence->checker_runs));
		json_object_set_new(json, "alike", json_integer((json_int_t)evidence->alike));
	}
	if (evidence->sets > 0)
		json_object_set_new(json, "sets", json_real(evidence->sets));
	if (evidence->schedules.has_any)
		json_object_set_new(json, "schedules",
			json_pack("{s:I, s:I, s:I, s:i, s:I}", "kinds",
				(json_int_t)evidence->schedules.kinds, "given_up",
				(json_int_t)evidence->schedules.given_up, "random",
				(json_int_t)evidence->schedules.random, "preemptions",
				evidence->schedules.preemptions, "violating",
				(json_int_t)evidence->schedules.violating));

	for (int i = 0; i < POINT_COUNT; i++) {
		if (evidence->points[i])
			json_object_set_new(struck, points[i].name,
				json_integer((json_int_t)evidence->points[i]));
	}
	json_object_set_new(json, "points", struck);
	return json;
}

/* How long the UTF-8 character at `text` is; 0: it is none. */
static size_t utf8_length(const unsigned char *text)
{
	size_t length = *text < 0x80       ? 1
	                : *text >> 5 == 6  ? 2
	                : *text >> 4 == 14 ? 3
	                : *text >> 3 == 30 ? 4
	                                   : 0;

	for (size_t i = 1; i < length; i++) {
		if (text[i] >> 6 != 2)
			return 0;
	}
	return length;
}

/* JSON has only UTF-8; other bytes become "\xe9". */
static json_t *text_or_null(const char *text)
{
	json_t *json = text ? json_string(text) : json_null();
	size_t size = text ? strlen(text) : 0, length = 0;
	char *escaped;

	if (json)
		return json;
	escaped = malloc(size * 4 + 1);
	if (!escaped)
		return json_null();
	for (size_t i = 0; i < size;) {
		size_t step = utf8_length((const unsigned char *)text + i);
		char one[8] = "";

		if (step)
			memcpy(one, text + i, step);
		/* Overlong forms and surrogates look right and are not. */
		if (step > 1 && !(json = json_string(one)))
			step = 0;
		json_decref(json);
		json = NULL;
		if (step) {
			memcpy(escaped + length, one, step);
			length += step;
			i += step;
		} else {
			length += (size_t)sprintf(
				escaped + length, "\\x%02x", (unsigned char)text[i++]);
		}
	}
	escaped[length] = 0;
	json = json_string(escaped);
	free(escaped);
	return json;
}

static void cut_to_json(const struct cut *cut, const char *key, json_t *plan)
{
	json_t *lost = json_array();

	for (size_t i = 0; i < cut->lost_count; i++)
		json_array_append_new(lost, json_integer(cut->lost[i]));
	json_object_set_new(plan, key,
		json_pack("{s:I, s:I, s:i, s:o}", "before_event", (json_int_t)cut->event,
			"micro_ops", (json_int_t)cut->micro_ops, "tear", (int)cut->tear, "lost",
			lost));
}

static json_t *causes_to_json(const struct causes *causes)
{
	json_t *array = json_array();

	for (size_t i = 0; i < causes->count; i++) {
		const struct cause *cause = &causes->items[i];
		json_t *json = json_object(), *plan = json_object();

		json_object_set_new(json, "site", text_or_null(cause->site));
		json_object_set_new(json, "difference", text_or_null(cause->difference));
		json_object_set_new(json, "count", json_integer((json_int_t)cause->count));
		json_object_set_new(json, "honest", json_boolean(!cause->is_dishonest));
		json_object_set_new(json, "detail", text_or_null(cause->detail));
		json_object_set_new(json, "witness", text_or_null(cause->witness));
		json_object_set_new(plan, "variant", json_integer(cause->variant));
		json_object_set_new(plan, "n", json_integer((json_int_t)cause->n));
		json_object_set_new(plan, "killed_at", json_integer((json_int_t)cause->killed_at));
		json_object_set_new(
			plan, "killed_bytes", json_integer((json_int_t)cause->killed_bytes));
		if (cause->cut.micro_ops)
			cut_to_json(&cause->cut, "cut", plan);
		if (cause->schedule.count)
			json_object_set_new(plan, "schedule", schedule_to_json(&cause->schedule));
		json_object_set_new(json, "plan", plan);
		json_array_append_new(array, json);
	}
	return array;
}

json_t *result_to_json(const struct result *result)
{
	json_t *json = json_object();
	char seed[32];

	snprintf(seed, sizeof(seed), "0x%016" PRIx64, result->seed);
	json_object_set_new(json, "subject", text_or_null(result->subject));
	json_object_set_new(json, "scenario", text_or_null(result->scenario));
	json_object_set_new(json, "workers", json_integer(result->workers));
	json_object_set_new(json, "fault", text_or_null(result->fault));
	json_object_set_new(json, "model", text_or_null(result->model));
	json_object_set_new(json, "property", json_string(property_names[result->property]));
	json_object_set_new(json, "verdict", json_string(verdict_names[result->verdict]));
	json_object_set_new(json, "claimed", json_boolean(result->is_claimed));
	json_object_set_new(json, "evidence", evidence_to_json(&result->evidence));
	json_object_set_new(json, "detail", text_or_null(result->detail));
	json_object_set_new(json, "witness", text_or_null(result->witness));
	if (result->evidence.schedules.has_any) {
		json_object_set_new(json, "readers", json_integer(result->readers));
		json_object_set_new(json, "naive", json_boolean(result->is_naive));
		json_object_set_new(json, "level", json_string(level_names[result->level]));
	}
	if (result->verdict == VERDICT_VIOLATED) {
		json_t *plan = json_pack("{s:i, s:I, s:s, s:i, s:I, s:s?}", "variant",
			(int)result->variant, "n", (json_int_t)result->n, "seed", seed, "txns",
			(int)result->workload.txns, "payload_bytes",
			(json_int_t)result->workload.base_bytes, "fiu", result->commands);

		if (result->cut.micro_ops)
			cut_to_json(&result->cut, "cut", plan);
		if (result->recovery_cut.micro_ops)
			cut_to_json(&result->recovery_cut, "recovery_cut", plan);
		if (result->schedule.count)
			json_object_set_new(plan, "schedule", schedule_to_json(&result->schedule));
		if (result->killed_at || result->killed_bytes) {
			json_object_set_new(
				plan, "killed_at", json_integer((json_int_t)result->killed_at));
			json_object_set_new(plan, "killed_bytes",
				json_integer((json_int_t)result->killed_bytes));
		}
		json_object_set_new(json, "plan", plan);
	}
	if (result->causes.count) {
		json_object_set_new(json, "causes", causes_to_json(&result->causes));
		json_object_set_new(
			json, "causes_left_out", json_integer((json_int_t)result->causes.left_out));
	}
	return json;
}

static int find_name(const char *const *names, int count, const char *name)
{
	for (int i = 0; name && i < count; i++) {
		if (!strcmp(names[i], name))
			return i;
	}
	return -1;
}

static char *copy_text(json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text ? strdup(text) : NULL;
}

static uint64_t integer(json_t *json, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(json, key));
}

static void schedules_from_json(json_t *json, struct schedules *schedules)
{
	schedules->has_any = json != NULL;
	schedules->kinds = integer(json, "kinds");
	schedules->given_up = integer(json, "given_up");
	schedules->random = integer(json, "random");
	schedules->preemptions = (int)json_integer_value(json_object_get(json, "preemptions"));
	schedules->violating = integer(json, "violating");
}

static void evidence_from_json(json_t *json, struct evidence *evidence)
{
	json_t *struck = json_object_get(json, "points");
	int coverage =
		find_name(coverage_names, 3, json_string_value(json_object_get(json, "coverage")));

	/* Unknown words count as the weakest. */
	evidence->coverage = coverage < 0 ? COVERAGE_SAMPLED : (enum coverage)coverage;
	evidence->runs = integer(json, "runs");
	evidence->fired = integer(json, "fired");
	evidence->states = integer(json, "states");
	evidence->unique_states = integer(json, "unique_states");
	evidence->checker_runs = integer(json, "checker_runs");
	evidence->alike = integer(json, "alike");
	evidence->sets = json_number_value(json_object_get(json, "sets"));
	evidence->residue = (unsigned)integer(json, "residue");
	schedules_from_json(json_object_get(json, "schedules"), &evidence->schedules);
	for (int i = 0; i < POINT_COUNT; i++)
		evidence->points[i] = integer(struck, points[i].name);
}

static int cut_from_json(json_t *json, struct cut *cut)
{
	json_t *lost = json_object_get(json, "lost"), *number;
	size_t i;

	if (!json)
		return 0;
	if (!json_is_array(lost) || !json_is_integer(json_object_get(json, "before_event")))
		return -EPROTO;
	cut->lost = calloc(json_array_size(lost) + 1, sizeof(*cut->lost));
	if (!cut->lost)
		return -ENOMEM;
	cut->event = (size_t)integer(json, "before_event");
	cut->micro_ops = (size_t)integer(json, "micro_ops");
	cut->tear = (enum tear)integer(json, "tear");
	if (cut->tear != TEAR_NONE && cut->tear != TEAR_SECTOR && cut->tear != TEAR_PAGE)
		return -EPROTO;
	json_array_foreach(lost, i, number)
	{
		if (!json_is_integer(number) || json_integer_value(number) < 0 ||
			json_integer_value(number) > UINT32_MAX)
			return -EPROTO;
		cut->lost[cut->lost_count++] = (uint32_t)json_integer_value(number);
	}
	return 0;
}

static int causes_from_json(json_t *array, struct causes *causes)
{
	json_t *json;
	size_t i;
	int err = 0;

	json_array_foreach(array, i, json)
	{
		json_t *plan = json_object_get(json, "plan");
		struct cause cause = {.site = copy_text(json, "site"),
			.difference = copy_text(json, "difference"),
			.count = integer(json, "count"),
			.is_dishonest = json_is_false(json_object_get(json, "honest")),
			.detail = copy_text(json, "detail"),
			.witness = copy_text(json, "witness"),
			.variant = (unsigned)integer(plan, "variant"),
			.n = integer(plan, "n"),
			.killed_at = (size_t)integer(plan, "killed_at"),
			.killed_bytes = integer(plan, "killed_bytes")};

		if (!cause.site || !cause.difference || !cause.detail)
			err = -EPROTO;
		if (!err)
			err = cut_from_json(json_object_get(plan, "cut"), &cause.cut);
		if (!err && json_object_get(plan, "schedule"))
			err = schedule_from_json(
				json_object_get(plan, "schedule"), &cause.schedule);
		if (err) {
			cause_release(&cause);
			return err;
		}
		err = causes_add(causes, &cause);
		if (err)
			return err;
	}
	return 0;
}

int result_from_json(json_t *json, struct result *result)
{
	json_t *plan = json_object_get(json, "plan");
	const char *seed = json_string_value(json_object_get(plan, "seed"));
	int property = find_name(property_names, PROPERTY_COUNT,
		json_string_value(json_object_get(json, "property")));
	int verdict =
		find_name(verdict_names, 4, json_string_value(json_object_get(json, "verdict")));
	json_t *schedule = json_object_get(plan, "schedule");
	int level;

	memset(result, 0, sizeof(*result));
	if (property < 0 || verdict < 0)
		return -EPROTO;
	result->subject = copy_text(json, "subject");
	result->scenario = copy_text(json, "scenario");
	result->fault = copy_text(json, "fault");
	if (!result->subject || !result->scenario || !result->fault) {
		result_release(result);
		return -EPROTO;
	}
	result->model = copy_text(json, "model");
	result->detail = copy_text(json, "detail");
	result->witness = copy_text(json, "witness");
	result->workers = (unsigned)integer(json, "workers");
	result->readers = (unsigned)integer(json, "readers");
	result->is_naive = json_is_true(json_object_get(json, "naive"));
	level = find_name(
		level_names, LEVEL_STRICT + 1, json_string_value(json_object_get(json, "level")));
	result->level = level < 0 ? LEVEL_NONE : (enum isolation_level)level;
	result->property = (enum property)property;
	result->verdict = (enum verdict)verdict;
	result->is_claimed = json_is_true(json_object_get(json, "claimed"));
	evidence_from_json(json_object_get(json, "evidence"), &result->evidence);
	result->variant = (unsigned)integer(plan, "variant");
	result->n = integer(plan, "n");
	result->seed = seed ? strtoull(seed, NULL, 16) : 0;
	result->workload.txns = (unsigned)integer(plan, "txns");
	result->workload.base_bytes = (size_t)integer(plan, "payload_bytes");
	result->commands = copy_text(plan, "fiu");
	result->killed_at = (size_t)integer(plan, "killed_at");
	result->killed_bytes = integer(plan, "killed_bytes");
	if (cut_from_json(json_object_get(plan, "cut"), &result->cut) ||
		cut_from_json(json_object_get(plan, "recovery_cut"), &result->recovery_cut) ||
		(schedule && schedule_from_json(schedule, &result->schedule)) ||
		causes_from_json(json_object_get(json, "causes"), &result->causes)) {
		result_release(result);
		return -EPROTO;
	}
	result->causes.left_out = integer(json, "causes_left_out");
	return 0;
}
