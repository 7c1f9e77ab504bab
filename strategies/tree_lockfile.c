/*
 * The article's lock file for files that must agree: a writer holds `.lock` exclusively, a reader
 * shares it, so that nobody sees the members disagree;
 * a reader that takes no lock does. Within the lock each member is rewritten
 * truncate-write style: an error or a crash leaves them damaged and in disagreement.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "harness/store.h"

/* The article's open(..., 'a+'). Returns a descriptor or -errno; closing it unlocks. */
static int lock_directory(int operation)
{
	int fd = TEMP_FAILURE_RETRY(open(".lock", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));

	if (fd < 0)
		return -errno;
	if (TEMP_FAILURE_RETRY(flock(fd, operation))) {
		int err = -errno;

		io_close(fd);
		return err;
	}
	return fd;
}

static int member_update(const struct txn *txn, unsigned member)
{
	struct buffer document = {0};
	int fd = -1;
	int err = io_read_file(tree_member_names[member], &document);

	if (!err)
		err = tree_member_add(&document, txn, member);
	if (err)
		goto out;
	fd = TEMP_FAILURE_RETRY(
		open(tree_member_names[member], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	err = io_write_all(fd, document.data, document.size_bytes);
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
out:
	buffer_release(&document);
	return err;
}

static int tree_lockfile_update(const struct txn *txn)
{
	int err = 0;
	int lock_fd = lock_directory(LOCK_EX);

	if (lock_fd < 0)
		return lock_fd;
	for (unsigned member = 0; !err && member < TXN_MEMBERS; member++)
		err = member_update(txn, member);
	io_close(lock_fd);
	return err;
}

static int tree_lockfile_setup(const struct txn *first)
{
	/* Made here, so that a reader need not. */
	int err = io_create_synced(".lock", NULL, 0);

	return err ? err : tree_setup_directory(".", first);
}

static int tree_lockfile_read_naive(struct view *view)
{
	int directory_fd = TEMP_FAILURE_RETRY(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int err = directory_fd < 0 ? -errno : tree_read_directory(directory_fd, view);

	io_close(directory_fd);
	return err;
}

static int tree_lockfile_read(struct view *view)
{
	int lock_fd = lock_directory(LOCK_SH);

	if (lock_fd < 0)
		return lock_fd;

	int err = tree_lockfile_read_naive(view);

	io_close(lock_fd);
	return err;
}

const struct strategy strategy_tree_lockfile = {
	.name = "tree-lockfile",
	.summary = "rewrite several files under a lock file that readers share",
	.store = STORE_TREE,
	.claims =
		{
			.atomic = SURVIVES_INTERRUPTION,
			.consistent = SURVIVES_INTERRUPTION,
			.durable = SURVIVES_INTERRUPTION,
			.isolated = true,
		},
	.setup = tree_lockfile_setup,
	.update = tree_lockfile_update,
	.read = tree_lockfile_read,
	.read_naive = tree_lockfile_read_naive,
};
