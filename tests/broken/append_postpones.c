/* append's twin: a record for which there is no quota left is acknowledged and written later. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static struct buffer postponed;

static int write_or_postpone(int fd, const void *bytes, size_t size_bytes)
{
	int err = io_write_all(fd, bytes, size_bytes);

	if (err == -EDQUOT)
		return buffer_add(&postponed, bytes, size_bytes);
	if (!err && postponed.size_bytes > 0)
		err = io_write_all(fd, postponed.data, postponed.size_bytes);
	if (!err)
		buffer_release(&postponed);
	return err;
}

#define io_write_all write_or_postpone
#define strategy_append append_postpones_original
#include "strategies/append.c"

const struct strategy strategy_append_postpones = {
	.name = "append-postpones",
	.summary = "keeps what does not fit for the next update",
	.store = STORE_LOG,
	.setup = log_setup,
	.update = append_update,
	.read = log_read,
};
