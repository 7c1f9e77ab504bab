/* spool-crc's twin: the reader takes files for records whose checksum does not match. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/store.h"

#define strategy_spool_crc spool_crc_unchecked_original
#include "strategies/spool_crc.c"

enum { CHECKSUM_BYTES = 9 };

static int read_unchecked(const char *name, struct view *view)
{
	char path[sizeof(SPOOL_PATH) + 256];
	struct buffer line = {0};

	snprintf(path, sizeof(path), SPOOL_PATH "/%.255s", name);

	int err = io_read_file(path, &line);

	if (!err && line.size_bytes > CHECKSUM_BYTES)
		err = view_add(view, 0, line.data, line.size_bytes - CHECKSUM_BYTES);
	buffer_release(&line);
	return err;
}

static int spool_crc_unchecked_read(struct view *view)
{
	DIR *spool = opendir(SPOOL_PATH);
	const struct dirent *entry;
	int err = 0;

	if (!spool)
		return -errno;
	while (!err && (entry = readdir(spool))) {
		if (entry->d_name[0] != '.')
			err = read_unchecked(entry->d_name, view);
	}
	closedir(spool);
	return err;
}

const struct strategy strategy_spool_crc_unchecked = {
	.name = "spool-crc-unchecked",
	.summary = "a spool with checksums that nobody looks at",
	.store = STORE_SPOOL,
	.setup = spool_crc_setup,
	.update = spool_crc_update,
	.read = spool_crc_unchecked_read,
};
