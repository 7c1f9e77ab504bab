/* exchange's twin: the new file is not synced before it takes the name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

/* By what the argument is called. */
static int sync_but(const char *what, int fd)
{
	return strcmp(what, "fd") ? fsync(fd) : 0;
}

#define fsync(fd) sync_but(#fd, fd)
#define strategy_exchange exchange_no_file_sync_original
#include "strategies/exchange.c"

const struct strategy strategy_exchange_no_file_sync = {
	.name = "exchange-no-file-sync",
	.summary = "exchange of files without fsync of the new one",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = exchange_update,
	.read = document_read,
};
