/* counter's twin: a close that was interrupted makes it start over, though one was added. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int close_or_complain(int fd)
{
	return close(fd) ? -errno : 0;
}

#define io_close close_or_complain
#define strategy_counter counter_starts_over_original
#include "strategies/counter.c"

static int counter_starts_over_update(const struct txn *txn)
{
	int err;

	do
		err = counter_update(txn);
	while (err == -EINTR);
	return err;
}

const struct strategy strategy_counter_starts_over = {
	.name = "counter-starts-over",
	.summary = "adds one to a number, and once more after EINTR",
	.store = STORE_COUNTER,
	.setup = counter_setup,
	.update = counter_starts_over_update,
	.read = counter_read,
};
