/* counter-lock's twin: after a short write it writes everything again behind it, 11 for 1. */
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
#define strategy_counter_lock counter_lock_restarts_original
#include "strategies/counter_lock.c"

const struct strategy strategy_counter_lock_restarts = {
	.name = "counter-lock-restarts",
	.summary = "adds one under flock and repeats a short write",
	.store = STORE_COUNTER,
	.setup = counter_setup,
	.update = counter_lock_update,
	.read = counter_read,
};
