/* undo-journal's twin: the lock is left out. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

#define flock(fd, operation) 0
#define strategy_undo_journal undo_journal_unlocked_original
#include "strategies/undo_journal.c"

const struct strategy strategy_undo_journal_unlocked = {
	.name = "undo-journal-unlocked",
	.summary = "the same without a lock",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = undo_journal_update,
	.read = undo_journal_read,
	.recover = undo_journal_recover,
};
