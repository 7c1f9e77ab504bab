/* lockfile-rename's twin: the new file is not synced before it takes the name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/store.h"

/* By what the argument is called. */
static int sync_but(const char *what, int fd)
{
	return strcmp(what, "fd") ? fsync(fd) : 0;
}

#define fsync(fd) sync_but(#fd, fd)
#define strategy_lockfile_rename lockfile_rename_no_file_sync_original
#include "strategies/lockfile_rename.c"

const struct strategy strategy_lockfile_rename_no_file_sync = {
	.name = "lockfile-rename-no-file-sync",
	.summary = "the same without fsync of the file",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = lockfile_rename_update,
	.read = document_read,
};
