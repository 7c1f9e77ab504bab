/*
 * One function a family of calls: names, opens, data, descriptors; then the table of calls.
 */
#include "harness/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAX_VECTORS = 1024 };
/* More than this in one call is refused by the kernel, too (MAX_RW_COUNT). */
static const uint64_t max_bytes = 0x7ffff000;

/* ---- names ---- */

static int set_name(struct op *op, const struct place *place)
{
	op->directory = place->directory;
	op->is_deep |= place->is_deep;
	op->name = strdup(place->name);
	return op->name ? 1 : -ENOMEM;
}

static int set_new_name(struct op *op, const struct place *place)
{
	op->new_directory = place->directory;
	op->is_deep |= place->is_deep;
	op->new_name = strdup(place->name);
	return op->new_name ? 1 : -ENOMEM;
}

/* A call on one existing or future name: unlink, rmdir, mkdir. */
static int decode_name(const struct task *task, int directory_fd, uint64_t address, struct op *op)
{
	struct place place;
	int err = task_find_place(task, directory_fd, address, &place);

	if (err || place.directory == UINT32_MAX)
		return err;
	op->object = op->kind == OP_MKDIR || op->kind == OP_SYMLINK
	                     ? tree_object_count(task->tree)
	                     : tree_lookup(task->tree, place.directory, place.name);
	return set_name(op, &place);
}

/* A hard link; the file can be given by a descriptor or through a link of /proc, too. */
static int decode_link(const struct task *task, int from_fd, uint64_t from, int to_fd, uint64_t to,
	uint64_t flags, struct op *op)
{
	struct place source, target;
	struct descriptor descriptor;
	struct stat st;
	int err = task_find_place(task, to_fd, to, &target);

	if (err || target.directory == UINT32_MAX)
		return err;
	err = task_find_place(task, from_fd, from, &source);
	if (err)
		return err;
	if (flags & AT_EMPTY_PATH && !source.name[0]) {
		err = task_look_at(task, from_fd, &descriptor);
		op->object = descriptor.object;
	} else if (flags & AT_SYMLINK_FOLLOW && !stat(source.path, &st)) {
		op->object = inode_map_get(task->inodes, st.st_dev, st.st_ino);
	} else {
		op->object = tree_lookup(task->tree, source.directory, source.name);
	}
	if (err || op->object == UINT32_MAX)
		return err;
	/* A file that was not given by its name in the data directory has none here. */
	err = source.directory == UINT32_MAX ? 1 : set_name(op, &source);
	return err < 0 ? err : set_new_name(op, &target);
}

/* A call on two names: rename. Both must be ours; a move across the border is recorded
 * as nothing and found by the replay check. */
static int decode_two_names(
	const struct task *task, int from_fd, uint64_t from, int to_fd, uint64_t to, struct op *op)
{
	struct place source, target;
	int err = task_find_place(task, from_fd, from, &source);

	if (err || source.directory == UINT32_MAX)
		return err;
	err = task_find_place(task, to_fd, to, &target);
	if (err || target.directory == UINT32_MAX)
		return err;
	op->object = tree_lookup(task->tree, source.directory, source.name);
	err = set_name(op, &source);
	return err < 0 ? err : set_new_name(op, &target);
}

static int decode_symlink(
	const struct task *task, uint64_t target, int directory_fd, uint64_t address, struct op *op)
{
	char path[PATH_MAX];
	int err = task_peek_path(task, target, path);

	if (err)
		return err == -EFAULT || err == -ENAMETOOLONG ? 0 : err;
	err = decode_name(task, directory_fd, address, op);
	if (err <= 0)
		return err;
	op->data = (uint8_t *)strdup(path);
	return op->data ? 1 : -ENOMEM;
}

