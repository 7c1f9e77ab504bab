/* append's twin: a failed write is not noticed. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int write_and_hope(int fd, const void *bytes, size_t size_bytes)
{
	io_write_all(fd, bytes, size_bytes);
	return 0;
}

#define io_write_all write_and_hope
#define strategy_append append_swallow_original
#include "strategies/append.c"

const struct strategy strategy_append_swallow = {
	.name = "append-swallow",
	.summary = "appends a line and does not look whether it could be written",
	.store = STORE_LOG,
	.setup = log_setup,
	.update = append_update,
	.read = log_read,
};
