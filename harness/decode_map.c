/* What /proc/PID/maps tells: which file a task has at an address, and which files at all. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "harness/decode_private.h"

struct map {
	uint64_t start, end, offset;
	unsigned major, minor;
	uint64_t inode;
	bool is_shared;
	char path[PATH_MAX];
};

static FILE *open_maps(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	return fopen(path, "re");
}

/* The next line of a file; false: there is none. */
static bool next_map(FILE *maps, struct map *map)
{
	char line[PATH_MAX + 128], access[8];
	int at = 0;

	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %" SCNu64 " %n",
			    &map->start, &map->end, access, &map->offset, &map->major, &map->minor,
			    &map->inode, &at) != 7 ||
			!map->inode)
			continue;
		map->is_shared = access[3] == 's';
		line[strcspn(line, "\n")] = 0;
		snprintf(map->path, sizeof(map->path), "%s", line + at);
		return true;
	}
	return false;
}

/* Of some file systems maps names another device than stat(2), so that the path comes first. */
static uint32_t object_of(const struct task *task, const struct map *map)
{
	char path[PATH_MAX + 32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/root%s", task->pid, map->path);
	if (!stat(path, &st) && st.st_ino == map->inode)
		return decode_object(task, &st);
	/* It has lost this name. */
	st = (struct stat){.st_mode = S_IFREG, .st_ino = map->inode};
	st.st_dev = makedev(map->major, map->minor);
	return decode_object(task, &st);
}

/* MS_SYNC is fdatasync(2) of the mapped bytes; the rest promises nothing. Of a range that spans
 * several files the first one of ours counts. */
int decode_msync(const struct task *task, const struct call *call, struct op *op)
{
	uint64_t start = call->args[0], end = start + call->args[1];
	struct map map;
	FILE *maps;

	decode_point(POINT_MSYNC, op);
	if (!(call->args[2] & MS_SYNC) || end <= start)
		return 0;
	maps = open_maps(task->pid);
	if (!maps)
		return -errno;
	while (op->object == UINT32_MAX && next_map(maps, &map)) {
		if (map.end <= start || map.start >= end || !map.is_shared)
			continue;
		op->object = object_of(task, &map);
		if (map.start > start)
			start = map.start;
		op->offset = (int64_t)(map.offset + start - map.start);
		op->size_bytes = (map.end < end ? map.end : end) - start;
	}
	fclose(maps);
	return op->object != UINT32_MAX;
}

bool decode_is_mapped(pid_t pid, const struct stat *st)
{
	bool is_mapped = false;
	struct map map;
	FILE *maps = open_maps(pid);

	/* By number alone: to say yes too often only promises less. */
	while (maps && !is_mapped && next_map(maps, &map))
		is_mapped = map.inode == st->st_ino;
	if (maps)
		fclose(maps);
	return is_mapped;
}
