/* generation-symlink-fsync's twin: the names in a generation are not synced. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

/* By what the argument is called. */
static int sync_but(const char *what, int fd)
{
	return strcmp(what, "generation_fd") ? fsync(fd) : 0;
}

#define fsync(fd) sync_but(#fd, fd)
#define strategy_generation_symlink_fsync generation_symlink_fsync_no_generation_sync_original
#include "strategies/generation_symlink_fsync.c"

const struct strategy strategy_generation_symlink_fsync_no_generation_sync = {
	.name = "generation-symlink-fsync-no-generation-sync",
	.summary = "generations without fsync of the new directory",
	.store = STORE_TREE,
	.setup = generation_setup,
	.update = generation_symlink_fsync_update,
	.read = generation_read,
};
