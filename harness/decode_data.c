/* Calls that read and write bytes of memory. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "harness/decode_private.h"

enum { MAX_VECTORS = 1024 };
/* More than this in one call is refused by the kernel, too (MAX_RW_COUNT). */
static const uint64_t max_bytes = 0x7ffff000;

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
	int err = decode_look_at(task, fd, &descriptor);

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
	op->new_blocks = decode_new_blocks(task, op);
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

int decode_io(const struct task *task, const struct call *call, struct op *op)
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

/* Whether a write used and moved the descriptor's own position. */
static bool uses_position(const struct call *call)
{
	switch (call->number) {
	case SYS_write:
	case SYS_writev:
		return true;
	case SYS_pwritev2:
		return call->args[3] == (uint64_t)-1;
	default:
		return false;
	}
}

int decode_io_exit(const struct task *task, const struct call *call, struct op *op)
{
	struct descriptor descriptor;
	int err;

	/* Another task that shares the position may have moved it since the entry, by a read or an
	 * lseek that did not stop. */
	if (op->kind != OP_WRITE || op->effect <= 0 || !uses_position(call))
		return 0;
	err = decode_look_at(task, (int)call->args[0], &descriptor);
	if (!err && descriptor.object == op->object && descriptor.position >= op->effect)
		op->offset = descriptor.position - op->effect;
	return err;
}
