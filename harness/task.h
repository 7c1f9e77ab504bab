/*
 * A stopped task as the kernel lets us see it: its memory, where its paths lead, what is behind its
 * descriptors. No table of descriptors is kept; the kernel is asked each time, and an object is
 * known by its inode.
 */
#ifndef TORNWRITE_TASK_H
#define TORNWRITE_TASK_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "harness/machine.h"
#include "harness/tree.h"

struct task {
	pid_t pid;
	pid_t process;   /* whose thread it is */
	bool is_program; /* nobody but it, its like and what they began is in the data directory */
	int pidfd;       /* of the process */
	const pid_t *peers; /* all tasks of the run; borrowed */
	unsigned peer_count;
	/* The data directory as it is now; borrowed. */
	const struct tree *tree;
	struct inode_map *inodes;
};

/* Sets process and pidfd of a task whose pid is known. Returns 0 or -errno; -ESRCH: it is gone.
 * Pair with task_close(). */
int task_open(struct task *task);
void task_close(struct task *task);

/* Whether the program that it runs has the set-uid or set-gid bit. */
bool task_is_setuid(const struct task *task);

/* Copies between us and the task. Return 0 or -errno. */
int task_peek(const struct task *task, uint64_t address, void *bytes, size_t size_bytes);
int task_poke(const struct task *task, uint64_t address, const void *bytes, size_t size_bytes);
/* Writes also where the task itself may not: a vector in read-only memory. */
int task_force(const struct task *task, uint64_t address, const void *bytes, size_t size_bytes);
int task_peek_path(const struct task *task, uint64_t address, char path[PATH_MAX]);

struct place {
	char path[PATH_MAX + 64]; /* for our own calls, through /proc */
	uint32_t directory;       /* UINT32_MAX: outside the data directory */
	char name[NAME_MAX + 1];
	bool is_deep; /* leads there through other directories or symbolic links */
};

/* Where a path argument leads: the object of its parent directory and its last component. The
 * kernel resolves it through /proc/PID/{cwd,root,fd}, so that the task's own view counts.
 * Returns 0 or -errno. */
int task_find_place(
	const struct task *task, int directory_fd, uint64_t address, struct place *place);

struct descriptor {
	struct stat st;
	int64_t position;
	int flags;       /* as of F_GETFL */
	uint32_t object; /* UINT32_MAX: not in the data directory */
};

/* Looks at a descriptor of the task through a duplicate that is gone again when this returns: held
 * across close or flock it would keep the file open and its lock alive. Returns 0 or -errno. */
int task_look_at(const struct task *task, int fd, struct descriptor *descriptor);

/* Whether a lock that the call of a stopped task asks for is held by one of `count` other tasks, or
 * by the task itself in a way that it waits for itself. `flock`: as flock(2) does, else as fcntl(2)
 * does. Returns 1, 0 or -errno. */
struct lock_request {
	int fd;
	bool is_flock, is_exclusive;
	uint64_t start, end; /* fcntl: bytes, the last one included */
};
int task_must_wait(const struct task *task, const struct lock_request *request);
/* Whether the description behind a descriptor of the task holds a lock of flock(2). */
bool task_holds_flock(const struct task *task, int fd);

/* Whether a descriptor of the task is /dev/random or /dev/urandom. */
bool task_has_random_device(const struct task *task, int fd);

/* The file behind a shared mapping (a call of mmap): its object, opened anew for reading in *fd
 * (close it). Returns 1, 0 when it is not in the data directory or cannot be written through, or
 * -errno. */
int task_find_mapping(const struct task *task, const struct call *call, uint32_t *object, int *fd);

#endif
