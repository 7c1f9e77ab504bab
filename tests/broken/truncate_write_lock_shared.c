/* truncate-write-lock's twin: the lock is one that writers share. */
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

#undef LOCK_EX
#define LOCK_EX LOCK_SH
#define strategy_truncate_write_lock truncate_write_lock_shared_original
#include "strategies/truncate_write_lock.c"

const struct strategy strategy_truncate_write_lock_shared = {
	.name = "truncate-write-lock-shared",
	.summary = "the same under a shared flock",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = truncate_write_lock_update,
	.read = document_read,
};
