/* sqlite's twin: the recovery removes the journal without a sync of the database that it rolled
 * back. */
#include <sqlite3.h>

#include "harness/store.h"

#define strategy_sqlite sqlite_no_rollback_sync_original
#include "strategies/sqlite.c"

static int leave_out(sqlite3_file *file, int flags)
{
	(void)file;
	(void)flags;
	return SQLITE_OK;
}

static int sqlite_no_rollback_sync_recover(void)
{
	static sqlite3_io_methods methods;
	struct sqlite3 *database = NULL;
	sqlite3_file *file = NULL;
	int err = database_open(&database);

	if (!err && !sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file)) {
		methods = *file->pMethods;
		methods.xSync = leave_out;
		file->pMethods = &methods;
	}
	if (!err)
		err = database_exec(database, "SELECT count(*) FROM txn");
	sqlite3_close(database);
	return err;
}

const struct strategy strategy_sqlite_no_rollback_sync = {
	.name = "sqlite-no-rollback-sync",
	.summary = "SQLite whose recovery syncs nothing",
	.store = STORE_LOG,
	.setup = sqlite_setup,
	.update = sqlite_update,
	.read = database_read,
	.recover = sqlite_no_rollback_sync_recover,
};
