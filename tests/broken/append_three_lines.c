/* append's twin: a reader that has room for three lines. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

#define strategy_append append_three_lines_original
#include "strategies/append.c"

enum { MAX_LINES = 3 };

static int append_three_lines_read(struct view *view)
{
	int err = log_read(view);

	return !err && view->count > MAX_LINES ? -EOVERFLOW : err;
}

const struct strategy strategy_append_three_lines = {
	.name = "append-three-lines",
	.summary = "appends a line; the reader has room for three",
	.store = STORE_LOG,
	.setup = log_setup,
	.update = append_update,
	.read = append_three_lines_read,
};
