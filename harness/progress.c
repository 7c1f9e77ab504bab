/* The bar is one line that is written over; a unit that has ended leaves a line elsewhere. */
#include "harness/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 30 };

void progress_init(struct progress *progress, size_t units, bool is_on)
{
	const char *terminal = getenv("TERM");

	*progress = (struct progress){.units = units, .is_on = is_on};
	progress->is_bar = is_on && isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb");
}

void progress_add(struct progress *progress, uint64_t runs)
{
	progress->runs += runs;
}

void progress_unit(struct progress *progress, const char *name)
{
	progress->done++;
	if (progress->is_on && !progress->is_bar)
		fprintf(stderr, "[%zu/%zu] %s (%" PRIu64 " runs so far)\n", progress->done,
			progress->units, name, progress->runs);
}

void progress_show(const struct progress *progress)
{
	size_t filled = progress->units ? progress->done * BAR_WIDTH / progress->units : 0;

	if (!progress->is_bar)
		return;
	fprintf(stderr, "\r[%.*s%*s] %zu/%zu strategies, %" PRIu64 " runs ", (int)filled,
		"##############################", (int)(BAR_WIDTH - filled), "", progress->done,
		progress->units, progress->runs);
	fflush(stderr);
}

void progress_clear(const struct progress *progress)
{
	if (progress->is_bar)
		fputs("\r\033[K", stderr);
}
