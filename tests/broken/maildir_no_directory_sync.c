/* maildir's twin: the link is not synced. */
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
	return strcmp(what, "new_fd") ? fsync(fd) : 0;
}

#define fsync(fd) sync_but(#fd, fd)
#define strategy_maildir maildir_no_directory_sync_original
#include "strategies/maildir.c"

const struct strategy strategy_maildir_no_directory_sync = {
	.name = "maildir-no-directory-sync",
	.summary = "Maildir without fsync of new/",
	.store = STORE_SPOOL,
	.setup = maildir_setup,
	.update = maildir_update,
	.read = maildir_read,
};
