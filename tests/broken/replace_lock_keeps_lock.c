/* replace-lock's twin: where no temporary file can be made the lock is not given back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int failed_fd = -1;

static int make_temporary(char *name)
{
	failed_fd = mkstemp(name);
	return failed_fd;
}

/* The one call that is reached without a temporary file is that which unlocks. */
static int close_if_made(int fd)
{
	return failed_fd < 0 ? 0 : io_close(fd);
}

#define mkstemp make_temporary
#define io_close close_if_made
#define strategy_replace_lock replace_lock_keeps_lock_original
#include "strategies/replace_lock.c"

const struct strategy strategy_replace_lock_keeps_lock = {
	.name = "replace-lock-keeps-lock",
	.summary = "write-replace under a flock that an error keeps",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_lock_update,
	.read = document_read,
};
