/*
 * An operation: one call that touches a file in the data directory, as the kernel saw it.
 *
 * Objects (files, directories, links) are numbered; number 0 is the data directory itself. A name
 * is always (directory object, entry), so an operation stays true when a directory is renamed.
 */
#ifndef TORNWRITE_OP_H
#define TORNWRITE_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum op_kind {
	OP_OPEN,
	OP_CLOSE,
	OP_READ,
	OP_WRITE,
	OP_TRUNCATE,
	OP_FALLOCATE,
	OP_FSYNC,
	OP_FDATASYNC,
	OP_SYNC, /* sync, syncfs: everything */
	OP_LOCK, /* flock; of several workers also fcntl */
	OP_RENAME,
	OP_EXCHANGE,
	OP_LINK,
	OP_UNLINK,
	OP_MKDIR,
	OP_RMDIR,
	OP_SYMLINK,
	OP_CHMOD,
	OP_STORE, /* a page changed through a shared mapping; seen after the fact, never struck */
	OP_LOOK,  /* looks at something else than data: names, sizes; only of several workers */
	OP_MKNOD, /* of a regular file: makes it, and leaves it closed */
	OP_PUNCH, /* fallocate that makes bytes zero; seen in part like a write */
	/* Owners, times, extended attributes, sync_file_range: nothing that a tree holds, and no
	 * promise. Where the permission bits change along with it, it is an OP_CHMOD. */
	OP_METADATA,
	OP_KINDS,
};

/* One point of failure: a name in libfiu's hierarchy and the operation it stands for. */
struct point {
	const char *name;
	enum op_kind kind;
	const char *call; /* what a person calls it: "write" */
};

/* The index of a point in points[]. */
enum point_id {
	POINT_OPEN,
	POINT_CLOSE,
	POINT_READ,
	POINT_PREAD,
	POINT_READV,
	POINT_PREADV,
	POINT_WRITE,
	POINT_PWRITE,
	POINT_WRITEV,
	POINT_PWRITEV,
	POINT_TRUNCATE,
	POINT_FTRUNCATE,
	POINT_FALLOCATE,
	POINT_FSYNC,
	POINT_FDATASYNC,
	POINT_SYNC,
	POINT_SYNCFS,
	POINT_FLOCK,
	POINT_RENAME,
	POINT_LINK,
	POINT_UNLINK,
	POINT_MKDIR,
	POINT_RMDIR,
	POINT_SYMLINK,
	POINT_CHMOD,
	POINT_SENDFILE,
	POINT_SPLICE,
	POINT_COPY_FILE_RANGE,
	POINT_MKNOD,
	POINT_MSYNC,
	POINT_CHOWN,
	POINT_UTIME,
	POINT_XATTR,
	POINT_SYNC_FILE_RANGE,
	POINT_FAULTS, /* what follows is seen, and never struck */
	POINT_STORE = POINT_FAULTS,
	POINT_DUP,  /* dup2, dup3: closes what had the number before */
	POINT_EXIT, /* the end of a task, or exec: closes what is open */
	POINT_FCNTL,
	POINT_STAT,
	POINT_ACCESS,
	POINT_READLINK,
	POINT_GETDENTS,
	POINT_LSEEK,
	POINT_OTHER,
	POINT_COUNT,
};
extern const struct point points[POINT_COUNT];

/* What a fault does to an operation. */
enum strike_action {
	STRIKE_NONE,
	STRIKE_ERROR,       /* fails with `error`; the kernel never sees it */
	STRIKE_LATE_ERROR,  /* takes place in full, then reports `error` */
	STRIKE_SHORT,       /* reads or writes `bytes` only */
	STRIKE_KILL_BEFORE, /* the process is killed; the operation does not take place */
	STRIKE_KILL_MIDDLE, /* killed after `bytes` were written */
	STRIKE_KILL_AFTER,  /* killed when the operation is complete */
};

struct strike {
	enum strike_action action;
	int error;      /* errno, positive */
	uint64_t bytes; /* at least 1 and less than the operation's size_bytes */
};

enum lock_action { LOCK_NONE, LOCK_SHARE, LOCK_EXCLUDE, LOCK_RELEASE, LOCK_TEST };

struct op {
	enum op_kind kind;
	enum point_id point;

	/* The object that is read, written, synced, moved, made or removed. */
	uint32_t object;
	/* Where its name is (OP_OPEN that creates, and all operations on names). UINT32_MAX, with
	 * no name, of an OP_OPEN that creates: the file has none (O_TMPFILE). */
	uint32_t directory;
	char *name; /* owned */
	/* Where the name goes: rename, exchange, link. */
	uint32_t new_directory;
	char *new_name; /* owned */

	int64_t offset;      /* of data, in bytes; resolved also for O_APPEND and shared offsets */
	uint64_t size_bytes; /* asked for; for a read no more than there is; the new size of a file
	                      */
	uint8_t *data; /* owned; what was written (effect bytes), or a symlink's target. Before
	                * it took place NULL where it comes from something that cannot be
	                * looked at (splice from a pipe) */
	uint32_t mode; /* permission bits, umask applied: create, mkdir, chmod */

	/* OP_LOCK; of fcntl(2) on bytes offset .. offset + size_bytes, size_bytes 0: to the end. */
	enum lock_action lock;
	bool is_blocking; /* waits for the lock */

	bool is_creating;    /* open: makes the file (known at entry) */
	bool is_truncating;  /* open: O_TRUNC on a file that is not empty */
	bool is_growing;     /* truncate, write: the file's size grows */
	bool is_synchronous; /* write: O_SYNC or O_DSYNC, a write and a sync */
	bool is_allowed;     /* read: the descriptor is open for reading */
	bool keeps_size;     /* fallocate, punch: with FALLOC_FL_KEEP_SIZE */
	bool is_hole;        /* punch: the blocks are given back, otherwise they are allocated */
	bool is_last;        /* close: nothing else refers to the open file; see decode_is_last() */
	bool may_wait;       /* write, read: the other end is a pipe or a socket */
	bool is_deep;        /* a path that leads through other directories or symbolic links */
	bool is_appending;   /* write: at the end, wherever that is */
	bool has_truncation; /* open: O_TRUNC, also on a file that is empty */
	/* 4096-byte blocks of the file that this operation would have to allocate. */
	uint64_t new_blocks;

	struct strike strike;
	/* What the kernel did: >= 0 as the call returns it, or -errno. The tree follows this. */
	int64_t effect;
	/* What the worker was told. The same but for an injected fault. */
	int64_t result;
};

/* Whether a power cut, a kill or another process could tell that the operation took place:
 * everything but reads, and opens that neither create nor truncate. */
bool op_is_change(const struct op *op);

/* Whether a full disk may refuse it: writes, growth, and every new name (POSIX ENOSPC). */
bool op_may_allocate(const struct op *op);

/* Finds a point by its libfiu name; also "NAME/reduce" for reads and writes. -1: no such point. */
int point_find(const char *name);

/* Whether the point moves bytes and has a "/reduce" variant in libfiu's hierarchy. */
bool point_has_reduce(enum point_id point);

void op_release(struct op *op);

#endif
