/* sqlite-wal's twin: the recovery removes the log as if it were rubbish. */
#include <sqlite3.h>
#include <unistd.h>

#include "harness/store.h"

#define strategy_sqlite_wal sqlite_wal_removes_log_original
#include "strategies/sqlite_wal.c"

static int sqlite_wal_removes_log_recover(void)
{
	unlink(DATABASE_PATH "-wal");
	unlink(DATABASE_PATH "-shm");
	return 0;
}

const struct strategy strategy_sqlite_wal_removes_log = {
	.name = "sqlite-wal-removes-log",
	.summary = "SQLite whose write-ahead log is tidied away",
	.store = STORE_LOG,
	.setup = sqlite_wal_setup,
	.update = sqlite_wal_update,
	.read = database_read,
	.recover = sqlite_wal_removes_log_recover,
};
