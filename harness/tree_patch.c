/*
 * Making one tree out of another where it stands. Making and removing a file costs several times
 * what writing into one costs, so names that stay are kept and written to.
 *
 * Method: nothing is known or believed about the directory. It is listed, what has no business
 * there is removed, and every file that stays gets all its bytes, its size and its mode anew. So it
 * does not matter what a program did there: a store through a shared mapping, which need not change
 * a time stamp, is overwritten like any other. Writing all is also cheaper than asking what has
 * changed. Times become those of now, as if all had been made: a program may ask how old a lock is.
 * Whatever has several names is made anew. Limits: the order in which readdir(3) gives the names
 * depends on what was there before; extended attributes of directories stay.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "harness/tree_private.h"

enum { OPEN_MODE = 0700, LISTING_BYTES = 8192 };

struct patch {
	const struct tree *tree;
	int root_fd;
	uint32_t *name_count; /* by object number */
	char **first_path;    /* by object number: where it was made, if it has several names */
	bool has_closed;      /* a directory's mode would keep us out: modes come last */
	size_t length;        /* of `path` */
	char path[PATH_MAX];  /* of what is being patched; in a directory with a slash at the end */
};

/* ---- what stays ---- */

static int compare_entry(const void *name, const void *entry)
{
	return strcmp(name, ((const struct entry *)entry)->name);
}

static enum object_type type_on_disk(int directory_fd, const char *name, unsigned char type)
{
	struct stat st;

	if (type == DT_UNKNOWN) {
		if (fstatat(directory_fd, name, &st, AT_SYMLINK_NOFOLLOW))
			return OBJECT_NONE;
		type = IFTODT(st.st_mode);
	}
	switch (type) {
	case DT_REG:
		return OBJECT_FILE;
	case DT_DIR:
		return OBJECT_DIRECTORY;
	case DT_LNK:
		return OBJECT_SYMLINK;
	default:
		return OBJECT_NONE;
	}
}

/* Removes a name unless it can be turned into what the tree has there. */
static int sift_name(const struct patch *patch, const struct object *directory, int directory_fd,
	const struct dirent64 *found, bool *stays)
{
	const struct entry *entry;

	if (!strcmp(found->d_name, ".") || !strcmp(found->d_name, ".."))
		return 0;
	entry = directory->entry_count
	                ? bsearch(found->d_name, directory->entries, directory->entry_count,
				  sizeof(*entry), compare_entry)
	                : NULL;
	if (!entry || patch->name_count[entry->object] > 1 ||
		type_on_disk(directory_fd, found->d_name, found->d_type) !=
			patch->tree->objects[entry->object]->type)
		return disk_remove(directory_fd, found->d_name);
	stays[entry - directory->entries] = true;
	return 0;
}

static int sift_directory(
	const struct patch *patch, const struct object *directory, int directory_fd, bool *stays)
{
	_Alignas(struct dirent64) char listing[LISTING_BYTES];
	ssize_t got;
	int err = 0;

	if (lseek(directory_fd, 0, SEEK_SET))
		return -errno;
	while (!err && (got = getdents64(directory_fd, listing, sizeof(listing))) > 0) {
		for (ssize_t at = 0; !err && at < got;) {
			const struct dirent64 *found = (const void *)(listing + at);

			err = sift_name(patch, directory, directory_fd, found, stays);
			at += found->d_reclen;
		}
	}
	return err ? err : got < 0 ? -errno : 0;
}

/* ---- files and symlinks ---- */

/* Anything but what a security module gives every file; such a file is made anew. */
static bool has_attributes(int fd)
{
	char names[256];
	ssize_t size = flistxattr(fd, names, sizeof(names));

	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
		if (strncmp(names + at, "security.", strlen("security.")) != 0)
			return true;
	}
	return size < 0 && errno != ENOTSUP;
}

static bool has_hole(const struct object *object)
{
	for (uint64_t i = 0; i < object->page_count; i++) {
		if (!object->pages[i])
			return true;
	}
	return false;
}

static int overwrite(const struct object *object, int fd, const struct stat *st)
{
	int err;

	/* Blocks must go where a hole is wanted, and those that lie behind the end. */
	if (st->st_blocks && (has_hole(object) || (uint64_t)st->st_blocks * 512 >
							  object->page_count * TREE_PAGE_BYTES)) {
		if (ftruncate(fd, 0))
			return -errno;
	} else if ((uint64_t)st->st_size > object->size_bytes &&
		   ftruncate(fd, (off_t)object->size_bytes)) {
		return -errno;
	}
	err = disk_write_pages(object, fd);
	if (!err && !object->size_bytes && futimens(fd, NULL))
		err = -errno;
	/* Writing clears bits of set-id modes. */
	if (!err && ((st->st_mode & 07777) != object->mode || object->mode & 06000) &&
		fchmod(fd, object->mode))
		err = -errno;
	return err;
}

