/* replace-lock-naive's twin: writes again and again until there is space. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

static int write_until_done(int fd, const void *bytes, size_t size_bytes)
{
	int err;

	do
		err = io_write_all(fd, bytes, size_bytes);
	while (err == -ENOSPC);
	return err;
}

#define io_write_all write_until_done
#define strategy_replace_lock_naive replace_lock_naive_insists_original
#include "strategies/replace_lock_naive.c"

const struct strategy strategy_replace_lock_naive_insists = {
	.name = "replace-lock-naive-insists",
	.summary = "write-replace that waits for space for ever",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_lock_naive_update,
	.read = document_read,
};
