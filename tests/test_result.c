/* Results go through JSON unchanged, and the worst of them decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/result.h"

static struct result example(void)
{
	struct result result = {.subject = strdup("replace"),
		.scenario = strdup("dir/quick.ini"),
		.workers = 3,
		.fault = strdup("enospc"),
		.model = strdup("posix"),
		.property = DURABILITY,
		.verdict = VERDICT_VIOLATED,
		.is_claimed = true,
		.evidence = {.coverage = COVERAGE_BOUNDED,
			.runs = 1u << 31,
			.fired = 12,
			.states = 5000000000,
			.unique_states = 7,
			.sets = 6144.5,
			.residue = 9},
		.detail = strdup("a \"quoted\"\nline, caf\xc3\xa9"),
		.witness = strdup("witness/x.json"),
		.variant = 2,
		.n = 1ull << 40,
		.seed = UINT64_MAX - 5,
		.workload = {17, 9001},
		.commands = strdup("enable name=posix/io/rw/write\n")};

	for (uint64_t i = 0; i < POINT_COUNT; i++)
		result.evidence.points[i] = i * i;
	return result;
}

static struct cut make_cut(size_t event, size_t micro_ops, enum tear tear, uint32_t lost_count)
{
	struct cut cut = {.event = event, .micro_ops = micro_ops, .tear = tear};

	cut.lost = calloc(lost_count + 1, sizeof(*cut.lost));
	assert_non_null(cut.lost);
	for (uint32_t i = 0; i < lost_count; i++)
		cut.lost[cut.lost_count++] = 3 * i;
	return cut;
}

static void assert_same_cut(const struct cut *a, const struct cut *b)
{
	assert_int_equal(a->event, b->event);
	assert_int_equal(a->micro_ops, b->micro_ops);
	assert_int_equal(a->tear, b->tear);
	assert_int_equal(a->lost_count, b->lost_count);
	if (a->lost_count)
		assert_memory_equal(a->lost, b->lost, a->lost_count * sizeof(*a->lost));
}

/* Through text, as between processes. */
static int through_json(const struct result *result, struct result *again)
{
	json_t *json = result_to_json(result);
	char *text = json_dumps(json, JSON_COMPACT);
	int err;

	json_decref(json);
	assert_non_null(text);
	json = json_loads(text, 0, NULL);
	free(text);
	err = result_from_json(json, again);
	json_decref(json);
	return err;
}

static void test_result__every_field_survives_json(void **state)
{
	struct result result = example(), again;

	(void)state;
	assert_int_equal(through_json(&result, &again), 0);
	assert_string_equal(again.subject, result.subject);
	assert_string_equal(again.scenario, result.scenario);
	assert_int_equal(again.workers, result.workers);
	assert_string_equal(again.fault, result.fault);
	assert_string_equal(again.model, result.model);
	assert_int_equal(again.property, result.property);
	assert_int_equal(again.verdict, result.verdict);
	assert_int_equal(again.is_claimed, result.is_claimed);
	assert_memory_equal(&again.evidence, &result.evidence, sizeof(result.evidence));
	assert_string_equal(again.detail, result.detail);
	assert_string_equal(again.witness, result.witness);
	assert_int_equal(again.variant, result.variant);
	assert_true(again.n == result.n);
	assert_true(again.seed == result.seed);
	assert_int_equal(again.workload.txns, result.workload.txns);
	assert_int_equal(again.workload.base_bytes, result.workload.base_bytes);
	assert_string_equal(again.commands, result.commands);
	result_release(&result);
	result_release(&again);
}

static void test_result__what_is_not_there_stays_away(void **state)
{
	struct result result = {.subject = strdup("append"),
		.scenario = strdup("quick"),
		.fault = strdup("none"),
		.verdict = VERDICT_HOLDS};
	struct result again;

	(void)state;
	assert_int_equal(through_json(&result, &again), 0);
	assert_null(again.model);
	assert_null(again.detail);
	assert_null(again.witness);
	assert_null(again.commands);
	assert_false(again.is_claimed);
	result_release(&result);
	result_release(&again);
}

