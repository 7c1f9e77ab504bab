/* undo-journal's twin: the journal is not synced before the document is overwritten. */
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
	return strcmp(who, "journal_write") || strcmp(what, "fd") ? fsync(fd) : 0;
}

#define fsync(fd) sync_but(__func__, #fd, fd)
#define strategy_undo_journal undo_journal_no_journal_sync_original
#include "strategies/undo_journal.c"

const struct strategy strategy_undo_journal_no_journal_sync = {
	.name = "undo-journal-no-journal-sync",
	.summary = "an undo journal that is not synced",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = undo_journal_update,
	.read = undo_journal_read,
	.recover = undo_journal_recover,
};
