/* counter-lock's twin: the lock is taken after the number was read. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

static int read_then_lock(int fd, struct buffer *text)
{
	int err = io_read_fd(fd, text);

	if (!err && flock(fd, LOCK_EX))
		err = -errno;
	return err;
}

#define io_read_fd read_then_lock
#define flock(fd, operation) 0
#define strategy_counter_lock counter_lock_late_original
#include "strategies/counter_lock.c"

const struct strategy strategy_counter_lock_late = {
	.name = "counter-lock-late",
	.summary = "the same with the lock taken after the number was read",
	.store = STORE_COUNTER,
	.setup = counter_setup,
	.update = counter_lock_update,
	.read = counter_read,
};
