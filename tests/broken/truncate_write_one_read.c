/* truncate-write's twin: one read(2), whose short count is taken for the end of the file. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int read_once(const char *path, struct buffer *buffer)
{
	static char bytes[1 << 20];
	int fd = TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC));

	if (fd < 0)
		return -errno;

	ssize_t n = TEMP_FAILURE_RETRY(read(fd, bytes, sizeof(bytes)));
	int err = n < 0 ? -errno : buffer_add(buffer, bytes, (size_t)n);

	io_close(fd);
	return err;
}

#define io_read_file read_once
#define strategy_truncate_write truncate_write_one_read_original
#include "strategies/truncate_write.c"

const struct strategy strategy_truncate_write_one_read = {
	.name = "truncate-write-one-read",
	.summary = "truncate-write after a single read",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = truncate_write_update,
	.read = document_read,
};
