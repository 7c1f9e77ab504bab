/*
 * The report plug-in: one output format, a function of the results. One file in reports/ is one
 * format, and its table entry is `const struct report report_<file name>`.
 */
#ifndef TORNWRITE_REPORT_H
#define TORNWRITE_REPORT_H

#include <stdio.h>

#include "harness/result.h"

struct report_input {
	const struct result_list *results;
	const char *const *subjects; /* in the order in which they were planned */
	size_t subject_count;
	uint64_t seed;
	double seconds;
	const char *kernel, *filesystem, *libfiu;
	int interrupted_by; /* a signal's number; 0: not */
	bool is_colored;
};

struct report {
	const char *name; /* the file's name with '-' for '_' */
	const char *summary;
	/* Returns 0 or -errno. */
	int (*write)(const struct report_input *input, FILE *stream);
};

#endif
