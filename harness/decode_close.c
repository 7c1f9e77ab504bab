/*
 * When an open file is closed for good: with its last descriptor, in whatever process, and its last
 * mapping.
 *
 * Method: /proc is searched for other references, but only if the file is one that file systems may
 * flush then. kcmp(2) tells whether two descriptors are of one open file; where it is not allowed,
 * any that could write is taken to be. Limits: descriptors on their way through a socket are not
 * seen, and tasks that are not among the peers neither.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/decode_private.h"

/* What goes away, of the task's own descriptors. */
enum closing { CLOSING_ONE, CLOSING_ALL, CLOSING_ON_EXEC };

static long compare(pid_t a, pid_t b, int what, unsigned long x, unsigned long y)
{
	return syscall(SYS_kcmp, a, b, what, x, y);
}

static pid_t process_of(pid_t pid)
{
	char path[64], line[128];
	int process = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		if (sscanf(line, "Tgid: %d", &process) == 1)
			break;
	}
	if (status)
		fclose(status);
	return process ? process : pid;
}

static bool shares_descriptors(pid_t a, pid_t b)
{
	long answer = a == b ? 0 : compare(a, b, KCMP_FILES, 0, 0);

	return answer < 0 ? process_of(a) == process_of(b) : !answer;
}

static bool is_closed_on_exec(pid_t pid, int fd)
{
	char path[64], line[128];
	unsigned flags = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	info = fopen(path, "re");
	while (info && fgets(line, sizeof(line), info)) {
		if (sscanf(line, "flags: %o", &flags) == 1)
			break;
	}
	if (info)
		fclose(info);
	return flags & O_CLOEXEC;
}

static bool is_closing(pid_t pid, int fd, int one, enum closing closing)
{
	switch (closing) {
	case CLOSING_ONE:
		return fd == one;
	case CLOSING_ON_EXEC:
		return is_closed_on_exec(pid, fd);
	default:
		return true;
	}
}

/* Whether a descriptor of another table, or another number, is the same open file. */
static bool is_same_file(pid_t pid, int fd, const struct stat *st, pid_t other, int other_fd)
{
	char path[64];
	struct stat found;
	long answer;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", other, other_fd);
	if (stat(path, &found) || found.st_dev != st->st_dev || found.st_ino != st->st_ino)
		return false;
	answer = compare(pid, other, KCMP_FILE, (unsigned long)fd, (unsigned long)other_fd);
	if (answer >= 0)
		return !answer;
	/* The link's own permissions are how it was opened. */
	return lstat(path, &found) || found.st_mode & S_IWUSR;
}

static DIR *open_descriptors(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	return opendir(path);
}

/* The next descriptor; -1: there is none. */
static int next_descriptor(DIR *list)
{
	struct dirent *entry;

	while ((entry = readdir(list))) {
		if (entry->d_name[0] != '.')
			return atoi(entry->d_name);
	}
	return -1;
}

/* Whether a table holds the open file in a descriptor that stays. */
static bool stays_open(const struct task *task, int fd, const struct stat *st, pid_t other,
	bool is_own, enum closing closing)
{
	DIR *list = open_descriptors(other);
	bool stays = false;
	int other_fd;

	while (list && !stays && (other_fd = next_descriptor(list)) >= 0) {
		if (is_own && is_closing(other, other_fd, fd, closing))
			continue;
		stays = is_same_file(task->pid, fd, st, other, other_fd);
	}
	if (list)
		closedir(list);
	return stays;
}

static bool is_last(const struct task *task, int fd, const struct stat *st, enum closing closing)
{
	/* With its memory a task loses its mappings, too. */
	if (stays_open(task, fd, st, task->pid, true, closing) ||
		(closing == CLOSING_ONE && decode_is_mapped(task->pid, st)))
		return false;
	for (unsigned i = 0; i < task->peer_count; i++) {
		pid_t peer = task->peers[i];

		if (peer == task->pid || shares_descriptors(task->pid, peer))
			continue;
		if (stays_open(task, fd, st, peer, false, closing) || decode_is_mapped(peer, st))
			return false;
	}
	return true;
}

bool decode_is_last(const struct task *task, int fd, uint32_t object)
{
	struct descriptor descriptor;

	if (!tree_was_emptied(task->tree, object))
		return true;
	return !decode_look_at(task, fd, &descriptor) && descriptor.object == object &&
	       is_last(task, fd, &descriptor.st, CLOSING_ONE);
}

int decode_dup(const struct task *task, const struct call *call, struct op *op)
{
	struct descriptor old;
	int found, fd = (int)call->args[1];

	decode_point(POINT_DUP, op);
	if ((int)call->args[0] == fd ||
		(call->number == SYS_dup3 && call->args[2] & ~(uint64_t)O_CLOEXEC))
		return 0;
	/* Without a first descriptor the second stays what it is. */
	found = task_look_at(task, (int)call->args[0], &old);
	if (found || !old.st.st_mode)
		return found;
	found = decode_descriptor(task, fd, op);
	if (found > 0)
		op->is_last = decode_is_last(task, fd, op->object);
	return found;
}

/* ---- closes that nobody calls ---- */

/* Whether a descriptor that goes, too, and has a lower number, is of the same open file. */
static bool is_told(const struct task *task, int fd, const struct stat *st, enum closing closing)
{
	for (int lower = 0; lower < fd; lower++) {
		if (is_same_file(task->pid, fd, st, task->pid, lower) &&
			is_closing(task->pid, lower, fd, closing))
			return true;
	}
	return false;
}

static int close_one(const struct task *task, int fd, enum closing closing,
	int (*add)(void *context, struct op *op), void *context)
{
	struct descriptor descriptor;
	struct op op = {0};
	int err = decode_look_at(task, fd, &descriptor);

	/* Gone in the meantime: so is the task. */
	if (err || descriptor.object == UINT32_MAX)
		return err == -ESRCH ? 0 : err;
	if (!tree_was_emptied(task->tree, descriptor.object) ||
		!is_closing(task->pid, fd, fd, closing) ||
		is_told(task, fd, &descriptor.st, closing) ||
		!is_last(task, fd, &descriptor.st, closing))
		return 0;
	decode_point(POINT_EXIT, &op);
	op.object = descriptor.object;
	op.is_last = true;
	return add(context, &op);
}

int decode_closes(const struct task *task, bool is_exec, int (*add)(void *context, struct op *op),
	void *context)
{
	enum closing closing = is_exec ? CLOSING_ON_EXEC : CLOSING_ALL;
	DIR *list = open_descriptors(task->pid);
	int fd, err = 0;

	while (list && !err && (fd = next_descriptor(list)) >= 0)
		err = close_one(task, fd, closing, add, context);
	if (list)
		closedir(list);
	return err;
}
