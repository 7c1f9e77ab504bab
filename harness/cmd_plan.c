/* Stages of a scenario: no fault, each fault, libfiu's commands, power cuts under each model. */
#include "harness/cmd_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stage *plan_stages(const struct scenario *scenario, size_t *count)
{
	size_t of_models = 2 + scenario->crashed_fault_count;
	struct stage *stages = calloc(
		2 + scenario->fault_count + scenario->model_count * of_models, sizeof(*stages));

	*count = 0;
	if (!stages)
		return NULL;
	(*count)++;
	for (size_t i = 0; i < scenario->fault_count; i++)
		stages[(*count)++].sweep.fault = scenario->faults[i];
	if (scenario->commands)
		stages[(*count)++].sweep =
			(struct sweep_fault){NULL, scenario->commands, scenario->fiu_runs};
	for (size_t i = 0; i < scenario->model_count; i++) {
		struct power power = {.model = scenario->models[i], .tear = scenario->tear};

		stages[(*count)++].power = power;
		if (scenario->crashes_recovery) {
			power.is_recovery = true;
			stages[(*count)++].power = power;
			power.is_recovery = false;
		}
		for (size_t k = 0; k < scenario->crashed_fault_count; k++) {
			power.fault = scenario->crashed_faults[k];
			stages[(*count)++].power = power;
		}
	}
	return stages;
}

int plan_run_stage(struct sweep *sweep, const struct stage *stage, struct result_list *results)
{
	return stage->power.model ? power_run(sweep, &stage->power, results)
	                          : sweep_run(sweep, &stage->sweep, results);
}

static void stage_name(const struct stage *stage, char name[POWER_NAME_BYTES])
{
	if (stage->power.model)
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
	struct result result = {.workers = 1,
		.property = property,
		.verdict = property == ISOLATION ? VERDICT_NOT_TESTED : VERDICT_UNKNOWN,
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
	struct stage *stages = plan_stages(scenario, &count);
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
	printf("\n  strategies:");
	for (size_t i = 0; i < scenario->strategy_count; i++)
		printf(" %s", scenario->strategies[i]->name);
	putchar('\n');
}
