/* replace-fsync-dir's twin: the new file is not synced before it takes the name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int leave_out(int fd)
{
	(void)fd;
	return 0;
}

#define fsync leave_out
#define strategy_replace_fsync_dir replace_fsync_dir_no_file_sync_original
#include "strategies/replace_fsync_dir.c"

const struct strategy strategy_replace_fsync_dir_no_file_sync = {
	.name = "replace-fsync-dir-no-file-sync",
	.summary = "write-replace with fsync of the directory only",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_fsync_dir_update,
	.read = document_read,
};
