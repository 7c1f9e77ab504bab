/*
 * As git does it: `doc.txt.lock`, created with O_EXCL, is the lock and the new file in one; renamed
 * over the document it commits and unlocks. With fsync of both file and directory. A writer that
 * dies leaves the lock behind, and no update is accepted any more until somebody removes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "harness/store.h"

#define LOCK_PATH DOCUMENT_PATH ".lock"

enum { ATTEMPTS = 20 };

/* Returns a descriptor or -errno; -EBUSY when the lock is not given up. */
static int take_lock(void)
{
	static const struct timespec PAUSE = {.tv_nsec = 1000000};

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		int fd = TEMP_FAILURE_RETRY(
			open(LOCK_PATH, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));

		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			return -errno;
		nanosleep(&PAUSE, NULL);
	}
	return -EBUSY;
}

static int lockfile_rename_update(const struct txn *txn)
{
	struct buffer document = {0};
	int err;
	int fd = -1;
	int directory_fd = TEMP_FAILURE_RETRY(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (directory_fd < 0)
		return -errno;
	fd = take_lock();
	if (fd < 0) {
		err = fd;
		goto out;
	}
	err = io_read_file(DOCUMENT_PATH, &document);
	if (!err)
		err = document_add(&document, txn);
	if (!err)
		err = io_write_all(fd, document.data, document.size_bytes);
	if (!err && TEMP_FAILURE_RETRY(fsync(fd)))
		err = -errno;
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
	if (!err && rename(LOCK_PATH, DOCUMENT_PATH))
		err = -errno;
	if (err)
		unlink(LOCK_PATH);
	else if (TEMP_FAILURE_RETRY(fsync(directory_fd)))
		err = -errno;
out:
	io_close(directory_fd);
	buffer_release(&document);
	return err;
}

const struct strategy strategy_lockfile_rename = {
	.name = "lockfile-rename",
	.summary = "write the new contents into a lock file, and rename it over the old one",
	.store = STORE_DOCUMENT,
	/* Consistent only where the lock is sure to be removed. */
	.claims =
		{
			.atomic = SURVIVES_ALL & ~SURVIVES_IO_ERROR,
			.consistent = SURVIVES_ERRORS,
			.durable = SURVIVES_ALL,
			.isolated = true,
		},
	.setup = document_setup,
	.update = lockfile_rename_update,
	.read = document_read,
};
