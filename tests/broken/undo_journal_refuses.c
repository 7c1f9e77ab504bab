/* undo-journal's twin: the recovery always fails. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

#define strategy_undo_journal undo_journal_refuses_original
#include "strategies/undo_journal.c"

static int undo_journal_refuses_recover(void)
{
	int err = undo_journal_recover();

	return err ? err : -EACCES;
}

const struct strategy strategy_undo_journal_refuses = {
	.name = "undo-journal-refuses",
	.summary = "an undo journal whose recovery always fails",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = undo_journal_update,
	.read = undo_journal_read,
	.recover = undo_journal_refuses_recover,
};
