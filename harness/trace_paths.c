/*
 * Every look of a program, call by call: which paths a call follows (trace_walk.c), of which files
 * it reads bytes without reading them by a call, and what it could learn from others.
 * Limit: a path that another thread changes while the kernel reads it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/trace_private.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* ---- paths ---- */

/* Where the paths of a call are among its arguments, and what they begin at; HERE: the working
 * directory, NONE: there is no second path. */
enum { HERE = -1, NONE = -2 };

struct path_call {
	long number;
	struct {
		int directory, path;
	} paths[2];
};

#define ONE(call, path)                                                                            \
	{                                                                                          \
		SYS_##call,                                                                        \
		{                                                                                  \
			{HERE, path},                                                              \
			{                                                                          \
				HERE, NONE                                                         \
			}                                                                          \
		}                                                                                  \
	}
#define ONE_AT(call, directory)                                                                    \
	{                                                                                          \
		SYS_##call,                                                                        \
		{                                                                                  \
			{directory, (directory) + 1},                                              \
			{                                                                          \
				HERE, NONE                                                         \
			}                                                                          \
		}                                                                                  \
	}

static const struct path_call path_calls[] = {
	ONE_AT(openat, 0),
	ONE_AT(newfstatat, 0),
	ONE_AT(faccessat, 0),
	ONE_AT(faccessat2, 0),
	ONE_AT(readlinkat, 0),
	ONE_AT(statx, 0),
	ONE(open, 0),
	ONE(stat, 0),
	ONE(lstat, 0),
	ONE(access, 0),
	ONE(readlink, 0),
	ONE(chdir, 0),
	ONE(execve, 0),
	ONE_AT(execveat, 0),
	ONE_AT(openat2, 0),
	ONE(creat, 0),
	ONE(truncate, 0),
	ONE(unlink, 0),
	ONE_AT(unlinkat, 0),
	ONE(mkdir, 0),
	ONE_AT(mkdirat, 0),
	ONE(rmdir, 0),
	ONE(mknod, 0),
	ONE_AT(mknodat, 0),
	/* The target of a symbolic link is a text. */
	ONE(symlink, 1),
	ONE_AT(symlinkat, 1),
	{SYS_rename, {{HERE, 0}, {HERE, 1}}},
	{SYS_renameat, {{0, 1}, {2, 3}}},
	{SYS_renameat2, {{0, 1}, {2, 3}}},
	{SYS_link, {{HERE, 0}, {HERE, 1}}},
	{SYS_linkat, {{0, 1}, {2, 3}}},
	ONE(chmod, 0),
	ONE_AT(fchmodat, 0),
	ONE_AT(fchmodat2, 0),
	ONE(chown, 0),
	ONE(lchown, 0),
	ONE_AT(fchownat, 0),
	ONE(utime, 0),
	ONE(utimes, 0),
	ONE_AT(futimesat, 0),
	ONE_AT(utimensat, 0),
	ONE(setxattr, 0),
	ONE(lsetxattr, 0),
	ONE(getxattr, 0),
	ONE(lgetxattr, 0),
	ONE(listxattr, 0),
	ONE(llistxattr, 0),
	ONE(removexattr, 0),
	ONE(lremovexattr, 0),
	ONE(statfs, 0),
	ONE(inotify_add_watch, 1),
	ONE_AT(name_to_handle_at, 0),
};

static int note_path(struct worker *worker, int directory_fd, uint64_t address)
{
	const struct call *call = &worker->now->call;
	const struct task *task = &worker->now->task;
	bool is_run = call->number == SYS_execve || call->number == SYS_execveat;
	char path[PATH_MAX], found[TRACE_FOUND_BYTES] = "";
	int err = task_peek_path(task, address, path);

	/* The kernel will refuse such a path, and look for nothing. */
	if (err)
		return err == -EFAULT || err == -ENAMETOOLONG ? 0 : err;
	if (!*path && (call->number != SYS_execveat || !(call->args[4] & AT_EMPTY_PATH)))
		return 0;
	if (*path)
		err = trace_walk(worker, directory_fd, path, found);
	else
		snprintf(found, sizeof(found), "/proc/%d/fd/%d", task->pid, directory_fd);
	if (!err && is_run && *found)
		err = trace_note_image(worker, found);
	return err;
}

