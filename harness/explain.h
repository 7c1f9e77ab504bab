/*
 * Step four: explain. Says in one clause what happened to a run, in words that are the same each
 * time: operations are counted, and files named only by the names they had at the start.
 */
#ifndef TORNWRITE_EXPLAIN_H
#define TORNWRITE_EXPLAIN_H

#include <stdio.h>

#include "harness/inject.h"
#include "harness/recording.h"

/* "write #1 (doc.txt) failed with ENOSPC", "killed before rename #2", "without any fault". */
void explain_cause(
	const struct recording *recording, const struct plan *plan, char *text, size_t text_size);

/* "worker 2 goes between read #1 (doc.txt) and write #1 of worker 1": where several workers were
 * interrupted by each other, and who came to read a file that another had replaced. `writers`:
 * workers from there on are readers. */
void explain_schedule(
	const struct recording *recording, unsigned writers, char *text, size_t text_size);

/* Whether an operation that is about to happen on `tree` is on a file that no name leads to. */
bool explain_is_ghost(const struct tree *tree, const struct op *op);

/* "worker 2", "reader 1" */
void explain_worker(unsigned worker, unsigned writers, char name[32]);

/* "write #1 (doc.txt)", "write #2 (file of open #4)", "rename #2": for a file the name that it last
 * got by a rename, or had at the start, or the call that made it. */
void explain_op_name(const struct recording *recording, size_t event, char *text, size_t text_size);

/* One operation as a line for a person: number, call, names, bytes, result, and what struck it. */
void explain_op(const struct recording *recording, size_t event, FILE *stream);

#endif