static int patch_file(const struct object *object, int directory_fd, const char *name)
{
	int fd = openat(directory_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	bool is_fit = false;
	struct stat st;
	int err = 0;

	if (fd >= 0) {
		if (fstat(fd, &st))
			err = -errno;
		/* Another name of it may be one that is still to be removed. */
		is_fit = !err && st.st_nlink == 1 && !has_attributes(fd);
		if (is_fit)
			err = overwrite(object, fd, &st);
		close(fd);
	}
	if (err || is_fit)
		return err;
	err = disk_remove(directory_fd, name);
	return err ? err : disk_make_file(object, directory_fd, name);
}

static int patch_symlink(const struct object *object, int directory_fd, const char *name)
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t size;
	int err;

	if (fstatat(directory_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	size = readlinkat(directory_fd, name, target, sizeof(target));
	if (st.st_nlink == 1 && size == (ssize_t)strlen(object->target) &&
		!memcmp(target, object->target, (size_t)size) &&
		!utimensat(directory_fd, name, NULL, AT_SYMLINK_NOFOLLOW))
		return 0;
	err = disk_remove(directory_fd, name);
	if (!err && symlinkat(object->target, directory_fd, name))
		err = -errno;
	return err;
}

/* ---- directories ---- */

static int patch_directory(struct patch *patch, const struct object *directory, int directory_fd);

static int patch_subdirectory(
	struct patch *patch, const struct object *object, int parent_fd, const char *name)
{
	enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
	bool is_closed = (object->mode & OPEN_MODE) != OPEN_MODE;
	uint32_t mode = is_closed ? OPEN_MODE : object->mode;
	int fd = openat(parent_fd, name, FLAGS), err = 0;
	struct stat st;

	if (fd < 0 && errno == EACCES && !fchmodat(parent_fd, name, OPEN_MODE, 0))
		fd = openat(parent_fd, name, FLAGS);
	if (fd < 0)
		return -errno;
	patch->has_closed |= is_closed;
	if (fstat(fd, &st) || ((st.st_mode & 07777) != mode && fchmod(fd, mode)))
		err = -errno;
	patch->path[patch->length++] = '/';
	if (!err)
		err = patch_directory(patch, object, fd);
	close(fd);
	return err;
}

static int make_object(
	const struct patch *patch, uint32_t number, int directory_fd, const char *name)
{
	const struct object *object = patch->tree->objects[number];

	if (patch->first_path[number])
		return linkat(patch->root_fd, patch->first_path[number], directory_fd, name, 0)
		               ? -errno
		               : 0;
	if (patch->name_count[number] > 1) {
		patch->first_path[number] = strdup(patch->path);
		if (!patch->first_path[number])
			return -ENOMEM;
	}
	switch (object->type) {
	case OBJECT_FILE:
		return disk_make_file(object, directory_fd, name);
	case OBJECT_DIRECTORY:
		return mkdirat(directory_fd, name, OPEN_MODE) ? -errno : 0;
	default:
		return symlinkat(object->target, directory_fd, name) ? -errno : 0;
	}
}

static int patch_entry(
	struct patch *patch, const struct entry *entry, int directory_fd, bool is_there)
{
	const struct object *object = patch->tree->objects[entry->object];
	int err = 0;

	if (!is_there)
		err = make_object(patch, entry->object, directory_fd, entry->name);
	else if (object->type == OBJECT_FILE)
		err = patch_file(object, directory_fd, entry->name);
	else if (object->type == OBJECT_SYMLINK)
		err = patch_symlink(object, directory_fd, entry->name);
	if (!err && object->type == OBJECT_DIRECTORY)
		err = patch_subdirectory(patch, object, directory_fd, entry->name);
	return err;
}

static int patch_directory(struct patch *patch, const struct object *directory, int directory_fd)
{
	bool *stays = calloc(directory->entry_count + 1, sizeof(*stays));
	size_t length = patch->length;
	int err = stays ? sift_directory(patch, directory, directory_fd, stays) : -ENOMEM;

	for (uint32_t i = 0; !err && i < directory->entry_count; i++) {
		const struct entry *entry = &directory->entries[i];
		size_t size = strlen(entry->name);

		if (length + size + 2 > sizeof(patch->path)) {
			err = -ENAMETOOLONG;
			break;
		}
		memcpy(patch->path + length, entry->name, size + 1);
		patch->length = length + size;
		err = patch_entry(patch, entry, directory_fd, stays[i]);
	}
	patch->length = length;
	free(stays);
	if (!err && futimens(directory_fd, NULL))
		err = -errno;
	return err;
}

static void count_name(void *context, const char *path, uint32_t number)
{
	struct patch *patch = context;

	(void)path;
	patch->name_count[number]++;
}

int tree_store_over(const struct tree *tree, int directory_fd)
{
	struct patch patch = {.tree = tree, .root_fd = directory_fd};
	int err = -ENOMEM;

	patch.name_count = calloc(tree->object_count, sizeof(*patch.name_count));
	patch.first_path = calloc(tree->object_count, sizeof(*patch.first_path));
	if (!patch.name_count || !patch.first_path)
		goto out;
	tree_walk(tree, count_name, &patch);
	err = patch_directory(&patch, tree->objects[TREE_ROOT], directory_fd);
	if (!err && patch.has_closed)
		err = disk_set_directory_modes(tree, directory_fd);
out:
	for (uint32_t i = 0; patch.first_path && i < tree->object_count; i++)
		free(patch.first_path[i]);
	free(patch.first_path);
	free(patch.name_count);
	return err;
}
