/* append-crc-repair's twin: ends a torn line instead of cutting it off, without a checksum by which
 * the reader could tell. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

static int append_crc_repair_pads_update(const struct txn *txn)
{
	struct buffer log = {0};
	struct buffer line = {0};
	int fd = TEMP_FAILURE_RETRY(open(LOG_PATH, O_RDWR | O_APPEND | O_CLOEXEC));

	if (fd < 0)
		return -errno;

	int err = io_read_fd(fd, &log);

	if (!err && log.size_bytes > 0 && log.data[log.size_bytes - 1] != '\n')
		err = buffer_add(&line, "\n", 1);
	if (!err)
		err = document_add(&line, txn);
	if (!err)
		err = io_write_all(fd, line.data, line.size_bytes);
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
	buffer_release(&line);
	buffer_release(&log);
	return err;
}

/* A line counts once its newline is there. */
static int append_crc_repair_pads_read(struct view *view)
{
	struct buffer log = {0};
	int err = io_read_file(LOG_PATH, &log);

	while (log.size_bytes > 0 && log.data[log.size_bytes - 1] != '\n')
		log.size_bytes--;
	if (!err)
		err = document_view_lines(&log, 0, view);
	buffer_release(&log);
	return err;
}

const struct strategy strategy_append_crc_repair_pads = {
	.name = "append-crc-repair-pads",
	.summary = "append a line, after ending a torn one",
	.store = STORE_LOG,
	.setup = log_setup,
	.update = append_crc_repair_pads_update,
	.read = append_crc_repair_pads_read,
};
