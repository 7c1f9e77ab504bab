/*
 * Checksummed append that repairs: a torn tail is cut off before the next record, and a record
 * that could not be written is taken back. Nothing is synced, so a power cut may lose records and
 * keep later ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "harness/store.h"

static int append_crc_repair_update(const struct txn *txn)
{
	struct buffer log = {0};
	struct buffer line = {0};
	off_t intact_bytes = 0;
	bool is_written = false;
	int fd = -1;
	int close_err;
	int err = log_crc_add(&line, txn);

	if (err)
		goto out;
	fd = TEMP_FAILURE_RETRY(open(LOG_PATH, O_RDWR | O_APPEND | O_CLOEXEC));
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
	is_written = true;
	err = io_write_all(fd, line.data, line.size_bytes);
out:
	close_err = io_close(fd);
	if (!err)
		err = close_err;
	/* By name, for the descriptor is gone when it was the close that failed. */
	if (err && is_written)
		TEMP_FAILURE_RETRY(truncate(LOG_PATH, intact_bytes));
	buffer_release(&line);
	buffer_release(&log);
	return err;
}

const struct strategy strategy_append_crc_repair = {
	.name = "append-crc-repair",
	.summary = "append with a checksum, after cutting off a torn tail",
	.store = STORE_LOG,
	.claims =
		{
			.atomic = SURVIVES_KILL | SURVIVES_ERRORS,
			.consistent = SURVIVES_KILL | SURVIVES_ERRORS,
			.durable = SURVIVES_KILL | SURVIVES_ERRORS,
		},
	.setup = log_crc_setup,
	.update = append_crc_repair_update,
	.read = log_crc_read,
};
