/* The result JSON, schema version 1. Everything but "timing" and "environment" is the same each
 * time for the same scenario and seed. */
#include <errno.h>
#include <inttypes.h>

#include "harness/report.h"

static json_t *summarize(const struct report_input *input)
{
	json_t *summary = json_object();

	for (size_t i = 0; i < input->subject_count; i++) {
		json_t *verdicts = json_object();

		for (int property = 0; property < PROPERTY_COUNT; property++) {
			enum verdict worst = result_list_worst(
				input->results, input->subjects[i], (enum property)property, NULL);

			json_object_set_new(verdicts, property_names[property],
				json_string(verdict_names[worst]));
		}
		json_object_set_new(summary, input->subjects[i], verdicts);
	}
	return summary;
}

static int json_report(const struct report_input *input, FILE *stream)
{
	json_t *json = json_object(), *results = json_array();
	char seed[32];
	int err;

	snprintf(seed, sizeof(seed), "0x%016" PRIx64, input->seed);
	json_object_set_new(json, "schema_version", json_integer(1));
	json_object_set_new(json, "tool",
		json_pack("{s:s, s:s}", "name", "tornwrite", "version", TORNWRITE_VERSION));
	json_object_set_new(json, "seed", json_string(seed));
	json_object_set_new(json, "environment",
		json_pack("{s:s, s:s, s:s}", "kernel", input->kernel, "filesystem",
			input->filesystem, "libfiu", input->libfiu));
	json_object_set_new(json, "timing", json_pack("{s:f}", "seconds", input->seconds));
	json_object_set_new(json, "interrupted", json_boolean(input->interrupted_by));
	for (size_t i = 0; i < input->results->count; i++)
		json_array_append_new(results, result_to_json(&input->results->items[i]));
	json_object_set_new(json, "results", results);
	json_object_set_new(json, "summary", summarize(input));
	err = json_dumpf(json, stream, JSON_INDENT(2)) || fputc('\n', stream) == EOF ? -EIO : 0;
	json_decref(json);
	return err;
}

const struct report report_json = {
	.name = "json",
	.summary = "the results as JSON",
	.write = json_report,
};
