/* tornwrite list: the plug-ins, the scenarios and the points of failure. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/commands.h"
#include "harness/options.h"
#include "harness/plugins.h"
#include "harness/scenario.h"
#include "harness/suggest.h"

static void list_strategies(void)
{
	for (size_t i = 0; i < strategy_count; i++)
		printf("  %-26s %s\n", strategies[i]->name, strategies[i]->summary);
}

static void list_faults(void)
{
	for (size_t i = 0; i < fault_count; i++)
		printf("  %-26s %s\n", faults[i]->name, faults[i]->summary);
}

static void list_models(void)
{
	for (size_t i = 0; i < model_count; i++)
		printf("  %-26s %s\n", models[i]->name, models[i]->summary);
}

static void list_scenarios(void)
{
	for (size_t i = 0; i < builtin_scenario_count; i++) {
		struct scenario scenario;
		char message[512];

		if (scenario_load(&scenario, builtin_scenarios[i].name, message, sizeof(message)))
			options_fail("%s", message);
		printf("  %-26s %s\n", scenario.name, scenario.summary ? scenario.summary : "");
		scenario_release(&scenario);
	}
}

static void list_points(void)
{
	for (int i = 0; i < POINT_FAULTS; i++)
		printf("  %s%s\n", points[i].name,
			point_has_reduce((enum point_id)i) ? "[/reduce]" : "");
}

static const struct section {
	const char *name, *title;
	void (*print)(void);
} sections[] = {
	{"strategies", "Strategies", list_strategies},
	{"faults", "Faults", list_faults},
	{"models", "Persistence models, for power cuts", list_models},
	{"scenarios", "Scenarios", list_scenarios},
	{"points", "Points of failure, for 'fiu =' in a scenario", list_points},
};

enum { SECTION_COUNT = sizeof(sections) / sizeof(*sections) };

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	const char **wanted = state->input;
	const char *names[SECTION_COUNT];

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	for (int i = 0; i < SECTION_COUNT; i++) {
		names[i] = sections[i].name;
		if (!strcmp(argument, names[i])) {
			*wanted = names[i];
			return 0;
		}
	}
	options_fail("there is no list of '%s'; did you mean '%s'?", argument,
		suggest(argument, names, SECTION_COUNT));
}

int cmd_list(int argc, char **argv)
{
	static const struct argp argp = {.parser = parse_option,
		.args_doc = "[strategies|faults|models|scenarios|points]",
		.doc = "Lists what is built in."};
	const char *wanted = NULL;

	options_parse(&argp, argc, argv, &wanted);
	for (int i = 0; i < SECTION_COUNT; i++) {
		if (wanted && strcmp(wanted, sections[i].name))
			continue;
		printf("%s\n", sections[i].title);
		sections[i].print();
		if (!wanted && i + 1 < SECTION_COUNT)
			putchar('\n');
	}
	return EXIT_HELD;
}
