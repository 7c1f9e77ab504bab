/* sqlite's twin: the pages in the journal are not synced before its header says that they are
 * there, as synchronous=NORMAL has it: of each page the journal's checksum knows one byte in 200.
 */
#include <sqlite3.h>
#include <string.h>

#include "harness/store.h"

static int exec_normal(struct sqlite3 *database, const char *sql)
{
	bool is_level = strstr(sql, "synchronous");

	return database_exec(database, is_level ? "PRAGMA synchronous=NORMAL" : sql);
}

#define database_exec exec_normal
#define strategy_sqlite sqlite_no_journal_sync_original
#include "strategies/sqlite.c"

const struct strategy strategy_sqlite_no_journal_sync = {
	.name = "sqlite-no-journal-sync",
	.summary = "SQLite with a journal and synchronous=NORMAL",
	.store = STORE_LOG,
	.setup = sqlite_setup,
	.update = sqlite_update,
	.read = database_read,
	.recover = database_recover,
};
