/*
 * Truncate-write with the article's durability technique: fdatasync before the file is closed.
 * What is acknowledged is on the disk, until the next update empties the file again.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int truncate_write_fsync_update(const struct txn *txn)
{
	struct buffer document = {0};
	int fd = -1;
	int err = io_read_file(DOCUMENT_PATH, &document);

	if (!err)
		err = document_add(&document, txn);
	if (err)
		goto out;
	fd = TEMP_FAILURE_RETRY(
		open(DOCUMENT_PATH, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	err = io_write_all(fd, document.data, document.size_bytes);
	if (!err && TEMP_FAILURE_RETRY(fdatasync(fd)))
		err = -errno;
	/* The data is safe by now, or err says otherwise. */
	io_close(fd);
out:
	buffer_release(&document);
	return err;
}

const struct strategy strategy_truncate_write_fsync = {
	.name = "truncate-write-fsync",
	.summary = "truncate, write, and fdatasync before closing",
	.store = STORE_DOCUMENT,
	/* No kill and no power: each update puts all earlier ones at risk again. */
	.claims =
		{
			.consistent = SURVIVES_INTERRUPTION,
			.durable = SURVIVES_INTERRUPTION,
		},
	.setup = document_setup,
	.update = truncate_write_fsync_update,
	.read = document_read,
};
