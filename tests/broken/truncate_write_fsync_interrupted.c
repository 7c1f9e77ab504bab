/* truncate-write-fsync's twin: a write that was interrupted is taken for done. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int write_unless_interrupted(int fd, const void *bytes, size_t size_bytes)
{
	ssize_t n = write(fd, bytes, size_bytes);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return io_write_all(fd, (const char *)bytes + n, size_bytes - (size_t)n);
}

#define io_write_all write_unless_interrupted
#define strategy_truncate_write_fsync truncate_write_fsync_interrupted_original
#include "strategies/truncate_write_fsync.c"

const struct strategy strategy_truncate_write_fsync_interrupted = {
	.name = "truncate-write-fsync-interrupted",
	.summary = "truncate-write that takes EINTR for success",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = truncate_write_fsync_update,
	.read = document_read,
};
