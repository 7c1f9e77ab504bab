/* replace-fsync's twin: does not look whether the temporary file could be made, and crashes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int replace_fsync_crashes_update(const struct txn *txn)
{
	char temporary[] = DOCUMENT_PATH ".XXXXXX";
	struct buffer document = {0};
	int err = io_read_file(DOCUMENT_PATH, &document);

	if (!err)
		err = document_add(&document, txn);
	if (!err) {
		FILE *file = fdopen(mkstemp(temporary), "w");

		setvbuf(file, NULL, _IONBF, 0);
		if (fwrite(document.data, 1, document.size_bytes, file) != document.size_bytes)
			err = -errno;
		if (!err && fsync(fileno(file)))
			err = -errno;
		if (fclose(file) && !err)
			err = -errno;
		if (!err && rename(temporary, DOCUMENT_PATH))
			err = -errno;
		if (err)
			unlink(temporary);
	}
	buffer_release(&document);
	return err;
}

const struct strategy strategy_replace_fsync_crashes = {
	.name = "replace-fsync-crashes",
	.summary = "write-replace through a stdio stream that may be NULL",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_fsync_crashes_update,
	.read = document_read,
};
