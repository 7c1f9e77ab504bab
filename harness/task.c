/* process_vm_readv, /proc and pidfd_getfd. */
#include "harness/task.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

static pid_t process_of(pid_t pid)
{
	char path[64], line[128];
	int process = -ESRCH;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status) &&
		sscanf(line, "Tgid: %d", &process) != 1)
		;
	if (status)
		fclose(status);
	return process;
}

int task_open(struct task *task)
{
	task->process = task->pid;
	task->pidfd = (int)syscall(SYS_pidfd_open, task->pid, 0);
	if (task->pidfd >= 0)
		return 0;
	/* EINVAL, or ENOENT since Linux 6.9: a thread and no process. */
	if (errno != EINVAL && errno != ENOENT)
		return -errno;
	task->process = process_of(task->pid);
	if (task->process < 0)
		return task->process;
	task->pidfd = (int)syscall(SYS_pidfd_open, task->process, 0);
	return task->pidfd < 0 ? -errno : 0;
}

void task_close(struct task *task)
{
	if (task->pidfd >= 0)
		close(task->pidfd);
	task->pidfd = -1;
}

bool task_is_setuid(const struct task *task)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/exe", task->pid);
	return !stat(path, &st) && st.st_mode & (S_ISUID | S_ISGID);
}

int task_peek(const struct task *task, uint64_t address, void *bytes, size_t size_bytes)
{
	struct iovec ours = {bytes, size_bytes}, theirs = {(void *)address, size_bytes};
	ssize_t got = size_bytes ? process_vm_readv(task->pid, &ours, 1, &theirs, 1, 0) : 0;

	if (got < 0)
		return -errno;
	return (size_t)got == size_bytes ? 0 : -EFAULT;
}

int task_poke(const struct task *task, uint64_t address, const void *bytes, size_t size_bytes)
{
	struct iovec ours = {(void *)(uintptr_t)bytes, size_bytes};
	struct iovec theirs = {(void *)address, size_bytes};
	ssize_t got = size_bytes ? process_vm_writev(task->pid, &ours, 1, &theirs, 1, 0) : 0;

	if (got < 0)
		return -errno;
	return (size_t)got == size_bytes ? 0 : -EFAULT;
}

int task_force(const struct task *task, uint64_t address, const void *bytes, size_t size_bytes)
{
	char path[64];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/%d/mem", task->pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (pwrite(fd, bytes, size_bytes, (off_t)address) != (ssize_t)size_bytes)
		err = -EFAULT;
	close(fd);
	return err;
}

int task_peek_path(const struct task *task, uint64_t address, char path[PATH_MAX])
{
	size_t length = 0;

	/* A string may end just before a page that is not there: never read across one. */
	while (length < PATH_MAX) {
		size_t chunk = TREE_PAGE_BYTES - (address + length) % TREE_PAGE_BYTES;
		int err;

		if (chunk > PATH_MAX - length)
			chunk = PATH_MAX - length;
		err = task_peek(task, address + length, path + length, chunk);
		if (err)
			return err;
		if (memchr(path + length, 0, chunk))
			return 0;
		length += chunk;
	}
	return -ENAMETOOLONG;
}

/* "/dev/stdout" is a link to "/proc/self/fd/1". */
static int find_standard(const char *path)
{
	static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};

	for (int i = 0; i < 3; i++) {
		if (!strcmp(path, names[i]))
			return i;
	}
	return -1;
}

