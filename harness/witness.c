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

/* Another witness of this name was written just now. */
static bool is_taken(const struct result_list *results, const char *path)
{
	for (size_t i = 0; i < results->count; i++) {
		const struct result *result = &results->items[i];

		if (result->witness && !strcmp(result->witness, path))
			return true;
		for (size_t k = 0; k < result->causes.count; k++) {
			if (result->causes.items[k].witness &&
				!strcmp(result->causes.items[k].witness, path))
				return true;
		}
	}
	return false;
}

/* What a subject is called in the name of a file: of a command, its first word. */
static void name_stem(const char *subject, char stem[64])
{
	size_t length = 0;
	const char *end = subject + strcspn(subject, " "), *start = end;

	while (start > subject && start[-1] != '/')
		start--;
	for (; start < end && length < 63; start++)
		stem[length++] = strchr("\"'$`\\*?", *start) || *start < ' ' ? '_' : *start;
	stem[length] = 0;
}

/* DIRECTORY/SUBJECT-FAULT[-MODEL]-PROPERTY.json, with a number if that was taken just now. Owned by
 * the caller; NULL: out of memory. */
static char *make_path(
	const struct result_list *results, const struct result *result, const char *directory)
{
	char stem[64], *path = NULL;

	name_stem(result->subject, stem);
	for (unsigned number = 1; number == 1 || is_taken(results, path); number++) {
		char suffix[16] = "";

		free(path);
		if (number > 1)
			snprintf(suffix, sizeof(suffix), "-%u", number);
		if (asprintf(&path, "%s/%s-%s%s%s-%s%s.json", directory, stem, result->fault,
			    result->model ? "-" : "", result->model ? result->model : "",
			    property_names[result->property], suffix) < 0)
			return NULL;
	}
	return path;
}

static int write_one(const struct result *result, json_t *program, const char *path)
{
	json_t *json = result_to_json(result);
	int err;

	json_object_set_new(json, "kind", json_string(WITNESS_KIND));
	json_object_set_new(json, "schema_version", json_integer(WITNESS_VERSION));
	if (program)
		json_object_set(json, "program", program);
	err = json_dump_file(json, path, JSON_INDENT(2)) ? -EIO : 0;
	json_decref(json);
	return err;
}

static int make_directory(const char *directory, char *message, size_t message_size)
{
	int err;

	if (!mkdir(directory, 0777) || errno == EEXIST)
		return 0;
	err = -errno;
	snprintf(message, message_size, "%s: %s", directory, strerror(-err));
	return err;
}

static int report_write(int err, const char *path, char *message, size_t message_size)
{
	if (err)
		snprintf(message, message_size, "%s: could not be written", path ? path : "");
	return err;
}

int witness_write_all(
	struct result_list *results, const char *directory, char *message, size_t message_size)
{
	int err = 0;

	for (size_t i = 0; !err && i < results->count; i++) {
		struct result *result = &results->items[i];

		if (result->verdict != VERDICT_VIOLATED)
			continue;
		err = make_directory(directory, message, message_size);
		if (err)
			return err;
		result->witness = make_path(results, result, directory);
		err = result->witness ? write_one(result, NULL, result->witness) : -ENOMEM;
		err = report_write(err, result->witness, message, message_size);
	}
	return err;
}

/* The cause as if it were all that the result says. */
static struct result only(const struct result *result, const struct cause *cause)
{
	struct result one = *result;

	one.detail = cause->detail;
	one.witness = NULL;
	one.variant = cause->variant;
	one.n = cause->n;
	one.cut = cause->cut;
	one.schedule = cause->schedule;
	one.killed_at = cause->killed_at;
	one.killed_bytes = cause->killed_bytes;
	one.causes = (struct causes){0};
	return one;
}

int witness_write_causes(struct result_list *results, json_t *program, const char *directory,
	char *message, size_t message_size)
{
	int err = 0;

	for (size_t i = 0; !err && i < results->count; i++) {
		struct result *result = &results->items[i];

		for (size_t k = 0; !err && k < result->causes.count; k++) {
			struct cause *cause = &result->causes.items[k];
			struct result one = only(result, cause);

			err = make_directory(directory, message, message_size);
			if (err)
				return err;
			cause->witness = make_path(results, result, directory);
			err = cause->witness ? write_one(&one, program, cause->witness) : -ENOMEM;
			err = report_write(err, cause->witness, message, message_size);
		}
		if (!err && result->causes.count)
			result->witness = strdup(result->causes.items[0].witness);
	}
	return err;
}

json_t *witness_read_program(const char *path)
{
	json_t *json = json_load_file(path, 0, NULL);
	json_t *program = json_incref(json_object_get(json, "program"));

	json_decref(json);
	return program;
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
		strcmp(result->fault, "none") && strcmp(result->fault, "kill")) {
		snprintf(message, message_size, "%s: the witness has no plan", path);
		result_release(result);
		err = -EINVAL;
	}
	return err;
}
