/* Namespaces and mounts. Root needs no user namespace, in which other users' files would belong to
 * nobody. */
#include "harness/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
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

static int enter_user_namespace(void)
{
	unsigned user = geteuid(), group = getegid();
	char map[64];
	int err;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return -errno;
	err = write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", user, user);
	if (!err)
		err = write_text("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", group, group);
	if (!err)
		err = write_text("/proc/self/gid_map", map);
	/* Entering a user namespace makes a process undumpable, and its parent's death silent. */
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return err;
}

static int enter(void)
{
	int err = !geteuid() && !unshare(CLONE_NEWNS) ? 0 : enter_user_namespace();

	if (!err && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		err = -errno;
	return err;
}

int sandbox_enter(void)
{
	static bool is_inside;
	const char *wish = getenv("TORNWRITE_NAMESPACES");
	int err = 0, status;
	pid_t pid;

	if (is_inside)
		return 0;
	if (wish && !strcmp(wish, "0"))
		return -EPERM;
	/* Half-way in there is no way back: a child tries first. */
	pid = fork();
	if (!pid)
		_exit(enter() ? 1 : 0);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return -EACCES;
	err = enter();
	is_inside = !err;
	return err;
}

int sandbox_part(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	return 0;
}

int sandbox_cover(const char *directory)
{
	return mount("tornwrite", directory, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") ? -errno
	                                                                                 : 0;
}

int sandbox_show(const char *source, const char *path)
{
	return mount(source, path, NULL, MS_BIND, NULL) ? -errno : 0;
}
