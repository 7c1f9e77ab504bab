/* append-compact's twin: an appended record is not synced. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

static int leave_out(int fd)
{
	(void)fd;
	return 0;
}

#define fdatasync leave_out
#define strategy_append_compact append_compact_no_record_sync_original
#include "strategies/append_compact.c"

const struct strategy strategy_append_compact_no_record_sync = {
	.name = "append-compact-no-record-sync",
	.summary = "append with a compaction, and no fdatasync",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_compact_update,
	.read = log_crc_read,
};
