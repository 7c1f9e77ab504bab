/* counter-replace-lock's twin: the number is read before the lock is taken. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static struct buffer early;

static int read_then_lock(const char *path, int *fd)
{
	int err = io_read_file(path, &early);

	return err ? err : locked_open(path, fd);
}

static int take_early(int fd, struct buffer *text)
{
	(void)fd;
	*text = early;
	early = (struct buffer){0};
	return 0;
}

#define locked_open read_then_lock
#define io_read_fd take_early
#define strategy_counter_replace_lock counter_replace_lock_late_original
#include "strategies/counter_replace_lock.c"

const struct strategy strategy_counter_replace_lock_late = {
	.name = "counter-replace-lock-late",
	.summary = "the same with the number read before the lock is taken",
	.store = STORE_COUNTER,
	.setup = counter_setup,
	.update = counter_replace_lock_update,
	.read = counter_read,
};
