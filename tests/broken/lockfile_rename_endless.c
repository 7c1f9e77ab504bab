/* lockfile-rename's twin: it never gives up waiting for the lock. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "harness/store.h"

#define strategy_lockfile_rename lockfile_rename_endless_original
#include "strategies/lockfile_rename.c"

static int lockfile_rename_endless_update(const struct txn *txn)
{
	int err;

	do
		err = lockfile_rename_update(txn);
	while (err == -EBUSY);
	return err;
}

const struct strategy strategy_lockfile_rename_endless = {
	.name = "lockfile-rename-endless",
	.summary = "a lock file that is waited for without end",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = lockfile_rename_endless_update,
	.read = document_read,
};
