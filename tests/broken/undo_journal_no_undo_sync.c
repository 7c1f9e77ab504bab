/* undo-journal's twin: an update that fails removes the journal without a sync of what it rolled
 * back. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

static bool has_failed;

static int write_and_note(int fd, const void *bytes, size_t size_bytes, long offset)
{
	int err = io_pwrite_all(fd, bytes, size_bytes, offset);

	has_failed |= err < 0;
	return err;
}

static int sync_but(const char *who, int fd)
{
	/* An update that begins anew. */
	if (!strcmp(who, "journal_write"))
		has_failed = false;
	return has_failed && !strcmp(who, "document_overwrite") ? 0 : fsync(fd);
}

#define io_pwrite_all write_and_note
#define fsync(fd) sync_but(__func__, fd)
#define strategy_undo_journal undo_journal_no_undo_sync_original
#include "strategies/undo_journal.c"

const struct strategy strategy_undo_journal_no_undo_sync = {
	.name = "undo-journal-no-undo-sync",
	.summary = "an undo journal, and a rollback after errors that is not synced",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = undo_journal_update,
	.read = undo_journal_read,
	.recover = undo_journal_recover,
};
