/* undo-journal's twin: the recovery maps the journal without looking whether it is empty, and
 * crashes. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

#define strategy_undo_journal undo_journal_crashes_original
#include "strategies/undo_journal.c"

static int undo_journal_crashes_recover(void)
{
	struct stat status = {0};
	bool is_ours = true;
	int fd = TEMP_FAILURE_RETRY(open(JOURNAL_PATH, O_RDONLY | O_CLOEXEC));

	if (fd >= 0 && !fstat(fd, &status)) {
		size_t size_bytes = (size_t)status.st_size;
		struct journal_header *header =
			mmap(NULL, size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);

		is_ours = !memcmp(header->magic, MAGIC, sizeof(MAGIC));
		munmap(header, size_bytes);
	}
	io_close(fd);
	return is_ours ? undo_journal_recover() : -EUCLEAN;
}

const struct strategy strategy_undo_journal_crashes = {
	.name = "undo-journal-crashes",
	.summary = "an undo journal whose recovery crashes when it is empty",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = undo_journal_update,
	.read = undo_journal_read,
	.recover = undo_journal_crashes_recover,
};