int task_find_place(
	const struct task *task, int directory_fd, uint64_t address, struct place *place)
{
	char path[PATH_MAX], parent[PATH_MAX + 64], *slash;
	struct stat st;
	size_t length;
	int err = task_peek_path(task, address, path);

	place->directory = UINT32_MAX;
	place->path[0] = place->name[0] = 0;
	place->is_deep = true;
	/* The kernel will refuse such a path; it is no operation of ours. */
	if (err == -EFAULT || err == -ENAMETOOLONG)
		return 0;
	if (err)
		return err;
	length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		path[--length] = 0;
	/* In a path "self" is whoever asks, and that would be us. */
	if (!strncmp(path, "/proc/self/", 11))
		snprintf(place->path, sizeof(place->path), "/proc/%d/%s", task->pid, path + 11);
	else if (!strncmp(path, "/proc/thread-self/", 18))
		snprintf(place->path, sizeof(place->path), "/proc/%d/%s", task->pid, path + 18);
	else if (!strncmp(path, "/dev/fd/", 8))
		snprintf(place->path, sizeof(place->path), "/proc/%d/fd/%s", task->pid, path + 8);
	else if (find_standard(path) >= 0)
		snprintf(place->path, sizeof(place->path), "/proc/%d/fd/%d", task->pid,
			find_standard(path));
	else if (path[0] == '/')
		snprintf(place->path, sizeof(place->path), "/proc/%d/root%s", task->pid, path);
	else if (directory_fd == AT_FDCWD)
		snprintf(place->path, sizeof(place->path), "/proc/%d/cwd/%s", task->pid, path);
	else
		snprintf(place->path, sizeof(place->path), "/proc/%d/fd/%d/%s", task->pid,
			directory_fd, path);
	snprintf(parent, sizeof(parent), "%s", place->path);
	slash = strrchr(parent, '/');
	if (strlen(slash + 1) > NAME_MAX)
		return 0;
	strcpy(place->name, slash + 1);
	*slash = 0;
	if (place->name[0] && !stat(parent, &st))
		place->directory = inode_map_get(task->inodes, st.st_dev, st.st_ino);
	if (!strchr(path, '/') && place->directory != UINT32_MAX) {
		uint32_t object = tree_lookup(task->tree, place->directory, place->name);

		place->is_deep = object != UINT32_MAX &&
		                 tree_object_type(task->tree, object) == OBJECT_SYMLINK;
	}
	return 0;
}

int task_look_at(const struct task *task, int fd, struct descriptor *descriptor)
{
	int copy = (int)syscall(SYS_pidfd_getfd, task->pidfd, fd, 0);
	int err = 0;

	memset(descriptor, 0, sizeof(*descriptor));
	descriptor->object = UINT32_MAX;
	if (copy < 0)
		return errno == EBADF ? 0 : -errno;
	if (fstat(copy, &descriptor->st)) {
		err = -errno;
	} else {
		descriptor->object =
			inode_map_get(task->inodes, descriptor->st.st_dev, descriptor->st.st_ino);
		if (descriptor->object != UINT32_MAX) {
			descriptor->position = lseek(copy, 0, SEEK_CUR);
			descriptor->flags = fcntl(copy, F_GETFL);
		}
	}
	close(copy);
	return err;
}

/* A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 123 00:2f:456 0 EOF". */
static bool parse_lock(const char *line, bool *is_flock, bool *is_exclusive, int *pid,
	unsigned long long *inode, unsigned long long *start, unsigned long long *end)
{
	char kind[16], access[16], last[32];

	if (sscanf(line, "%*d: %15s %*s %15s %d %*x:%*x:%llu %llu %31s", kind, access, pid, inode,
		    start, last) != 6)
		return false;
	*is_flock = !strcmp(kind, "FLOCK");
	*is_exclusive = !strcmp(access, "WRITE");
	*end = strcmp(last, "EOF") ? strtoull(last, NULL, 10) : UINT64_MAX;
	return *is_flock || !strcmp(kind, "POSIX") || !strcmp(kind, "OFDLCK");
}

static bool is_peer(const struct task *task, int pid)
{
	for (unsigned i = 0; i < task->peer_count; i++) {
		if (task->peers[i] == pid)
			return true;
	}
	return false;
}

/* Whether a line of /proc/locks is one that the description behind a descriptor of the task holds.
 * Lines are numbered differently there. */
static bool is_own_lock(const struct task *task, int fd, const char *line)
{
	char path[64], own[256];
	const char *tail = strchr(line, ':');
	bool is_own = false;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", task->pid, fd);
	info = fopen(path, "re");
	while (info && tail && !is_own && fgets(own, sizeof(own), info))
		is_own = !strncmp(own, "lock:", 5) && strchr(own + 5, ':') &&
		         !strcmp(strchr(own + 5, ':'), tail);
	if (info)
		fclose(info);
	return is_own;
}

/* Whether a descriptor of another task stands for another opening of the file, with a lock of
 * flock(2) in the way. */