/* ---- others ---- */

/* Whoever is reached may look for the caller. Mostly nobody is: the C library asks for a daemon
 * that keeps names of users, and does without. */
static int note_address(struct worker *worker, uint64_t address, uint64_t size_bytes)
{
	struct sockaddr_un name = {.sun_family = AF_UNSPEC};
	char path[sizeof(name.sun_path) + 1] = "";
	char found[TRACE_FOUND_BYTES];
	int err;

	if (size_bytes > sizeof(name))
		size_bytes = sizeof(name);
	if (task_peek(&worker->now->task, address, &name, size_bytes))
		return 0; /* EFAULT from the kernel */
	if (name.sun_family == AF_NETLINK)
		return 0; /* the kernel, about networks */
	memcpy(path, name.sun_path, sizeof(name.sun_path));
	if (name.sun_family != AF_UNIX || !*path) {
		trace_give_up(worker);
		return 0;
	}
	err = trace_walk(worker, AT_FDCWD, path, found);
	if (*found)
		trace_give_up(worker);
	return err;
}

static int note_receiver(struct worker *worker)
{
	const struct call *call = &worker->now->call;
	struct msghdr message;

	switch (call->number) {
	case SYS_connect:
		return note_address(worker, call->args[1], call->args[2]);
	case SYS_sendto:
		return note_address(worker, call->args[4], call->args[5]);
	case SYS_sendmsg:
		if (task_peek(&worker->now->task, call->args[1], &message, sizeof(message)) ||
			!message.msg_name)
			return 0;
		return note_address(
			worker, (uint64_t)(uintptr_t)message.msg_name, message.msg_namelen);
	default:
		return 0;
	}
}

/* ---- bytes that no call reads into memory ---- */

static int note_source(struct worker *worker)
{
	const struct call *call = &worker->now->call;
	struct descriptor source;
	int fd, err;

	switch (call->number) {
	case SYS_mmap:
		fd = (int)call->args[4];
		break;
	case SYS_sendfile:
		fd = (int)call->args[1];
		break;
	case SYS_splice:
	case SYS_copy_file_range:
		fd = (int)call->args[0];
		break;
	default:
		return 0;
	}
	err = task_look_at(&worker->now->task, fd, &source);
	return !err && source.object != UINT32_MAX ? trace_note_bytes(worker, &source.st) : err;
}

/* ---- all calls ---- */

/* Whether a call has no path, and still could tell of files, or make paths lead elsewhere. */
static bool is_opaque(const struct task *task, const struct call *call)
{
	struct open_how how = {0};

	switch (call->number) {
	case SYS_chroot:
	case SYS_pivot_root:
	case SYS_mount:
	case SYS_umount2:
	case SYS_move_mount:
	case SYS_open_tree:
	case SYS_mount_setattr:
	case SYS_setns:
	case SYS_bind:
	case SYS_sendmmsg:
	case SYS_shmget:
	case SYS_msgget:
	case SYS_semget:
	case SYS_mq_open:
	case SYS_fanotify_mark:
	case SYS_quotactl:
	case SYS_ioctl: /* those that stop */
	case SYS_bpf:
		return true;
	case SYS_openat2:
		return !task_peek(task, call->args[2], &how, sizeof(how)) &&
		       how.resolve & RESOLVE_IN_ROOT;
	default:
		return false;
	}
}

int trace_note_paths(struct worker *worker)
{
	const struct call *call = &worker->now->call;
	const struct path_call *found = NULL;
	int err = note_receiver(worker);

	if (!err)
		err = note_source(worker);
	if (is_opaque(&worker->now->task, call))
		trace_give_up(worker);
	for (size_t i = 0; !found && i < sizeof(path_calls) / sizeof(*path_calls); i++) {
		if (path_calls[i].number == call->number)
			found = &path_calls[i];
	}
	for (int i = 0; !err && found && i < 2 && found->paths[i].path != NONE; i++) {
		int directory = found->paths[i].directory;

		err = note_path(worker, directory == HERE ? AT_FDCWD : (int)call->args[directory],
			call->args[found->paths[i].path]);
	}
	return err;
}
