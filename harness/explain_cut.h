/*
 * Explain, for power cuts: what is on the disk and what is not, in a sentence and op by op.
 */
#ifndef TORNWRITE_EXPLAIN_CUT_H
#define TORNWRITE_EXPLAIN_CUT_H

#include <stdio.h>

#include "harness/cut.h"

/* "power cut after rename #6: rename #6 is on disk, the data of write #4 (doc.txt.tmp) is not". */
void explain_cut(const struct micro_ops *ops, const struct cut *cut, char *text, size_t text_size);

/* What a cut did to one operation. */
enum mark {
	MARK_NONE,      /* it changes nothing that a disk keeps */
	MARK_PERSISTED, /* all of it is on the disk */
	MARK_LOST,      /* nothing of it is */
	MARK_TORN,      /* a part of it is */
	MARK_AFTER,     /* the crash came before it */
};
enum mark explain_mark(const struct micro_ops *ops, const struct cut *cut, size_t event);

/* What exactly is lost of an operation that is torn: "data of 1 of 5 pages, the size". */
void explain_torn(const struct micro_ops *ops, const struct cut *cut, size_t event, char *text,
	size_t text_size);

#endif
