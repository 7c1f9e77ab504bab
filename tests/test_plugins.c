/* Every file in a plug-in folder is one complete entry in its table, and nothing else is. Reads
 * the folders below $TORNWRITE_SOURCE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/plugins.h"
#include "harness/scenario.h"

enum { MAX_ENTRIES = 256 };

/* What is the same for every kind of plug-in. */
struct entry {
	const char *name, *summary;
};

struct table {
	const char *folder, *pattern;
	struct entry entries[MAX_ENTRIES];
	size_t count;
};

static struct table tables[] = {
	{.folder = "strategies", .pattern = "*.c"},
	{.folder = "faults", .pattern = "*.c"},
	{.folder = "reports", .pattern = "*.c"},
	{.folder = "scenarios", .pattern = "*.ini"},
	{.folder = "faults/models", .pattern = "*.c"},
};

enum { TABLE_COUNT = sizeof(tables) / sizeof(*tables) };

static void add(struct table *table, const char *name, const char *summary)
{
	assert_true(table->count < MAX_ENTRIES);
	table->entries[table->count++] = (struct entry){name, summary};
}

static int fill_tables(void **state)
{
	static char summaries[MAX_ENTRIES][256];

	(void)state;
	for (size_t i = 0; i < strategy_count; i++)
		add(&tables[0], strategies[i]->name, strategies[i]->summary);
	for (size_t i = 0; i < fault_count; i++)
		add(&tables[1], faults[i]->name, faults[i]->summary);
	for (size_t i = 0; i < report_count; i++)
		add(&tables[2], reports[i]->name, reports[i]->summary);
	for (size_t i = 0; i < model_count; i++)
		add(&tables[4], models[i]->name, models[i]->summary);
	for (size_t i = 0; i < builtin_scenario_count; i++) {
		struct scenario scenario;
		char message[512];

		if (scenario_load(&scenario, builtin_scenarios[i].name, message, sizeof(message)))
			fail_msg("%s", message);
		snprintf(summaries[i], sizeof(summaries[i]), "%s",
			scenario.summary ? scenario.summary : "");
		add(&tables[3], builtin_scenarios[i].name, summaries[i]);
		scenario_release(&scenario);
	}
	return 0;
}

/* The file's name without folder and ending, with '-' for '_'. */
static void plugin_name(const char *path, char name[256])
{
	const char *base = strrchr(path, '/') + 1;
	size_t length = strcspn(base, ".");

	assert_true(length < 256);
	for (size_t i = 0; i < length; i++)
		name[i] = base[i] == '_' ? '-' : base[i];
	name[length] = 0;
}

static void find_files(const struct table *table, glob_t *found)
{
	const char *source = getenv("TORNWRITE_SOURCE");
	char pattern[4096];

	if (!source)
		fail_msg("TORNWRITE_SOURCE is not set: run the tests with ctest");
	snprintf(pattern, sizeof(pattern), "%s/%s/%s", source, table->folder, table->pattern);
	assert_int_equal(glob(pattern, 0, NULL, found), 0);
}

static void test_plugins__each_file_is_one_entry_and_each_entry_one_file(void **state)
{
	(void)state;
	for (int i = 0; i < TABLE_COUNT; i++) {
		const struct table *table = &tables[i];
		glob_t files;

		find_files(table, &files);
		for (size_t k = 0; k < files.gl_pathc || k < table->count; k++) {
			char name[256] = "nothing";
			const char *entry = k < table->count ? table->entries[k].name : "nothing";

			if (k < files.gl_pathc)
				plugin_name(files.gl_pathv[k], name);
			if (strcmp(name, entry))
				fail_msg("%s/: the file is %s, the table has %s: a plug-in bears "
					 "the name of its file, with '-' for '_'",
					table->folder, name, entry);
		}
		globfree(&files);
	}
}

/* As the file is called, for that is how tables are sorted. */
static void file_name(const struct table *table, size_t index, char name[256])
{
	snprintf(name, 256, "%s.", table->entries[index].name);
	for (char *c = name; *c; c++) {
		if (*c == '-' && !strcmp(table->pattern, "*.c"))
			*c = '_';
	}
}

static void test_plugins__names_are_sorted_and_unique(void **state)
{
	(void)state;
	for (int i = 0; i < TABLE_COUNT; i++) {
		for (size_t k = 1; k < tables[i].count; k++) {
			char before[256], after[256];

			file_name(&tables[i], k - 1, before);
			file_name(&tables[i], k, after);
			if (strcmp(before, after) >= 0)
				fail_msg("%s/: %s stands before %s", tables[i].folder, before,
					after);
		}
	}
}

