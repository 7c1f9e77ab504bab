/*
 * The table for a person: a row a strategy, a column a property, glyph and word; below each row
 * the shortest explanation of what was violated. At the end what was run, and one line to replay
 * each kind of violation.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/report.h"

enum { NAME_WIDTH = 27, CELL_WIDTH = 14, MODEL_WIDTH = 15, MAX_MODELS = 32 };

static const struct look {
	const char *glyph, *color;
} looks[] = {
	[VERDICT_NOT_TESTED] = {"·", "\033[2m"},
	[VERDICT_HOLDS] = {"✓", "\033[32m"},
	[VERDICT_UNKNOWN] = {"?", "\033[33m"},
	[VERDICT_VIOLATED] = {"✗", "\033[31m"},
};

/* What the table shows: the models of the results, in the order in which they come, and whether
 * there is anything but power cuts. */
struct columns {
	const char *models[MAX_MODELS];
	size_t model_count;
	bool has_faults;
};

static struct columns columns_of(const struct report_input *input)
{
	struct columns columns = {0};

	for (size_t i = 0; i < input->results->count; i++) {
		const struct result *result = &input->results->items[i];
		bool is_known = !result->model;

		columns.has_faults |= !result->model && strcmp(result->fault, "none");
		for (size_t k = 0; !is_known && k < columns.model_count; k++)
			is_known = !strcmp(columns.models[k], result->model);
		if (!is_known && columns.model_count < MAX_MODELS)
			columns.models[columns.model_count++] = result->model;
	}
	columns.has_faults |= !columns.model_count;
	return columns;
}

static void print_cell(
	enum verdict verdict, const char *text, int width, bool is_colored, FILE *stream)
{
	const struct look *look = &looks[verdict];

	/* The glyph is one column wide and several bytes long. */
	fprintf(stream, "%s%s %-*s%s", is_colored ? look->color : "", look->glyph, width - 2, text,
		is_colored ? "\033[0m" : "");
}

/* Whether single power cuts hold: what is unknown is then what a second one does. */
static bool holds_once(const struct report_input *input, const char *subject, const char *model)
{
	bool has_any = false;

	for (size_t i = 0; i < input->results->count; i++) {
		const struct result *result = &input->results->items[i];

		if (!result->model || strcmp(result->model, model) ||
			strcmp(result->subject, subject) || strcmp(result->fault, "power") ||
			result->property == ISOLATION)
			continue;
		if (result->verdict != VERDICT_HOLDS)
			return false;
		has_any = true;
	}
	return has_any;
}

/* What cannot be told of several workers at once holds for one at least. */
static bool holds_alone(
	const struct report_input *input, const char *subject, enum property property)
{
	bool has_any = false;

	for (size_t i = 0; i < input->results->count; i++) {
		const struct result *result = &input->results->items[i];

		if (result->model || result->property != property ||
			strcmp(result->subject, subject) || result->evidence.schedules.has_any ||
			!strcmp(result->fault, "none"))
			continue;
		if (result->verdict == VERDICT_VIOLATED || result->verdict == VERDICT_UNKNOWN)
			return false;
		has_any |= result->verdict == VERDICT_HOLDS;
	}
	return has_any;
}

static const char *cell_text(const struct report_input *input, const char *subject,
	enum property property, enum verdict verdict)
{
	if (verdict == VERDICT_UNKNOWN && holds_alone(input, subject, property))
		return "holds alone";
	return verdict_names[verdict];
}

/* "holds", or which properties break: "breaks A D". */
static void print_model_cell(
	const struct report_input *input, const char *subject, const char *model, FILE *stream)
{
	char text[32] = "breaks";
	enum verdict worst = VERDICT_NOT_TESTED;
	bool has_unknown = false, has_untested = false;

	for (int property = 0; property < PROPERTY_COUNT; property++) {
		enum verdict verdict;

		if (property == ISOLATION)
			continue;
		verdict = result_list_worst_under(
			input->results, subject, (enum property)property, model, NULL);
		has_unknown |= verdict == VERDICT_UNKNOWN;
		has_untested |= verdict == VERDICT_NOT_TESTED;
		if (verdict > worst)
			worst = verdict;
		if (verdict == VERDICT_VIOLATED)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %c",
				"ACID"[property]);
	}
	if (worst == VERDICT_UNKNOWN && holds_once(input, subject, model))
		snprintf(text, sizeof(text), "holds once");
	else if (worst == VERDICT_HOLDS && has_untested)
		snprintf(text, sizeof(text), "holds, in part");
	else if (worst != VERDICT_VIOLATED)
		snprintf(text, sizeof(text), "%s", verdict_names[worst]);
	else if (has_unknown)
		strcat(text, " ?");
	print_cell(worst, text, MODEL_WIDTH, input->is_colored, stream);
}