static int decode_open(
	const struct task *task, int directory_fd, uint64_t address, uint64_t flags, struct op *op)
{
	struct place place;
	struct stat st;
	int err;

	if (flags & O_PATH)
		return 0;
	err = task_find_place(task, directory_fd, address, &place);
	if (err)
		return err;
	if (!(flags & O_NOFOLLOW ? lstat(place.path, &st) : stat(place.path, &st))) {
		op->object = inode_map_get(task->inodes, st.st_dev, st.st_ino);
		if (op->object == UINT32_MAX)
			return 0;
		op->has_truncation = flags & O_TRUNC && S_ISREG(st.st_mode);
		op->is_truncating = flags & O_TRUNC && S_ISREG(st.st_mode) && st.st_size > 0 &&
		                    !(flags & O_CREAT && flags & O_EXCL);
		return set_name(op, &place);
	}
	if (place.directory == UINT32_MAX)
		return 0;
	op->is_creating = flags & O_CREAT;
	op->object = op->is_creating ? tree_object_count(task->tree) : UINT32_MAX;
	return set_name(op, &place);
}

/* ---- descriptors ---- */

static int decode_descriptor(const struct task *task, int fd, struct op *op)
{
	struct descriptor descriptor;
	int err = task_look_at(task, fd, &descriptor);

	if (err || descriptor.object == UINT32_MAX)
		return err;
	op->object = descriptor.object;
	return 1;
}

/* Gathers what a call is about to write. */
static int peek_vectors(
	const struct task *task, const struct iovec *vectors, size_t count, struct op *op)
{
	uint64_t at = 0;

	op->data = calloc(1, op->size_bytes ? op->size_bytes : 1);
	if (!op->data)
		return -ENOMEM;
	for (size_t i = 0; i < count && at < op->size_bytes; i++) {
		uint64_t address = (uint64_t)vectors[i].iov_base;
		uint64_t end = address + vectors[i].iov_len;

		if (at + vectors[i].iov_len > op->size_bytes)
			end = address + op->size_bytes - at;
		/* Page by page, like the kernel: it writes what lies before a bad address. */
		while (address < end) {
			uint64_t chunk = TREE_PAGE_BYTES - address % TREE_PAGE_BYTES;
			int err;

			if (chunk > end - address)
				chunk = end - address;
			err = task_peek(task, address, op->data + at, chunk);
			if (err)
				return err == -EFAULT ? 1 : err;
			address += chunk;
			at += chunk;
		}
	}
	return 1;
}

/* read, write and their relatives. `offset` is -1 for the descriptor's own position. */
static int decode_data(const struct task *task, int fd, const struct iovec *vectors, size_t count,
	int64_t offset, uint64_t flags, struct op *op)
{
	struct descriptor descriptor;
	uint64_t end, size;
	int err = task_look_at(task, fd, &descriptor);

	if (err || descriptor.object == UINT32_MAX || !S_ISREG(descriptor.st.st_mode))
		return err;
	op->object = descriptor.object;
	size = (uint64_t)descriptor.st.st_size;
	for (size_t i = 0; i < count; i++)
		op->size_bytes += vectors[i].iov_len;
	if (op->size_bytes > max_bytes)
		op->size_bytes = max_bytes;
	op->offset = offset < 0 ? descriptor.position : offset;
	if (op->kind == OP_READ) {
		uint64_t there = size > (uint64_t)op->offset ? size - (uint64_t)op->offset : 0;

		if (op->size_bytes > there)
			op->size_bytes = there;
		op->is_allowed = (descriptor.flags & O_ACCMODE) != O_WRONLY;
		return 1;
	}
	/* On Linux pwrite(2), too, appends on an O_APPEND descriptor. */
	op->is_appending = descriptor.flags & O_APPEND || flags & RWF_APPEND;
	if (op->is_appending)
		op->offset = descriptor.st.st_size;
	op->is_synchronous = descriptor.flags & O_DSYNC || flags & (RWF_DSYNC | RWF_SYNC);
	end = (uint64_t)op->offset + op->size_bytes;
	op->is_growing = op->size_bytes && end > size;
	op->new_blocks =
		tree_blocks_needed(task->tree, op->object, (uint64_t)op->offset, op->size_bytes);
	return peek_vectors(task, vectors, count, op);
}

