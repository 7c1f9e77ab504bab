/*
 * JUnit XML, for CI servers: a test case for each result. A broken claim is a failure; a violation
 * that was never claimed is a finding and passes, with its detail as output; what was not decided
 * is skipped.
 */
#include "harness/report.h"

#include <errno.h>

static void print_escaped(const char *text, FILE *stream)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", stream);
			break;
		case '<':
			fputs("&lt;", stream);
			break;
		case '>':
			fputs("&gt;", stream);
			break;
		case '"':
			fputs("&quot;", stream);
			break;
		default:
			/* XML 1.0 has no other control characters. */
			fputc((unsigned char)*text < 32 && *text != '\n' ? '?' : *text, stream);
		}
	}
}

static void print_case(const struct result *result, FILE *stream)
{
	const char *detail = result->detail ? result->detail : verdict_names[result->verdict];

	fprintf(stream, "  <testcase classname=\"%s.", result->subject);
	print_escaped(result->scenario, stream);
	fprintf(stream, "\" name=\"%s under %s%s%s\">", property_names[result->property],
		result->fault, result->model ? ", model " : "", result->model ? result->model : "");
	switch (result->verdict) {
	case VERDICT_HOLDS:
		break;
	case VERDICT_VIOLATED:
		fputs(result->is_claimed ? "<failure message=\"" : "<system-out>", stream);
		print_escaped(detail, stream);
		fputs(result->is_claimed ? "\"/>" : "</system-out>", stream);
		break;
	default:
		fputs("<skipped message=\"", stream);
		print_escaped(detail, stream);
		fputs("\"/>", stream);
	}
	fputs("</testcase>\n", stream);
}

static int junit_report(const struct report_input *input, FILE *stream)
{
	size_t failures = 0, skipped = 0;

	for (size_t i = 0; i < input->results->count; i++) {
		const struct result *result = &input->results->items[i];

		failures += result->verdict == VERDICT_VIOLATED && result->is_claimed;
		skipped +=
			result->verdict == VERDICT_UNKNOWN || result->verdict == VERDICT_NOT_TESTED;
	}
	fprintf(stream,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuite name=\"tornwrite\" tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\" "
		"time=\"%.3f\">\n",
		input->results->count, failures, skipped, input->seconds);
	for (size_t i = 0; i < input->results->count; i++)
		print_case(&input->results->items[i], stream);
	fputs("</testsuite>\n", stream);
	return ferror(stream) ? -EIO : 0;
}

const struct report report_junit = {
	.name = "junit",
	.summary = "JUnit XML",
	.write = junit_report,
};