/* The violation of a property that is told in the fewest words. */
static const struct result *shortest_violation(
	const struct report_input *input, const char *subject, enum property property)
{
	const struct result *best = NULL;

	for (size_t i = 0; i < input->results->count; i++) {
		const struct result *result = &input->results->items[i];

		if (result->verdict != VERDICT_VIOLATED || result->property != property ||
			strcmp(result->subject, subject))
			continue;
		/* A broken claim comes before everything else. */
		if (!best || result->is_claimed > best->is_claimed ||
			(result->is_claimed == best->is_claimed &&
				strlen(result->detail) < strlen(best->detail)))
			best = result;
	}
	return best;
}

static unsigned worst_residue(const struct report_input *input, const char *subject)
{
	unsigned worst = 0;

	for (size_t i = 0; i < input->results->count; i++) {
		const struct result *result = &input->results->items[i];

		if (!strcmp(result->subject, subject) && result->evidence.residue > worst)
			worst = result->evidence.residue;
	}
	return worst;
}

/* Which schedules a verdict about isolation speaks of. */
static void print_covered(const struct report_input *input, const char *subject, FILE *stream)
{
	for (size_t i = 0; i < input->results->count; i++) {
		const struct result *result = &input->results->items[i];

		if (result->property != ISOLATION || strcmp(result->subject, subject) ||
			!result->evidence.schedules.has_any || result->model ||
			(result->verdict != VERDICT_HOLDS && result->verdict != VERDICT_UNKNOWN))
			continue;
		fprintf(stream, "    I %s: %s\n", result->fault, result->detail);
	}
}

static void print_subject(const struct report_input *input, const struct columns *columns,
	const char *subject, FILE *stream)
{
	unsigned residue = worst_residue(input, subject);

	fprintf(stream, "%-*s", NAME_WIDTH, subject);
	for (int property = 0; columns->has_faults && property < PROPERTY_COUNT; property++) {
		enum verdict verdict = result_list_worst_under(
			input->results, subject, (enum property)property, "", NULL);

		print_cell(verdict, cell_text(input, subject, (enum property)property, verdict),
			CELL_WIDTH, input->is_colored, stream);
	}
	for (size_t i = 0; i < columns->model_count; i++)
		print_model_cell(input, subject, columns->models[i], stream);
	fputc('\n', stream);
	for (int property = 0; property < PROPERTY_COUNT; property++) {
		const struct result *result =
			shortest_violation(input, subject, (enum property)property);

		if (result)
			fprintf(stream, "    %c %s%s%s: %s%s\n", "ACID"[property], result -> fault,
				result -> model ? " " : "", result->model ? result->model : "",
				result->detail, result->is_claimed ? "  [CLAIM BROKEN]" : "");
		else if (property == ISOLATION)
			print_covered(input, subject, stream);
	}
	if (residue)
		fprintf(stream, "    residue: up to %u file%s left behind\n", residue,
			residue == 1 ? "" : "s");
}

/* Where the finding begins, after its cause: "CAUSE: FINDING", and the cause of a power cut may
 * have colons of its own. */
static const char *finding_of(const struct result *result)
{
	const char *found = result->detail, *colon = strstr(found, ": ");

	for (; colon; colon = strstr(found, ": ")) {
		/* "the next update fails: EEXIST" */
		if (found != result->detail && colon[2] == 'E')
			break;
		found = colon + 2;
		if (!result->model)
			break;
	}
	return found;
}

/* What a violation looks like, less its cause, its numbers and in how many schedules it is so. */
static void kind_of(const struct result *result, char kind[128])
{
	const char *measure = strstr(finding_of(result), "; in ");
	size_t length = 0;

	for (const char *at = finding_of(result); *at && at != measure && length < 126; at++) {
		bool is_digit = *at >= '0' && *at <= '9';

		if (is_digit && length && kind[length - 1] == 'N')
			continue;
		kind[length++] = is_digit ? 'N' : *at;
	}
	kind[length] = 0;
}

static bool is_first_of_kind(const struct report_input *input, size_t index, const char *kind)
{
	const struct result *result = &input->results->items[index];
	char other[128];

	for (size_t i = 0; i < index; i++) {
		const struct result *earlier = &input->results->items[i];

		if (earlier->verdict != VERDICT_VIOLATED || earlier->property != result->property)
			continue;
		kind_of(earlier, other);
		if (!strcmp(other, kind))
			return false;
	}
	return true;
}

static void print_replays(const struct report_input *input, FILE *stream)
{
	bool has_any = false;

	for (size_t i = 0; i < input->results->count; i++) {
		const struct result *result = &input->results->items[i];
		char kind[128];

		if (result->verdict != VERDICT_VIOLATED || !result->witness)
			continue;
		kind_of(result, kind);
		if (!is_first_of_kind(input, i, kind))
			continue;
		if (!has_any)
			fputs("\nReplay one of each kind of violation:\n", stream);
		has_any = true;
		fprintf(stream, "  tornwrite replay %s\n      %s: %s\n", result->witness,
			property_names[result->property], kind);
	}
}

