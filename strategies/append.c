/*
 * Append, the article's third pattern: open in append mode, write a line, close. A write that was
 * cut short stays in the file, and the next record is glued to it: that one is lost too.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int append_update(const struct txn *txn)
{
	struct buffer line = {0};
	int fd = -1;
	int err = document_add(&line, txn);

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

const struct strategy strategy_append = {
	.name = "append",
	.summary = "open in append mode and write one line",
	.store = STORE_LOG,
	/* Writers are isolated only while no write is cut short, which is not promised. */
	.claims =
		{
			.consistent = SURVIVES_INTERRUPTION,
			.durable = SURVIVES_KILL | SURVIVES_INTERRUPTION,
		},
	.setup = log_setup,
	.update = append_update,
	.read = log_read,
};
