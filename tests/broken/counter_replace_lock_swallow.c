/* counter-replace-lock's twin: a failed write is not noticed, and the number is replaced by none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int write_and_hope(int fd, const void *bytes, size_t size_bytes)
{
	io_write_all(fd, bytes, size_bytes);
	return 0;
}

#define io_write_all write_and_hope
#define strategy_counter_replace_lock counter_replace_lock_swallow_original
#include "strategies/counter_replace_lock.c"

const struct strategy strategy_counter_replace_lock_swallow = {
	.name = "counter-replace-lock-swallow",
	.summary = "replaces a number and does not look whether it could be written",
	.store = STORE_COUNTER,
	.setup = counter_setup,
	.update = counter_replace_lock_update,
	.read = counter_read,
};
