/*
 * The article's LockedOpen around write-replace: locked_open() locks, opens the name again and
 * starts over while the two are different files. Beyond the article it removes its temporary file
 * on an error. Nothing is synced: a power cut may leave an empty file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int replace_lock_update(const struct txn *txn)
{
	char temporary[] = DOCUMENT_PATH ".XXXXXX";
	struct buffer document = {0};
	int fd = -1;
	int locked_fd = -1;
	int err = locked_open(DOCUMENT_PATH, &locked_fd);

	if (!err)
		err = io_read_fd(locked_fd, &document);
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
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
	if (!err && rename(temporary, DOCUMENT_PATH))
		err = -errno;
	if (err)
		unlink(temporary);
out:
	io_close(locked_fd);
	buffer_release(&document);
	return err;
}

const struct strategy strategy_replace_lock = {
	.name = "replace-lock",
	.summary = "write-replace under flock on the file that still bears the name",
	.store = STORE_DOCUMENT,
	.claims =
		{
			.atomic = SURVIVES_KILL | SURVIVES_ERRORS,
			.consistent = SURVIVES_KILL | SURVIVES_ERRORS,
			.durable = SURVIVES_KILL | SURVIVES_ERRORS,
			.isolated = true,
		},
	.residue = DOCUMENT_PATH ".??????",
	.setup = document_setup,
	.update = replace_lock_update,
	.read = document_read,
};
