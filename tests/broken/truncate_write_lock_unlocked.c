/* truncate-write-lock's twin: the lock is left out. */
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

#define flock(fd, operation) 0
#define strategy_truncate_write_lock truncate_write_lock_unlocked_original
#include "strategies/truncate_write_lock.c"

const struct strategy strategy_truncate_write_lock_unlocked = {
	.name = "truncate-write-lock-unlocked",
	.summary = "the same without a lock",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = truncate_write_lock_update,
	.read = document_read,
};
