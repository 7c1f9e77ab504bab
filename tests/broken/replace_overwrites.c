/* replace's twin: no temporary file, the new contents are written over the old ones. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int replace_overwrites_update(const struct txn *txn)
{
	struct buffer document = {0};
	int fd = -1;
	int err = io_read_file(DOCUMENT_PATH, &document);

	if (!err)
		err = document_add(&document, txn);
	if (err)
		goto out;
	fd = TEMP_FAILURE_RETRY(open(DOCUMENT_PATH, O_WRONLY | O_CLOEXEC));
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

const struct strategy strategy_replace_overwrites = {
	.name = "replace-overwrites",
	.summary = "writes the new contents over the old ones",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_overwrites_update,
	.read = document_read,
};
