/* Trees and directories: writing one, wiping one, knowing inodes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "harness/tree_private.h"

/* ---- inodes: a hash table with linear probing ---- */

struct inode_slot {
	uint64_t device, inode;
	uint32_t object;
	bool is_used, is_orphan;
};

struct inode_map {
	size_t used, capacity; /* capacity is a power of two */
	struct inode_slot *slots;
};

struct inode_map *inode_map_new(void)
{
	struct inode_map *map = calloc(1, sizeof(*map));

	if (!map)
		return NULL;
	map->capacity = 64;
	map->slots = calloc(map->capacity, sizeof(*map->slots));
	if (!map->slots) {
		free(map);
		return NULL;
	}
	return map;
}

void inode_map_free(struct inode_map *map)
{
	if (!map)
		return;
	free(map->slots);
	free(map);
}

static struct inode_slot *find_slot(const struct inode_map *map, uint64_t device, uint64_t inode)
{
	size_t i = (inode * 0x9e3779b97f4a7c15u ^ device) & (map->capacity - 1);

	while (map->slots[i].is_used &&
		(map->slots[i].inode != inode || map->slots[i].device != device))
		i = (i + 1) & (map->capacity - 1);
	return &map->slots[i];
}

int inode_map_set(struct inode_map *map, uint64_t device, uint64_t inode, uint32_t object)
{
	struct inode_slot *slot;

	if (map->used * 2 >= map->capacity) {
		struct inode_map larger = {.capacity = map->capacity * 2};

		larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
		if (!larger.slots)
			return -ENOMEM;
		for (size_t i = 0; i < map->capacity; i++) {
			slot = &map->slots[i];
			if (slot->is_used)
				*find_slot(&larger, slot->device, slot->inode) = *slot;
		}
		free(map->slots);
		map->slots = larger.slots;
		map->capacity = larger.capacity;
	}
	slot = find_slot(map, device, inode);
	map->used += !slot->is_used;
	*slot = (struct inode_slot){device, inode, object, true, false};
	return 0;
}

uint32_t inode_map_get(const struct inode_map *map, uint64_t device, uint64_t inode)
{
	const struct inode_slot *slot = find_slot(map, device, inode);

	return slot->is_used ? slot->object : UINT32_MAX;
}

void inode_map_orphan(struct inode_map *map, uint32_t object)
{
	for (size_t i = 0; i < map->capacity; i++) {
		if (map->slots[i].is_used && map->slots[i].object == object)
			map->slots[i].is_orphan = true;
	}
}

bool inode_map_is_orphan(const struct inode_map *map, uint64_t device, uint64_t inode)
{
	const struct inode_slot *slot = find_slot(map, device, inode);

	return slot->is_used && slot->is_orphan;
}

/* ---- names ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int disk_list_names(int directory_fd, char ***names, size_t *count)
{
	int copy = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	size_t capacity = 0;
	struct dirent *entry;
	int err = 0;

	*names = NULL;
	*count = 0;
	if (!stream) {
		err = -errno;
		if (copy >= 0)
			close(copy);
		return err;
	}
	while (!err && (errno = 0, entry = readdir(stream))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (*count == capacity) {
			char **more = realloc(*names, (capacity * 2 + 16) * sizeof(**names));

			if (!more) {
				err = -ENOMEM;
				break;
			}
			*names = more;
			capacity = capacity * 2 + 16;
		}
		(*names)[*count] = strdup(entry->d_name);
		if (!(*names)[(*count)++])
			err = -ENOMEM;
	}
	if (!err && errno)
		err = -errno;
	closedir(stream);
	if (*count)
		qsort(*names, *count, sizeof(**names), compare_names);
	return err;
}

void disk_free_names(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

/* ---- to disk ---- */

struct store_walk {
	const struct tree *tree;
	int root_fd;
	char **first_path; /* by object number: where it was stored, for hard links */
	int err;
};

enum { PAGES_A_CALL = 64 };

