/* spool-rename-fsync-dir's twin: a failed sync is tried again, and the second one says success.
 * */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/store.h"

static int sync_twice(int fd)
{
	return fsync(fd) ? fsync(fd) : 0;
}

#define fsync sync_twice
#define strategy_spool_rename_fsync_dir spool_rename_fsync_dir_retries_original
#include "strategies/spool_rename_fsync_dir.c"

const struct strategy strategy_spool_rename_fsync_dir_retries = {
	.name = "spool-rename-fsync-dir-retries",
	.summary = "a durable spool; a failed sync is tried again",
	.store = STORE_SPOOL,
	.setup = spool_setup,
	.update = spool_rename_fsync_dir_update,
	.read = spool_read,
};
