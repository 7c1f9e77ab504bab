/* append-compact's twin: trusts that every compaction has synced the directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

/* The compaction's own stays. */
static int sync_but(const char *who, const char *path)
{
	return strcmp(who, "append_compact_update") ? io_sync_directory(path) : 0;
}

#define io_sync_directory(path) sync_but(__func__, path)
#define strategy_append_compact append_compact_no_repeated_sync_original
#include "strategies/append_compact.c"

const struct strategy strategy_append_compact_no_repeated_sync = {
	.name = "append-compact-no-repeated-sync",
	.summary = "append, and a compaction that alone syncs the directory",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_compact_update,
	.read = log_crc_read,
};
