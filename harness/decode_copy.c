/*
 * Calls that copy from one descriptor to another without the bytes ever being in the task's memory.
 *
 * Method: at its entry the source is read, where it is a file; at its exit what was written is read
 * back from the destination, so that it does not matter what the source was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/decode_private.h"

/* What a pipe holds, if it cannot be asked. */
enum { PIPE_BYTES = 65536 };
static const uint64_t max_bytes = 0x7ffff000; /* as MAX_RW_COUNT */

struct ends {
	enum point_id point;
	int from, to;
	uint64_t from_at, to_at; /* addresses of offsets; 0: the descriptor's own position */
	uint64_t size_bytes;
};

static void find_ends(const struct call *call, struct ends *ends)
{
	const uint64_t *a = call->args;

	if (call->number == SYS_sendfile)
		*ends = (struct ends){POINT_SENDFILE, (int)a[1], (int)a[0], a[2], 0, a[3]};
	else
		*ends = (struct ends){
			call->number == SYS_splice ? POINT_SPLICE : POINT_COPY_FILE_RANGE,
			(int)a[0], (int)a[2], a[1], a[3], a[4]};
	if (ends->size_bytes > max_bytes)
		ends->size_bytes = max_bytes;
}

/* An explicit offset, or the position. Returns 0 or -errno. */
static int find_offset(const struct task *task, uint64_t address, int64_t position, int64_t *offset)
{
	*offset = position;
	return address ? task_peek(task, address, offset, sizeof(*offset)) : 0;
}

/* Reads what there is, up to op->size_bytes, and cuts that down to it. */
static int read_source(int fd, int64_t offset, uint64_t file_bytes, struct op *op)
{
	uint64_t left = file_bytes > (uint64_t)offset ? file_bytes - (uint64_t)offset : 0;
	ssize_t got = 0;

	if (op->size_bytes > left)
		op->size_bytes = left;
	op->data = calloc(1, op->size_bytes + 1);
	if (!op->data)
		return -ENOMEM;
	for (uint64_t at = 0; at < op->size_bytes; at += (uint64_t)got) {
		got = pread(fd, op->data + at, op->size_bytes - at, offset + (int64_t)at);
		if (got > 0)
			continue;
		/* The kernel, too, will find that it cannot be read. */
		free(op->data);
		op->data = NULL;
		break;
	}
	return 0;
}

/* What is about to be copied: op->size_bytes, and the data if it can be had. */
static int peek_source(const struct task *task, const struct ends *ends, struct op *op)
{
	int fd = (int)syscall(SYS_pidfd_getfd, task->pidfd, ends->from, 0), waiting = 0, err = 0;
	int64_t offset = 0;
	struct stat st;

	op->size_bytes = ends->size_bytes;
	if (fd < 0)
		return errno == EBADF ? 0 : -errno;
	if (fstat(fd, &st)) {
		err = -errno;
	} else if (S_ISREG(st.st_mode) && st.st_size) {
		err = find_offset(task, ends->from_at, lseek(fd, 0, SEEK_CUR), &offset);
		if (!err && offset >= 0)
			err = read_source(fd, offset, (uint64_t)st.st_size, op);
		err = err == -EFAULT ? 0 : err;
	} else {
		/* A pipe; or a file of /proc, whose size says nothing. */
		uint64_t there = !ioctl(fd, FIONREAD, &waiting) && waiting > 0 ? (uint64_t)waiting
		                                                               : PIPE_BYTES;

		op->may_wait = !S_ISREG(st.st_mode);
		if (op->size_bytes > there)
			op->size_bytes = there;
	}
	close(fd);
	return err;
}

/* From a file of ours to something else. */
static int decode_source(const struct task *task, const struct ends *ends, struct op *op)
{
	struct descriptor source;
	uint64_t left;
	int err = decode_look_at(task, ends->from, &source);

	if (err || source.object == UINT32_MAX || !S_ISREG(source.st.st_mode))
		return err;
	if (find_offset(task, ends->from_at, source.position, &op->offset) || op->offset < 0)
		return 0;
	op->kind = OP_READ;
	op->object = source.object;
	op->may_wait = true;
	left = source.st.st_size > op->offset ? (uint64_t)(source.st.st_size - op->offset) : 0;
	op->size_bytes = ends->size_bytes < left ? ends->size_bytes : left;
	return 1;
}

int decode_copy(const struct task *task, const struct call *call, struct op *op)
{
	struct descriptor target;
	struct ends ends;
	int err;

	find_ends(call, &ends);
	decode_point(ends.point, op);
	err = decode_look_at(task, ends.to, &target);
	if (err)
		return err;
	if (target.object == UINT32_MAX || !S_ISREG(target.st.st_mode))
		return decode_source(task, &ends, op);
	op->object = target.object;
	if (find_offset(task, ends.to_at, target.position, &op->offset) || op->offset < 0)
		return 0; /* EFAULT, EINVAL from the kernel */
	op->is_appending = target.flags & O_APPEND;
	if (op->is_appending)
		op->offset = target.st.st_size;
	op->is_synchronous = target.flags & O_DSYNC;
	err = peek_source(task, &ends, op);
	if (err)
		return err;
	op->is_growing = op->size_bytes &&
	                 (uint64_t)op->offset + op->size_bytes > (uint64_t)target.st.st_size;
	op->new_blocks = decode_new_blocks(task, op);
	return 1;
}

/* ---- afterwards ---- */

/* For reading: a new description, or else a duplicate, if that can be read from. */
static int open_again(const struct task *task, int fd)
{
	char path[64];
	int again;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", task->pid, fd);
	again = open(path, O_RDONLY | O_CLOEXEC);
	return again >= 0 ? again : (int)syscall(SYS_pidfd_getfd, task->pidfd, fd, 0);
}

static int read_back(const struct task *task, int fd, struct op *op)
{
	uint64_t size = (uint64_t)op->effect;
	uint8_t *data = malloc(size);
	int again = data ? open_again(task, fd) : -1, err = 0;
	ssize_t got = 0;

	if (!data)
		return -ENOMEM;
	for (uint64_t at = 0; again >= 0 && at < size; at += (uint64_t)got) {
		got = pread(again, data + at, size - at, op->offset + (int64_t)at);
		if (got <= 0)
			break;
	}
	if (again >= 0 && got > 0) {
		free(op->data);
		op->data = data;
		data = NULL;
	} else if (!op->data || op->size_bytes < size) {
		err = again >= 0 && !got ? -EIO : -EACCES;
	}
	if (again >= 0)
		close(again);
	free(data);
	return err;
}

int decode_copy_exit(const struct task *task, const struct call *call, struct op *op)
{
	struct descriptor target;
	struct ends ends;
	int err;

	if (op->kind != OP_WRITE || op->effect <= 0)
		return 0;
	find_ends(call, &ends);
	err = decode_look_at(task, ends.to, &target);
	if (err)
		return err;
	if (target.object != op->object)
		return -EBADF; /* somebody closed it in between */
	if (!ends.to_at && target.position >= op->effect)
		op->offset = target.position - op->effect;
	/* How much there was to copy may have been a guess. */
	if (op->strike.action == STRIKE_NONE &&
		(!op->data || (uint64_t)op->effect > op->size_bytes)) {
		free(op->data);
		op->data = NULL;
		op->size_bytes = (uint64_t)op->effect;
	}
	return read_back(task, ends.to, op);
}
