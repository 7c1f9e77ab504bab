/*
 * Reading a directory into a tree.
 * Limit: what a tree cannot hold is an error, or left out and noted; extended attributes, times and
 * owners are not looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/tree_private.h"

static int load_file(int fd, const struct stat *st, struct object *object)
{
	/* Fewer blocks than bytes: what reads as zeros may be a hole. */
	bool has_holes = (uint64_t)st->st_blocks * 512 < (uint64_t)st->st_size;
	uint8_t bytes[16 * TREE_PAGE_BYTES];
	uint64_t offset = 0;
	int err = object_resize(object, (uint64_t)st->st_size);

	while (!err && offset < object->size_bytes) {
		ssize_t got = pread(fd, bytes, sizeof(bytes), (off_t)offset);

		if (got <= 0)
			return got < 0 ? -errno : -EIO; /* it shrank under us */
		for (ssize_t at = 0; !err && at < got; at += TREE_PAGE_BYTES) {
			size_t size = (size_t)(got - at);

			if (size > TREE_PAGE_BYTES)
				size = TREE_PAGE_BYTES;
			if (!memcmp(bytes + at, zero_page.bytes, size))
				object->pages[(offset + (size_t)at) / TREE_PAGE_BYTES] =
					has_holes ? NULL : &zero_page;
			else
				err = object_write(object, offset + (size_t)at, bytes + at, size);
		}
		offset += (uint64_t)got;
		if (offset < object->size_bytes && got % TREE_PAGE_BYTES)
			return -EIO;
	}
	return err;
}

struct load {
	struct tree *tree;
	struct inode_map *map;
	struct tree_notes *notes; /* NULL: what would be noted is an error */
	char path[PATH_MAX];      /* for notes, of the directory that is read; ends with a slash */
	size_t length;
};

static int load_directory(struct load *load, uint32_t number, int directory_fd);

/* What is not loaded: returns 0 with the object UINT32_MAX, or the error itself. */
static int leave_out(struct load *load, const char *name, int err)
{
	struct tree_notes *notes = load->notes;
	bool is_special = err == -ENOTSUP;
	char *first;

	if (!notes || (!is_special && err != -EACCES))
		return err;
	first = is_special ? notes->special : notes->unreadable;
	if (!(is_special ? notes->special_count++ : notes->unreadable_count++))
		snprintf(first, PATH_MAX, "%.*s%s", (int)load->length, load->path, name);
	return 0;
}

/* The contents of a name; *fd: of a file or directory. */
static int open_entry(int directory_fd, const char *name, const struct stat *st, int *fd)
{
	if (S_ISLNK(st->st_mode))
		return 0;
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return -ENOTSUP;
	*fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return *fd < 0 ? -errno : 0;
}

static int load_link(int directory_fd, const char *name, struct object *object)
{
	char target[PATH_MAX];
	ssize_t size = readlinkat(directory_fd, name, target, sizeof(target) - 1);

	if (size < 0)
		return -errno;
	target[size] = 0;
	object->target = strdup(target);
	return object->target ? 0 : -ENOMEM;
}

static int load_below(struct load *load, uint32_t number, const char *name, int fd)
{
	size_t length = load->length;
	int err;

	load->length +=
		(size_t)snprintf(load->path + length, sizeof(load->path) - length, "%s/", name);
	if (load->length >= sizeof(load->path))
		load->length = sizeof(load->path) - 1; /* only a note is cut short */
	err = load_directory(load, number, fd);
	load->length = length;
	/* One that can be read and not searched stays empty. */
	return err == -EACCES ? leave_out(load, name, err) : err;
}

/* *out is UINT32_MAX for what is left out. */
static int load_entry(struct load *load, int directory_fd, const char *name, uint32_t *out)
{
	struct object *object;
	struct stat st;
	int fd = -1, err;

	*out = UINT32_MAX;
	if (fstatat(directory_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return leave_out(load, name, -errno);
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1) {
		uint32_t known = inode_map_get(load->map, st.st_dev, st.st_ino);

		if (known != UINT32_MAX && known < load->tree->object_count) {
			*out = known;
			return 0;
		}
	}
	err = open_entry(directory_fd, name, &st, &fd);
	if (err)
		return leave_out(load, name, err);
	*out = load->tree->object_count;
	err = tree_add_object(load->tree,
		S_ISREG(st.st_mode)   ? OBJECT_FILE
		: S_ISDIR(st.st_mode) ? OBJECT_DIRECTORY
				      : OBJECT_SYMLINK,
		S_ISLNK(st.st_mode) ? 0 : st.st_mode & 07777, &object);
	if (!err)
		err = inode_map_set(load->map, st.st_dev, st.st_ino, *out);
	if (!err && S_ISLNK(st.st_mode))
		err = load_link(directory_fd, name, object);
	else if (!err)
		err = S_ISREG(st.st_mode) ? load_file(fd, &st, object)
		                          : load_below(load, *out, name, fd);
	if (fd >= 0)
		close(fd);
	return err;
}

static int load_directory(struct load *load, uint32_t number, int directory_fd)
{
	char **names;
	size_t count;
	int err = disk_list_names(directory_fd, &names, &count);

	for (size_t i = 0; !err && i < count; i++) {
		uint32_t object;

		err = load_entry(load, directory_fd, names[i], &object);
		if (!err && object != UINT32_MAX)
			err = object_set_entry(load->tree->objects[number], names[i], object);
	}
	disk_free_names(names, count);
	return err;
}

int tree_load(int directory_fd, struct tree **tree, struct inode_map *map)
{
	return tree_load_noting(directory_fd, tree, map, NULL);
}

int tree_load_noting(
	int directory_fd, struct tree **tree, struct inode_map *map, struct tree_notes *notes)
{
	struct inode_map *links = map ? map : inode_map_new(); /* hard links need one */
	struct load load = {.tree = tree_new(), .map = links, .notes = notes};
	struct stat st;
	int err;

	if (notes)
		memset(notes, 0, sizeof(*notes));
	if (!load.tree || !links) {
		err = -ENOMEM;
		goto out;
	}
	if (fstat(directory_fd, &st)) {
		err = -errno;
		goto out;
	}
	err = inode_map_set(links, st.st_dev, st.st_ino, TREE_ROOT);
	if (!err)
		err = load_directory(&load, TREE_ROOT, directory_fd);
out:
	if (!map)
		inode_map_free(links);
	if (err) {
		tree_unref(load.tree);
		load.tree = NULL;
	}
	*tree = load.tree;
	return err;
}
