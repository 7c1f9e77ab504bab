/*
 * The durable append without a call to sync: O_DSYNC makes every write one. A torn tail is cut off
 * first, which that write syncs along or the next repair repeats; a record that could not be
 * written is taken back. One writer at a time, which is not enforced.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

/* Takes back what was written. Synced as well, best effort: a refused record must not return. */
static void cut_back(int fd, off_t intact_bytes)
{
	if (!TEMP_FAILURE_RETRY(ftruncate(fd, intact_bytes)))
		TEMP_FAILURE_RETRY(fdatasync(fd));
}

static int append_crc_odsync_update(const struct txn *txn)
{
	struct buffer log = {0};
	struct buffer line = {0};
	off_t intact_bytes = 0;
	int fd = -1;
	int err = log_crc_add(&line, txn);

	if (err)
		goto out;
	fd = TEMP_FAILURE_RETRY(open(LOG_PATH, O_RDWR | O_APPEND | O_DSYNC | O_CLOEXEC));
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	err = io_read_fd(fd, &log);
	if (err)
		goto out;
	intact_bytes = (off_t)log_crc_intact_bytes(&log);
	if (intact_bytes < (off_t)log.size_bytes &&
		TEMP_FAILURE_RETRY(ftruncate(fd, intact_bytes))) {
		err = -errno;
		goto out;
	}
	err = io_write_all(fd, line.data, line.size_bytes);
	if (err)
		cut_back(fd, intact_bytes);
out:
	/* The record is on the disk by now, or taken back: closing can do no harm. */
	io_close(fd);
	buffer_release(&line);
	buffer_release(&log);
	return err;
}

const struct strategy strategy_append_crc_odsync = {
	.name = "append-crc-odsync",
	.summary = "append with a checksum and repair through a descriptor opened with O_DSYNC",
	.store = STORE_LOG,
	/* A dead device refuses to take a record back, too. */
	.claims =
		{
			.atomic = SURVIVES_ALL & ~SURVIVES_IO_ERROR,
			.consistent = SURVIVES_ALL,
			.durable = SURVIVES_ALL,
		},
	.setup = log_crc_setup,
	.update = append_crc_odsync_update,
	.read = log_crc_read,
};
