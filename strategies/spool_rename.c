/*
 * The article's atomic spooldir: write the file aside under a name that readers ignore, then
 * rename it. Nothing is synced: a power cut may leave an empty file under the final name. As in the
 * article an error leaves the .tmp behind, and opening it again empties it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/store.h"

static int spool_rename_update(const struct txn *txn)
{
	char name[64];
	char aside[sizeof(name) + 4];
	int fd;

	spool_name(txn->id, name);
	snprintf(aside, sizeof(aside), "%s.tmp", name);
	fd = TEMP_FAILURE_RETRY(open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
	if (fd < 0)
		return -errno;

	int err = io_write_all(fd, txn->records[0].bytes, txn->records[0].size_bytes);
	int close_err = io_close(fd);

	if (!err)
		err = close_err;
	if (!err && rename(aside, name))
		err = -errno;
	return err;
}

const struct strategy strategy_spool_rename = {
	.name = "spool-rename",
	.summary = "write a .tmp file and rename it to its final name",
	.store = STORE_SPOOL,
	.claims =
		{
			.atomic = SURVIVES_KILL | SURVIVES_ERRORS,
			.consistent = SURVIVES_KILL | SURVIVES_ERRORS,
			.durable = SURVIVES_KILL | SURVIVES_ERRORS,
			.isolated = true,
		},
	.residue = SPOOL_PATH "/*.tmp",
	.setup = spool_setup,
	.update = spool_rename_update,
	.read = spool_read,
};