int disk_write_pages(const struct object *object, int fd)
{
	struct iovec pieces[PAGES_A_CALL];
	uint64_t i = 0;

	while (i < object->page_count) {
		off_t start = (off_t)(i * TREE_PAGE_BYTES);
		size_t total = 0;
		int count = 0;

		for (; count < PAGES_A_CALL && i < object->page_count && object->pages[i]; i++) {
			uint64_t left = object->size_bytes - i * TREE_PAGE_BYTES;
			size_t size = left < TREE_PAGE_BYTES ? (size_t)left : TREE_PAGE_BYTES;

			pieces[count++] = (struct iovec){object->pages[i]->bytes, size};
			total += size;
		}
		errno = 0;
		if (count && pwritev(fd, pieces, count, start) != (ssize_t)total)
			return errno ? -errno : -ENOSPC;
		i += i < object->page_count && !object->pages[i];
	}
	if (object->page_count && !object->pages[object->page_count - 1] &&
		ftruncate(fd, (off_t)object->size_bytes))
		return -errno;
	return 0;
}

int disk_make_file(const struct object *object, int directory_fd, const char *path)
{
	int fd = openat(directory_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int err;

	if (fd < 0)
		return -errno;
	err = disk_write_pages(object, fd);
	if (!err && fchmod(fd, object->mode))
		err = -errno;
	close(fd);
	return err;
}

static void store_name(void *context, const char *path, uint32_t number)
{
	struct store_walk *walk = context;
	const struct object *object = walk->tree->objects[number];

	if (walk->err)
		return;
	if (walk->first_path[number]) {
		if (linkat(walk->root_fd, walk->first_path[number], walk->root_fd, path, 0))
			walk->err = -errno;
		return;
	}
	walk->first_path[number] = strdup(path);
	if (!walk->first_path[number]) {
		walk->err = -ENOMEM;
		return;
	}
	switch (object->type) {
	case OBJECT_FILE:
		walk->err = disk_make_file(object, walk->root_fd, path);
		break;
	case OBJECT_DIRECTORY:
		if (mkdirat(walk->root_fd, path, 0700))
			walk->err = -errno;
		break;
	default:
		if (symlinkat(object->target, walk->root_fd, path))
			walk->err = -errno;
	}
}

static int set_modes_below(
	const struct tree *tree, uint32_t directory, int root_fd, char *path, size_t length)
{
	const struct object *object = tree->objects[directory];
	int err = 0;

	for (uint32_t i = 0; !err && i < object->entry_count; i++) {
		const struct entry *entry = &object->entries[i];
		size_t size = strlen(entry->name);

		if (tree->objects[entry->object]->type != OBJECT_DIRECTORY)
			continue;
		if (length + size + 2 > PATH_MAX)
			return -ENAMETOOLONG;
		memcpy(path + length, entry->name, size);
		path[length + size] = '/';
		err = set_modes_below(tree, entry->object, root_fd, path, length + size + 1);
		path[length + size] = 0;
		if (!err && fchmodat(root_fd, path, tree->objects[entry->object]->mode, 0))
			err = -errno;
	}
	return err;
}

int disk_set_directory_modes(const struct tree *tree, int directory_fd)
{
	char path[PATH_MAX];

	return set_modes_below(tree, TREE_ROOT, directory_fd, path, 0);
}

int tree_store(const struct tree *tree, int directory_fd)
{
	struct store_walk walk = {tree, directory_fd, NULL, 0};

	walk.first_path = calloc(tree->object_count, sizeof(*walk.first_path));
	if (!walk.first_path)
		return -ENOMEM;
	tree_walk(tree, store_name, &walk);
	disk_free_names(walk.first_path, tree->object_count);
	/* When everything is inside: a directory may be read-only. */
	return walk.err ? walk.err : disk_set_directory_modes(tree, directory_fd);
}

int tree_wipe(int directory_fd)
{
	return tree_wipe_but(directory_fd, NULL);
}

int disk_remove(int directory_fd, const char *name)
{
	int fd, err;

	if (!unlinkat(directory_fd, name, 0))
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* It may have been made unreadable, or read-only. */
	if (fd < 0 && errno == EACCES && !fchmodat(directory_fd, name, 0700, 0))
		fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	fchmod(fd, 0700);
	err = tree_wipe(fd);
	close(fd);
	if (!err && unlinkat(directory_fd, name, AT_REMOVEDIR))
		err = -errno;
	return err;
}

int tree_wipe_but(int directory_fd, const char *kept_name)
{
	char **names;
	size_t count;
	int err = disk_list_names(directory_fd, &names, &count);

	for (size_t i = 0; !err && i < count; i++) {
		if (!kept_name || strcmp(names[i], kept_name))
			err = disk_remove(directory_fd, names[i]);
	}
	disk_free_names(names, count);
	return err;
}