static void test_plugins__names_are_small_letters_digits_and_hyphens(void **state)
{
	(void)state;
	for (int i = 0; i < TABLE_COUNT; i++) {
		for (size_t k = 0; k < tables[i].count; k++) {
			const char *name = tables[i].entries[k].name;

			if (!islower((unsigned char)*name) ||
				name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
				fail_msg("%s/: '%s'", tables[i].folder, name);
		}
	}
}

static void test_plugins__summaries_are_one_line_without_a_full_stop(void **state)
{
	(void)state;
	for (int i = 0; i < TABLE_COUNT; i++) {
		for (size_t k = 0; k < tables[i].count; k++) {
			const struct entry *entry = &tables[i].entries[k];
			size_t length = entry->summary ? strlen(entry->summary) : 0;

			if (length < 5 || length > 100 || strchr(entry->summary, '\n') ||
				entry->summary[length - 1] == '.')
				fail_msg("%s/: %s: summary '%s'", tables[i].folder, entry->name,
					entry->summary ? entry->summary : "(none)");
		}
	}
}

static void test_plugins__no_two_summaries_are_the_same(void **state)
{
	(void)state;
	for (int i = 0; i < TABLE_COUNT; i++) {
		for (size_t k = 0; k < tables[i].count; k++) {
			for (size_t j = 0; j < k; j++) {
				if (!strcmp(tables[i].entries[j].summary,
					    tables[i].entries[k].summary))
					fail_msg("%s/: %s and %s", tables[i].folder,
						tables[i].entries[j].name,
						tables[i].entries[k].name);
			}
		}
	}
}

static void test_plugins__strategies_are_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < strategy_count; i++) {
		const struct strategy *strategy = strategies[i];
		unsigned claims = strategy->claims.atomic | strategy->claims.consistent |
		                  strategy->claims.durable;

		if (!strategy->setup || !strategy->update || !strategy->read)
			fail_msg("%s: setup, update and read must be set", strategy->name);
		if (strategy->store > STORE_COUNTER)
			fail_msg("%s: no such store", strategy->name);
		if (claims & ~(unsigned)SURVIVES_ALL)
			fail_msg("%s: claims what does not exist", strategy->name);
	}
}

static bool is_one_class(enum survives class)
{
	return class == SURVIVES_KILL || class == SURVIVES_SHORTAGE ||
	       class == SURVIVES_INTERRUPTION || class == SURVIVES_IO_ERROR;
}

static void test_plugins__faults_are_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < fault_count; i++) {
		const struct fault *fault = faults[i];

		if (!is_one_class(fault->class))
			fail_msg("%s: class must be one of enum survives", fault->name);
		if (!fault->is_real && !fault->chances)
			fail_msg("%s: chances must be set", fault->name);
		if (!fault->is_real && !fault->strike == !fault->error)
			fail_msg("%s: either an error or a strike hook", fault->name);
		if (!fault->variant_count != !fault->variants)
			fail_msg("%s: variants and variant_count do not agree", fault->name);
		for (unsigned k = 0; k < fault_variant_count(fault); k++) {
			const struct fault_variant *variant = fault_variant(fault, k);

			if (!variant->name || !*variant->name)
				fail_msg("%s: variant %u has no name", fault->name, k);
			if (fault_is_budget(variant->repeat) && !fault->is_real && !fault->strike)
				fail_msg("%s: a budget needs a strike hook", fault->name);
		}
	}
}

/* ---- models ---- */

/* Micro-operations of every kind and flavour, at two places each. */
enum { FLAVOURS = 4 * 2 * 2 * 2 * 8, PAIRS = FLAVOURS * FLAVOURS };

static void make_flavours(struct micro_op ops[FLAVOURS])
{
	for (unsigned i = 0; i < FLAVOURS; i++) {
		enum micro_kind kind = (enum micro_kind)(i % 4);
		bool has_page = kind == MICRO_DATA || kind == MICRO_SIZE;
		unsigned bits = i / 32;

		ops[i] = (struct micro_op){.kind = kind,
			.event = 3 + i,
			.object = 1 + i / 4 % 2,
			.directory = {UINT32_MAX, UINT32_MAX},
			.page = has_page ? i / 8 % 2 : 0,
			.is_new = has_page && bits & 1,
			.is_growth = kind == MICRO_SIZE && bits & 2,
			.is_whole = kind == MICRO_DATA && bits & 2,
			.is_replacing = kind == MICRO_NAME && bits & 2,
			.replaced_at = has_page && bits & 4 ? i / 16 % 2 : SIZE_MAX};
		ops[i].last_page = ops[i].page;
		if (kind == MICRO_NAME)
			ops[i].directory[0] = i / 16 % 2;
	}
}

