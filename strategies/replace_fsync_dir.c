/*
 * Write-replace with both of the article's syncs: the new file before the rename, the directory
 * after it. What is acknowledged survives a power cut. As in the article the directory is opened
 * last: when that or its sync fails, the update is reported as failed and yet visible.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int replace_fsync_dir_update(const struct txn *txn)
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
	else
		err = io_sync_directory(".");
out:
	buffer_release(&document);
	return err;
}

const struct strategy strategy_replace_fsync_dir = {
	.name = "replace-fsync-dir",
	.summary = "write-replace with fsync of the file and then of the directory",
	.store = STORE_DOCUMENT,
	.claims =
		{
			.atomic = SURVIVES_KILL | SURVIVES_INTERRUPTION | SURVIVES_POWER,
			.consistent = SURVIVES_ALL,
			.durable = SURVIVES_ALL,
		},
	.residue = DOCUMENT_PATH ".??????",
	.setup = document_setup,
	.update = replace_fsync_dir_update,
	.read = document_read,
};
