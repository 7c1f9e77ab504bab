/* generation-symlink-fsync's twin: switches to the new generation before its members are
 * written. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/store.h"

#define strategy_generation_symlink_fsync generation_symlink_fsync_early_original
#include "strategies/generation_symlink_fsync.c"

static int generation_symlink_fsync_early_update(const struct txn *txn)
{
	char name[32];
	char before[32] = "";
	int err;

	if (readlink(GENERATION_LINK, before, sizeof(before) - 1) < 0)
		return -errno;
	err = generation_create(name);
	if (err)
		return err;

	int active_fd =
		TEMP_FAILURE_RETRY(open(GENERATION_LINK, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int generation_fd = TEMP_FAILURE_RETRY(open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (active_fd < 0 || generation_fd < 0)
		err = -errno;
	if (!err)
		err = switch_to(name);
	for (unsigned member = 0; !err && member < TXN_MEMBERS; member++)
		err = write_member(active_fd, generation_fd, txn, member);
	io_close(generation_fd);
	io_close(active_fd);
	if (err)
		switch_to(before);
	return err ? err : io_sync_directory(".");
}

const struct strategy strategy_generation_symlink_fsync_early = {
	.name = "generation-symlink-fsync-early",
	.summary = "rename the new symlink over the old one and then build the directory",
	.store = STORE_TREE,
	.setup = generation_setup,
	.update = generation_symlink_fsync_early_update,
	.read = generation_read,
};
