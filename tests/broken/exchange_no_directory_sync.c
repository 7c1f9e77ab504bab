/* exchange's twin: the exchange is not synced. */
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
	return strcmp(what, "directory_fd") ? fsync(fd) : 0;
}

#define fsync(fd) sync_but(#fd, fd)
#define strategy_exchange exchange_no_directory_sync_original
#include "strategies/exchange.c"

const struct strategy strategy_exchange_no_directory_sync = {
	.name = "exchange-no-directory-sync",
	.summary = "exchange of files without fsync of the directory",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = exchange_update,
	.read = document_read,
};
