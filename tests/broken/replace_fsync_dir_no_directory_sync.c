/* replace-fsync-dir's twin: the rename is not synced. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int leave_out(const char *path)
{
	(void)path;
	return 0;
}

#define io_sync_directory leave_out
#define strategy_replace_fsync_dir replace_fsync_dir_no_directory_sync_original
#include "strategies/replace_fsync_dir.c"

const struct strategy strategy_replace_fsync_dir_no_directory_sync = {
	.name = "replace-fsync-dir-no-directory-sync",
	.summary = "write-replace with fsync of the file only",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_fsync_dir_update,
	.read = document_read,
};
