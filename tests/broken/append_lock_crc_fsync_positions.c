/* append-lock-crc-fsync's twin: no lock, and a write where the reading ended. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

/* With O_APPEND writers need no lock as long as no write is cut short. */
#undef O_APPEND
#define O_APPEND 0
#define flock(fd, operation) 0
#define strategy_append_lock_crc_fsync append_lock_crc_fsync_positions_original
#include "strategies/append_lock_crc_fsync.c"

const struct strategy strategy_append_lock_crc_fsync_positions = {
	.name = "append-lock-crc-fsync-positions",
	.summary = "the same without a lock and O_APPEND",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_lock_crc_fsync_update,
	.read = log_crc_read,
};
