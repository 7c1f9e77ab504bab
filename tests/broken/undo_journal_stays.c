/* undo-journal's twin: the recovery leaves the journal, which an update takes for a lock. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

#define strategy_undo_journal undo_journal_stays_original
#include "strategies/undo_journal.c"

static int undo_journal_stays_update(const struct txn *txn)
{
	return access(JOURNAL_PATH, F_OK) ? undo_journal_update(txn) : -EEXIST;
}

/* The reader takes the journal's word, so that all seems well. */
static int undo_journal_stays_recover(void)
{
	return 0;
}

const struct strategy strategy_undo_journal_stays = {
	.name = "undo-journal-stays",
	.summary = "an undo journal that is never removed",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = undo_journal_stays_update,
	.read = undo_journal_read,
	.recover = undo_journal_stays_recover,
};
