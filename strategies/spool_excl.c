/*
 * Spooldir, the article's fourth pattern: a new file for each record, at its final name, with
 * O_EXCL so that it must be new. A reader may find it empty or half written, and so it stays after
 * an error or a crash, for as in the article nothing is cleaned up.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int spool_excl_update(const struct txn *txn)
{
	char name[64];
	int fd;

	spool_name(txn->id, name);
	fd = TEMP_FAILURE_RETRY(open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
	if (fd < 0)
		return -errno;

	int err = io_write_all(fd, txn->records[0].bytes, txn->records[0].size_bytes);
	int close_err = io_close(fd);

	return err ? err : close_err;
}

const struct strategy strategy_spool_excl = {
	.name = "spool-excl",
	.summary = "create a new file at its final name with O_EXCL",
	.store = STORE_SPOOL,
	.claims =
		{
			.consistent = SURVIVES_INTERRUPTION,
			.durable = SURVIVES_KILL | SURVIVES_ERRORS,
			.isolated = true,
		},
	.setup = spool_setup,
	.update = spool_excl_update,
	.read = spool_read,
};
