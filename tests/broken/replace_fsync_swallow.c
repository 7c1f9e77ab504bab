/* replace-fsync's twin: a failed sync of the new contents is not noticed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int sync_and_hope(int fd)
{
	fsync(fd);
	return 0;
}

#define fsync sync_and_hope
#define strategy_replace_fsync replace_fsync_swallow_original
#include "strategies/replace_fsync.c"

const struct strategy strategy_replace_fsync_swallow = {
	.name = "replace-fsync-swallow",
	.summary = "write-replace with a sync that may fail",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_fsync_update,
	.read = document_read,
};
