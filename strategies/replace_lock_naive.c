/*
 * The article's ghost-file bug: write-replace under a lock on the file that is being replaced.
 * Who waits for the lock wakes up holding a file that has no name any more, and writes back the
 * old contents: a lost update. As in the article nothing is synced or cleaned up.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

static int replace_lock_naive_update(const struct txn *txn)
{
	char temporary[] = DOCUMENT_PATH ".XXXXXX";
	struct buffer document = {0};
	int err = 0;
	int fd = -1;
	int locked_fd = TEMP_FAILURE_RETRY(open(DOCUMENT_PATH, O_RDONLY | O_CLOEXEC));

	if (locked_fd < 0)
		return -errno;
	if (TEMP_FAILURE_RETRY(flock(locked_fd, LOCK_EX)))
		err = -errno;
	if (!err)
		err = io_read_fd(locked_fd, &document);
	if (!err)
		err = document_add(&document, txn);
	if (err)
		goto out;
	fd = mkstemp(temporary);
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	err = io_write_all(fd, document.data, document.size_bytes);
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
	if (!err && rename(temporary, DOCUMENT_PATH))
		err = -errno;
out:
	io_close(locked_fd);
	buffer_release(&document);
	return err;
}

const struct strategy strategy_replace_lock_naive = {
	.name = "replace-lock-naive",
	.summary = "write-replace under flock, without looking for a ghost file",
	.store = STORE_DOCUMENT,
	.claims =
		{
			.atomic = SURVIVES_KILL | SURVIVES_ERRORS,
			.consistent = SURVIVES_KILL | SURVIVES_ERRORS,
			.durable = SURVIVES_KILL | SURVIVES_ERRORS,
		},
	.residue = DOCUMENT_PATH ".??????",
	.setup = document_setup,
	.update = replace_lock_naive_update,
	.read = document_read,
};
