/* spool-rename's twin: the reader takes files for records that are still aside. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

#define strategy_spool_rename spool_rename_reads_aside_original
#include "strategies/spool_rename.c"

static int read_aside(const char *aside, struct view *view)
{
	char path[sizeof(SPOOL_PATH) + 256];
	struct buffer message = {0};

	snprintf(path, sizeof(path), SPOOL_PATH "/%.255s", aside);

	int err = io_read_file(path, &message);

	if (!err)
		err = view_add(view, 0, message.data, message.size_bytes);
	buffer_release(&message);
	return err;
}

static int spool_rename_reads_aside_read(struct view *view)
{
	int err = spool_read(view);
	DIR *spool = opendir(SPOOL_PATH);
	const struct dirent *entry;

	if (!spool)
		return -errno;
	while (!err && (entry = readdir(spool))) {
		if (strstr(entry->d_name, ".tmp"))
			err = read_aside(entry->d_name, view);
	}
	closedir(spool);
	return err;
}

const struct strategy strategy_spool_rename_reads_aside = {
	.name = "spool-rename-reads-aside",
	.summary = "a .tmp file is a record, too",
	.store = STORE_SPOOL,
	.setup = spool_setup,
	.update = spool_rename_update,
	.read = spool_rename_reads_aside_read,
};
