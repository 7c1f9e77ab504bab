/* Progress on standard error: a bar on a terminal, a line a finished unit elsewhere. */
#ifndef TORNWRITE_PROGRESS_H
#define TORNWRITE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	size_t units, done;
	uint64_t runs;
	bool is_on, is_bar;
};

void progress_init(struct progress *progress, size_t units, bool is_on);
void progress_add(struct progress *progress, uint64_t runs);
void progress_unit(struct progress *progress, const char *name);
/* Draws the bar. */
void progress_show(const struct progress *progress);
/* Removes the bar before something else is printed. */
void progress_clear(const struct progress *progress);

#endif
