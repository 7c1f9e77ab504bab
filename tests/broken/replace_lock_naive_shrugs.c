/* replace-lock-naive's twin: too many open files is taken for success. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

#define strategy_replace_lock_naive replace_lock_naive_shrugs_original
#include "strategies/replace_lock_naive.c"

static int replace_lock_naive_shrugs_update(const struct txn *txn)
{
	int err = replace_lock_naive_update(txn);

	return err == -EMFILE ? 0 : err;
}

const struct strategy strategy_replace_lock_naive_shrugs = {
	.name = "replace-lock-naive-shrugs",
	.summary = "write-replace that takes EMFILE for success",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_lock_naive_shrugs_update,
	.read = document_read,
};
