/* replace-fsync-dir's twin: a failed sync of the directory is not noticed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int sync_directory_and_hope(const char *path)
{
	io_sync_directory(path);
	return 0;
}

#define io_sync_directory sync_directory_and_hope
#define strategy_replace_fsync_dir replace_fsync_dir_swallow_original
#include "strategies/replace_fsync_dir.c"

const struct strategy strategy_replace_fsync_dir_swallow = {
	.name = "replace-fsync-dir-swallow",
	.summary = "write-replace with a sync of the directory that may fail",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_fsync_dir_update,
	.read = document_read,
};
