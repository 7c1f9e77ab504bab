/*
 * "Use a database system if you can": SQLite with a write-ahead log and synchronous=FULL, which
 * syncs the log at each commit. The last one to close copies it into the database and removes it.
 * A commit whose sync failed is rolled back in memory only: its frames stay in the log.
 */
#include <sqlite3.h>

#include "harness/store.h"

static int sqlite_wal_update(const struct txn *txn)
{
	struct sqlite3 *database = NULL;
	int err = database_open(&database);

	if (!err)
		err = database_exec(database, "PRAGMA synchronous=FULL");
	if (!err)
		err = database_exec(database, "BEGIN IMMEDIATE");
	if (!err)
		err = database_insert(database, txn);
	if (!err)
		err = database_exec(database, "COMMIT");
	/* Some failed commits leave the transaction open. */
	if (err && database && !sqlite3_get_autocommit(database))
		database_exec(database, "ROLLBACK");
	/* Committed is committed, whatever closing says. */
	sqlite3_close(database);
	return err;
}

static int sqlite_wal_setup(const struct txn *first)
{
	return database_setup("WAL", first);
}

const struct strategy strategy_sqlite_wal = {
	.name = "sqlite-wal",
	.summary = "insert a row with SQLite, write-ahead log and synchronous=FULL",
	.store = STORE_LOG,
	/* Errors are not claimed beside power: SQLite goes on when the directory of its log cannot
         * be synced, and a power cut brings back the log of a commit that was refused. */
	.claims =
		{
			.atomic = SURVIVES_KILL | SURVIVES_POWER,
			.consistent = SURVIVES_KILL | SURVIVES_POWER,
			.durable = SURVIVES_KILL | SURVIVES_POWER,
			.isolated = true,
		},
	.residue = DATABASE_PATH "-*",
	.setup = sqlite_wal_setup,
	.update = sqlite_wal_update,
	.read = database_read,
	.recover = database_recover,
};
