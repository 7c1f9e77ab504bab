/* undo-journal's twin: the recovery applies a journal without looking whether it is whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

#define strategy_undo_journal undo_journal_torn_original
#include "strategies/undo_journal.c"

static int undo_journal_torn_recover(void)
{
	const size_t header_bytes = sizeof(struct journal_header);
	struct buffer journal = {0};
	int err = io_read_file(JOURNAL_PATH, &journal);
	int fd = -1;

	if (err || journal.size_bytes < header_bytes)
		goto out;
	fd = TEMP_FAILURE_RETRY(open(DOCUMENT_PATH, O_WRONLY | O_TRUNC | O_CLOEXEC));
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	err = io_write_all(fd, journal.data + header_bytes, journal.size_bytes - header_bytes);
	io_close(fd);
	if (!err && unlink(JOURNAL_PATH))
		err = -errno;
out:
	buffer_release(&journal);
	return err == -ENOENT ? 0 : err;
}

const struct strategy strategy_undo_journal_torn = {
	.name = "undo-journal-torn",
	.summary = "an undo journal that is applied also when it is torn",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = undo_journal_update,
	.read = undo_journal_read,
	.recover = undo_journal_torn_recover,
};
