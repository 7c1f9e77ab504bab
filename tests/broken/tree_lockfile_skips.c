/* tree-lockfile's twin: a member whose update was interrupted is left out. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

#undef TEMP_FAILURE_RETRY
#define TEMP_FAILURE_RETRY(call) (call)
#define strategy_tree_lockfile tree_lockfile_skips_original
#include "strategies/tree_lockfile.c"

static int tree_lockfile_skips_update(const struct txn *txn)
{
	int lock_fd = lock_directory(LOCK_EX);

	if (lock_fd < 0)
		return lock_fd;
	for (unsigned member = 0; member < TXN_MEMBERS; member++) {
		int err = member_update(txn, member);

		if (err && err != -EINTR) {
			io_close(lock_fd);
			return err;
		}
	}
	io_close(lock_fd);
	return 0;
}

const struct strategy strategy_tree_lockfile_skips = {
	.name = "tree-lockfile-skips",
	.summary = "rewrite those of several files that can be opened",
	.store = STORE_TREE,
	.setup = tree_lockfile_setup,
	.update = tree_lockfile_skips_update,
	.read = tree_lockfile_read,
};
