/*
 * The article's extension of append: append during regular operation, and reorganise the file into
 * a more compact form from time to time, here by write-replace at every second line. The directory
 * is synced before each acknowledgement: a compaction that was killed or failed may have put a file
 * under the name that a power cut takes away, with all that was appended to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

enum { LINES_A_COMPACTION = 2 };

/* Copies the lines with a valid checksum; how many they are goes to *lines. */
static int keep_intact_lines(const struct buffer *log, struct buffer *kept, size_t *lines)
{
	size_t at = 0;

	*lines = 0;
	while (at < log->size_bytes) {
		const char *line = log->data + at;
		const char *newline = memchr(line, '\n', log->size_bytes - at);

		if (!newline)
			break;

		size_t line_bytes = (size_t)(newline - line);

		if (log_crc_record_bytes(line, line_bytes) >= 0) {
			int err = buffer_add(kept, line, line_bytes + 1);

			if (err)
				return err;
			++*lines;
		}
		at += line_bytes + 1;
	}
	return 0;
}

/* Whatever fails here, the log under the name holds the same records. */
static void compact(const struct buffer *log)
{
	char temporary[] = LOG_PATH ".XXXXXX";
	struct buffer kept = {0};
	size_t lines = 0;
	int fd = -1;
	int err = keep_intact_lines(log, &kept, &lines);

	if (err || lines % LINES_A_COMPACTION)
		goto out;
	fd = mkstemp(temporary);
	if (fd < 0)
		goto out;
	err = io_write_all(fd, kept.data, kept.size_bytes);
	if (!err && TEMP_FAILURE_RETRY(fsync(fd)))
		err = -errno;
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
	if (!err && rename(temporary, LOG_PATH))
		err = -errno;
	if (err)
		unlink(temporary);
	else
		io_sync_directory(".");
out:
	buffer_release(&kept);
}

static void cut_back(int fd, off_t intact_bytes)
{
	if (!TEMP_FAILURE_RETRY(ftruncate(fd, intact_bytes)))
		TEMP_FAILURE_RETRY(fdatasync(fd));
}

static int append_compact_update(const struct txn *txn)
{
	struct buffer log = {0};
	struct buffer line = {0};
	off_t intact_bytes = 0;
	int err = log_crc_add(&line, txn);
	int fd = TEMP_FAILURE_RETRY(open(LOG_PATH, O_RDWR | O_APPEND | O_CLOEXEC));

	if (!err && fd < 0)
		err = -errno;
	if (!err)
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
	if (!err)
		err = io_sync_directory(".");
	if (err) {
		cut_back(fd, intact_bytes);
		goto out;
	}
	log.size_bytes = (size_t)intact_bytes;
	if (!buffer_add(&log, line.data, line.size_bytes))
		compact(&log);
out:
	io_close(fd);
	buffer_release(&line);
	buffer_release(&log);
	return err;
}

const struct strategy strategy_append_compact = {
	.name = "append-compact",
	.summary = "durable append with a checksum, and a write-replace at every third line",
	.store = STORE_LOG,
	/* A dead device refuses to take a record back, too; and a compaction whose directory sync
         * fails cannot be made good: the next sync succeeds and proves nothing. */
	.claims =
		{
			.atomic = SURVIVES_ALL & ~SURVIVES_IO_ERROR,
			.consistent = SURVIVES_ALL,
			.durable = SURVIVES_ALL & ~SURVIVES_IO_ERROR,
		},
	.residue = LOG_PATH ".??????",
	.setup = log_crc_setup,
	.update = append_compact_update,
	.read = log_crc_read,
};
