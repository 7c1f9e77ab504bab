/* undo-journal's twin: neither reader nor recovery looks at the journal. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

#define strategy_undo_journal undo_journal_ignored_original
#include "strategies/undo_journal.c"

const struct strategy strategy_undo_journal_ignored = {
	.name = "undo-journal-ignored",
	.summary = "an undo journal that nobody reads",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = undo_journal_update,
	.read = document_read,
};
