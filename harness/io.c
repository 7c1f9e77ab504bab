/* Reading and writing that goes on until it is done. See io.h. */
#include "harness/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int buffer_reserve(struct buffer *buffer, size_t more_bytes)
{
	size_t capacity_bytes = buffer->capacity_bytes ? buffer->capacity_bytes : 64 * 1024;

	if (more_bytes > SIZE_MAX / 2 - buffer->size_bytes)
		return -ENOMEM;
	while (capacity_bytes < buffer->size_bytes + more_bytes)
		capacity_bytes *= 2;
	if (capacity_bytes == buffer->capacity_bytes)
		return 0;

	char *data = realloc(buffer->data, capacity_bytes);

	if (!data)
		return -ENOMEM;
	buffer->data = data;
	buffer->capacity_bytes = capacity_bytes;
	return 0;
}

int buffer_add(struct buffer *buffer, const void *bytes, size_t size_bytes)
{
	int err = buffer_reserve(buffer, size_bytes);

	if (err)
		return err;
	if (size_bytes > 0)
		memcpy(buffer->data + buffer->size_bytes, bytes, size_bytes);
	buffer->size_bytes += size_bytes;
	return 0;
}

void buffer_release(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}

int io_read_fd(int fd, struct buffer *buffer)
{
	for (;;) {
		int err = buffer_reserve(buffer, 4096);

		if (err)
			return err;

		ssize_t n = TEMP_FAILURE_RETRY(read(fd, buffer->data + buffer->size_bytes,
			buffer->capacity_bytes - buffer->size_bytes));

		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		buffer->size_bytes += (size_t)n;
	}
}

int io_read_file(const char *path, struct buffer *buffer)
{
	int fd = TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC));

	if (fd < 0)
		return -errno;

	int err = io_read_fd(fd, buffer);

	io_close(fd);
	return err;
}

int io_write_all(int fd, const void *bytes, size_t size_bytes)
{
	const char *at = bytes;

	while (size_bytes > 0) {
		ssize_t n = TEMP_FAILURE_RETRY(write(fd, at, size_bytes));

		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		at += n;
		size_bytes -= (size_t)n;
	}
	return 0;
}

int io_pwrite_all(int fd, const void *bytes, size_t size_bytes, long offset)
{
	const char *at = bytes;

	while (size_bytes > 0) {
		ssize_t n = TEMP_FAILURE_RETRY(pwrite(fd, at, size_bytes, offset));

		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		at += n;
		offset += n;
		size_bytes -= (size_t)n;
	}
	return 0;
}

int io_close(int fd)
{
	if (fd < 0 || !close(fd) || errno == EINTR)
		return 0;
	return -errno;
}

int io_sync_directory(const char *path)
{
	int err = 0;
	int fd = TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (fd < 0)
		return -errno;
	if (TEMP_FAILURE_RETRY(fsync(fd)))
		err = -errno;
	io_close(fd);
	return err;
}

int io_create_synced(const char *path, const void *bytes, size_t size_bytes)
{
	int fd = TEMP_FAILURE_RETRY(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));

	if (fd < 0)
		return -errno;

	int err = io_write_all(fd, bytes, size_bytes);

	if (!err && TEMP_FAILURE_RETRY(fsync(fd)))
		err = -errno;
	int close_err = io_close(fd);

	return err ? err : close_err;
}
