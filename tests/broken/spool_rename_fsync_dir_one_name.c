/* spool-rename-fsync-dir's twin: all writers use one temporary name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/store.h"

static void print_one_name(char *to, size_t size_bytes)
{
	snprintf(to, size_bytes, SPOOL_PATH "/next.tmp");
}

#define snprintf(to, size_bytes, ...) print_one_name(to, size_bytes)
#define strategy_spool_rename_fsync_dir spool_rename_fsync_dir_one_name_original
#include "strategies/spool_rename_fsync_dir.c"

const struct strategy strategy_spool_rename_fsync_dir_one_name = {
	.name = "spool-rename-fsync-dir-one-name",
	.summary = "the same with one temporary name for all",
	.store = STORE_SPOOL,
	.setup = spool_setup,
	.update = spool_rename_fsync_dir_update,
	.read = spool_read,
};