/* Everything but the property is the same for the results of one sweep; count each sweep once. */
static void print_totals(
	const struct report_input *input, const struct columns *columns, FILE *stream)
{
	uint64_t runs = 0, fired = 0, states = 0, unique = 0;
	size_t unknown = 0, sampled = 0, broken = 0;
	const char *skipped = NULL;
	bool has_once = false, has_alone = false, has_schedules = false;

	for (size_t i = 0; i < input->results->count; i++) {
		const struct result *result = &input->results->items[i];

		has_once |= result->verdict == VERDICT_UNKNOWN &&
		            !strcmp(result->fault, "recovery") &&
		            holds_once(input, result->subject, result->model);
		has_schedules |= result->evidence.schedules.has_any;
		has_alone |= !result->model && result->verdict == VERDICT_UNKNOWN &&
		             result->property != ISOLATION &&
		             holds_alone(input, result->subject, result->property);
		if (result->verdict == VERDICT_UNKNOWN &&
			result->evidence.coverage == COVERAGE_SAMPLED)
			sampled++;
		else if (result->verdict == VERDICT_UNKNOWN)
			unknown++;
		broken += result->verdict == VERDICT_VIOLATED && result->is_claimed;
		if (result->detail && !strncmp(result->detail, "skipped", 7))
			skipped = result->detail;
		if (result->property != ATOMICITY)
			continue;
		runs += result->evidence.runs;
		fired += result->evidence.fired;
		states += result->evidence.states;
		unique += result->evidence.unique_states;
	}
	fprintf(stream,
		"\n%" PRIu64 " runs, in %" PRIu64 " of them a fault fired; %" PRIu64
		" states judged, %" PRIu64 " of them different; %.1f s; seed 0x%" PRIx64 "\n",
		runs, fired, states, unique, input->seconds, input->seed);
	if (columns->has_faults && columns->model_count)
		fputs("Atomic, Consistent and Durable: against kills, failed calls and failed "
		      "syncs. After them,\nfor each persistence model, what breaks when the power "
		      "is cut (docs/models.md).\n",
			stream);
	else if (columns->has_faults)
		fputs("Durable means here: against kills, failed calls and failed syncs. Power "
		      "cuts were not\nplayed out: see --model, and the scenario power-cut.\n",
			stream);
	else
		fputs("A column a persistence model: what breaks when the power is cut "
		      "(docs/models.md).\nA atomicity, C consistency, D durability.\n",
			stream);
	if (has_once)
		fputs("holds once: every single power cut is survived; a second one, during "
		      "recovery, was not\ntried in all states.\n",
			stream);
	if (has_alone)
		fputs("holds alone: with one worker; of several at once not every schedule was "
		      "run.\n",
			stream);
	if (!has_schedules)
		fputs("Isolation, and what a reader sees at the same time, need several workers: "
		      "not tested.\n",
			stream);
	else
		fputs("Isolated: several workers at once, in every order of their operations that "
		      "anybody\ncould tell from another (docs/isolation.md).\n",
			stream);
	if (skipped)
		fprintf(stream, "%s.\n", skipped);
	if (unknown)
		fprintf(stream, "%zu verdicts are unknown: not everything was run.\n", unknown);
	if (sampled)
		fprintf(stream, "%zu verdicts are unknown: samples found nothing there.\n",
			sampled);
	if (broken)
		fprintf(stream, "%zu claims broke: see [CLAIM BROKEN] above.\n", broken);
	if (input->interrupted_by)
		fputs("Interrupted: this report is partial.\n", stream);
}

static void print_head(const struct columns *columns, FILE *stream)
{
	fprintf(stream, "%-*s", NAME_WIDTH, "strategy");
	if (columns->has_faults)
		fprintf(stream, "%-*s%-*s%-*s%-*s", CELL_WIDTH, "Atomic", CELL_WIDTH, "Consistent",
			CELL_WIDTH, "Isolated", CELL_WIDTH, "Durable");
	for (size_t i = 0; i < columns->model_count; i++)
		fprintf(stream, "%-*s", MODEL_WIDTH, columns->models[i]);
	fputc('\n', stream);
}

static int table_report(const struct report_input *input, FILE *stream)
{
	struct columns columns = columns_of(input);

	print_head(&columns, stream);
	for (size_t i = 0; i < input->subject_count; i++)
		print_subject(input, &columns, input->subjects[i], stream);
	print_replays(input, stream);
	print_totals(input, &columns, stream);
	return ferror(stream) ? -EIO : 0;
}

const struct report report_table = {
	.name = "table",
	.summary = "a table for a person",
	.write = table_report,
};
