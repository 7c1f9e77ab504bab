/* append-crc-fsync's twin: a failed sync is not noticed. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int sync_and_hope(int fd)
{
	fdatasync(fd);
	return 0;
}

#define fdatasync sync_and_hope
#define strategy_append_crc_fsync append_crc_fsync_swallow_original
#include "strategies/append_crc_fsync.c"

const struct strategy strategy_append_crc_fsync_swallow = {
	.name = "append-crc-fsync-swallow",
	.summary = "append with a checksum and a sync that may fail",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_crc_fsync_update,
	.read = log_crc_read,
};
