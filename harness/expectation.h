/*
 * An expectation: one line of a scenario's [expect] section.
 */
#ifndef TORNWRITE_EXPECTATION_H
#define TORNWRITE_EXPECTATION_H

#include "harness/result.h"

/* Texts are owned. */
struct expectation {
	char *subject; /* glob */
	char *fault;   /* glob; NULL: the worst of all */
	char *model;   /* glob; NULL: the worst of all, or none */
	enum property property;
	enum verdict verdict;
};

/* Reads "SUBJECT.PROPERTY", "SUBJECT.FAULT.PROPERTY" or "SUBJECT.FAULT.MODEL.PROPERTY" and a
 * verdict. Returns 0, -ENOMEM, or -EINVAL with a sentence. Pair with expectation_release(). */
int expectation_parse(struct expectation *expectation, const char *key, const char *value,
	char *message, size_t message_size);
void expectation_release(struct expectation *expectation);

/* Compares with what was found for one subject of a scenario, and says on standard error what did
 * not come true. Subjects that it is not about hold. */
bool expectation_holds(const struct expectation *expectation, const char *scenario,
	const char *subject, const struct result_list *results);

#endif