static bool holds_conflicting(const struct task *task, const struct lock_request *request,
	const struct stat *st, pid_t other, int fd)
{
	char path[64], line[256];
	bool has_lock = false;
	struct stat theirs;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", other, fd);
	if (stat(path, &theirs) || theirs.st_ino != st->st_ino || theirs.st_dev != st->st_dev)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", other, fd);
	info = fopen(path, "re");
	while (info && !has_lock && fgets(line, sizeof(line), info))
		has_lock = !strncmp(line, "lock:", 5) && strstr(line, "FLOCK") &&
		           (request->is_exclusive || strstr(line, "WRITE"));
	if (info)
		fclose(info);
	return has_lock && syscall(SYS_kcmp, task->pid, other, KCMP_FILE, request->fd, fd) != 0;
}

/* /proc/locks does not show a lock of flock(2) whose taker has ended and left it to a child, unless
 * one is in the first of all pid namespaces. */
static bool is_left_locked(
	const struct task *task, const struct lock_request *request, const struct stat *st)
{
	bool is_locked = false;

	for (unsigned i = 0; i < task->peer_count && !is_locked; i++) {
		char path[64];
		struct dirent *entry;
		DIR *list;

		snprintf(path, sizeof(path), "/proc/%d/fd", task->peers[i]);
		list = opendir(path);
		while (list && !is_locked && (entry = readdir(list)))
			is_locked = entry->d_name[0] != '.' &&
			            holds_conflicting(
					    task, request, st, task->peers[i], atoi(entry->d_name));
		if (list)
			closedir(list);
	}
	return is_locked;
}

int task_must_wait(const struct task *task, const struct lock_request *request)
{
	bool is_flock, is_exclusive, must_wait = false;
	unsigned long long inode, start, end;
	struct descriptor descriptor;
	char line[256];
	FILE *locks;
	int pid, err = task_look_at(task, request->fd, &descriptor);

	if (err || descriptor.object == UINT32_MAX)
		return err;
	locks = fopen("/proc/locks", "re");
	if (!locks)
		return -errno;
	while (!must_wait && fgets(line, sizeof(line), locks)) {
		if (!parse_lock(line, &is_flock, &is_exclusive, &pid, &inode, &start, &end) ||
			inode != descriptor.st.st_ino || is_flock != request->is_flock ||
			!(is_exclusive || request->is_exclusive))
			continue;
		/* Others than the workers cannot be here; but who took a lock of flock(2) may have
		 * left it to a child and be gone. A lock of a description names nobody (-1), and so
		 * does one whose owner is gone (0). */
		if (pid > 0 && !task->is_program && !is_peer(task, pid))
			continue;
		/* A process never waits for its own locks on bytes, but for one that it holds
		 * through another description. */
		if (pid == task->process && (!is_flock || task_holds_flock(task, request->fd)))
			continue;
		if (pid != task->process && is_own_lock(task, request->fd, line))
			continue;
		must_wait = is_flock || (start <= request->end && request->start <= end);
	}
	fclose(locks);
	if (!must_wait && request->is_flock && task->is_program)
		must_wait = is_left_locked(task, request, &descriptor.st);
	return must_wait;
}

bool task_holds_flock(const struct task *task, int fd)
{
	char path[64], line[256];
	bool holds = false;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", task->pid, fd);
	info = fopen(path, "re");
	while (info && !holds && fgets(line, sizeof(line), info))
		holds = !strncmp(line, "lock:", 5) && strstr(line, "FLOCK");
	if (info)
		fclose(info);
	return holds;
}

bool task_has_random_device(const struct task *task, int fd)
{
	struct descriptor descriptor;

	if (task_look_at(task, fd, &descriptor) || !S_ISCHR(descriptor.st.st_mode))
		return false;
	return descriptor.st.st_rdev == makedev(1, 8) || descriptor.st.st_rdev == makedev(1, 9);
}

int task_find_mapping(const struct task *task, const struct call *call, uint32_t *object, int *fd)
{
	struct descriptor descriptor;
	char path[64];
	int err = task_look_at(task, (int)call->args[4], &descriptor);

	if (err || descriptor.object == UINT32_MAX || (descriptor.flags & O_ACCMODE) == O_RDONLY)
		return err;
	/* A new description: a duplicate would keep locks alive. */
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", task->pid, (int)call->args[4]);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return -errno;
	*object = descriptor.object;
	return 1;
}