static void test_result__power_cuts_survive_json(void **state)
{
	static const enum tear tears[] = {TEAR_PAGE, TEAR_SECTOR, TEAR_NONE};

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct result result = example(), again;

		result.cut = make_cut(1ull << 33, 5000000000, tears[i], i);
		if (i)
			result.recovery_cut = make_cut(0, 17, tears[2 - i], 400 * i);
		assert_int_equal(through_json(&result, &again), 0);
		assert_same_cut(&again.cut, &result.cut);
		assert_same_cut(&again.recovery_cut, &result.recovery_cut);
		result_release(&result);
		result_release(&again);
	}
}

static void test_result__a_cut_is_kept_of_violations_only(void **state)
{
	struct result result = example(), again;

	(void)state;
	result.cut = make_cut(3, 9, TEAR_PAGE, 2);
	result.verdict = VERDICT_HOLDS;
	assert_int_equal(through_json(&result, &again), 0);
	assert_int_equal(again.cut.micro_ops, 0);
	assert_null(again.cut.lost);
	result_release(&result);
	result_release(&again);
}

static void test_result__a_cut_that_is_none_is_refused(void **state)
{
	static const char *const cuts[] = {"{}", "3", "[]", "\"cut\"",
		"{\"before_event\": 1, \"micro_ops\": 2, \"tear\": 4096}",
		"{\"before_event\": 1, \"micro_ops\": 2, \"tear\": 4096, \"lost\": 1}",
		"{\"before_event\": 1, \"micro_ops\": 2, \"tear\": 4096, \"lost\": [-1]}",
		"{\"before_event\": 1, \"micro_ops\": 2, \"tear\": 4096, \"lost\": [1.5]}",
		"{\"before_event\": 1, \"micro_ops\": 2, \"tear\": 4096, \"lost\": [\"1\"]}",
		"{\"before_event\": 1, \"micro_ops\": 2, \"tear\": 4096, \"lost\": [4294967296]}",
		"{\"before_event\": 1, \"micro_ops\": 2, \"tear\": 513, \"lost\": [1]}",
		"{\"before_event\": \"1\", \"micro_ops\": 2, \"tear\": 512, \"lost\": [1]}"};

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		for (int k = 0; k < 2; k++) {
			struct result result = example(), again;
			json_t *json = result_to_json(&result);

			json_object_set_new(json_object_get(json, "plan"),
				k ? "recovery_cut" : "cut",
				json_loads(cuts[i], JSON_DECODE_ANY, NULL));
			if (result_from_json(json, &again) != -EPROTO)
				fail_msg("taken: %s", cuts[i]);
			json_decref(json);
			result_release(&result);
		}
	}
}

static void test_result__every_word_survives_json(void **state)
{
	struct result result = example(), again;

	(void)state;
	for (int i = 0; i < 12; i++) {
		result.property = (enum property)(i % PROPERTY_COUNT);
		result.verdict = (enum verdict)(i % 4);
		result.evidence.coverage = (enum coverage)(i % 3);
		assert_int_equal(through_json(&result, &again), 0);
		assert_int_equal(again.property, result.property);
		assert_int_equal(again.verdict, result.verdict);
		assert_int_equal(again.evidence.coverage, result.evidence.coverage);
		result_release(&again);
	}
	result_release(&result);
}

static void test_result__json_that_is_none_is_refused(void **state)
{
	static const char *const texts[] = {"{}", "[]",
		"{\"property\": \"atomicity\", \"verdict\": \"holds\", \"subject\": \"a\"}",
		"{\"property\": \"beauty\", \"verdict\": \"holds\", \"subject\": \"a\", "
		"\"scenario\": \"b\", \"fault\": \"c\"}",
		"{\"property\": \"atomicity\", \"verdict\": 3, \"subject\": \"a\", "
		"\"scenario\": \"b\", \"fault\": \"c\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		json_t *json = json_loads(texts[i], 0, NULL);
		struct result result;

		assert_int_equal(result_from_json(json, &result), -EPROTO);
		json_decref(json);
	}
}

