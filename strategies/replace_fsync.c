/*
 * Write-replace, with the new contents synced before they take the old one's name: an old or a
 * new file after any crash. The directory is not synced, so a power cut may bring back the old.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int replace_fsync_update(const struct txn *txn)
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
out:
	buffer_release(&document);
	return err;
}

const struct strategy strategy_replace_fsync = {
	.name = "replace-fsync",
	.summary = "write a temporary file, fsync it, rename it over the old one",
	.store = STORE_DOCUMENT,
	.claims =
		{
			.atomic = SURVIVES_ALL,
			.consistent = SURVIVES_ALL,
			.durable = SURVIVES_ALL & ~SURVIVES_POWER,
		},
	.residue = DOCUMENT_PATH ".??????",
	.setup = document_setup,
	.update = replace_fsync_update,
	.read = document_read,
};
