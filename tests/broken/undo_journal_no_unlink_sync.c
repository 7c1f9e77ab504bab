/* undo-journal's twin: the end of the journal is not synced. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

/* By who calls it, and what the argument is called. */
static int sync_but(const char *who, const char *what, int fd)
{
	return strcmp(who, "undo_journal_update") || strcmp(what, "directory_fd") ? fsync(fd) : 0;
}

#define fsync(fd) sync_but(__func__, #fd, fd)
#define strategy_undo_journal undo_journal_no_unlink_sync_original
#include "strategies/undo_journal.c"

const struct strategy strategy_undo_journal_no_unlink_sync = {
	.name = "undo-journal-no-unlink-sync",
	.summary = "an undo journal whose end is not synced",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = undo_journal_update,
	.read = undo_journal_read,
	.recover = undo_journal_recover,
};
