/*
 * A witness: a small JSON file that holds all that is needed to run one plan again.
 */
#ifndef TORNWRITE_WITNESS_H
#define TORNWRITE_WITNESS_H

#include <stddef.h>

#include "harness/result.h"

/* Writes a witness for each violation into `directory` (made if it does not exist) as
 * SUBJECT-FAULT[-MODEL]-PROPERTY.json, replacing older ones, and sets result->witness.
 * Returns 0 or -errno with a sentence in `message`. */
int witness_write_all(
	struct result_list *results, const char *directory, char *message, size_t message_size);

/* The same of a program that is not ours: a witness for each cause, with `program` (borrowed) as
 * what is to be run. */
int witness_write_causes(struct result_list *results, json_t *program, const char *directory,
	char *message, size_t message_size);

/* What a witness says of a program; NULL: it is of a strategy. The caller holds the reference. */
json_t *witness_read_program(const char *path);

/* Reads a witness into a result whose plan fields are complete and whose fault exists.
 * Returns 0 or -EINVAL with a sentence. Pair with result_release(). */
int witness_read(const char *path, struct result *result, char *message, size_t message_size);

#endif
