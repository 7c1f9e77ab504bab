/* Stages of a scenario: no fault, each fault, libfiu's commands, power cuts under each model, and
 * several workers. */
#include "harness/cmd_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_sweeps(const struct scenario *scenario, struct stage *stages, size_t *count)
{
	stages[(*count)++].part = PART_SWEEPS;
	for (size_t i = 0; i < scenario->fault_count; i++)
		stages[(*count)++].sweep.fault = scenario->faults[i];
	if (scenario->commands)
		stages[(*count)++].sweep =
			(struct sweep_fault){NULL, scenario->commands, scenario->fiu_runs};
}

static void add_power(const struct scenario *scenario, struct stage *stages, size_t *count)
{
	for (size_t i = 0; i < scenario->model_count; i++) {
		struct stage stage = {.part = PART_POWER,
			.power = {.model = scenario->models[i], .tear = scenario->tear}};

		stages[(*count)++] = stage;
		if (scenario->crashes_recovery) {
			stage.power.is_recovery = true;
			stages[(*count)++] = stage;
			stage.power.is_recovery = false;
		}
		for (size_t k = 0; k < scenario->crashed_fault_count; k++) {
			stage.power.fault = scenario->crashed_faults[k];
			stages[(*count)++] = stage;
		}
	}
}

static void add_writers(const struct scenario *scenario, struct stage *stages, size_t *count)
{
	const struct contention *contention = &scenario->contention;
	struct stage stage = {.part = PART_WRITERS,
		.concurrent = {
			.crew = {.writers = contention->workers}, .budget = contention->budget}};

	if (contention->workers < 2)
		return;
	stages[(*count)++] = stage;
	for (size_t i = 0; i < contention->fault_count; i++) {
		stage.concurrent.fault = contention->faults[i];
		stages[(*count)++] = stage;
	}
	stage.concurrent = (struct concurrent){0};
	for (size_t i = 0; i < contention->model_count; i++) {
		stage.power = (struct power){.model = contention->models[i],
			.tear = scenario->tear,
			.crew = {.writers = contention->workers, .is_crashed = true},
			.budget = contention->budget};
		stages[(*count)++] = stage;
	}
}

static void add_readers(const struct scenario *scenario, const struct strategy *strategy,
	struct stage *stages, size_t *count)
{
	const struct contention *contention = &scenario->contention;
	struct stage stage = {.part = PART_READERS,
		.concurrent = {.crew = {.writers = 1, .readers = contention->readers},
			.budget = contention->budget}};

	if (!contention->readers)
		return;
	stages[(*count)++] = stage;
	stage.concurrent.crew.is_naive = true;
	if (contention->has_naive_readers && strategy->read_naive)
		stages[(*count)++] = stage;
}

struct stage *plan_stages(
	const struct scenario *scenario, const struct strategy *strategy, size_t *count)
{
	size_t of_models = 2 + scenario->crashed_fault_count;
	struct stage *stages =
		calloc(2 + scenario->fault_count + scenario->model_count * of_models + 3 +
				scenario->contention.fault_count + scenario->contention.model_count,
			sizeof(*stages));

	*count = 0;
	if (!stages)
		return NULL;
	add_sweeps(scenario, stages, count);
	add_power(scenario, stages, count);
	add_writers(scenario, stages, count);
	add_readers(scenario, strategy, stages, count);
	return stages;
}

struct workload plan_workload(
	const struct scenario *scenario, const struct strategy *strategy, enum part part)
{
	switch (part) {
	case PART_POWER:
		return scenario_power_workload(scenario, strategy);
	case PART_WRITERS:
		return scenario_concurrent_workload(
			scenario, strategy, scenario->contention.workers);
	case PART_READERS:
		return scenario_concurrent_workload(scenario, strategy, 1);
	default:
		return scenario->workload;
	}
}

int plan_run_stage(struct sweep *sweep, const struct stage *stage, struct result_list *results)
{
	if (stage->concurrent.crew.writers)
		return concurrent_run(sweep, &stage->concurrent, results);
	return stage->power.model ? power_run(sweep, &stage->power, results)
	                          : sweep_run(sweep, &stage->sweep, results);
}

