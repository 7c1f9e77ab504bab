/* sqlite's twin: the name of the journal is not synced before the database is overwritten. */
#include <sqlite3.h>

#include "harness/store.h"

#define strategy_sqlite sqlite_no_journal_name_sync_original
#include "strategies/sqlite.c"

/* SQLite cannot open the directory that it wants to sync, and goes on. */
static int open_no_directory(const char *path, int *fd)
{
	(void)path;
	*fd = -1;
	return SQLITE_CANTOPEN;
}

static int sqlite_no_journal_name_sync_update(const struct txn *txn)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	int err;

	vfs->xSetSystemCall(vfs, "openDirectory", (sqlite3_syscall_ptr)open_no_directory);
	err = sqlite_update(txn);
	vfs->xSetSystemCall(vfs, "openDirectory", NULL);
	return err;
}

const struct strategy strategy_sqlite_no_journal_name_sync = {
	.name = "sqlite-no-journal-name-sync",
	.summary = "SQLite that does not sync the directory",
	.store = STORE_LOG,
	.setup = sqlite_setup,
	.update = sqlite_no_journal_name_sync_update,
	.read = database_read,
	.recover = database_recover,
};