static int decode_vectors(const struct task *task, const struct call *call, int64_t offset,
	uint64_t flags, struct op *op)
{
	struct iovec vectors[MAX_VECTORS];
	uint64_t count = call->args[2];
	int err;

	if (count > MAX_VECTORS)
		return 0; /* EINVAL from the kernel */
	err = task_peek(task, call->args[1], vectors, count * sizeof(*vectors));
	if (err)
		return 0; /* EFAULT from the kernel */
	return decode_data(task, (int)call->args[0], vectors, count, offset, flags, op);
}

static int decode_size(const struct task *task, uint64_t size_bytes, struct op *op)
{
	uint64_t size = tree_file_bytes(task->tree, op->object);

	op->size_bytes = size_bytes;
	op->is_growing = size_bytes > size;
	return 1;
}

static int decode_truncate(const struct task *task, const struct call *call, struct op *op)
{
	struct place place;
	struct stat st;
	int err = task_find_place(task, AT_FDCWD, call->args[0], &place);

	if (err || stat(place.path, &st))
		return err;
	op->object = inode_map_get(task->inodes, st.st_dev, st.st_ino);
	if (op->object == UINT32_MAX)
		return 0;
	err = set_name(op, &place);
	return err < 0 ? err : decode_size(task, call->args[1], op);
}

static int decode_fallocate(const struct task *task, const struct call *call, struct op *op)
{
	int err = decode_descriptor(task, (int)call->args[0], op);

	if (err <= 0)
		return err;
	/* Holes, collapses and inserts are not followed yet; the replay check would tell. */
	if (call->args[1] & ~(uint64_t)FALLOC_FL_KEEP_SIZE)
		return 0;
	op->keeps_size = call->args[1] & FALLOC_FL_KEEP_SIZE;
	op->offset = (int64_t)call->args[2];
	op->size_bytes = call->args[3];
	op->is_growing = !op->keeps_size && (uint64_t)op->offset + op->size_bytes >
	                                            tree_file_bytes(task->tree, op->object);
	op->new_blocks =
		tree_blocks_needed(task->tree, op->object, (uint64_t)op->offset, op->size_bytes);
	return 1;
}

static int decode_chmod_path(
	const struct task *task, int directory_fd, uint64_t address, uint64_t mode, struct op *op)
{
	struct place place;
	struct stat st;
	int err = task_find_place(task, directory_fd, address, &place);

	if (err || stat(place.path, &st))
		return err;
	op->object = inode_map_get(task->inodes, st.st_dev, st.st_ino);
	op->mode = mode & 07777;
	return op->object == UINT32_MAX ? 0 : set_name(op, &place);
}

/* ---- the table of calls ---- */

static int decode_point(enum point_id point, struct op *op)
{
	op->point = point;
	op->kind = points[point].kind;
	op->object = op->directory = op->new_directory = UINT32_MAX;
	return 0;
}

static int decode_io(const struct task *task, const struct call *call, struct op *op)
{
	const uint64_t *a = call->args;
	struct iovec one = {(void *)a[1], a[2]};

	switch (call->number) {
	case SYS_read:
		decode_point(POINT_READ, op);
		return decode_data(task, (int)a[0], &one, 1, -1, 0, op);
	case SYS_pread64:
		decode_point(POINT_PREAD, op);
		return decode_data(task, (int)a[0], &one, 1, (int64_t)a[3], 0, op);
	case SYS_write:
		decode_point(POINT_WRITE, op);
		return decode_data(task, (int)a[0], &one, 1, -1, 0, op);
	case SYS_pwrite64:
		decode_point(POINT_PWRITE, op);
		return decode_data(task, (int)a[0], &one, 1, (int64_t)a[3], 0, op);
	case SYS_readv:
		decode_point(POINT_READV, op);
		return decode_vectors(task, call, -1, 0, op);
	case SYS_preadv:
	case SYS_preadv2:
		decode_point(POINT_PREADV, op);
		return decode_vectors(task, call, (int64_t)a[3], 0, op);
	case SYS_writev:
		decode_point(POINT_WRITEV, op);
		return decode_vectors(task, call, -1, 0, op);
	case SYS_pwritev:
	case SYS_pwritev2:
		decode_point(POINT_PWRITEV, op);
		return decode_vectors(
			task, call, (int64_t)a[3], call->number == SYS_pwritev2 ? a[5] : 0, op);
	default:
		return 0;
	}
}

