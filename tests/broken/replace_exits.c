/* replace's twin: gives up the whole program when there is no space. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int write_or_exit(int fd, const void *bytes, size_t size_bytes)
{
	int err = io_write_all(fd, bytes, size_bytes);

	if (err == -ENOSPC)
		_exit(1);
	return err;
}

#define io_write_all write_or_exit
#define strategy_replace replace_exits_original
#include "strategies/replace.c"

const struct strategy strategy_replace_exits = {
	.name = "replace-exits",
	.summary = "write-replace that exits when the disk is full",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_update,
	.read = document_read,
};