static void stage_name(const struct stage *stage, char name[POWER_NAME_BYTES])
{
	if (stage->concurrent.crew.writers)
		concurrent_name(&stage->concurrent, name);
	else if (stage->power.model)
		power_name(&stage->power, name);
	else
		snprintf(name, POWER_NAME_BYTES, "%s", sweep_fault_name(&stage->sweep));
}

static bool is_of(const struct result *result, const char *fault, const struct model *model)
{
	return !strcmp(result->fault, fault) &&
	       (model ? result->model && !strcmp(result->model, model->name) : !result->model);
}

static int add_unknown(const struct scenario *scenario, const struct strategy *strategy,
	const struct stage *stage, enum property property, struct result_list *results)
{
	char name[POWER_NAME_BYTES];
	bool is_scheduled = stage->part == PART_WRITERS || stage->part == PART_READERS;
	unsigned writers = stage->concurrent.crew.writers + stage->power.crew.writers;
	struct result result = {.workers = writers ? writers : 1,
		.readers = stage->concurrent.crew.readers,
		.is_naive = stage->concurrent.crew.is_naive,
		.property = property,
		.verdict = property == ISOLATION && !is_scheduled ? VERDICT_NOT_TESTED
	                                                          : VERDICT_UNKNOWN,
		.evidence = {.coverage = COVERAGE_BOUNDED}};

	stage_name(stage, name);
	result.subject = strdup(strategy->name);
	result.scenario = strdup(scenario->name);
	result.fault = strdup(name);
	result.model = stage->power.model ? strdup(stage->power.model->name) : NULL;
	result.detail = strdup("not run");
	return result_list_add(results, &result);
}

int plan_add_missing(const struct scenario *scenario, const struct strategy *strategy,
	struct result_list *results)
{
	size_t count;
	struct stage *stages = plan_stages(scenario, strategy, &count);
	int err = stages ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < count; i++) {
		char name[POWER_NAME_BYTES];
		bool is_known = false;

		stage_name(&stages[i], name);
		for (size_t k = 0; k < results->count; k++)
			is_known |= is_of(&results->items[k], name, stages[i].power.model);
		for (int property = 0; !err && !is_known && property < PROPERTY_COUNT; property++)
			err = add_unknown(
				scenario, strategy, &stages[i], (enum property)property, results);
	}
	free(stages);
	return err;
}

void plan_print(const struct scenario *scenario)
{
	printf("%s: %u updates of about %zu bytes", scenario->name, scenario->workload.txns,
		scenario->workload.base_bytes);
	if (scenario->fault_count || scenario->commands)
		printf("\n  faults:");
	for (size_t i = 0; i < scenario->fault_count; i++)
		printf(" %s", scenario->faults[i]->name);
	if (scenario->commands)
		printf(" fiu (%u runs)", scenario->fiu_runs);
	if (scenario->model_count)
		printf("\n  power cuts under:");
	for (size_t i = 0; i < scenario->model_count; i++)
		printf(" %s", scenario->models[i]->name);
	if (scenario->crashed_fault_count)
		printf("\n  and after:");
	for (size_t i = 0; i < scenario->crashed_fault_count; i++)
		printf(" %s", scenario->crashed_faults[i]->name);
	if (scenario->contention.workers > 1)
		printf("\n  every schedule of %u workers", scenario->contention.workers);
	for (size_t i = 0; i < scenario->contention.fault_count; i++)
		printf("%s %s", i ? "" : ", also with", scenario->contention.faults[i]->name);
	for (size_t i = 0; i < scenario->contention.model_count; i++)
		printf("%s %s", i ? "" : ", and power cuts under",
			scenario->contention.models[i]->name);
	if (scenario->contention.readers)
		printf("\n  every schedule of a worker and %u reader%s",
			scenario->contention.readers, scenario->contention.readers == 1 ? "" : "s");
	printf("\n  strategies:");
	for (size_t i = 0; i < scenario->strategy_count; i++)
		printf(" %s", scenario->strategies[i]->name);
	putchar('\n');
}
