/*
 * What `tornwrite check` shows a person: a row a fault or model, a column a property; then every
 * kind of violation, smallest witness first, with the line that replays it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/report.h"

enum { NAME_WIDTH = 16, CELL_WIDTH = 14, MAX_TOLD = 3 };

static const struct look {
	const char *glyph, *color;
} looks[] = {
	[VERDICT_NOT_TESTED] = {"·", "\033[2m"},
	[VERDICT_HOLDS] = {"✓", "\033[32m"},
	[VERDICT_UNKNOWN] = {"?", "\033[33m"},
	[VERDICT_VIOLATED] = {"✗", "\033[31m"},
};

static const enum property shown[] = {ATOMICITY, CONSISTENCY, ISOLATION, DURABILITY};

static const char *const heads[] = {
	[ATOMICITY] = "Atomic",
	[CONSISTENCY] = "Consistent",
	[ISOLATION] = "Isolated",
	[DURABILITY] = "Durable",
};

enum { SHOWN_COUNT = sizeof(shown) / sizeof(*shown) };

static void print_cell(
	enum verdict verdict, const char *text, int width, bool is_colored, FILE *stream)
{
	/* The glyph is one column wide and several bytes long. */
	fprintf(stream, "%s%s %-*s%s", is_colored ? looks[verdict].color : "", looks[verdict].glyph,
		width, text, is_colored ? "\033[0m" : "");
}

static void name_row(const struct result *result, char name[64])
{
	snprintf(name, 64, "%s%s%s", result->fault, result->model ? " " : "",
		result->model ? result->model : "");
}

static bool is_same_row(const struct result *a, const struct result *b)
{
	return !strcmp(a->fault, b->fault) &&
	       (a->model ? b->model && !strcmp(a->model, b->model) : !b->model);
}

static const struct result *find(
	const struct report_input *input, const struct result *row, enum property property)
{
	for (size_t i = 0; i < input->results->count; i++) {
		const struct result *result = &input->results->items[i];

		if (result->property == property && is_same_row(result, row))
			return result;
	}
	return NULL;
}

/* Isolation is a column only where several were run at once. */
static bool is_shown(const struct report_input *input, enum property property)
{
	for (size_t i = 0; property == ISOLATION && i < input->results->count; i++) {
		if (!strcmp(input->results->items[i].fault, "concurrent"))
			return true;
	}
	return property != ISOLATION;
}

/* Whether exit status 0 could be believed: only of calls that fail. */
static enum verdict honesty(const struct report_input *input, const struct result *row)
{
	enum verdict worst = VERDICT_NOT_TESTED;

	if (row->model || !strcmp(row->fault, "kill") || !strcmp(row->fault, "concurrent"))
		return VERDICT_NOT_TESTED;
	for (size_t i = 0; i < SHOWN_COUNT; i++) {
		const struct result *result = find(input, row, shown[i]);

		for (size_t k = 0; result && k < result->causes.count; k++) {
			if (result->causes.items[k].is_dishonest)
				return VERDICT_VIOLATED;
		}
		if (!result || result->property == CONSISTENCY)
			continue;
		if (result->verdict == VERDICT_UNKNOWN)
			worst = VERDICT_UNKNOWN;
		else if (result->verdict != VERDICT_NOT_TESTED && worst == VERDICT_NOT_TESTED)
			worst = VERDICT_HOLDS;
	}
	return worst;
}

static void print_row(const struct report_input *input, const struct result *row, FILE *stream)
{
	enum verdict honest = honesty(input, row);
	char name[64];

	name_row(row, name);
	fprintf(stream, "  %-*s", NAME_WIDTH, name);
	for (size_t i = 0; i < SHOWN_COUNT; i++) {
		const struct result *result = find(input, row, shown[i]);
		enum verdict verdict = result ? result->verdict : VERDICT_NOT_TESTED;

		if (is_shown(input, shown[i]))
			print_cell(verdict, verdict_names[verdict], CELL_WIDTH - 2,
				input->is_colored, stream);
	}
	print_cell(honest, verdict_names[honest], 0, input->is_colored, stream);
	fputc('\n', stream);
}

