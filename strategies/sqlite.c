/*
 * "Use a database system if you can": SQLite with a rollback journal and synchronous=FULL, its
 * defaults. The commit is the unlink of the journal, after which FULL does not sync the directory
 * (EXTRA does): a power cut may bring the journal back, and with it the state before.
 */
#include <sqlite3.h>

#include "harness/store.h"

static int sqlite_update(const struct txn *txn)
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

static int sqlite_setup(const struct txn *first)
{
	return database_setup("DELETE", first);
}

const struct strategy strategy_sqlite = {
	.name = "sqlite",
	.summary = "insert a row with SQLite, rollback journal and synchronous=FULL",
	.store = STORE_LOG,
	/* Errors are not claimed beside power: SQLite goes on when the directory of its journal
         * cannot be synced, and a power cut may then take the journal and leave half a commit. */
	.claims =
		{
			.atomic = SURVIVES_KILL | SURVIVES_POWER,
			.consistent = SURVIVES_KILL | SURVIVES_POWER,
			.durable = SURVIVES_ALL & ~SURVIVES_POWER,
			.isolated = true,
		},
	.residue = DATABASE_PATH "-*",
	.setup = sqlite_setup,
	.update = sqlite_update,
	.read = database_read,
	.recover = database_recover,
};
