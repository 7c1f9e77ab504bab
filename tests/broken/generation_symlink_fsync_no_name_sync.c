/* generation-symlink-fsync's twin: the name of a generation is not synced before the symlink points
 * to it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

static bool is_switching;

/* Of the two syncs of the parent, the one before the switch. */
static int sync_but(const char *what, int fd)
{
	bool is_left_out = !strcmp(what, "directory_fd") && !is_switching;

	is_switching = !strcmp(what, "directory_fd") && !is_switching;
	return is_left_out ? 0 : fsync(fd);
}

#define fsync(fd) sync_but(#fd, fd)
#define strategy_generation_symlink_fsync generation_symlink_fsync_no_name_sync_original
#include "strategies/generation_symlink_fsync.c"

const struct strategy strategy_generation_symlink_fsync_no_name_sync = {
	.name = "generation-symlink-fsync-no-name-sync",
	.summary = "generations without fsync of the parent before the switch",
	.store = STORE_TREE,
	.setup = generation_setup,
	.update = generation_symlink_fsync_update,
	.read = generation_read,
};
