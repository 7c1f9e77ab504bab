/* append-lock-crc-fsync's twin: the record is not synced. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

static int leave_out(int fd)
{
	(void)fd;
	return 0;
}

#define fdatasync leave_out
#define strategy_append_lock_crc_fsync append_lock_crc_fsync_unsynced_original
#include "strategies/append_lock_crc_fsync.c"

const struct strategy strategy_append_lock_crc_fsync_unsynced = {
	.name = "append-lock-crc-fsync-unsynced",
	.summary = "append with a checksum under flock, acknowledged at once",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_lock_crc_fsync_update,
	.read = log_crc_read,
};
