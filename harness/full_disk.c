/* Namespaces and mounts. The mount is gone with the last process in the namespace. */
#include "harness/full_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

int full_disk_mount(struct full_disk *disk, const struct workspace *workspace)
{
	snprintf(disk->path, sizeof(disk->path), "%s/data", workspace->path);
	if (mount("tornwrite", disk->path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700"))
		return -errno;
	disk->directory_fd = open(disk->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (disk->directory_fd < 0) {
		int err = -errno;

		umount2(disk->path, MNT_DETACH);
		return err;
	}
	/* A size of 0 is no limit at all, so that a store of one block could not lose it. */
	disk->ballast_fd = openat(disk->directory_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (disk->ballast_fd < 0 || write(disk->ballast_fd, "", 1) != 1) {
		int err = -errno;

		full_disk_unmount(disk);
		return err;
	}
	return 0;
}

static int used_blocks(const struct full_disk *disk, uint64_t *blocks)
{
	struct statvfs st;

	if (fstatvfs(disk->directory_fd, &st))
		return -errno;
	*blocks = (uint64_t)(st.f_blocks - st.f_bfree);
	return 0;
}

static int set_size(const struct full_disk *disk, uint64_t blocks)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%llu",
		(unsigned long long)blocks * TREE_PAGE_BYTES);
	return mount(NULL, disk->path, NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV, options) ? -errno
	                                                                                 : 0;
}

int full_disk_limit(struct full_disk *disk, uint64_t free_blocks, bool is_shrinking)
{
	struct statvfs st;
	int err = used_blocks(disk, &disk->most_blocks);

	disk->limit_blocks = disk->most_blocks + free_blocks;
	disk->is_shrinking = is_shrinking;
	if (!err)
		err = set_size(disk, disk->limit_blocks);
	if (!err && fstatvfs(disk->directory_fd, &st))
		err = -errno;
	/* A run on a disk of another size would be taken for this one. */
	if (!err && st.f_bfree != free_blocks)
		err = -EIO;
	return err;
}

void full_disk_shrink(struct full_disk *disk)
{
	uint64_t used = 0;

	if (!disk->is_shrinking || used_blocks(disk, &used))
		return;
	if (used > disk->most_blocks)
		disk->most_blocks = used;
	set_size(disk, used + disk->limit_blocks - disk->most_blocks);
}

void full_disk_unmount(struct full_disk *disk)
{
	close(disk->directory_fd);
	if (disk->ballast_fd >= 0)
		close(disk->ballast_fd);
	umount2(disk->path, MNT_DETACH);
}

void full_disk_count(struct recording *recording)
{
	recording->fired = 0;
	for (size_t i = 0; i < recording->count; i++) {
		struct op *op = &recording->events[i].op;

		if (recording->events[i].kind != EVENT_OP)
			continue;
		if (op->effect == -ENOSPC) {
			op->strike.action = STRIKE_ERROR;
			op->strike.error = ENOSPC;
		} else if (op->kind == OP_WRITE && op->effect >= 0 &&
			   (uint64_t)op->effect < op->size_bytes) {
			op->strike.action = STRIKE_SHORT;
			op->strike.bytes = (uint64_t)op->effect;
		}
		recording->fired += op->strike.action != STRIKE_NONE;
	}
}
