/* undo-journal's twin: the recovery fails when there is nothing to recover. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

#define strategy_undo_journal undo_journal_demands_original
#include "strategies/undo_journal.c"

static int undo_journal_demands_recover(void)
{
	return access(JOURNAL_PATH, F_OK) ? -errno : undo_journal_recover();
}

const struct strategy strategy_undo_journal_demands = {
	.name = "undo-journal-demands",
	.summary = "an undo journal whose recovery wants one",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = undo_journal_update,
	.read = undo_journal_read,
	.recover = undo_journal_demands_recover,
};
