/* append-compact's twin: the compacted file is not synced before it takes the name. */
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

#define fsync leave_out
#define strategy_append_compact append_compact_no_file_sync_original
#include "strategies/append_compact.c"

const struct strategy strategy_append_compact_no_file_sync = {
	.name = "append-compact-no-file-sync",
	.summary = "append, and a compaction without fsync of the new file",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_compact_update,
	.read = log_crc_read,
};
