/* replace-lock's twin: the temporary file is copied over the document. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int copy(const char *from, const char *to)
{
	struct buffer contents = {0};
	int err = io_read_file(from, &contents);
	int fd = TEMP_FAILURE_RETRY(open(to, O_WRONLY | O_TRUNC | O_CLOEXEC));

	if (!err && fd < 0)
		err = -errno;
	if (!err)
		err = io_write_all(fd, contents.data, contents.size_bytes);
	io_close(fd);
	buffer_release(&contents);
	if (!err && unlink(from))
		err = -errno;
	errno = -err;
	return err ? -1 : 0;
}

#define rename copy
#define strategy_replace_lock replace_lock_copies_original
#include "strategies/replace_lock.c"

const struct strategy strategy_replace_lock_copies = {
	.name = "replace-lock-copies",
	.summary = "write-replace under flock by copying",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_lock_update,
	.read = document_read,
};
