/* exchange's twin: the new file is not swapped back when the directory cannot be synced. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static unsigned swaps;

static int exchange_once(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	return swaps++ ? 0 : renameat2(from_fd, from, to_fd, to, flags);
}

#define renameat2 exchange_once
#define strategy_exchange exchange_stays_original
#include "strategies/exchange.c"

static int exchange_stays_update(const struct txn *txn)
{
	swaps = 0;
	return exchange_update(txn);
}

const struct strategy strategy_exchange_stays = {
	.name = "exchange-stays",
	.summary = "exchange without the way back",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = exchange_stays_update,
	.read = document_read,
};
