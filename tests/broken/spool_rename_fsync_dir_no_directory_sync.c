/* spool-rename-fsync-dir's twin: the final name is not synced. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

/* By what the argument is called. */
static int sync_but(const char *what, int fd)
{
	return strcmp(what, "directory_fd") ? fsync(fd) : 0;
}

#define fsync(fd) sync_but(#fd, fd)
#define strategy_spool_rename_fsync_dir spool_rename_fsync_dir_no_directory_sync_original
#include "strategies/spool_rename_fsync_dir.c"

const struct strategy strategy_spool_rename_fsync_dir_no_directory_sync = {
	.name = "spool-rename-fsync-dir-no-directory-sync",
	.summary = "a spool with fsync of the files only",
	.store = STORE_SPOOL,
	.setup = spool_setup,
	.update = spool_rename_fsync_dir_update,
	.read = spool_read,
};
