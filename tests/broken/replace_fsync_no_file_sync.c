/* replace-fsync's twin: renames what was never synced. */
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
#define strategy_replace_fsync replace_fsync_no_file_sync_original
#include "strategies/replace_fsync.c"

const struct strategy strategy_replace_fsync_no_file_sync = {
	.name = "replace-fsync-no-file-sync",
	.summary = "write-replace that syncs nothing",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_fsync_update,
	.read = document_read,
};
