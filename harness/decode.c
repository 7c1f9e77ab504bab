/*
 * What all calls have in common, and the table that sends each to its family: names, data, copies,
 * attributes, closes, mappings, looks.
 */
#include "harness/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/decode_private.h"

/* Longer than any file: such a range is refused by the kernel. */
static const uint64_t max_range = (uint64_t)1 << 43;

/* ---- what the families share ---- */

int decode_point(enum point_id point, struct op *op)
{
	op->point = point;
	op->kind = points[point].kind;
	op->object = op->directory = op->new_directory = UINT32_MAX;
	return 0;
}

static enum object_type type_of(const struct stat *st)
{
	return S_ISREG(st->st_mode)   ? OBJECT_FILE
	       : S_ISDIR(st->st_mode) ? OBJECT_DIRECTORY
	       : S_ISLNK(st->st_mode) ? OBJECT_SYMLINK
	                              : OBJECT_NONE;
}

uint32_t decode_object(const struct task *task, const struct stat *st)
{
	uint32_t object = inode_map_get(task->inodes, st->st_dev, st->st_ino);

	if (object == UINT32_MAX || tree_object_type(task->tree, object) != type_of(st))
		return UINT32_MAX;
	return st->st_nlink && !S_ISDIR(st->st_mode) &&
	                       inode_map_is_orphan(task->inodes, st->st_dev, st->st_ino)
	               ? UINT32_MAX
	               : object;
}

int decode_look_at(const struct task *task, int fd, struct descriptor *descriptor)
{
	int err = task_look_at(task, fd, descriptor);

	if (!err && descriptor->object != UINT32_MAX)
		descriptor->object = decode_object(task, &descriptor->st);
	return err;
}

int decode_descriptor(const struct task *task, int fd, struct op *op)
{
	struct descriptor descriptor;
	int err = decode_look_at(task, fd, &descriptor);

	if (err || descriptor.object == UINT32_MAX)
		return err;
	op->object = descriptor.object;
	return 1;
}

uint64_t decode_new_blocks(const struct task *task, const struct op *op)
{
	if (op->offset < 0 || op->size_bytes > max_range || (uint64_t)op->offset > max_range)
		return 0;
	return tree_blocks_needed(task->tree, op->object, (uint64_t)op->offset, op->size_bytes);
}

/* ---- sizes ---- */

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
	op->object = decode_object(task, &st);
	if (op->object == UINT32_MAX)
		return 0;
	err = decode_set_name(op, &place);
	return err < 0 ? err : decode_size(task, call->args[1], op);
}

static int decode_fallocate(const struct task *task, const struct call *call, struct op *op)
{
	const uint64_t known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
	uint64_t mode = call->args[1];
	int err = decode_descriptor(task, (int)call->args[0], op);

	/* The filter refuses the others. */
	if (err <= 0 || mode & ~known)
		return err < 0 ? err : 0;
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		op->kind = OP_PUNCH;
	op->is_hole = mode & FALLOC_FL_PUNCH_HOLE;
	op->keeps_size = mode & FALLOC_FL_KEEP_SIZE;
	op->offset = (int64_t)call->args[2];
	op->size_bytes = call->args[3];
	op->is_growing = !op->keeps_size && (uint64_t)op->offset + op->size_bytes >
	                                            tree_file_bytes(task->tree, op->object);
	op->new_blocks = op->is_hole ? 0 : decode_new_blocks(task, op);
	return 1;
}

/* ---- the table of calls ---- */

static int decode_on_descriptor(
	const struct task *task, enum point_id point, const struct call *call, struct op *op)
{
	decode_point(point, op);
	return decode_descriptor(task, (int)call->args[0], op);
}

static int decode_close(const struct task *task, const struct call *call, struct op *op)
{
	int found = decode_on_descriptor(task, POINT_CLOSE, call, op);

	if (found > 0)
		op->is_last = decode_is_last(task, (int)call->args[0], op->object);
	return found;
}

static int decode_flock(const struct task *task, const struct call *call, struct op *op)
{
	uint64_t operation = call->args[1];

	op->lock = operation & LOCK_SH   ? LOCK_SHARE
	           : operation & LOCK_EX ? LOCK_EXCLUDE
	                                 : LOCK_RELEASE;
	op->is_blocking = op->lock != LOCK_RELEASE && !(operation & LOCK_NB);
	return decode_on_descriptor(task, POINT_FLOCK, call, op);
}

/* Whether decode_look() knows the call. */
static bool is_look(long number)
{
	static const int looks[] = {SYS_stat, SYS_lstat, SYS_fstat, SYS_newfstatat, SYS_statx,
		SYS_access, SYS_faccessat, SYS_faccessat2, SYS_readlink, SYS_readlinkat,
		SYS_getdents, SYS_getdents64, SYS_lseek, SYS_fcntl, SYS_chdir, SYS_getxattr,
		SYS_lgetxattr, SYS_fgetxattr, SYS_listxattr, SYS_llistxattr, SYS_flistxattr,
		SYS_statfs, SYS_fstatfs};

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
	case SYS_openat:
	case SYS_openat2:
	case SYS_creat:
		return decode_open_call(task, call, op);
	case SYS_close:
		return decode_close(task, call, op);
	case SYS_dup2:
	case SYS_dup3:
		return decode_dup(task, call, op);
	case SYS_fsync:
		return decode_on_descriptor(task, POINT_FSYNC, call, op);
	case SYS_fdatasync:
		return decode_on_descriptor(task, POINT_FDATASYNC, call, op);
	case SYS_syncfs:
		return decode_on_descriptor(task, POINT_SYNCFS, call, op);
	case SYS_msync:
		return decode_msync(task, call, op);
	case SYS_flock:
		return decode_flock(task, call, op);
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
	case SYS_sendfile:
	case SYS_splice:
	case SYS_copy_file_range:
		return decode_copy(task, call, op);
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
	case SYS_mknod:
	case SYS_mknodat:
	case SYS_symlink:
	case SYS_symlinkat:
		return decode_name_call(task, call, op);
	default:
		found = decode_io(task, call, op);
		return found ? found : decode_attribute(task, call, op);
	}
}

int decode_exit(const struct task *task, const struct call *call, struct op *op)
{
	int err;

	op->effect = op->result = call->result;
	if (call->result < 0)
		return 0;
	err = decode_name_exit(task, call, op);
	if (!err)
		err = decode_io_exit(task, call, op);
	if (!err && decode_count_argument(call->number) > 2)
		err = decode_copy_exit(task, call, op);
	if (!err)
		err = decode_attribute_exit(task, call, op);
	return err;
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
