/*
 * All of the article's techniques for a document at once: write-replace under LockedOpen, fsync of
 * the file before the rename and of the directory after it. Beyond the article the directory is
 * opened first, so that nothing but its sync can fail once the update is visible.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int replace_lock_fsync_dir_update(const struct txn *txn)
{
	char temporary[] = DOCUMENT_PATH ".XXXXXX";
	struct buffer document = {0};
	int fd = -1;
	int directory_fd = -1;
	int locked_fd = -1;
	int err = locked_open(DOCUMENT_PATH, &locked_fd);

	if (!err)
		err = io_read_fd(locked_fd, &document);
	if (!err)
		err = document_add(&document, txn);
	if (err)
		goto out;
	directory_fd = TEMP_FAILURE_RETRY(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (directory_fd < 0) {
		err = -errno;
		goto out;
	}
	fd = mkstemp(temporary);
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	err = io_write_all(fd, document.data, document.size_bytes);
	if (!err && TEMP_FAILURE_RETRY(fsync(fd)))
		err = -errno;
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
	if (!err && rename(temporary, DOCUMENT_PATH))
		err = -errno;
	if (err)
		unlink(temporary);
	else if (TEMP_FAILURE_RETRY(fsync(directory_fd)))
		err = -errno;
out:
	io_close(directory_fd);
	io_close(locked_fd);
	buffer_release(&document);
	return err;
}

const struct strategy strategy_replace_lock_fsync_dir = {
	.name = "replace-lock-fsync-dir",
	.summary = "write-replace under flock with fsync of file and directory",
	.store = STORE_DOCUMENT,
	.claims =
		{
			.atomic = SURVIVES_ALL & ~SURVIVES_IO_ERROR,
			.consistent = SURVIVES_ALL,
			.durable = SURVIVES_ALL,
			.isolated = true,
		},
	.residue = DOCUMENT_PATH ".??????",
	.setup = document_setup,
	.update = replace_lock_fsync_dir_update,
	.read = document_read,
};
