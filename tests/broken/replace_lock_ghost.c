/* replace-lock's twin: it does not look whether the file that it locked still bears the name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

static int open_and_lock(const char *path, int *fd)
{
	*fd = open(path, O_RDWR | O_CLOEXEC);
	return *fd < 0 || flock(*fd, LOCK_EX) ? -errno : 0;
}

#define locked_open open_and_lock
#define strategy_replace_lock replace_lock_ghost_original
#include "strategies/replace_lock.c"

const struct strategy strategy_replace_lock_ghost = {
	.name = "replace-lock-ghost",
	.summary = "the same without a look for a ghost file",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_lock_update,
	.read = document_read,
};
