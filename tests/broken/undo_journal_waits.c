/* undo-journal's twin: the recovery takes a journal for a running update, and waits for its end.
 * */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

#define strategy_undo_journal undo_journal_waits_original
#include "strategies/undo_journal.c"

static int undo_journal_waits_recover(void)
{
	while (!access(JOURNAL_PATH, F_OK))
		usleep(10000);
	return 0;
}

const struct strategy strategy_undo_journal_waits = {
	.name = "undo-journal-waits",
	.summary = "an undo journal whose recovery waits for ever",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = undo_journal_update,
	.read = undo_journal_read,
	.recover = undo_journal_waits_recover,
};
