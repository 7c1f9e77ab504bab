/*
 * All of the article's techniques for a log at once: acquire an exclusive lock, append a line with
 * a checksum, fdatasync, done. Beyond the article a torn tail is cut off first, and a record that
 * could not be written or synced is taken back. Readers need no lock: they drop what is unfinished.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

/* Takes back what was written. Synced as well, best effort: a refused record must not return. */
static void cut_back(int fd, off_t intact_bytes)
{
	if (!TEMP_FAILURE_RETRY(ftruncate(fd, intact_bytes)))
		TEMP_FAILURE_RETRY(fdatasync(fd));
}

static int append_lock_crc_fsync_update(const struct txn *txn)
{
	struct buffer log = {0};
	struct buffer line = {0};
	off_t intact_bytes = 0;
	int fd = -1;
	int err = log_crc_add(&line, txn);

	if (err)
		goto out;
	fd = TEMP_FAILURE_RETRY(open(LOG_PATH, O_RDWR | O_APPEND | O_CLOEXEC));
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	if (TEMP_FAILURE_RETRY(flock(fd, LOCK_EX))) {
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
	if (!err && TEMP_FAILURE_RETRY(fdatasync(fd)))
		err = -errno;
	if (err)
		cut_back(fd, intact_bytes);
out:
	/* The record is on the disk by now, or taken back: closing can do no harm. */
	io_close(fd);
	buffer_release(&line);
	buffer_release(&log);
	return err;
}

const struct strategy strategy_append_lock_crc_fsync = {
	.name = "append-lock-crc-fsync",
	.summary = "append with a checksum, repair and fdatasync, under an exclusive flock",
	.store = STORE_LOG,
	/* A dead device refuses to take a record back, too. */
	.claims =
		{
			.atomic = SURVIVES_ALL & ~SURVIVES_IO_ERROR,
			.consistent = SURVIVES_ALL,
			.durable = SURVIVES_ALL,
			.isolated = true,
		},
	.setup = log_crc_setup,
	.update = append_lock_crc_fsync_update,
	.read = log_crc_read,
};
