/* spool-rename-fsync-dir's twin: the file is not synced before it takes its final name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

/* By what the argument is called. */
static int sync_but(const char *what, int fd)
{
	return strcmp(what, "fd") ? fsync(fd) : 0;
}

#define fsync(fd) sync_but(#fd, fd)
#define strategy_spool_rename_fsync_dir spool_rename_fsync_dir_no_file_sync_original
#include "strategies/spool_rename_fsync_dir.c"

const struct strategy strategy_spool_rename_fsync_dir_no_file_sync = {
	.name = "spool-rename-fsync-dir-no-file-sync",
	.summary = "a spool with fsync of the directory only",
	.store = STORE_SPOOL,
	.setup = spool_setup,
	.update = spool_rename_fsync_dir_update,
	.read = spool_read,
};
