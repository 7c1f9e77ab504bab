/* sqlite's twin: a failed commit is not noticed. */
#include <sqlite3.h>

#include "harness/store.h"

static int exec_and_hope(struct sqlite3 *database, const char *sql)
{
	database_exec(database, sql);
	return 0;
}

#define database_exec exec_and_hope
#define strategy_sqlite sqlite_swallow_original
#include "strategies/sqlite.c"

const struct strategy strategy_sqlite_swallow = {
	.name = "sqlite-swallow",
	.summary = "insert a row with SQLite and do not look whether it was committed",
	.store = STORE_LOG,
	.setup = sqlite_setup,
	.update = sqlite_update,
	.read = database_read,
	.recover = database_recover,
};
