/* append-compact's twin: a failed sync is tried again, and the second one says success. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

static int sync_twice(int fd)
{
	return fdatasync(fd) ? fdatasync(fd) : 0;
}

#define fdatasync sync_twice
#define strategy_append_compact append_compact_retries_original
#include "strategies/append_compact.c"

const struct strategy strategy_append_compact_retries = {
	.name = "append-compact-retries",
	.summary = "append and compact; a failed sync is tried again",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_compact_update,
	.read = log_crc_read,
};
