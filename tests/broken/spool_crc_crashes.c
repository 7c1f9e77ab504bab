/* spool-crc's twin: the reader maps each file without looking whether it is empty, and crashes.
 * */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/store.h"

#define strategy_spool_crc spool_crc_crashes_original
#include "strategies/spool_crc.c"

static int read_mapped(const char *name, struct view *view)
{
	char path[sizeof(SPOOL_PATH) + 256];
	struct stat status = {0};

	snprintf(path, sizeof(path), SPOOL_PATH "/%.255s", name);

	int fd = TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC));

	if (fd < 0 || fstat(fd, &status))
		return -errno;

	size_t size_bytes = (size_t)status.st_size;
	const char *line = mmap(NULL, size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	long record_bytes = line[0] == 't' ? log_crc_record_bytes(line, size_bytes) : -1;

	io_close(fd);
	return record_bytes < 0 ? 0 : view_add(view, 0, line, (size_t)record_bytes);
}

static int spool_crc_crashes_read(struct view *view)
{
	DIR *spool = opendir(SPOOL_PATH);
	const struct dirent *entry;
	int err = 0;

	if (!spool)
		return -errno;
	while (!err && (entry = readdir(spool))) {
		if (entry->d_name[0] != '.')
			err = read_mapped(entry->d_name, view);
	}
	closedir(spool);
	return err;
}

const struct strategy strategy_spool_crc_crashes = {
	.name = "spool-crc-crashes",
	.summary = "a spool with checksums whose reader crashes on an empty file",
	.store = STORE_SPOOL,
	.setup = spool_crc_setup,
	.update = spool_crc_update,
	.read = spool_crc_crashes_read,
};
