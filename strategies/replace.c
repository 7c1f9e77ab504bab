/*
 * Write-replace, the article's second pattern: write a temporary file, rename it over the old one.
 * Nothing is synced, so a power cut may leave an empty file, and a write-back that fails later is
 * never noticed. Like the article's, it leaves the temporary file behind on an error.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int replace_update(const struct txn *txn)
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
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
	if (!err && rename(temporary, DOCUMENT_PATH))
		err = -errno;
out:
	buffer_release(&document);
	return err;
}

const struct strategy strategy_replace = {
	.name = "replace",
	.summary = "write a temporary file and rename it over the old one",
	.store = STORE_DOCUMENT,
	.claims =
		{
			.atomic = SURVIVES_KILL | SURVIVES_ERRORS,
			.consistent = SURVIVES_KILL | SURVIVES_ERRORS,
			.durable = SURVIVES_KILL | SURVIVES_ERRORS,
		},
	.residue = DOCUMENT_PATH ".??????",
	.setup = document_setup,
	.update = replace_update,
	.read = document_read,
};
