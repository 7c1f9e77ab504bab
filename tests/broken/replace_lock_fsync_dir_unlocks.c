/* replace-lock-fsync-dir's twin: the lock is released before the rename. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

/* `locked_fd` is the update's. */
#define rename(from, to) (flock(locked_fd, LOCK_UN) || rename(from, to))
#define strategy_replace_lock_fsync_dir replace_lock_fsync_dir_unlocks_original
#include "strategies/replace_lock_fsync_dir.c"

const struct strategy strategy_replace_lock_fsync_dir_unlocks = {
	.name = "replace-lock-fsync-dir-unlocks",
	.summary = "the same with the lock released before the rename",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_lock_fsync_dir_update,
	.read = document_read,
};
