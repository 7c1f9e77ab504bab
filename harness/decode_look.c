/* Calls that look at names, sizes and locks, and change nothing that a tree holds. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/decode_private.h"

static int begin(enum point_id point, struct op *op)
{
	*op = (struct op){0};
	return decode_point(point, op);
}

static int look_at_name(
	const struct task *task, int directory_fd, uint64_t address, bool follows, struct op *op)
{
	struct place place;
	struct stat st;
	int err = task_find_place(task, directory_fd, address, &place);

	if (err)
		return err;
	if (!(follows ? stat(place.path, &st) : lstat(place.path, &st)))
		op->object = decode_object(task, &st);
	if (op->object == UINT32_MAX && place.directory == UINT32_MAX)
		return 0;
	op->is_deep = place.is_deep;
	op->directory = place.directory;
	op->name = strdup(place.name);
	return op->name ? 1 : -ENOMEM;
}

static int look_at_descriptor(const struct task *task, int fd, struct op *op)
{
	struct descriptor descriptor;
	int err = decode_look_at(task, fd, &descriptor);

	op->object = descriptor.object;
	return err ? err : op->object != UINT32_MAX;
}

/* An empty path is the descriptor itself. */
static int look_at_either(
	const struct task *task, int fd, uint64_t address, uint64_t flags, struct op *op)
{
	char path[PATH_MAX];

	if (flags & AT_EMPTY_PATH && (!address || (!task_peek_path(task, address, path) && !*path)))
		return look_at_descriptor(task, fd, op);
	return look_at_name(task, fd, address, !(flags & AT_SYMLINK_NOFOLLOW), op);
}

static int look_at_lock(const struct task *task, const struct call *call, struct op *op)
{
	struct descriptor descriptor;
	struct flock lock;
	int command = (int)call->args[1];
	int64_t start;
	int err = decode_look_at(task, (int)call->args[0], &descriptor);

	if (err || descriptor.object == UINT32_MAX)
		return err;
	if (task_peek(task, call->args[2], &lock, sizeof(lock)))
		return 0; /* EFAULT from the kernel */
	op->object = descriptor.object;
	start = lock.l_start + (lock.l_whence == SEEK_CUR          ? descriptor.position
				       : lock.l_whence == SEEK_END ? (int64_t)descriptor.st.st_size
								   : 0);
	if (lock.l_len < 0)
		start += lock.l_len;
	op->offset = start < 0 ? 0 : start;
	op->size_bytes = (uint64_t)(lock.l_len < 0 ? -lock.l_len : lock.l_len);
	op->lock = lock.l_type == F_RDLCK   ? LOCK_SHARE
	           : lock.l_type == F_WRLCK ? LOCK_EXCLUDE
	                                    : LOCK_RELEASE;
	if (command == F_GETLK || command == F_OFD_GETLK)
		op->lock = LOCK_TEST;
	op->is_blocking =
		(command == F_SETLKW || command == F_OFD_SETLKW) && op->lock != LOCK_RELEASE;
	return 1;
}

int decode_look(const struct task *task, const struct call *call, struct op *op)
{
	const uint64_t *a = call->args;

	switch (call->number) {
	case SYS_stat:
		begin(POINT_STAT, op);
		return look_at_name(task, AT_FDCWD, a[0], true, op);
	case SYS_lstat:
		begin(POINT_STAT, op);
		return look_at_name(task, AT_FDCWD, a[0], false, op);
	case SYS_fstat:
		begin(POINT_STAT, op);
		return look_at_descriptor(task, (int)a[0], op);
	case SYS_newfstatat:
		begin(POINT_STAT, op);
		return look_at_either(task, (int)a[0], a[1], a[3], op);
	case SYS_statx:
		begin(POINT_STAT, op);
		return look_at_either(task, (int)a[0], a[1], a[2], op);
	case SYS_access:
		begin(POINT_ACCESS, op);
		return look_at_name(task, AT_FDCWD, a[0], true, op);
	case SYS_faccessat:
	case SYS_faccessat2:
		begin(POINT_ACCESS, op);
		return look_at_name(task, (int)a[0], a[1], true, op);
	case SYS_readlink:
		begin(POINT_READLINK, op);
		return look_at_name(task, AT_FDCWD, a[0], false, op);
	case SYS_readlinkat:
		begin(POINT_READLINK, op);
		return look_at_name(task, (int)a[0], a[1], false, op);
	case SYS_getdents:
	case SYS_getdents64:
		begin(POINT_GETDENTS, op);
		return look_at_descriptor(task, (int)a[0], op);
	case SYS_lseek:
		begin(POINT_LSEEK, op);
		return look_at_descriptor(task, (int)a[0], op);
	case SYS_fcntl:
		begin(POINT_FCNTL, op);
		return look_at_lock(task, call, op);
	case SYS_chdir:
		begin(POINT_ACCESS, op);
		return look_at_name(task, AT_FDCWD, a[0], true, op);
	default: /* attributes and file systems, of any file: see touch_op() */
		begin(POINT_OTHER, op);
		return 1;
	}
}

/* Where the first path of a call is among its arguments; false: it has none. */
static bool find_path(const struct call *call, int *directory_fd, uint64_t *address)
{
	const uint64_t *a = call->args;

	*directory_fd = AT_FDCWD;
	*address = a[0];
	switch (call->number) {
	case SYS_open:
	case SYS_creat:
	case SYS_truncate:
	case SYS_chmod:
	case SYS_rename:
	case SYS_link:
	case SYS_unlink:
	case SYS_rmdir:
	case SYS_mkdir:
	case SYS_stat:
	case SYS_lstat:
	case SYS_access:
	case SYS_readlink:
	case SYS_mknod:
	case SYS_chown:
	case SYS_lchown:
	case SYS_utime:
	case SYS_utimes:
	case SYS_setxattr:
	case SYS_lsetxattr:
	case SYS_removexattr:
	case SYS_lremovexattr:
		return true;
	case SYS_symlink:
		*address = a[1];
		return true;
	case SYS_openat:
	case SYS_openat2:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_linkat:
	case SYS_unlinkat:
	case SYS_mkdirat:
	case SYS_mknodat:
	case SYS_fchmodat:
	case SYS_fchownat:
	case SYS_futimesat:
	case SYS_utimensat:
	case SYS_newfstatat:
	case SYS_statx:
	case SYS_faccessat:
	case SYS_faccessat2:
	case SYS_readlinkat:
		*directory_fd = (int)a[0];
		*address = a[1];
		return true;
	case SYS_symlinkat:
		*directory_fd = (int)a[1];
		*address = a[2];
		return true;
	default:
		return false;
	}
}

int decode_missing(const struct task *task, const struct call *call, struct op *op)
{
	char path[PATH_MAX];
	struct place place;
	uint64_t address;
	int directory_fd, err;

	if (!find_path(call, &directory_fd, &address) || task_peek_path(task, address, path) ||
		!*path)
		return 0;
	err = task_find_place(task, directory_fd, address, &place);
	if (err || (place.directory == UINT32_MAX && *path == '/'))
		return err;
	begin(POINT_ACCESS, op);
	/* A second path, of a rename or link, may be what is missing. */
	op->is_deep = true;
	op->directory = place.directory;
	op->name = strdup(place.directory == UINT32_MAX ? path : place.name);
	return op->name ? 1 : -ENOMEM;
}
