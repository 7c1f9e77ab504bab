/*
 * Write-replace by exchange, beyond the article: renameat2(RENAME_EXCHANGE) swaps the new file with
 * the old one, whose contents are therefore still at hand should the directory refuse to sync: they
 * are swapped back. Linux only, and not on every file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int swap(const char *temporary)
{
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, DOCUMENT_PATH, RENAME_EXCHANGE))
		return -errno;
	return 0;
}

static int exchange_update(const struct txn *txn)
{
	char temporary[] = DOCUMENT_PATH ".XXXXXX";
	struct buffer document = {0};
	int fd = -1;
	int directory_fd = -1;
	int err = io_read_file(DOCUMENT_PATH, &document);

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
	if (!err)
		err = swap(temporary);
	if (!err && TEMP_FAILURE_RETRY(fsync(directory_fd))) {
		err = -errno;
		swap(temporary);
		TEMP_FAILURE_RETRY(fsync(directory_fd));
	}
	/* The old file, or the new one if it was refused. */
	unlink(temporary);
out:
	io_close(directory_fd);
	buffer_release(&document);
	return err;
}

const struct strategy strategy_exchange = {
	.name = "exchange",
	.summary = "exchange the new file with the old one, fsync, and unlink the old",
	.store = STORE_DOCUMENT,
	/* A dead device refuses to swap back, too. */
	.claims =
		{
			.atomic = SURVIVES_ALL & ~SURVIVES_IO_ERROR,
			.consistent = SURVIVES_ALL,
			.durable = SURVIVES_ALL,
		},
	.residue = DOCUMENT_PATH ".??????",
	.setup = document_setup,
	.update = exchange_update,
	.read = document_read,
};
