/*
 * The article's locked truncate-write: flock before the first read, then read, seek, truncate and
 * write on the one descriptor; closing it unlocks. Writers no longer lose each other's updates.
 * Readers take no lock, and a crash is as bad as without one.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

static int truncate_write_lock_update(const struct txn *txn)
{
	struct buffer document = {0};
	int err = 0;
	int fd = TEMP_FAILURE_RETRY(open(DOCUMENT_PATH, O_RDWR | O_CLOEXEC));

	if (fd < 0)
		return -errno;
	if (TEMP_FAILURE_RETRY(flock(fd, LOCK_EX)))
		err = -errno;
	if (!err)
		err = io_read_fd(fd, &document);
	if (!err)
		err = document_add(&document, txn);
	if (!err && lseek(fd, 0, SEEK_SET) < 0)
		err = -errno;
	if (!err && TEMP_FAILURE_RETRY(ftruncate(fd, 0)))
		err = -errno;
	if (!err)
		err = io_write_all(fd, document.data, document.size_bytes);
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
	buffer_release(&document);
	return err;
}

const struct strategy strategy_truncate_write_lock = {
	.name = "truncate-write-lock",
	.summary = "truncate-write in place with an exclusive flock around it",
	.store = STORE_DOCUMENT,
	.claims =
		{
			.consistent = SURVIVES_INTERRUPTION,
			.durable = SURVIVES_INTERRUPTION,
			.isolated = true,
		},
	.setup = document_setup,
	.update = truncate_write_lock_update,
	.read = document_read,
};
