/*
 * The article's durable spooldir: "first sync the file, then sync the directory", around the
 * rename. Beyond the article it cleans up, and takes the record back when the directory cannot be
 * synced; the directory is opened first, so that nothing else can fail after the rename.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/store.h"

static int spool_rename_fsync_dir_update(const struct txn *txn)
{
	char name[64];
	char aside[sizeof(name) + 4];
	int err = 0;
	int fd = -1;
	int directory_fd = TEMP_FAILURE_RETRY(open(SPOOL_PATH, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (directory_fd < 0)
		return -errno;
	spool_name(txn->id, name);
	snprintf(aside, sizeof(aside), "%s.tmp", name);
	fd = TEMP_FAILURE_RETRY(open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	err = io_write_all(fd, txn->records[0].bytes, txn->records[0].size_bytes);
	if (!err && TEMP_FAILURE_RETRY(fsync(fd)))
		err = -errno;
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
	if (!err && rename(aside, name))
		err = -errno;
	if (err) {
		unlink(aside);
		goto out;
	}
	if (TEMP_FAILURE_RETRY(fsync(directory_fd))) {
		err = -errno;
		unlink(name);
		TEMP_FAILURE_RETRY(fsync(directory_fd));
	}
out:
	io_close(directory_fd);
	return err;
}

const struct strategy strategy_spool_rename_fsync_dir = {
	.name = "spool-rename-fsync-dir",
	.summary = "write a .tmp file, fsync it, rename it, fsync the spool",
	.store = STORE_SPOOL,
	/* A dead device refuses to take a record back, too. */
	.claims =
		{
			.atomic = SURVIVES_ALL & ~SURVIVES_IO_ERROR,
			.consistent = SURVIVES_ALL,
			.durable = SURVIVES_ALL,
			.isolated = true,
		},
	.residue = SPOOL_PATH "/*.tmp",
	.setup = spool_setup,
	.update = spool_rename_fsync_dir_update,
	.read = spool_read,
};
