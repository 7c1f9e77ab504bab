/* generation-symlink's twin: changes the members of the active generation one after the other. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/store.h"

static int append_to_member(const struct txn *txn, unsigned member)
{
	struct buffer line = {0};
	char path[64];
	int err = tree_member_add(&line, txn, member);

	snprintf(path, sizeof(path), GENERATION_LINK "/%s", tree_member_names[member]);

	int fd = TEMP_FAILURE_RETRY(open(path, O_WRONLY | O_APPEND | O_CLOEXEC));

	if (fd < 0)
		err = -errno;
	if (!err)
		err = io_write_all(fd, line.data, line.size_bytes);
	io_close(fd);
	buffer_release(&line);
	return err;
}

static int generation_symlink_in_place_update(const struct txn *txn)
{
	int err = 0;

	for (unsigned member = 0; !err && member < TXN_MEMBERS; member++)
		err = append_to_member(txn, member);
	return err;
}

const struct strategy strategy_generation_symlink_in_place = {
	.name = "generation-symlink-in-place",
	.summary = "appends to each member of the active generation",
	.store = STORE_TREE,
	.setup = generation_setup,
	.update = generation_symlink_in_place_update,
	.read = generation_read,
};
