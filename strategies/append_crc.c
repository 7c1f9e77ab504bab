/*
 * The article's checksummed append, to the letter: record, space, CRC-32 as "%8x", newline; the
 * reader splits at the last space and drops what does not match. Two bugs come with it: a record
 * after a torn one is glued to it and dropped too, and a checksum below 0x10000000 is padded with a
 * space that the split gives to the record, so that one intact record in sixteen is dropped.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

static int append_crc_update(const struct txn *txn)
{
	struct buffer line = {0};
	int fd = -1;
	int err = log_crc_add(&line, txn);

	if (err)
		goto out;
	fd = TEMP_FAILURE_RETRY(open(LOG_PATH, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	err = io_write_all(fd, line.data, line.size_bytes);
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
out:
	buffer_release(&line);
	return err;
}

/* line.strip().rsplit(b' ', 1), and the checksum compared as text. Where the article's reader dies
 * of a line that has no space, this one drops it. */
static int view_line(const char *line, size_t size_bytes, struct view *view)
{
	char want[16];

	while (size_bytes > 0 && memchr(" \t\r\v\f", line[size_bytes - 1], 5))
		size_bytes--;
	while (size_bytes > 0 && memchr(" \t\r\v\f", line[0], 5)) {
		line++;
		size_bytes--;
	}

	const char *space = size_bytes > 0 ? memrchr(line, ' ', size_bytes) : NULL;

	if (!space)
		return 0;

	size_t record_bytes = (size_t)(space - line);
	size_t checksum_bytes = size_bytes - record_bytes - 1;
	unsigned crc = (unsigned)crc32_z(0, (const unsigned char *)line, record_bytes);

	snprintf(want, sizeof(want), "%8x", crc);
	if (checksum_bytes != strlen(want) || memcmp(space + 1, want, checksum_bytes) != 0)
		return 0;
	return view_add(view, 0, line, record_bytes);
}

static int append_crc_read(struct view *view)
{
	struct buffer log = {0};
	size_t at = 0;
	int err = io_read_file(LOG_PATH, &log);

	while (!err && at < log.size_bytes) {
		const char *line = log.data + at;
		const char *newline = memchr(line, '\n', log.size_bytes - at);
		size_t line_bytes = newline ? (size_t)(newline - line) : log.size_bytes - at;

		err = view_line(line, line_bytes, view);
		at += line_bytes + 1;
	}
	buffer_release(&log);
	return err;
}

const struct strategy strategy_append_crc = {
	.name = "append-crc",
	.summary = "append a line with a checksum; the reader drops what does not match",
	.store = STORE_LOG,
	/* No shortage: cut short just before the newline, a refused record is valid all the same.
         * Neither consistent nor durable, for what the reader drops was acknowledged. */
	.claims = {.atomic = SURVIVES_KILL | SURVIVES_INTERRUPTION},
	.setup = log_crc_setup,
	.update = append_crc_update,
	.read = append_crc_read,
};
