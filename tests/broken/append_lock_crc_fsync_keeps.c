/* append-lock-crc-fsync's twin: a record that could not be synced is refused and yet stays. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

static int cut_nothing(int fd, off_t size_bytes)
{
	(void)fd;
	(void)size_bytes;
	return 0;
}

#define ftruncate cut_nothing
#define strategy_append_lock_crc_fsync append_lock_crc_fsync_keeps_original
#include "strategies/append_lock_crc_fsync.c"

const struct strategy strategy_append_lock_crc_fsync_keeps = {
	.name = "append-lock-crc-fsync-keeps",
	.summary = "append with a checksum under flock; nothing is taken back",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_lock_crc_fsync_update,
	.read = log_crc_read,
};
