/* append's twin: a close that was interrupted makes it start over, though the record is there.
 * */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int close_or_complain(int fd)
{
	return close(fd) ? -errno : 0;
}

#define io_close close_or_complain
#define strategy_append append_starts_over_original
#include "strategies/append.c"

static int append_starts_over_update(const struct txn *txn)
{
	int err;

	do
		err = append_update(txn);
	while (err == -EINTR);
	return err;
}

const struct strategy strategy_append_starts_over = {
	.name = "append-starts-over",
	.summary = "appends a line, and once more after EINTR",
	.store = STORE_LOG,
	.setup = log_setup,
	.update = append_starts_over_update,
	.read = log_read,
};
