/* Points of failure and what is true of an operation by itself. */
#include "harness/op.h"

#include <stdlib.h>
#include <string.h>

/* Names are libfiu's own where its preload library has one, and in the same style elsewhere. */
const struct point points[POINT_COUNT] = {
	[POINT_OPEN] = {"posix/io/oc/open", OP_OPEN, "open"},
	[POINT_CLOSE] = {"posix/io/oc/close", OP_CLOSE, "close"},
	[POINT_READ] = {"posix/io/rw/read", OP_READ, "read"},
	[POINT_PREAD] = {"posix/io/rw/pread", OP_READ, "pread"},
	[POINT_READV] = {"posix/io/rw/readv", OP_READ, "readv"},
	[POINT_PREADV] = {"posix/io/rw/preadv", OP_READ, "preadv"},
	[POINT_WRITE] = {"posix/io/rw/write", OP_WRITE, "write"},
	[POINT_PWRITE] = {"posix/io/rw/pwrite", OP_WRITE, "pwrite"},
	[POINT_WRITEV] = {"posix/io/rw/writev", OP_WRITE, "writev"},
	[POINT_PWRITEV] = {"posix/io/rw/pwritev", OP_WRITE, "pwritev"},
	[POINT_TRUNCATE] = {"posix/io/rw/truncate", OP_TRUNCATE, "truncate"},
	[POINT_FTRUNCATE] = {"posix/io/rw/ftruncate", OP_TRUNCATE, "ftruncate"},
	[POINT_FALLOCATE] = {"linux/io/fallocate", OP_FALLOCATE, "fallocate"},
	[POINT_FSYNC] = {"posix/io/sync/fsync", OP_FSYNC, "fsync"},
	[POINT_FDATASYNC] = {"posix/io/sync/fdatasync", OP_FDATASYNC, "fdatasync"},
	[POINT_SYNC] = {"posix/io/sync/sync", OP_SYNC, "sync"},
	[POINT_SYNCFS] = {"linux/io/syncfs", OP_SYNC, "syncfs"},
	[POINT_FLOCK] = {"linux/io/flock", OP_LOCK, "flock"},
	[POINT_RENAME] = {"posix/io/dir/rename", OP_RENAME, "rename"},
	[POINT_LINK] = {"posix/io/dir/link", OP_LINK, "link"},
	[POINT_UNLINK] = {"posix/io/dir/unlink", OP_UNLINK, "unlink"},
	[POINT_MKDIR] = {"posix/io/dir/mkdir", OP_MKDIR, "mkdir"},
	[POINT_RMDIR] = {"posix/io/dir/rmdir", OP_RMDIR, "rmdir"},
	[POINT_SYMLINK] = {"posix/io/dir/symlink", OP_SYMLINK, "symlink"},
	[POINT_CHMOD] = {"posix/io/mode/chmod", OP_CHMOD, "chmod"},
	[POINT_SENDFILE] = {"linux/io/sendfile", OP_WRITE, "sendfile"},
	[POINT_SPLICE] = {"linux/io/splice", OP_WRITE, "splice"},
	[POINT_COPY_FILE_RANGE] = {"linux/io/copy_file_range", OP_WRITE, "copy_file_range"},
	[POINT_MKNOD] = {"posix/io/dir/mknod", OP_MKNOD, "mknod"},
	[POINT_MSYNC] = {"posix/mm/msync", OP_FDATASYNC, "msync"},
	[POINT_CHOWN] = {"posix/io/mode/chown", OP_METADATA, "chown"},
	[POINT_UTIME] = {"posix/io/mode/utime", OP_METADATA, "utime"},
	[POINT_XATTR] = {"linux/io/xattr", OP_METADATA, "xattr"},
	[POINT_SYNC_FILE_RANGE] = {"linux/io/sync_file_range", OP_METADATA, "sync_file_range"},
	[POINT_STORE] = {"posix/mm/store", OP_STORE, "store"},
	[POINT_DUP] = {"posix/io/oc/dup", OP_CLOSE, "dup"},
	[POINT_EXIT] = {"posix/proc/exit", OP_CLOSE, "close at exit"},
	[POINT_FCNTL] = {"posix/io/lock/fcntl", OP_LOCK, "fcntl"},
	[POINT_STAT] = {"posix/io/look/stat", OP_LOOK, "stat"},
	[POINT_ACCESS] = {"posix/io/look/access", OP_LOOK, "access"},
	[POINT_READLINK] = {"posix/io/look/readlink", OP_LOOK, "readlink"},
	[POINT_GETDENTS] = {"posix/io/look/getdents", OP_LOOK, "getdents"},
	[POINT_LSEEK] = {"posix/io/look/lseek", OP_LOOK, "lseek"},
	[POINT_OTHER] = {"posix/io/look/other", OP_LOOK, "other call"},
};

bool op_is_change(const struct op *op)
{
	switch (op->kind) {
	case OP_READ:
	case OP_LOOK:
	case OP_METADATA:
		return false;
	case OP_OPEN:
		return op->is_creating || op->is_truncating;
	default:
		return true;
	}
}

bool op_may_allocate(const struct op *op)
{
	switch (op->kind) {
	case OP_OPEN:
		return op->is_creating;
	case OP_WRITE:
		return op->size_bytes > 0;
	case OP_TRUNCATE:
		return op->is_growing;
	case OP_FALLOCATE:
	case OP_RENAME:
	case OP_EXCHANGE:
	case OP_LINK:
	case OP_MKDIR:
	case OP_SYMLINK:
	case OP_MKNOD:
		return true;
	case OP_PUNCH:
		return !op->is_hole;
	default:
		return false;
	}
}

bool point_has_reduce(enum point_id point)
{
	return points[point].kind == OP_READ || points[point].kind == OP_WRITE;
}

int point_find(const char *name)
{
	for (int i = 0; i < POINT_FAULTS; i++) {
		size_t length = strlen(points[i].name);

		if (strncmp(name, points[i].name, length))
			continue;
		if (!name[length])
			return i;
		if (!strcmp(name + length, "/reduce") && point_has_reduce((enum point_id)i))
			return i;
	}
	return -1;
}

void op_release(struct op *op)
{
	free(op->name);
	free(op->new_name);
	free(op->data);
	op->name = op->new_name = NULL;
	op->data = NULL;
}
