/* A witness is a result by itself, with a line that says what it is. */
#include "harness/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WITNESS_KIND "tornwrite witness"

enum { WITNESS_VERSION = 1 };

static bool is_taken(const struct result_list *results, size_t index, const char *path)
{
	for (size_t i = 0; i < index; i++) {
		if (results->items[i].witness && !strcmp(results->items[i].witness, path))
			return true;
	}
	return false;
}

static int write_one(struct result *result, const char *path)
{
	json_t *json = result_to_json(result);
	int err;

	json_object_set_new(json, "kind", json_string(WITNESS_KIND));
	json_object_set_new(json, "schema_version", json_integer(WITNESS_VERSION));
	err = json_dump_file(json, path, JSON_INDENT(2)) ? -EIO : 0;
	json_decref(json);
	return err;
}

int witness_write_all(
	struct result_list *results, const char *directory, char *message, size_t message_size)
{
	for (size_t i = 0; i < results->count; i++) {
		struct result *result = &results->items[i];
		char stem[PATH_MAX - 32], path[PATH_MAX];
		int err;

		if (result->verdict != VERDICT_VIOLATED)
			continue;
		if (mkdir(directory, 0777) && errno != EEXIST) {
			err = -errno;
			snprintf(message, message_size, "%s: %s", directory, strerror(-err));
			return err;
		}
		snprintf(stem, sizeof(stem), "%s/%s-%s%s%s-%s", directory, result->subject,
			result->fault, result->model ? "-" : "", result->model ? result->model : "",
			property_names[result->property]);
		snprintf(path, sizeof(path), "%s.json", stem);
		/* The same of another scenario. */
		for (unsigned number = 2; is_taken(results, i, path); number++)
			snprintf(path, sizeof(path), "%s-%u.json", stem, number);
		result->witness = strdup(path);
		err = result->witness ? write_one(result, path) : -ENOMEM;
		if (err) {
			snprintf(message, message_size, "%s: could not be written", path);
			return err;
		}
	}
	return 0;
}

int witness_read(const char *path, struct result *result, char *message, size_t message_size)
{
	json_error_t error;
	json_t *json;
	const char *kind;
	int err = 0;

	if (access(path, R_OK)) {
		snprintf(message, message_size, "%s: %s", path, strerror(errno));
		return -EINVAL;
	}
	json = json_load_file(path, 0, &error);
	if (!json) {
		snprintf(message, message_size, "%s:%d: %s", path, error.line, error.text);
		return -EINVAL;
	}
	kind = json_string_value(json_object_get(json, "kind"));
	if (!kind || strcmp(kind, WITNESS_KIND)) {
		snprintf(message, message_size, "%s: not a witness of tornwrite", path);
		err = -EINVAL;
	} else if (json_integer_value(json_object_get(json, "schema_version")) != WITNESS_VERSION) {
		snprintf(message, message_size, "%s: a witness of another version", path);
		err = -EINVAL;
	} else if (result_from_json(json, result)) {
		snprintf(message, message_size, "%s: the witness is incomplete", path);
		err = -EINVAL;
	}
	json_decref(json);
	if (!err && !result->n && !result->cut.micro_ops && !result->schedule.count &&
		strcmp(result->fault, "none")) {
		snprintf(message, message_size, "%s: the witness has no plan", path);
		result_release(result);
		err = -EINVAL;
	}
	return err;
}
