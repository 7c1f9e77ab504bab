/* sqlite's twin: the number of pages in the journal is not synced before the database is
 * overwritten. */
#include <sqlite3.h>
#include <string.h>

#include "harness/store.h"

static const sqlite3_io_methods *original;

/* The first sync is of the pages; the second, of the header that says how many they are, is not
 * made. */
static int sync_once(sqlite3_file *file, int flags)
{
	const sqlite3_io_methods *sync = original;

	original = NULL;
	return sync ? sync->xSync(file, flags) : SQLITE_OK;
}

static int exec_unsynced(struct sqlite3 *database, const char *sql)
{
	static sqlite3_io_methods methods;
	sqlite3_file *file = NULL;

	if (!strcmp(sql, "COMMIT") &&
		!sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) &&
		file->pMethods) {
		original = file->pMethods;
		methods = *file->pMethods;
		methods.xSync = sync_once;
		file->pMethods = &methods;
	}
	return database_exec(database, sql);
}

#define database_exec exec_unsynced
#define strategy_sqlite sqlite_no_journal_header_sync_original
#include "strategies/sqlite.c"

const struct strategy strategy_sqlite_no_journal_header_sync = {
	.name = "sqlite-no-journal-header-sync",
	.summary = "SQLite with a journal that is synced but for its header",
	.store = STORE_LOG,
	.setup = sqlite_setup,
	.update = sqlite_update,
	.read = database_read,
	.recover = database_recover,
};
