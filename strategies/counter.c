/*
 * The article's counter without its lock: read a number, add one, seek back, truncate, write. Two
 * at a time read the same number, and one update is lost. Between the truncation and the write the
 * file is empty, and after an error or a crash there is no number left to go on from.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int counter_update(const struct txn *txn)
{
	struct buffer text = {0};
	int fd = TEMP_FAILURE_RETRY(open(COUNTER_PATH, O_RDWR | O_CLOEXEC));

	(void)txn;
	if (fd < 0)
		return -errno;

	int err = io_read_fd(fd, &text);

	if (!err)
		err = counter_add_one(&text);
	if (!err && lseek(fd, 0, SEEK_SET) < 0)
		err = -errno;
	if (!err && TEMP_FAILURE_RETRY(ftruncate(fd, 0)))
		err = -errno;
	if (!err)
		err = io_write_all(fd, text.data, text.size_bytes);
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
	buffer_release(&text);
	return err;
}

const struct strategy strategy_counter = {
	.name = "counter",
	.summary = "read a number, add one and write it back in place, without a lock",
	.store = STORE_COUNTER,
	.claims =
		{
			.consistent = SURVIVES_INTERRUPTION,
			.durable = SURVIVES_INTERRUPTION,
		},
	.setup = counter_setup,
	.update = counter_update,
	.read = counter_read,
};
