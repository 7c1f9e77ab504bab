/* lockfile-rename's twin: an error leaves the lock behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "harness/store.h"

static int keep(const char *path)
{
	(void)path;
	return 0;
}

#define unlink keep
#define strategy_lockfile_rename lockfile_rename_stale_original
#include "strategies/lockfile_rename.c"

const struct strategy strategy_lockfile_rename_stale = {
	.name = "lockfile-rename-stale",
	.summary = "a lock file that an error leaves behind",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = lockfile_rename_update,
	.read = document_read,
};