static int decode_openat2(const struct task *task, const struct call *call, struct op *op)
{
	struct open_how how = {0};

	if (task_peek(task, call->args[2], &how, sizeof(how)))
		return 0;
	return decode_open(task, (int)call->args[0], call->args[1], how.flags, op);
}

static int decode_names(const struct task *task, const struct call *call, struct op *op)
{
	const uint64_t *a = call->args;
	const int cwd = AT_FDCWD;

	switch (call->number) {
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:
		decode_point(POINT_RENAME, op);
		if (call->number == SYS_rename)
			return decode_two_names(task, cwd, a[0], cwd, a[1], op);
		if (call->number == SYS_renameat2 && a[4] & RENAME_EXCHANGE)
			op->kind = OP_EXCHANGE;
		return decode_two_names(task, (int)a[0], a[1], (int)a[2], a[3], op);
	case SYS_link:
		decode_point(POINT_LINK, op);
		return decode_link(task, cwd, a[0], cwd, a[1], 0, op);
	case SYS_linkat:
		decode_point(POINT_LINK, op);
		return decode_link(task, (int)a[0], a[1], (int)a[2], a[3], a[4], op);
	case SYS_unlink:
		decode_point(POINT_UNLINK, op);
		return decode_name(task, cwd, a[0], op);
	case SYS_unlinkat:
		decode_point(a[2] & AT_REMOVEDIR ? POINT_RMDIR : POINT_UNLINK, op);
		return decode_name(task, (int)a[0], a[1], op);
	case SYS_rmdir:
		decode_point(POINT_RMDIR, op);
		return decode_name(task, cwd, a[0], op);
	case SYS_mkdir:
		decode_point(POINT_MKDIR, op);
		return decode_name(task, cwd, a[0], op);
	case SYS_mkdirat:
		decode_point(POINT_MKDIR, op);
		return decode_name(task, (int)a[0], a[1], op);
	case SYS_symlink:
		decode_point(POINT_SYMLINK, op);
		return decode_symlink(task, a[0], cwd, a[1], op);
	default: /* symlinkat */
		decode_point(POINT_SYMLINK, op);
		return decode_symlink(task, a[0], (int)a[1], a[2], op);
	}
}

static int decode_on_descriptor(
	const struct task *task, enum point_id point, const struct call *call, struct op *op)
{
	decode_point(point, op);
	return decode_descriptor(task, (int)call->args[0], op);
}

/* Whether decode_look() knows the call. */
static bool is_look(long number)
{
	static const int looks[] = {SYS_stat, SYS_lstat, SYS_fstat, SYS_newfstatat, SYS_statx,
		SYS_access, SYS_faccessat, SYS_faccessat2, SYS_readlink, SYS_readlinkat,
		SYS_getdents, SYS_getdents64, SYS_lseek, SYS_fcntl, SYS_chdir, SYS_utimensat,
		SYS_utime, SYS_utimes, SYS_futimesat, SYS_chown, SYS_lchown, SYS_fchown,
		SYS_fchownat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr,
		SYS_lremovexattr, SYS_fremovexattr, SYS_getxattr, SYS_lgetxattr, SYS_fgetxattr,
		SYS_listxattr, SYS_llistxattr, SYS_flistxattr, SYS_statfs, SYS_fstatfs, SYS_mknod,
		SYS_mknodat};

	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
		if (looks[i] == number)
			return true;
	}
	return false;
}

