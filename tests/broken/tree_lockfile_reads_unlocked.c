/* tree-lockfile's twin: readers take no lock. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

#define strategy_tree_lockfile tree_lockfile_reads_unlocked_original
#include "strategies/tree_lockfile.c"

const struct strategy strategy_tree_lockfile_reads_unlocked = {
	.name = "tree-lockfile-reads-unlocked",
	.summary = "the same with readers that take no lock",
	.store = STORE_TREE,
	.setup = tree_lockfile_setup,
	.update = tree_lockfile_update,
	.read = tree_lockfile_read_naive,
};