/* The answers of a predicate to all pairs, asked in either direction. Returns how many are yes. */
static unsigned ask_all(const struct model *model, struct micro_op ops[FLAVOURS], bool is_reversed,
	bool answers[PAIRS])
{
	unsigned count = 0;

	for (unsigned k = 0; k < PAIRS; k++) {
		unsigned i = is_reversed ? PAIRS - 1 - k : k;

		answers[i] = model->orders(&ops[i / FLAVOURS], &ops[i % FLAVOURS]);
		count += answers[i];
	}
	return count;
}

static void test_plugins__models_order_by_what_they_are_asked_alone(void **state)
{
	static struct micro_op ops[FLAVOURS], before[FLAVOURS];
	static bool answers[PAIRS], again[PAIRS];

	(void)state;
	make_flavours(ops);
	memcpy(before, ops, sizeof(ops));
	for (size_t i = 0; i < model_count; i++) {
		const struct model *model = models[i];

		if (!model->orders)
			continue;
		if (!ask_all(model, ops, false, answers))
			fail_msg("%s: a predicate that orders nothing is none: leave it out",
				model->name);
		ask_all(model, ops, true, again);
		if (memcmp(answers, again, sizeof(answers)))
			fail_msg("%s: the same question has two answers", model->name);
		if (memcmp(before, ops, sizeof(ops)))
			fail_msg("%s: the predicate changes what it is asked about", model->name);
	}
}

static void test_plugins__models_are_complete(void **state)
{
	unsigned honest = 0;

	(void)state;
	for (size_t i = 0; i < model_count; i++) {
		const struct model *model = models[i];

		honest += model->is_honest;
		if (model->is_honest &&
			(model->ignores_syncs || model->splits_renames || model->shows_garbage))
			fail_msg("%s: not honest: POSIX has no such thing", model->name);
		if (model->carries_order && !model->orders)
			fail_msg("%s: there is no order to carry", model->name);
		if (model->ignores_syncs && (model->syncs_names || model->carries_order))
			fail_msg("%s: what do syncs do that are ignored?", model->name);
	}
	assert_true(honest > 0 && honest < model_count);
}

static void test_plugins__no_two_models_are_the_same(void **state)
{
	static struct micro_op ops[FLAVOURS];
	static bool answers[PAIRS], others[PAIRS];

	(void)state;
	make_flavours(ops);
	for (size_t i = 0; i < model_count; i++) {
		memset(answers, 0, sizeof(answers));
		if (models[i]->orders)
			ask_all(models[i], ops, false, answers);
		for (size_t k = 0; k < i; k++) {
			const struct model *a = models[i], *b = models[k];

			memset(others, 0, sizeof(others));
			if (b->orders)
				ask_all(b, ops, false, others);
			if (a->is_honest == b->is_honest && a->ignores_syncs == b->ignores_syncs &&
				a->splits_renames == b->splits_renames &&
				a->shows_garbage == b->shows_garbage &&
				a->syncs_names == b->syncs_names &&
				a->carries_order == b->carries_order &&
				!memcmp(answers, others, sizeof(answers)))
				fail_msg("%s is %s", a->name, b->name);
		}
	}
}

static void test_plugins__reports_are_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < report_count; i++) {
		if (!reports[i]->write)
			fail_msg("%s: write must be set", reports[i]->name);
	}
}

static void test_plugins__every_scenario_is_loaded_from_its_file_too(void **state)
{
	glob_t files;

	(void)state;
	find_files(&tables[3], &files);
	assert_int_equal(files.gl_pathc, builtin_scenario_count);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct scenario scenario;
		char message[8192];

		if (scenario_load(&scenario, files.gl_pathv[i], message, sizeof(message)))
			fail_msg("%s", message);
		if (!scenario.strategy_count)
			fail_msg("%s selects no strategy", files.gl_pathv[i]);
		scenario_release(&scenario);
	}
	globfree(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plugins__each_file_is_one_entry_and_each_entry_one_file),
		cmocka_unit_test(test_plugins__names_are_sorted_and_unique),
		cmocka_unit_test(test_plugins__names_are_small_letters_digits_and_hyphens),
		cmocka_unit_test(test_plugins__summaries_are_one_line_without_a_full_stop),
		cmocka_unit_test(test_plugins__no_two_summaries_are_the_same),
		cmocka_unit_test(test_plugins__strategies_are_complete),
		cmocka_unit_test(test_plugins__faults_are_complete),
		cmocka_unit_test(test_plugins__models_are_complete),
		cmocka_unit_test(test_plugins__models_order_by_what_they_are_asked_alone),
		cmocka_unit_test(test_plugins__no_two_models_are_the_same),
		cmocka_unit_test(test_plugins__reports_are_complete),
		cmocka_unit_test(test_plugins__every_scenario_is_loaded_from_its_file_too),
	};

	return cmocka_run_group_tests(tests, fill_tables, NULL);
}