int decode_entry(const struct task *task, const struct call *call, struct op *op)
{
	const uint64_t *a = call->args;
	int found;

	memset(op, 0, sizeof(*op));
	if (is_look(call->number))
		return decode_look(task, call, op);
	switch (call->number) {
	case SYS_open:
		decode_point(POINT_OPEN, op);
		return decode_open(task, AT_FDCWD, a[0], a[1], op);
	case SYS_openat:
		decode_point(POINT_OPEN, op);
		return decode_open(task, (int)a[0], a[1], a[2], op);
	case SYS_openat2:
		decode_point(POINT_OPEN, op);
		return decode_openat2(task, call, op);
	case SYS_creat:
		decode_point(POINT_OPEN, op);
		return decode_open(task, AT_FDCWD, a[0], O_CREAT | O_WRONLY | O_TRUNC, op);
	case SYS_close:
		return decode_on_descriptor(task, POINT_CLOSE, call, op);
	case SYS_fsync:
		return decode_on_descriptor(task, POINT_FSYNC, call, op);
	case SYS_fdatasync:
		return decode_on_descriptor(task, POINT_FDATASYNC, call, op);
	case SYS_syncfs:
		return decode_on_descriptor(task, POINT_SYNCFS, call, op);
	case SYS_flock:
		op->lock = a[1] & LOCK_SH   ? LOCK_SHARE
		           : a[1] & LOCK_EX ? LOCK_EXCLUDE
		                            : LOCK_RELEASE;
		op->is_blocking = op->lock != LOCK_RELEASE && !(a[1] & LOCK_NB);
		return decode_on_descriptor(task, POINT_FLOCK, call, op);
	case SYS_sync:
		decode_point(POINT_SYNC, op);
		return 1;
	case SYS_truncate:
		decode_point(POINT_TRUNCATE, op);
		return decode_truncate(task, call, op);
	case SYS_ftruncate:
		found = decode_on_descriptor(task, POINT_FTRUNCATE, call, op);
		return found > 0 ? decode_size(task, a[1], op) : found;
	case SYS_fallocate:
		decode_point(POINT_FALLOCATE, op);
		return decode_fallocate(task, call, op);
	case SYS_fchmod:
		found = decode_on_descriptor(task, POINT_CHMOD, call, op);
		op->mode = a[1] & 07777;
		return found;
	case SYS_chmod:
		decode_point(POINT_CHMOD, op);
		return decode_chmod_path(task, AT_FDCWD, a[0], a[1], op);
	case SYS_fchmodat:
		decode_point(POINT_CHMOD, op);
		return decode_chmod_path(task, (int)a[0], a[1], a[2], op);
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_link:
	case SYS_linkat:
	case SYS_unlink:
	case SYS_unlinkat:
	case SYS_rmdir:
	case SYS_mkdir:
	case SYS_mkdirat:
	case SYS_symlink:
	case SYS_symlinkat:
		return decode_names(task, call, op);
	default:
		return decode_io(task, call, op);
	}
}

int decode_exit(const struct task *task, const struct call *call, struct op *op)
{
	char path[PATH_MAX + 64];
	struct stat st;

	op->effect = op->result = call->result;
	if (call->result < 0)
		return 0;
	if (op->kind == OP_OPEN && op->is_creating) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", task->pid, (int)call->result);
		if (stat(path, &st))
			return -errno;
	} else if (op->kind == OP_MKDIR || op->kind == OP_SYMLINK) {
		bool is_legacy = call->number == SYS_mkdir || call->number == SYS_symlink;
		unsigned path_argument = call->number == SYS_mkdir       ? 0
		                         : call->number == SYS_symlinkat ? 2
		                                                         : 1;
		struct place place;
		int directory_fd = is_legacy              ? AT_FDCWD
		                   : op->kind == OP_MKDIR ? (int)call->args[0]
		                                          : (int)call->args[1];
		int err = task_find_place(task, directory_fd, call->args[path_argument], &place);

		if (err)
			return err;
		if (lstat(place.path, &st))
			return -errno;
	} else {
		return 0;
	}
	if (op->kind != OP_SYMLINK)
		op->mode = st.st_mode & 07777;
	/* Inode numbers are reused: what was bound to this one is gone. */
	return inode_map_set(task->inodes, st.st_dev, st.st_ino, tree_object_count(task->tree));
}

unsigned decode_count_argument(long number)
{
	switch (number) {
	case SYS_sendfile:
		return 3;
	case SYS_splice:
	case SYS_copy_file_range:
		return 4;
	default:
		return 2;
	}
}
