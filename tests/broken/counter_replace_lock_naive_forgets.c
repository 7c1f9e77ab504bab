/* counter-replace-lock-naive's twin: where the number cannot be opened it counts from 0 again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

#define strategy_counter_replace_lock_naive counter_replace_lock_naive_forgets_original
#include "strategies/counter_replace_lock_naive.c"

static int count_anew(void)
{
	char temporary[] = COUNTER_PATH ".XXXXXX";
	int fd = mkstemp(temporary);
	int err = fd < 0 ? -errno : io_write_all(fd, "1\n", 2);

	io_close(fd);
	return !err && rename(temporary, COUNTER_PATH) ? -errno : err;
}

static int counter_replace_lock_naive_forgets_update(const struct txn *txn)
{
	int err = counter_replace_lock_naive_update(txn);

	return err == -EMFILE ? count_anew() : err;
}

const struct strategy strategy_counter_replace_lock_naive_forgets = {
	.name = "counter-replace-lock-naive-forgets",
	.summary = "replaces a number, by 1 where there are too many open files",
	.store = STORE_COUNTER,
	.setup = counter_setup,
	.update = counter_replace_lock_naive_forgets_update,
	.read = counter_read,
};