static void test_result__bytes_that_are_not_utf8_are_escaped(void **state)
{
	struct result result = example(), again;

	(void)state;
	free(result.scenario);
	result.scenario = strdup("/tmp/caf\xe9.ini");
	assert_int_equal(through_json(&result, &again), 0);
	assert_non_null(strstr(again.scenario, "/tmp/caf"));
	result_release(&result);
	result_release(&again);
}

static void test_result__a_detail_that_is_not_utf8_is_not_dropped(void **state)
{
	struct result result = example(), again;

	(void)state;
	free(result.detail);
	result.detail = strdup("write #1 (caf\xe9) failed with EIO");
	assert_int_equal(through_json(&result, &again), 0);
	assert_non_null(again.detail);
	result_release(&result);
	result_release(&again);
}

static void add(
	struct result_list *list, const char *subject, enum property property, enum verdict verdict)
{
	struct result result = {.subject = strdup(subject),
		.fault = strdup("kill"),
		.property = property,
		.verdict = verdict};

	assert_int_equal(result_list_add(list, &result), 0);
	assert_null(result.subject);
}

static void test_result__holding_without_any_fault_is_not_tested(void **state)
{
	struct result_list list = {0};

	(void)state;
	add(&list, "a", ATOMICITY, VERDICT_HOLDS);
	strcpy(list.items[0].fault, "none");
	add(&list, "a", ATOMICITY, VERDICT_NOT_TESTED);
	assert_int_equal(result_list_worst(&list, "a", ATOMICITY, NULL), VERDICT_NOT_TESTED);
	result_list_release(&list);
}

static void test_result__samples_that_found_nothing_take_nothing_away(void **state)
{
	struct result_list list = {0};

	(void)state;
	add(&list, "a", ATOMICITY, VERDICT_HOLDS);
	add(&list, "a", ATOMICITY, VERDICT_UNKNOWN);
	list.items[1].evidence.coverage = COVERAGE_SAMPLED;
	assert_int_equal(result_list_worst(&list, "a", ATOMICITY, NULL), VERDICT_HOLDS);
	list.items[1].evidence.coverage = COVERAGE_BOUNDED;
	assert_int_equal(result_list_worst(&list, "a", ATOMICITY, NULL), VERDICT_UNKNOWN);
	result_list_release(&list);
}

static void test_result__the_worst_verdict_decides(void **state)
{
	static const enum verdict order[] = {
		VERDICT_NOT_TESTED, VERDICT_HOLDS, VERDICT_UNKNOWN, VERDICT_VIOLATED};
	struct result_list list = {0};
	const struct result *worst;

	(void)state;
	assert_int_equal(result_list_worst(&list, "a", ATOMICITY, &worst), VERDICT_NOT_TESTED);
	assert_null(worst);
	add(&list, "b", ATOMICITY, VERDICT_VIOLATED);
	add(&list, "a", DURABILITY, VERDICT_VIOLATED);
	for (size_t i = 0; i < 4; i++) {
		add(&list, "a", ATOMICITY, order[i]);
		add(&list, "a", ATOMICITY, VERDICT_NOT_TESTED);
		assert_int_equal(result_list_worst(&list, "a", ATOMICITY, &worst), order[i]);
		/* The first of equals. */
		assert_ptr_equal(worst, &list.items[2 + 2 * i]);
		assert_int_equal(result_list_worst(&list, "a", ATOMICITY, NULL), order[i]);
	}
	result_list_release(&list);
	assert_int_equal(list.count, 0);
}

static void add_under(struct result_list *list, const char *fault, const char *model,
	enum property property, enum verdict verdict)
{
	struct result *result;

	add(list, "a", property, verdict);
	result = &list->items[list->count - 1];
	free(result->fault);
	result->fault = strdup(fault);
	result->model = model ? strdup(model) : NULL;
}

static enum verdict under(const struct result_list *list, const char *model)
{
	return result_list_worst_under(list, "a", ATOMICITY, model, NULL);
}

