/*
 * Method: a scratch directory holds a lock file that its owner keeps locked with flock(2); the
 * kernel drops the lock when the owner dies, however it dies. A directory of ours whose lock can
 * be taken has no owner left and is removed.
 */
#include "harness/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "harness/tree.h"

#define SCRATCH_PREFIX "tornwrite-"
#define SCRATCH_LOCK ".tornwrite-lock"

enum { PATIENCE_MS = 3000 };

static int remove_directory(int parent_fd, const char *name)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	/* The lock goes last: without it nobody would know later that this is ours. */
	err = tree_wipe_but(fd, SCRATCH_LOCK);
	if (!err && unlinkat(fd, SCRATCH_LOCK, 0) && errno != ENOENT)
		err = -errno;
	close(fd);
	if (!err && unlinkat(parent_fd, name, AT_REMOVEDIR))
		err = -errno;
	return err;
}

static void say_removed(const char *name)
{
	fprintf(stderr, "removed %s, left behind by a run that was killed\n", name);
}

/* Removes a directory that looks like ours if its owner is dead. Losing a race is no error. */
static void remove_if_stale(int base_fd, const char *name)
{
	char lock[NAME_MAX + sizeof(SCRATCH_LOCK) + 8];
	struct stat st;
	int fd;

	if (fstatat(base_fd, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode) ||
		st.st_uid != geteuid())
		return;
	snprintf(lock, sizeof(lock), "%s/%s", name, SCRATCH_LOCK);
	fd = openat(base_fd, lock, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		/* Killed before it had a lock. Its name tells whether it is just being made. */
		long owner = strtol(name + strlen(SCRATCH_PREFIX), NULL, 10);

		if (errno == ENOENT && owner > 0 && kill((pid_t)owner, 0) && errno == ESRCH) {
			snprintf(lock, sizeof(lock), "%s/%s.new", name, SCRATCH_LOCK);
			unlinkat(base_fd, lock, 0);
			if (!unlinkat(base_fd, name, AT_REMOVEDIR))
				say_removed(name);
		}
		return;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB) && !remove_directory(base_fd, name))
		say_removed(name);
	close(fd);
}

static void remove_stale(int base_fd)
{
	int copy = openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!stream) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(stream))) {
		if (!strncmp(entry->d_name, SCRATCH_PREFIX, strlen(SCRATCH_PREFIX)))
			remove_if_stale(base_fd, entry->d_name);
	}
	closedir(stream);
}

static const char *default_base(void)
{
	const char *temporary = getenv("TMPDIR");

	if (!access("/dev/shm", W_OK | X_OK))
		return "/dev/shm";
	return temporary && *temporary ? temporary : "/tmp";
}

/* The lock gets its name when it is held: an unlocked one would look stale to another run. */
static int make_lock(struct scratch *scratch)
{
	char name[PATH_MAX + sizeof(SCRATCH_LOCK) + 1], unlocked[sizeof(name) + 4];

	snprintf(name, sizeof(name), "%s/%s", scratch->path, SCRATCH_LOCK);
	snprintf(unlocked, sizeof(unlocked), "%s.new", name);
	scratch->lock_fd = open(unlocked, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (scratch->lock_fd < 0 || flock(scratch->lock_fd, LOCK_EX | LOCK_NB) ||
		rename(unlocked, name))
		return -errno;
	return 0;
}

int scratch_init(struct scratch *scratch, const char *base, char *message, size_t message_size)
{
	char resolved[PATH_MAX];
	int base_fd, err = 0;

	scratch->lock_fd = -1;
	scratch->path[0] = 0;
	if (!base)
		base = default_base();
	base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base_fd < 0 || !realpath(base, resolved)) {
		err = -errno;
		snprintf(message, message_size, "%s: %s", base, strerror(-err));
		goto out;
	}
	remove_stale(base_fd);
	if (snprintf(scratch->path, sizeof(scratch->path), "%s/" SCRATCH_PREFIX "%d-XXXXXX",
		    strcmp(resolved, "/") ? resolved : "",
		    (int)getpid()) >= (int)sizeof(scratch->path)) {
		err = -ENAMETOOLONG;
	} else if (!mkdtemp(scratch->path)) {
		err = -errno;
		scratch->path[0] = 0;
	} else {
		err = make_lock(scratch);
	}
	if (err)
		snprintf(message, message_size, "%s: cannot make a directory to work in: %s", base,
			strerror(-err));
out:
	if (base_fd >= 0)
		close(base_fd);
	if (err)
		scratch_release(scratch);
	return err;
}

int scratch_check_space(
	const struct scratch *scratch, uint64_t needed_bytes, char *message, size_t message_size)
{
	uint64_t free_bytes;
	struct statvfs st;

	if (statvfs(scratch->path, &st))
		return 0; /* whoever writes there will find out */
	free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	if (free_bytes >= needed_bytes)
		return 0;
	snprintf(message, message_size, "%s: %llu KiB are free and %llu KiB are needed",
		scratch->path, (unsigned long long)free_bytes / 1024,
		(unsigned long long)needed_bytes / 1024);
	return -ENOSPC;
}

void scratch_release(struct scratch *scratch)
{
	int err = scratch->path[0] ? remove_directory(AT_FDCWD, scratch->path) : 0;

	/* A worker that was killed with its driver may be dying yet, in the middle of a call. */
	for (int i = 0; err && err != -ENOENT && i < PATIENCE_MS; i++) {
		usleep(1000);
		err = remove_directory(AT_FDCWD, scratch->path);
	}
	if (err)
		fprintf(stderr, "warning: %s: could not be removed: %s\n", scratch->path,
			strerror(-err));
	if (scratch->lock_fd >= 0)
		close(scratch->lock_fd);
	scratch->lock_fd = -1;
	scratch->path[0] = 0;
}

static int make_directory(const char *parent, const char *name, int *fd)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/%s", parent, name);
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? -errno : 0;
}

int workspace_init(struct workspace *workspace, const struct scratch *scratch, unsigned job)
{
	int err;

	workspace->data_fd = workspace->probe_fd = -1;
	if (snprintf(workspace->path, sizeof(workspace->path), "%s/job-%u", scratch->path, job) >=
		(int)sizeof(workspace->path))
		return -ENAMETOOLONG;
	if (mkdir(workspace->path, 0700))
		return -errno;
	err = make_directory(workspace->path, "data", &workspace->data_fd);
	if (!err)
		err = make_directory(workspace->path, "probe", &workspace->probe_fd);
	if (err)
		workspace_release(workspace);
	return err;
}

void workspace_release(struct workspace *workspace)
{
	if (workspace->data_fd >= 0)
		close(workspace->data_fd);
	if (workspace->probe_fd >= 0)
		close(workspace->probe_fd);
	workspace->data_fd = workspace->probe_fd = -1;
}
