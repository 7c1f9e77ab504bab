/* sqlite's twin: the database is not synced before the journal goes. */
#include <sqlite3.h>
#include <string.h>

#include "harness/store.h"

static int leave_out(sqlite3_file *file, int flags)
{
	(void)file;
	(void)flags;
	return SQLITE_OK;
}

static int exec_unsynced(struct sqlite3 *database, const char *sql)
{
	static sqlite3_io_methods methods;
	sqlite3_file *file = NULL;

	if (!strcmp(sql, "COMMIT") &&
		!sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file) &&
		file->pMethods) {
		methods = *file->pMethods;
		methods.xSync = leave_out;
		file->pMethods = &methods;
	}
	return database_exec(database, sql);
}

#define database_exec exec_unsynced
#define strategy_sqlite sqlite_no_database_sync_original
#include "strategies/sqlite.c"

const struct strategy strategy_sqlite_no_database_sync = {
	.name = "sqlite-no-database-sync",
	.summary = "SQLite with a journal, and a database that is not synced",
	.store = STORE_LOG,
	.setup = sqlite_setup,
	.update = sqlite_update,
	.read = database_read,
	.recover = database_recover,
};
