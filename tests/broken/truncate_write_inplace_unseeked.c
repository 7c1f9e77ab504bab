/* truncate-write-inplace's twin: does not seek back, so that zeros precede the new contents. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static off_t stay(int fd, off_t offset, int whence)
{
	(void)fd;
	(void)whence;
	return offset;
}

#define lseek stay
#define strategy_truncate_write_inplace truncate_write_inplace_unseeked_original
#include "strategies/truncate_write_inplace.c"

const struct strategy strategy_truncate_write_inplace_unseeked = {
	.name = "truncate-write-inplace-unseeked",
	.summary = "read, truncate and write through one descriptor, without seeking back",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = truncate_write_inplace_update,
	.read = document_read,
};
