/*
 * Truncate-write, the article's first pattern: read, compute, open the file again in write mode.
 * Between the truncation and the last write there is neither the old file nor the new one, and an
 * error or a crash there leaves just that.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int truncate_write_update(const struct txn *txn)
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
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
out:
	buffer_release(&document);
	return err;
}

const struct strategy strategy_truncate_write = {
	.name = "truncate-write",
	.summary = "open the file in write mode, which empties it, and write it anew",
	.store = STORE_DOCUMENT,
	.claims =
		{
			.consistent = SURVIVES_INTERRUPTION,
			.durable = SURVIVES_INTERRUPTION,
		},
	.setup = document_setup,
	.update = truncate_write_update,
	.read = document_read,
};
