/*
 * The article's ghost file: a counter that is replaced while it is locked. Who waits for the lock
 * wakes up holding a file that has no name any more, and adds one to the old number: a lost update.
 * As in the article nothing is synced or cleaned up.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

static int counter_replace_lock_naive_update(const struct txn *txn)
{
	char temporary[] = COUNTER_PATH ".XXXXXX";
	struct buffer text = {0};
	int err = 0;
	int fd = -1;
	int locked_fd = TEMP_FAILURE_RETRY(open(COUNTER_PATH, O_RDONLY | O_CLOEXEC));

	(void)txn;
	if (locked_fd < 0)
		return -errno;
	if (TEMP_FAILURE_RETRY(flock(locked_fd, LOCK_EX)))
		err = -errno;
	if (!err)
		err = io_read_fd(locked_fd, &text);
	if (!err)
		err = counter_add_one(&text);
	if (err)
		goto out;
	fd = mkstemp(temporary);
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	err = io_write_all(fd, text.data, text.size_bytes);
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
	if (!err && rename(temporary, COUNTER_PATH))
		err = -errno;
out:
	io_close(locked_fd);
	buffer_release(&text);
	return err;
}

const struct strategy strategy_counter_replace_lock_naive = {
	.name = "counter-replace-lock-naive",
	.summary = "add one to a number and replace its file while that is locked",
	.store = STORE_COUNTER,
	.claims =
		{
			.atomic = SURVIVES_KILL | SURVIVES_ERRORS,
			.consistent = SURVIVES_KILL | SURVIVES_ERRORS,
			.durable = SURVIVES_KILL | SURVIVES_ERRORS,
		},
	.residue = COUNTER_PATH ".??????",
	.setup = counter_setup,
	.update = counter_replace_lock_naive_update,
	.read = counter_read,
};
