/*
 * The article's read-write variant of truncate-write: one descriptor for reading, seeking back,
 * truncating and writing. Handy for locking, but the file is just as empty in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int truncate_write_inplace_update(const struct txn *txn)
{
	struct buffer document = {0};
	int fd = TEMP_FAILURE_RETRY(open(DOCUMENT_PATH, O_RDWR | O_CLOEXEC));

	if (fd < 0)
		return -errno;

	int err = io_read_fd(fd, &document);

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

const struct strategy strategy_truncate_write_inplace = {
	.name = "truncate-write-inplace",
	.summary = "read, seek back, truncate and write through one descriptor",
	.store = STORE_DOCUMENT,
	.claims =
		{
			.consistent = SURVIVES_INTERRUPTION,
			.durable = SURVIVES_INTERRUPTION,
		},
	.setup = document_setup,
	.update = truncate_write_inplace_update,
	.read = document_read,
};
