/* truncate-write-lock's twin: a second lock, that odd transactions take first and even ones last.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

static int directory_fd = -1;
static bool is_odd;

static int lock_both(int fd, int operation)
{
	if (is_odd)
		return flock(directory_fd, operation) || flock(fd, operation) ? -1 : 0;
	return flock(fd, operation) || flock(directory_fd, operation) ? -1 : 0;
}

#define flock lock_both
#define strategy_truncate_write_lock truncate_write_lock_crosses_original
#include "strategies/truncate_write_lock.c"

static int truncate_write_lock_crosses_update(const struct txn *txn)
{
	int err;

	is_odd = txn->id % 2;
	directory_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory_fd < 0)
		return -errno;
	err = truncate_write_lock_update(txn);
	io_close(directory_fd);
	return err;
}

const struct strategy strategy_truncate_write_lock_crosses = {
	.name = "truncate-write-lock-crosses",
	.summary = "the same under two locks, taken in either order",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = truncate_write_lock_crosses_update,
	.read = document_read,
};
