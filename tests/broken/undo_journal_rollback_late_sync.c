/* undo-journal's twin: the recovery removes the journal before it syncs what it rolled back. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

static bool is_recovering;

static int sync_but(const char *who, int fd)
{
	return is_recovering && !strcmp(who, "document_overwrite") ? 0 : fsync(fd);
}

#define fsync(fd) sync_but(__func__, fd)
#define strategy_undo_journal undo_journal_rollback_late_sync_original
#include "strategies/undo_journal.c"

static int undo_journal_rollback_late_sync_recover(void)
{
	int err;
	int fd = -1;

	is_recovering = true;
	err = undo_journal_recover();
	is_recovering = false;
	if (err)
		return err;
	fd = TEMP_FAILURE_RETRY(open(DOCUMENT_PATH, O_RDWR | O_CLOEXEC));
	if (fd < 0)
		return -errno;
	if (TEMP_FAILURE_RETRY(fsync(fd)))
		err = -errno;
	io_close(fd);
	return err;
}

const struct strategy strategy_undo_journal_rollback_late_sync = {
	.name = "undo-journal-rollback-late-sync",
	.summary = "an undo journal that is removed before the document is synced again",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = undo_journal_update,
	.read = undo_journal_read,
	.recover = undo_journal_rollback_late_sync_recover,
};
