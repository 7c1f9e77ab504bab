/*
 * The article's update(): flock before the number is read, then seek, truncate and write on the one
 * descriptor; closing it unlocks. No update is lost to another worker, but readers take no lock,
 * and a crash is as bad as without one.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

static int counter_lock_update(const struct txn *txn)
{
	struct buffer text = {0};
	int err = 0;
	int fd = TEMP_FAILURE_RETRY(open(COUNTER_PATH, O_RDWR | O_CLOEXEC));

	(void)txn;
	if (fd < 0)
		return -errno;
	if (TEMP_FAILURE_RETRY(flock(fd, LOCK_EX)))
		err = -errno;
	if (!err)
		err = io_read_fd(fd, &text);
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

const struct strategy strategy_counter_lock = {
	.name = "counter-lock",
	.summary = "add one to a number in place, under an exclusive flock",
	.store = STORE_COUNTER,
	.claims =
		{
			.consistent = SURVIVES_INTERRUPTION,
			.durable = SURVIVES_INTERRUPTION,
			.isolated = true,
		},
	.setup = counter_setup,
	.update = counter_lock_update,
	.read = counter_read,
};
