/* Namespaces and mounts. The mount is gone with the last process in the namespace. */
#include "harness/full_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		err = -errno;
	close(fd);
	return err;
}

int full_disk_enter(void)
{
	static bool is_inside;
	unsigned user = geteuid(), group = getegid();
	char map[64];
	int err;

	if (is_inside)
		return 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return -errno;
	err = write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", user, user);
	if (!err)
		err = write_text("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", group, group);
	if (!err)
		err = write_text("/proc/self/gid_map", map);
	if (!err && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		err = -errno;
	is_inside = !err;
	return err;
}

static void data_path(const struct workspace *workspace, char path[PATH_MAX + 8])
{
	snprintf(path, PATH_MAX + 8, "%s/data", workspace->path);
}

int full_disk_mount(const struct workspace *workspace, int *directory_fd)
{
	char path[PATH_MAX + 8];

	data_path(workspace, path);
	if (mount("tornwrite", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700"))
		return -errno;
	*directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*directory_fd < 0) {
		int err = -errno;

		umount2(path, MNT_DETACH);
		return err;
	}
	return 0;
}

int full_disk_limit(int directory_fd, const struct workspace *workspace, uint64_t free_blocks)
{
	char path[PATH_MAX + 8], options[64];
	struct statvfs st;
	uint64_t used;

	data_path(workspace, path);
	if (fstatvfs(directory_fd, &st))
		return -errno;
	used = (uint64_t)(st.f_blocks - st.f_bfree);
	snprintf(options, sizeof(options), "size=%llu",
		(unsigned long long)(used + free_blocks) * st.f_frsize);
	return mount(NULL, path, NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV, options) ? -errno : 0;
}

void full_disk_unmount(const struct workspace *workspace, int directory_fd)
{
	char path[PATH_MAX + 8];

	data_path(workspace, path);
	close(directory_fd);
	umount2(path, MNT_DETACH);
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
