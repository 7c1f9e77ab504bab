/* maildir's twin: delivers the message before it is written. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "harness/store.h"

#define strategy_maildir maildir_early_original
#include "strategies/maildir.c"

static int maildir_early_update(const struct txn *txn)
{
	char unique[256];
	char aside[sizeof(unique) + sizeof(TMP_PATH)];
	char name[sizeof(unique) + sizeof(NEW_PATH)];
	int err = unique_name(unique, sizeof(unique));

	if (err)
		return err;
	snprintf(aside, sizeof(aside), TMP_PATH "/%s", unique);
	snprintf(name, sizeof(name), NEW_PATH "/%s", unique);

	int fd = TEMP_FAILURE_RETRY(open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));

	if (fd < 0)
		return -errno;
	if (link(aside, name))
		err = -errno;
	if (!err)
		err = io_write_all(fd, txn->records[0].bytes, txn->records[0].size_bytes);
	if (!err && TEMP_FAILURE_RETRY(fsync(fd)))
		err = -errno;
	io_close(fd);
	if (err)
		unlink(name);
	unlink(aside);
	return err ? err : io_sync_directory(NEW_PATH);
}

const struct strategy strategy_maildir_early = {
	.name = "maildir-early",
	.summary = "link(2) into new/ and then write",
	.store = STORE_SPOOL,
	.setup = maildir_setup,
	.update = maildir_early_update,
	.read = maildir_read,
};
