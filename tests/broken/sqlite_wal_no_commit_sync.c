/* sqlite-wal's twin: the log is synced before it is copied, as synchronous=NORMAL has it, but not
 * at a commit, and closing copies nothing. */
#include <sqlite3.h>
#include <string.h>

#include "harness/store.h"

static int exec_normal(struct sqlite3 *database, const char *sql)
{
	if (!strstr(sql, "synchronous"))
		return database_exec(database, sql);
	sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return database_exec(database, "PRAGMA synchronous=NORMAL");
}

#define database_exec exec_normal
#define strategy_sqlite_wal sqlite_wal_no_commit_sync_original
#include "strategies/sqlite_wal.c"

const struct strategy strategy_sqlite_wal_no_commit_sync = {
	.name = "sqlite-wal-no-commit-sync",
	.summary = "SQLite with a write-ahead log and synchronous=NORMAL",
	.store = STORE_LOG,
	.setup = sqlite_wal_setup,
	.update = sqlite_wal_update,
	.read = database_read,
	.recover = database_recover,
};
