/* replace-lock-fsync-dir's twin: the rename is not synced. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

/* By what the argument is called. */
static int sync_but(const char *what, int fd)
{
	return strcmp(what, "directory_fd") ? fsync(fd) : 0;
}

#define fsync(fd) sync_but(#fd, fd)
#define strategy_replace_lock_fsync_dir replace_lock_fsync_dir_no_directory_sync_original
#include "strategies/replace_lock_fsync_dir.c"

const struct strategy strategy_replace_lock_fsync_dir_no_directory_sync = {
	.name = "replace-lock-fsync-dir-no-directory-sync",
	.summary = "the same without fsync of the directory",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_lock_fsync_dir_update,
	.read = document_read,
};
