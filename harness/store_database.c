/*
 * The database: SQLite with one table, in which a row is a record. See store.h. The rows are
 * ordered by commit and not by id, so that the judge sees in which order they took place.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#include "harness/store.h"

enum { BUSY_TIMEOUT_MS = 5000 };

/* `database` may be NULL. */
static int errno_of(struct sqlite3 *database, int result)
{
	int system = sqlite3_system_errno(database);

	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_TOOBIG:
		return -EFBIG;
	case SQLITE_INTERRUPT:
		return -EINTR;
	case SQLITE_ERROR: /* no such table, among others: not the file that we made */
	case SQLITE_SCHEMA:
		return -EUCLEAN;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		return system > 0 ? -system : -EIO;
	default:
		return -EIO;
	}
}

static int open_with(int flags, struct sqlite3 **database)
{
	int result = sqlite3_open_v2(DATABASE_PATH, database, flags, NULL);
	int err = errno_of(*database, result);

	return err ? err : errno_of(*database, sqlite3_busy_timeout(*database, BUSY_TIMEOUT_MS));
}

int database_open(struct sqlite3 **database)
{
	return open_with(SQLITE_OPEN_READWRITE, database);
}

int database_exec(struct sqlite3 *database, const char *sql)
{
	return errno_of(database, sqlite3_exec(database, sql, NULL, NULL, NULL));
}

int database_insert(struct sqlite3 *database, const struct txn *txn)
{
	static const char SQL[] = "INSERT INTO txn (id, line) VALUES (?, ?)";
	const struct txn_record *record = &txn->records[0];
	sqlite3_stmt *insert = NULL;
	int result = sqlite3_prepare_v2(database, SQL, sizeof(SQL), &insert, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_bind_int64(insert, 1, (sqlite3_int64)txn->id);
	if (result == SQLITE_OK)
		result = sqlite3_bind_text(
			insert, 2, record->bytes, (int)record->size_bytes, SQLITE_STATIC);
	if (result == SQLITE_OK)
		result = sqlite3_step(insert);
	sqlite3_finalize(insert);
	return errno_of(database, result);
}

int database_setup(const char *journal, const struct txn *first)
{
	struct sqlite3 *database = NULL;
	char pragmas[96];
	int err = open_with(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &database);

	snprintf(pragmas, sizeof(pragmas), "PRAGMA journal_mode=%s; PRAGMA synchronous=FULL",
		journal);
	if (!err)
		err = database_exec(database, pragmas);
	if (!err)
		err = database_exec(database,
			"CREATE TABLE txn (position INTEGER PRIMARY KEY, id INTEGER, line TEXT)");
	if (!err)
		err = database_insert(database, first);

	int close_err = errno_of(NULL, sqlite3_close(database));

	if (!err)
		err = close_err;
	return err ? err : io_sync_directory(".");
}

int database_read(struct view *view)
{
	static const char SQL[] = "SELECT line FROM txn ORDER BY position";
	struct sqlite3 *database = NULL;
	sqlite3_stmt *select = NULL;
	int result = SQLITE_OK;
	int err = database_open(&database);

	if (!err) {
		result = sqlite3_prepare_v2(database, SQL, sizeof(SQL), &select, NULL);
		err = errno_of(database, result);
	}
	while (!err && (result = sqlite3_step(select)) == SQLITE_ROW) {
		const void *line = sqlite3_column_blob(select, 0);
		int size_bytes = sqlite3_column_bytes(select, 0);

		err = view_add(view, 0, line, (size_t)size_bytes);
	}
	if (!err)
		err = errno_of(database, result);
	sqlite3_finalize(select);
	sqlite3_close(database);
	return err;
}

int database_recover(void)
{
	struct sqlite3 *database = NULL;
	int err = database_open(&database);

	/* The first read of a connection rolls a journal back. */
	if (!err)
		err = database_exec(database, "SELECT count(*) FROM txn");
	sqlite3_close(database);
	return err;
}
