/* truncate-write-lock's twin: after a short write it writes everything again behind it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

static int write_again(int fd, const void *bytes, size_t size_bytes)
{
	ssize_t n = TEMP_FAILURE_RETRY(write(fd, bytes, size_bytes));

	if (n < 0)
		return -errno;
	return (size_t)n < size_bytes ? io_write_all(fd, bytes, size_bytes) : 0;
}

#define io_write_all write_again
#define strategy_truncate_write_lock truncate_write_lock_restarts_original
#include "strategies/truncate_write_lock.c"

const struct strategy strategy_truncate_write_lock_restarts = {
	.name = "truncate-write-lock-restarts",
	.summary = "truncate-write under flock that repeats a short write",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = truncate_write_lock_update,
	.read = document_read,
};
