/* counter-lock's twin: the lock is released before the number is written. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

static off_t unlock_then_seek(int fd, off_t offset, int whence)
{
	return flock(fd, LOCK_UN) ? -1 : lseek(fd, offset, whence);
}

#define lseek unlock_then_seek
#define strategy_counter_lock counter_lock_early_original
#include "strategies/counter_lock.c"

const struct strategy strategy_counter_lock_early = {
	.name = "counter-lock-early",
	.summary = "the same with the lock released before the number is written",
	.store = STORE_COUNTER,
	.setup = counter_setup,
	.update = counter_lock_update,
	.read = counter_read,
};
