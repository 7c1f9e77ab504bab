/* append's twin: the newline is written by a call of its own, whose error is not noticed. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int write_line(int fd, const char *bytes, size_t size_bytes)
{
	int err = io_write_all(fd, bytes, size_bytes - 1);

	if (!err)
		io_write_all(fd, "\n", 1);
	return err;
}

#define io_write_all write_line
#define strategy_append append_newline_apart_original
#include "strategies/append.c"

const struct strategy strategy_append_newline_apart = {
	.name = "append-newline-apart",
	.summary = "appends a record, and then its newline",
	.store = STORE_LOG,
	.setup = log_setup,
	.update = append_update,
	.read = log_read,
};
