/*
 * Generations with the article's syncs: every member, the new directory and its name before the
 * switch, the switch itself before the acknowledgement. Old generations stay, for readers may be
 * inside. One writer at a time, which is not enforced.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/store.h"

#define LINK_ASIDE GENERATION_LINK ".new"

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
	if (!err && TEMP_FAILURE_RETRY(fsync(fd)))
		err = -errno;
	int close_err = io_close(fd);
	if (!err)
		err = close_err;
out:
	buffer_release(&document);
	return err;
}

static int build_generation(const char *name, const struct txn *txn)
{
	int err = 0;
	int generation_fd = -1;
	int active_fd =
		TEMP_FAILURE_RETRY(open(GENERATION_LINK, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (active_fd < 0)
		return -errno;
	generation_fd = TEMP_FAILURE_RETRY(open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (generation_fd < 0)
		err = -errno;
	for (unsigned member = 0; !err && member < TXN_MEMBERS; member++)
		err = write_member(active_fd, generation_fd, txn, member);
	if (!err && TEMP_FAILURE_RETRY(fsync(generation_fd)))
		err = -errno;
	io_close(generation_fd);
	io_close(active_fd);
	return err;
}

static int switch_to(const char *name)
{
	int err = 0;

	/* A crash may have left one. */
	if (unlink(LINK_ASIDE) && errno != ENOENT)
		return -errno;
	if (symlink(name, LINK_ASIDE))
		return -errno;
	if (rename(LINK_ASIDE, GENERATION_LINK)) {
		err = -errno;
		unlink(LINK_ASIDE);
	}
	return err;
}

static int generation_symlink_fsync_update(const struct txn *txn)
{
	char name[32];
	int err;
	int directory_fd = TEMP_FAILURE_RETRY(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (directory_fd < 0)
		return -errno;
	err = generation_create(name);
	if (err)
		goto out;
	err = build_generation(name, txn);
	/* Else the symlink could outlive the directory that it names. */
	if (!err && TEMP_FAILURE_RETRY(fsync(directory_fd)))
		err = -errno;
	if (!err)
		err = switch_to(name);
	if (err) {
		generation_remove(name);
		goto out;
	}
	/* From here on the generation is active and has to stay. */
	if (TEMP_FAILURE_RETRY(fsync(directory_fd)))
		err = -errno;
out:
	io_close(directory_fd);
	return err;
}

const struct strategy strategy_generation_symlink_fsync = {
	.name = "generation-symlink-fsync",
	.summary = "the same with fsync of members, generation and parent directory",
	.store = STORE_TREE,
	.claims =
		{
			.atomic = SURVIVES_ALL & ~SURVIVES_IO_ERROR,
			.consistent = SURVIVES_ALL,
			.durable = SURVIVES_ALL,
		},
	.residue = LINK_ASIDE,
	.setup = generation_setup,
	.update = generation_symlink_fsync_update,
	.read = generation_read,
	.read_naive = generation_read_naive,
};