/* Why a verdict is not what one would like, once for all properties that say the same. */
static void print_reasons(const struct report_input *input, const struct result *row, FILE *stream)
{
	const char *told = NULL;

	for (size_t i = 0; i < SHOWN_COUNT; i++) {
		const struct result *result = find(input, row, shown[i]);

		if (!result || !result->detail || result->verdict == VERDICT_VIOLATED ||
			(result->verdict == VERDICT_NOT_TESTED &&
				(result->property == ISOLATION ||
					!strcmp(result->fault, "concurrent"))) ||
			(told && !strcmp(told, result->detail)))
			continue;
		told = result->detail;
		fprintf(stream, "    %c: %s\n", "ACID"[result->property], told);
	}
}

static void print_causes(const struct result *result, FILE *stream)
{
	char name[64];

	name_row(result, name);
	for (size_t i = 0; i < result->causes.count && i < MAX_TOLD; i++) {
		const struct cause *cause = &result->causes.items[i];

		fprintf(stream, "\n%c %s: %s\n    %" PRIu64 " state%s; tornwrite replay %s\n",
			"ACID"[result->property], name, cause -> detail, cause -> count,
			cause -> count == 1 ? "" : "s", cause->witness ? cause->witness : "");
	}
	if (result->causes.count > MAX_TOLD || result->causes.left_out)
		fprintf(stream, "\n%c %s: %zu more kinds, in the JSON and the witnesses%s\n",
			"ACID"[result->property], name,
			result -> causes.count > MAX_TOLD ? result->causes.count - MAX_TOLD : 0,
			result->causes.left_out ? "; and some for which there was no room" : "");
}

static void print_totals(const struct report_input *input, FILE *stream)
{
	uint64_t runs = 0, fired = 0, states = 0;
	unsigned residue = 0;
	size_t unknown = 0;

	for (size_t i = 0; i < input->results->count; i++) {
		const struct result *result = &input->results->items[i];

		unknown += result->verdict == VERDICT_UNKNOWN;
		if (result->evidence.residue > residue)
			residue = result->evidence.residue;
		if (result->property != ATOMICITY)
			continue;
		states += result->evidence.states;
		if (result->model || !strcmp(result->fault, "kill"))
			continue;
		runs += result->evidence.runs;
		fired += result->evidence.fired;
	}
	fprintf(stream,
		"\n%" PRIu64 " states judged; %" PRIu64 " runs with failing calls, in %" PRIu64
		" of them one failed; %.1f s; seed 0x%" PRIx64 "\n",
		states, runs, fired, input->seconds, input->seed);
	if (residue)
		fprintf(stream, "residue: up to %u file%s left behind\n", residue,
			residue == 1 ? "" : "s");
	if (unknown)
		fprintf(stream, "%zu verdicts are unknown: see above.\n", unknown);
	if (input->interrupted_by)
		fputs("Interrupted: this report is partial.\n", stream);
}

static int program_report(const struct report_input *input, FILE *stream)
{
	const struct result_list *results = input->results;

	for (size_t i = 0; i < input->subject_count; i++)
		fprintf(stream, "%s\n", input->subjects[i]);
	fprintf(stream, "\n  %-*s", NAME_WIDTH, "");
	for (size_t i = 0; i < SHOWN_COUNT; i++) {
		if (is_shown(input, shown[i]))
			fprintf(stream, "%-*s", CELL_WIDTH, heads[shown[i]]);
	}
	fputs("Honest\n", stream);
	for (size_t i = 0; i < results->count; i++) {
		if (results->items[i].property != ATOMICITY)
			continue;
		print_row(input, &results->items[i], stream);
		print_reasons(input, &results->items[i], stream);
	}
	for (size_t i = 0; i < results->count; i++)
		print_causes(&results->items[i], stream);
	print_totals(input, stream);
	return ferror(stream) ? -EIO : 0;
}

const struct report report_program = {
	.name = "program",
	.summary = "what befell one program, for a person",
	.write = program_report,
};
