/* append-crc-odsync's twin: a failed write is taken for done when the file has grown, though the
 * bytes never reached the disk. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/store.h"

static int write_and_measure(int fd, const void *bytes, size_t size_bytes)
{
	struct stat before;
	struct stat after;

	if (fstat(fd, &before))
		return -errno;

	int err = io_write_all(fd, bytes, size_bytes);

	if (err && !fstat(fd, &after) && after.st_size == before.st_size + (off_t)size_bytes)
		err = 0;
	return err;
}

#define io_write_all write_and_measure
#define strategy_append_crc_odsync append_crc_odsync_measures_original
#include "strategies/append_crc_odsync.c"

const struct strategy strategy_append_crc_odsync_measures = {
	.name = "append-crc-odsync-measures",
	.summary = "append through O_DSYNC, believing the size of the file",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_crc_odsync_update,
	.read = log_crc_read,
};
