/* replace-fsync's twin: renames the temporary file before anything is written into it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int replace_fsync_early_update(const struct txn *txn)
{
	char temporary[] = DOCUMENT_PATH ".XXXXXX";
	struct buffer document = {0};
	int fd = -1;
	int err = io_read_file(DOCUMENT_PATH, &document);

	if (!err)
		err = document_add(&document, txn);
	if (err)
		goto out;
	fd = mkstemp(temporary);
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	if (rename(temporary, DOCUMENT_PATH))
		err = -errno;
	if (!err)
		err = io_write_all(fd, document.data, document.size_bytes);
	if (!err && TEMP_FAILURE_RETRY(fsync(fd)))
		err = -errno;
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
out:
	buffer_release(&document);
	return err;
}

const struct strategy strategy_replace_fsync_early = {
	.name = "replace-fsync-early",
	.summary = "renames a temporary file and then writes it",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_fsync_early_update,
	.read = document_read,
};
