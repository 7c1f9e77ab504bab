/* sqlite's twin: the recovery removes the journal as if it were rubbish. */
#include <sqlite3.h>
#include <unistd.h>

#include "harness/store.h"

#define strategy_sqlite sqlite_removes_journal_original
#include "strategies/sqlite.c"

static int sqlite_removes_journal_recover(void)
{
	unlink(DATABASE_PATH "-journal");
	return 0;
}

const struct strategy strategy_sqlite_removes_journal = {
	.name = "sqlite-removes-journal",
	.summary = "SQLite whose journal is tidied away",
	.store = STORE_LOG,
	.setup = sqlite_setup,
	.update = sqlite_update,
	.read = database_read,
	.recover = sqlite_removes_journal_recover,
};