static void test_result__each_model_has_its_own_worst_verdict(void **state)
{
	struct result_list list = {0};

	(void)state;
	add_under(&list, "none", NULL, ATOMICITY, VERDICT_HOLDS);
	add_under(&list, "power", "posix", ATOMICITY, VERDICT_HOLDS);
	add_under(&list, "recovery", "posix", ATOMICITY, VERDICT_NOT_TESTED);
	add_under(&list, "power", "ext4", ATOMICITY, VERDICT_HOLDS);
	add_under(&list, "power-after-eio", "ext4", ATOMICITY, VERDICT_VIOLATED);
	add_under(&list, "power", "xfs", DURABILITY, VERDICT_VIOLATED);
	assert_int_equal(under(&list, "posix"), VERDICT_HOLDS);
	assert_int_equal(under(&list, "ext4"), VERDICT_VIOLATED);
	assert_int_equal(under(&list, "xfs"), VERDICT_NOT_TESTED);
	/* Of everything but power cuts there is only the run without a fault. */
	assert_int_equal(under(&list, ""), VERDICT_NOT_TESTED);
	assert_int_equal(under(&list, NULL), VERDICT_VIOLATED);
	add_under(&list, "kill", NULL, ATOMICITY, VERDICT_HOLDS);
	assert_int_equal(under(&list, ""), VERDICT_HOLDS);
	result_list_release(&list);
}

static void test_result__a_list_grows(void **state)
{
	struct result_list list = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		add(&list, i % 2 ? "odd" : "even", ATOMICITY, VERDICT_HOLDS);
	assert_int_equal(list.count, 1000);
	assert_string_equal(list.items[0].subject, "even");
	assert_string_equal(list.items[999].subject, "odd");
	result_list_release(&list);
}

static void test_result__parts_of_a_result_are_added_up(void **state)
{
	struct result whole = {.verdict = VERDICT_HOLDS,
		.evidence = {
			.runs = 1, .states = 3, .unique_states = 2, .checker_runs = 2, .alike = 1}};
	struct result part = {.verdict = VERDICT_UNKNOWN,
		.detail = strdup("the time was over"),
		.evidence = {.runs = 1,
			.states = 4,
			.unique_states = 4,
			.checker_runs = 3,
			.alike = 5,
			.coverage = COVERAGE_BOUNDED}};

	(void)state;
	assert_int_equal(result_merge(&whole, &part), 0);
	assert_int_equal(whole.verdict, VERDICT_UNKNOWN);
	assert_string_equal(whole.detail, "the time was over");
	assert_int_equal(whole.evidence.coverage, COVERAGE_BOUNDED);
	assert_int_equal(whole.evidence.runs, 1);
	assert_int_equal(whole.evidence.states, 7);
	assert_int_equal(whole.evidence.unique_states, 6);
	assert_int_equal(whole.evidence.checker_runs, 5);
	assert_int_equal(whole.evidence.alike, 6);
	result_release(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_result__every_field_survives_json),
		cmocka_unit_test(test_result__what_is_not_there_stays_away),
		cmocka_unit_test(test_result__power_cuts_survive_json),
		cmocka_unit_test(test_result__a_cut_is_kept_of_violations_only),
		cmocka_unit_test(test_result__a_cut_that_is_none_is_refused),
		cmocka_unit_test(test_result__each_model_has_its_own_worst_verdict),
		cmocka_unit_test(test_result__every_word_survives_json),
		cmocka_unit_test(test_result__json_that_is_none_is_refused),
		cmocka_unit_test(test_result__bytes_that_are_not_utf8_are_escaped),
		cmocka_unit_test(test_result__a_detail_that_is_not_utf8_is_not_dropped),
		cmocka_unit_test(test_result__the_worst_verdict_decides),
		cmocka_unit_test(test_result__a_list_grows),
		cmocka_unit_test(test_result__holding_without_any_fault_is_not_tested),
		cmocka_unit_test(test_result__samples_that_found_nothing_take_nothing_away),
		cmocka_unit_test(test_result__parts_of_a_result_are_added_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
