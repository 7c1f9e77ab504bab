/*
 * The article's other atomic spooldir: a checksum in each file, which is written at its final name;
 * readers skip a file that does not match. Nothing is synced, so a power cut may lose records, but
 * never shows a damaged one. What a crash leaves of a file stays under its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int spool_crc_update(const struct txn *txn)
{
	struct buffer line = {0};
	char name[64];
	int fd = -1;
	int err = log_crc_add(&line, txn);

	if (err)
		goto out;
	spool_name(txn->id, name);
	fd = TEMP_FAILURE_RETRY(open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	err = io_write_all(fd, line.data, line.size_bytes - 1); /* no newline */
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
	if (err)
		unlink(name);
out:
	buffer_release(&line);
	return err;
}

static int spool_crc_read(struct view *view)
{
	return spool_read_directory(SPOOL_PATH, true, view);
}

const struct strategy strategy_spool_crc = {
	.name = "spool-crc",
	.summary = "create a new file that holds a record and its checksum",
	.store = STORE_SPOOL,
	.claims =
		{
			.atomic = SURVIVES_KILL | SURVIVES_ERRORS | SURVIVES_POWER,
			.consistent = SURVIVES_KILL | SURVIVES_ERRORS | SURVIVES_POWER,
			.durable = SURVIVES_KILL | SURVIVES_ERRORS,
			.isolated = true,
		},
	.setup = spool_crc_setup,
	.update = spool_crc_update,
	.read = spool_crc_read,
};
