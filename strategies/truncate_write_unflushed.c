/*
 * The glibc buffer trap that the article warns of: truncate, fwrite, fsync without fflush. The
 * fsync succeeds and syncs an empty file, for the text is still in the process; fclose hands it
 * over only afterwards. stdio does not go on after EINTR either, so nothing is claimed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int truncate_write_unflushed_update(const struct txn *txn)
{
	struct buffer document = {0};
	char *stdio_buffer = NULL;
	FILE *file = NULL;
	int err = io_read_file(DOCUMENT_PATH, &document);

	if (!err)
		err = document_add(&document, txn);
	if (err)
		goto out;
	/* Larger than the text, so that stdio holds all of it back. With NULL in its place
	 * setvbuf would ignore the size. */
	stdio_buffer = malloc(document.size_bytes + BUFSIZ);
	if (!stdio_buffer) {
		err = -ENOMEM;
		goto out;
	}
	file = fopen(DOCUMENT_PATH, "we");
	if (!file) {
		err = -errno;
		goto out;
	}
	if (setvbuf(file, stdio_buffer, _IOFBF, document.size_bytes + BUFSIZ))
		err = -EINVAL;
	if (!err && fwrite(document.data, 1, document.size_bytes, file) != document.size_bytes)
		err = -errno;
	if (!err && TEMP_FAILURE_RETRY(fsync(fileno(file))))
		err = -errno;
	if (fclose(file) && !err)
		err = -errno;
out:
	free(stdio_buffer);
	buffer_release(&document);
	return err;
}

const struct strategy strategy_truncate_write_unflushed = {
	.name = "truncate-write-unflushed",
	.summary = "truncate-write through stdio, with fsync but without fflush",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = truncate_write_unflushed_update,
	.read = document_read,
};
