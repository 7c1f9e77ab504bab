/* append's twin: writes the record that it expects to come next along with this one. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

#define strategy_append append_ahead_original
#include "strategies/append.c"

static int append_ahead_update(const struct txn *txn)
{
	static uint64_t last_id;
	size_t base_bytes = txn->records[0].size_bytes - txn_record_bytes(txn->id, 0, 0);
	struct txn next;
	int err = txn->id > last_id ? append_update(txn) : 0;

	if (!err)
		err = txn_init(&next, txn->id + 1, base_bytes);
	if (err)
		return err;
	err = append_update(&next);
	last_id = next.id;
	txn_release(&next);
	return err;
}

const struct strategy strategy_append_ahead = {
	.name = "append-ahead",
	.summary = "appends two lines at a time",
	.store = STORE_LOG,
	.setup = log_setup,
	.update = append_ahead_update,
	.read = log_read,
};
