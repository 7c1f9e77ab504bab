/* The spool: a directory in which every file is one record. See store.h. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/store.h"

int spool_setup(const struct txn *first)
{
	char name[64];

	if (mkdir(SPOOL_PATH, 0777))
		return -errno;
	spool_name(first->id, name);

	int err = io_create_synced(name, first->records[0].bytes, first->records[0].size_bytes);

	if (!err)
		err = io_sync_directory(SPOOL_PATH);
	return err ? err : io_sync_directory(".");
}

int spool_crc_setup(const struct txn *first)
{
	char name[64];
	struct buffer line = {0};

	if (mkdir(SPOOL_PATH, 0777))
		return -errno;
	spool_name(first->id, name);

	int err = log_crc_add(&line, first);

	if (!err)
		err = io_create_synced(name, line.data, line.size_bytes - 1);
	if (!err)
		err = io_sync_directory(SPOOL_PATH);
	if (!err)
		err = io_sync_directory(".");
	buffer_release(&line);
	return err;
}

void spool_name(uint64_t id, char name[64])
{
	snprintf(name, 64, SPOOL_PATH "/%010" PRIu64, id);
}

int spool_read(struct view *view)
{
	return spool_read_directory(SPOOL_PATH, false, view);
}

static int is_message(const struct dirent *entry)
{
	size_t size_bytes = strlen(entry->d_name);

	if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
		return 0;
	return size_bytes < 4 || strcmp(entry->d_name + size_bytes - 4, ".tmp") != 0;
}

/* Not alphasort(3), whose order is the locale's. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_message(const char *path, bool has_crc, struct view *view)
{
	struct buffer message = {0};
	int err = io_read_file(path, &message);
	long record_bytes = (long)message.size_bytes;

	if (!err && has_crc)
		record_bytes = log_crc_record_bytes(message.data, message.size_bytes);
	if (!err && record_bytes >= 0)
		err = view_add(view, 0, message.data, (size_t)record_bytes);
	/* Taken back or moved on since the directory was read. */
	if (err == -ENOENT)
		err = 0;
	buffer_release(&message);
	return err;
}

int spool_read_directory(const char *path, bool has_crc, struct view *view)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, is_message, by_name);
	int err = count < 0 ? -errno : 0;

	for (int i = 0; i < count; i++) {
		char *message_path = NULL;

		if (!err && asprintf(&message_path, "%s/%s", path, entries[i]->d_name) < 0)
			err = -ENOMEM;
		else if (!err)
			err = read_message(message_path, has_crc, view);
		if (message_path)
			free(message_path);
		free(entries[i]);
	}
	free(entries);
	return err;
}
