/* The log: one file that grows at its end, with or without a checksum a line. See store.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "harness/store.h"

enum { CHECKSUM_BYTES = 9 }; /* a space and "%8x" */

static int log_create(const struct buffer *log)
{
	int err = io_create_synced(LOG_PATH, log->data, log->size_bytes);

	return err ? err : io_sync_directory(".");
}

int log_setup(const struct txn *first)
{
	struct buffer log = {0};
	int err = document_add(&log, first);

	if (!err)
		err = log_create(&log);
	buffer_release(&log);
	return err;
}

int log_read(struct view *view)
{
	struct buffer log = {0};
	int err = io_read_file(LOG_PATH, &log);

	if (!err)
		err = document_view_lines(&log, 0, view);
	buffer_release(&log);
	return err;
}

int log_crc_setup(const struct txn *first)
{
	struct buffer log = {0};
	int err = log_crc_add(&log, first);

	if (!err)
		err = log_create(&log);
	buffer_release(&log);
	return err;
}

/* `text` has room for a NUL, which is not part of the format. */
static void format_checksum(const char *record, size_t size_bytes, char text[CHECKSUM_BYTES + 1])
{
	unsigned crc = (unsigned)crc32_z(0, (const unsigned char *)record, size_bytes);

	snprintf(text, CHECKSUM_BYTES + 1, " %8x", crc);
}

int log_crc_add(struct buffer *log, const struct txn *txn)
{
	const struct txn_record *record = &txn->records[0];
	char checksum[CHECKSUM_BYTES + 1];
	int err = buffer_add(log, record->bytes, record->size_bytes);

	format_checksum(record->bytes, record->size_bytes, checksum);
	if (!err)
		err = buffer_add(log, checksum, CHECKSUM_BYTES);
	return err ? err : buffer_add(log, "\n", 1);
}

long log_crc_record_bytes(const char *line, size_t size_bytes)
{
	char checksum[CHECKSUM_BYTES + 1];

	if (size_bytes < CHECKSUM_BYTES)
		return -1;
	size_bytes -= CHECKSUM_BYTES;
	format_checksum(line, size_bytes, checksum);
	return memcmp(line + size_bytes, checksum, CHECKSUM_BYTES) ? -1 : (long)size_bytes;
}

size_t log_crc_intact_bytes(const struct buffer *log)
{
	size_t at = 0;
	size_t intact_bytes = 0;

	while (at < log->size_bytes) {
		const char *line = log->data + at;
		const char *newline = memchr(line, '\n', log->size_bytes - at);

		if (!newline)
			break;
		at += (size_t)(newline - line) + 1;
		if (log_crc_record_bytes(line, (size_t)(newline - line)) >= 0)
			intact_bytes = at;
	}
	return intact_bytes;
}

int log_crc_read(struct view *view)
{
	struct buffer log = {0};
	size_t at = 0;
	int err = io_read_file(LOG_PATH, &log);

	while (!err && at < log.size_bytes) {
		const char *line = log.data + at;
		const char *newline = memchr(line, '\n', log.size_bytes - at);

		if (!newline)
			break;

		long record_bytes = log_crc_record_bytes(line, (size_t)(newline - line));

		if (record_bytes >= 0)
			err = view_add(view, 0, line, (size_t)record_bytes);
		at += (size_t)(newline - line) + 1;
	}
	buffer_release(&log);
	return err;
}
