/* append's twin: one write(2), whose short count is taken for all of it. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int write_once(int fd, const void *bytes, size_t size_bytes)
{
	return TEMP_FAILURE_RETRY(write(fd, bytes, size_bytes)) < 0 ? -errno : 0;
}

#define io_write_all write_once
#define strategy_append append_one_write_original
#include "strategies/append.c"

const struct strategy strategy_append_one_write = {
	.name = "append-one-write",
	.summary = "appends a line with a single write",
	.store = STORE_LOG,
	.setup = log_setup,
	.update = append_update,
	.read = log_read,
};
