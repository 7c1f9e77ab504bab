/* The tree: TXN_MEMBERS documents in one directory that must agree. See store.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/store.h"

const char *const tree_member_names[TXN_MEMBERS] = {"a.txt", "b.txt", "index.txt"};

int tree_member_add(struct buffer *document, const struct txn *txn, unsigned member)
{
	const struct txn_record *record = &txn->records[member];
	int err = buffer_add(document, record->bytes, record->size_bytes);

	return err ? err : buffer_add(document, "\n", 1);
}

int tree_member_read(int directory_fd, unsigned member, struct buffer *document)
{
	int fd = TEMP_FAILURE_RETRY(
		openat(directory_fd, tree_member_names[member], O_RDONLY | O_CLOEXEC));

	if (fd < 0)
		return -errno;

	int err = io_read_fd(fd, document);

	io_close(fd);
	return err;
}

int tree_setup_directory(const char *path, const struct txn *first)
{
	int err = 0;

	for (unsigned member = 0; !err && member < TXN_MEMBERS; member++) {
		struct buffer document = {0};
		char name[64];

		snprintf(name, sizeof(name), "%s/%s", path, tree_member_names[member]);
		err = tree_member_add(&document, first, member);
		if (!err)
			err = io_create_synced(name, document.data, document.size_bytes);
		buffer_release(&document);
	}
	return err ? err : io_sync_directory(path);
}

int tree_read_directory(int directory_fd, struct view *view)
{
	int err = 0;

	for (unsigned member = 0; !err && member < TXN_MEMBERS; member++) {
		struct buffer document = {0};

		err = tree_member_read(directory_fd, member, &document);
		if (!err)
			err = document_view_lines(&document, member, view);
		buffer_release(&document);
	}
	return err;
}

int generation_setup(const struct txn *first)
{
	char name[32];
	int err = generation_create(name);

	if (!err)
		err = tree_setup_directory(name, first);
	if (!err && symlink(name, GENERATION_LINK))
		err = -errno;
	return err ? err : io_sync_directory(".");
}

int generation_read(struct view *view)
{
	int fd = TEMP_FAILURE_RETRY(open(GENERATION_LINK, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (fd < 0)
		return -errno;

	int err = tree_read_directory(fd, view);

	io_close(fd);
	return err;
}

int generation_read_naive(struct view *view)
{
	int err = 0;

	for (unsigned member = 0; !err && member < TXN_MEMBERS; member++) {
		struct buffer document = {0};
		char path[64];

		snprintf(path, sizeof(path), GENERATION_LINK "/%s", tree_member_names[member]);
		err = io_read_file(path, &document);
		if (!err)
			err = document_view_lines(&document, member, view);
		buffer_release(&document);
	}
	return err;
}

/* 0 while there is none. */
static unsigned long active_generation(void)
{
	char target[32] = "";

	if (readlink(GENERATION_LINK, target, sizeof(target) - 1) < 0 ||
		strncmp(target, "gen-", 4) != 0)
		return 0;
	return strtoul(target + 4, NULL, 10);
}

int generation_create(char name[32])
{
	unsigned long number = active_generation();

	do {
		number++;
		snprintf(name, 32, "gen-%04lu", number);
		if (!mkdir(name, 0777))
			return 0;
	} while (errno == EEXIST);
	return -errno;
}

void generation_remove(const char *name)
{
	for (unsigned member = 0; member < TXN_MEMBERS; member++) {
		char member_path[64];

		snprintf(member_path, sizeof(member_path), "%.31s/%s", name,
			tree_member_names[member]);
		unlink(member_path);
	}
	rmdir(name);
}
