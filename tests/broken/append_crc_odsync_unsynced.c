/* append-crc-odsync's twin: the descriptor is not opened with O_DSYNC. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

/* The header is done with it. */
#undef O_DSYNC
#define O_DSYNC 0
#define strategy_append_crc_odsync append_crc_odsync_unsynced_original
#include "strategies/append_crc_odsync.c"

const struct strategy strategy_append_crc_odsync_unsynced = {
	.name = "append-crc-odsync-unsynced",
	.summary = "append with a checksum and repair through a plain descriptor",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_crc_odsync_update,
	.read = log_crc_read,
};
