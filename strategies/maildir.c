/*
 * Maildir, which the article holds up as the clever spooldir: write and fsync a uniquely named file
 * in tmp/, link it into new/, unlink it from tmp/, sync new/. No locks, since no two deliveries
 * share a name: time, microsecond, process, count and host, as the specification at
 * cr.yp.to/proto/maildir.html has them. A message whose link cannot be synced is taken back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "harness/store.h"

#define TMP_PATH SPOOL_PATH "/tmp"
#define NEW_PATH SPOOL_PATH "/new"
#define CUR_PATH SPOOL_PATH "/cur"

/* "time.M<usec>P<pid>Q<count>.<host>" */
static int unique_name(char *name, size_t size_bytes)
{
	static unsigned long count;
	struct timeval now;
	char host[65] = "";
	int used;

	if (gettimeofday(&now, NULL) || gethostname(host, sizeof(host) - 1))
		return -errno;
	used = snprintf(name, size_bytes, "%lld.M%06ldP%ldQ%lu.", (long long)now.tv_sec,
		(long)now.tv_usec, (long)getpid(), ++count);
	for (const char *c = host; *c; c++) {
		if (used < 0 || (size_t)used + 5 > size_bytes)
			return -ENAMETOOLONG;
		/* The specification's escapes: a slash and a colon mean something else. */
		if (*c == '/' || *c == ':')
			used += snprintf(
				name + used, size_bytes - (size_t)used, "\\%03o", (unsigned)*c);
		else
			name[used++] = *c;
	}
	name[used] = '\0';
	return 0;
}

static int write_aside(const char *aside, const struct txn *txn)
{
	int fd = TEMP_FAILURE_RETRY(open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));

	if (fd < 0)
		return -errno;

	int err = io_write_all(fd, txn->records[0].bytes, txn->records[0].size_bytes);

	if (!err && TEMP_FAILURE_RETRY(fsync(fd)))
		err = -errno;
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
	if (err)
		unlink(aside);
	return err;
}

static int maildir_update(const struct txn *txn)
{
	char unique[256];
	char aside[sizeof(unique) + sizeof(TMP_PATH)];
	char name[sizeof(unique) + sizeof(NEW_PATH)];
	int new_fd = -1;
	int err = unique_name(unique, sizeof(unique));

	if (err)
		return err;
	snprintf(aside, sizeof(aside), TMP_PATH "/%s", unique);
	snprintf(name, sizeof(name), NEW_PATH "/%s", unique);
	new_fd = TEMP_FAILURE_RETRY(open(NEW_PATH, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (new_fd < 0)
		return -errno;
	err = write_aside(aside, txn);
	if (err)
		goto out;
	if (link(aside, name))
		err = -errno;
	/* The message has its name, or will have none: tmp/ is done either way. */
	unlink(aside);
	if (!err && TEMP_FAILURE_RETRY(fsync(new_fd))) {
		err = -errno;
		unlink(name);
		TEMP_FAILURE_RETRY(fsync(new_fd));
	}
out:
	io_close(new_fd);
	return err;
}

static int maildir_setup(const struct txn *first)
{
	if (mkdir(SPOOL_PATH, 0777) || mkdir(TMP_PATH, 0777) || mkdir(NEW_PATH, 0777) ||
		mkdir(CUR_PATH, 0777))
		return -errno;

	int err = maildir_update(first);

	if (!err)
		err = io_sync_directory(TMP_PATH);
	if (!err)
		err = io_sync_directory(SPOOL_PATH);
	return err ? err : io_sync_directory(".");
}

static int maildir_read(struct view *view)
{
	/* In this order, so that a message that moves meanwhile is not missed. */
	int err = spool_read_directory(NEW_PATH, false, view);

	return err ? err : spool_read_directory(CUR_PATH, false, view);
}

const struct strategy strategy_maildir = {
	.name = "maildir",
	.summary = "deliver through tmp/ and link(2) into new/, with fsync of both",
	.store = STORE_SPOOL,
	/* A dead device refuses to take a message back, too. */
	.claims =
		{
			.atomic = SURVIVES_ALL & ~SURVIVES_IO_ERROR,
			.consistent = SURVIVES_ALL,
			.durable = SURVIVES_ALL,
			.isolated = true,
		},
	.residue = TMP_PATH "/*",
	.setup = maildir_setup,
	.update = maildir_update,
	.read = maildir_read,
};
