/* append-compact's twin: neither the update nor the compaction syncs the directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

static int leave_out(const char *path)
{
	(void)path;
	return 0;
}

#define io_sync_directory leave_out
#define strategy_append_compact append_compact_no_directory_sync_original
#include "strategies/append_compact.c"

const struct strategy strategy_append_compact_no_directory_sync = {
	.name = "append-compact-no-directory-sync",
	.summary = "append, and a compaction whose rename is never synced",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_compact_update,
	.read = log_crc_read,
};
