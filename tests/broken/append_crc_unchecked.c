/* append-crc's twin: the reader cuts the checksum off without a look. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

#define strategy_append_crc append_crc_unchecked_original
#include "strategies/append_crc.c"

enum { CHECKSUM_BYTES = 9 };

static int append_crc_unchecked_read(struct view *view)
{
	struct buffer log = {0};
	size_t at = 0;
	int err = io_read_file(LOG_PATH, &log);

	while (!err && at < log.size_bytes) {
		const char *line = log.data + at;
		const char *newline = memchr(line, '\n', log.size_bytes - at);
		size_t line_bytes = newline ? (size_t)(newline - line) : log.size_bytes - at;

		if (line_bytes > CHECKSUM_BYTES)
			err = view_add(view, 0, line, line_bytes - CHECKSUM_BYTES);
		at += line_bytes + 1;
	}
	buffer_release(&log);
	return err;
}

const struct strategy strategy_append_crc_unchecked = {
	.name = "append-crc-unchecked",
	.summary = "appends a checksum that nobody looks at",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_crc_update,
	.read = append_crc_unchecked_read,
};
