/* append-compact's twin: the compaction removes the log before the new one takes its name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

static int unlink_and_rename(const char *from, const char *to)
{
	return unlink(to) ? -1 : rename(from, to);
}

#define rename unlink_and_rename
#define strategy_append_compact append_compact_gap_original
#include "strategies/append_compact.c"

const struct strategy strategy_append_compact_gap = {
	.name = "append-compact-gap",
	.summary = "append, and a compaction with a gap",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_compact_update,
	.read = log_crc_read,
};
