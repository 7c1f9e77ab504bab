/* sqlite-wal's twin: the database is not synced before the log goes. */
#include <sqlite3.h>

#include "harness/store.h"

/* The commit was synced; closing copies the log into the database, and removes it. */
static int close_unsynced(struct sqlite3 *database)
{
	database_exec(database, "PRAGMA synchronous=OFF");
	return sqlite3_close(database);
}

#define sqlite3_close close_unsynced
#define strategy_sqlite_wal sqlite_wal_no_checkpoint_sync_original
#include "strategies/sqlite_wal.c"

const struct strategy strategy_sqlite_wal_no_checkpoint_sync = {
	.name = "sqlite-wal-no-checkpoint-sync",
	.summary = "SQLite with a write-ahead log that is removed too early",
	.store = STORE_LOG,
	.setup = sqlite_wal_setup,
	.update = sqlite_wal_update,
	.read = database_read,
	.recover = database_recover,
};
