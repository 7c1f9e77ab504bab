/* maildir's twin: the message is not synced before it is linked. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "harness/store.h"

/* By what the argument is called. */
static int sync_but(const char *what, int fd)
{
	return strcmp(what, "fd") ? fsync(fd) : 0;
}

#define fsync(fd) sync_but(#fd, fd)
#define strategy_maildir maildir_no_file_sync_original
#include "strategies/maildir.c"

const struct strategy strategy_maildir_no_file_sync = {
	.name = "maildir-no-file-sync",
	.summary = "Maildir without fsync of the message",
	.store = STORE_SPOOL,
	.setup = maildir_setup,
	.update = maildir_update,
	.read = maildir_read,
};
