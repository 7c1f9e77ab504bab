/* append's twin: says that the update is done before it is: the write comes with the next one. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "harness/store.h"

static int ack_before_write_update(const struct txn *txn)
{
	static struct buffer pending;
	struct buffer line = pending;
	int fd, err;

	pending = (struct buffer){0};
	err = buffer_add(&pending, txn->records[0].bytes, txn->records[0].size_bytes);
	if (!err)
		err = buffer_add(&pending, "\n", 1);
	if (err)
		goto out;
	fd = open(LOG_PATH, O_WRONLY | O_APPEND | O_CLOEXEC);
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

const struct strategy strategy_ack_before_write = {
	.name = "ack-before-write",
	.summary = "acknowledges an update whose write is still to come",
	.store = STORE_LOG,
	.setup = log_setup,
	.update = ack_before_write_update,
	.read = log_read,
};
