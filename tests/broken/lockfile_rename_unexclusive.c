/* lockfile-rename's twin: the lock file need not be new. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "harness/store.h"

#undef O_EXCL
#define O_EXCL O_TRUNC
#define strategy_lockfile_rename lockfile_rename_unexclusive_original
#include "strategies/lockfile_rename.c"

const struct strategy strategy_lockfile_rename_unexclusive = {
	.name = "lockfile-rename-unexclusive",
	.summary = "a lock file without O_EXCL",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = lockfile_rename_update,
	.read = document_read,
};
