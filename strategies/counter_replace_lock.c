/*
 * The article's last counter: LockedOpen around write-replace. locked_open() locks, opens the name
 * again and starts over while the two are different files, so that the number is always the newest.
 * As in the article nothing is synced or cleaned up: a power cut may leave an empty file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int counter_replace_lock_update(const struct txn *txn)
{
	char temporary[] = COUNTER_PATH ".XXXXXX";
	struct buffer text = {0};
	int fd = -1;
	int locked_fd = -1;
	int err = locked_open(COUNTER_PATH, &locked_fd);

	(void)txn;
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

const struct strategy strategy_counter_replace_lock = {
	.name = "counter-replace-lock",
	.summary = "add one to a number and replace the locked file that still bears the name",
	.store = STORE_COUNTER,
	.claims =
		{
			.atomic = SURVIVES_KILL | SURVIVES_ERRORS,
			.consistent = SURVIVES_KILL | SURVIVES_ERRORS,
			.durable = SURVIVES_KILL | SURVIVES_ERRORS,
			.isolated = true,
		},
	.residue = COUNTER_PATH ".??????",
	.setup = counter_setup,
	.update = counter_replace_lock_update,
	.read = counter_read,
};
