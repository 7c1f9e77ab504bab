/*
 * The article's generations to the letter: build a new directory, then switch "the current symlink
 * with a single, atomic os.symlink() call". symlink(2) never replaces a name: every update fails
 * with EEXIST, nothing ever changes, and each attempt leaves a generation behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

static int write_member(int active_fd, int generation_fd, const struct txn *txn, unsigned member)
{
	struct buffer document = {0};
	int fd = -1;
	int err = tree_member_read(active_fd, member, &document);

	if (!err)
		err = tree_member_add(&document, txn, member);
	if (err)
		goto out;
	fd = TEMP_FAILURE_RETRY(openat(generation_fd, tree_member_names[member],
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
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

static int generation_symlink_naive_update(const struct txn *txn)
{
	char name[32];
	int active_fd = -1;
	int generation_fd = -1;
	int err = generation_create(name);

	if (err)
		return err;
	active_fd = TEMP_FAILURE_RETRY(open(GENERATION_LINK, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (active_fd < 0)
		err = -errno;
	generation_fd = TEMP_FAILURE_RETRY(open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!err && generation_fd < 0)
		err = -errno;
	for (unsigned member = 0; !err && member < TXN_MEMBERS; member++)
		err = write_member(active_fd, generation_fd, txn, member);
	if (!err && symlink(name, GENERATION_LINK))
		err = -errno;
	io_close(generation_fd);
	io_close(active_fd);
	return err;
}

const struct strategy strategy_generation_symlink_naive = {
	.name = "generation-symlink-naive",
	.summary = "build a new directory and call symlink(2) on the name of the old link",
	.store = STORE_TREE,
	/* What is always refused is never seen in part. That life does not go on is the finding. */
	.claims = {.atomic = SURVIVES_ALL},
	.setup = generation_setup,
	.update = generation_symlink_naive_update,
	.read = generation_read,
};
