/*
 * The two loops that every program needs around read(2) and write(2), and a buffer for them.
 * Strategies use these and otherwise call POSIX directly.
 */
#ifndef TORNWRITE_IO_H
#define TORNWRITE_IO_H

#include <stddef.h>

struct buffer {
	char *data; /* owned; NULL while empty */
	size_t size_bytes;
	size_t capacity_bytes;
};

/* Adds bytes at the end. Returns 0 or -ENOMEM. A zeroed buffer is a valid empty one. */
int buffer_add(struct buffer *buffer, const void *bytes, size_t size_bytes);
void buffer_release(struct buffer *buffer);

/* Adds everything from the descriptor's position to the end of file. Goes on after short reads
 * and EINTR. Returns 0 or -errno. */
int io_read_fd(int fd, struct buffer *buffer);

/* The same for a file's whole contents. */
int io_read_file(const char *path, struct buffer *buffer);

/* Writes all of it at the descriptor's position. Goes on after short writes and EINTR; a write
 * of nothing is -EIO. Returns 0 or -errno, after which any part may have been written. */
int io_write_all(int fd, const void *bytes, size_t size_bytes);

/* The same at `offset`, leaving the position alone. */
int io_pwrite_all(int fd, const void *bytes, size_t size_bytes, long offset);

/* close(2) that reports what matters: 0 or -errno. EINTR counts as closed, for on Linux the
 * descriptor is gone and the data had been handed over. fd -1 is allowed and ignored. */
int io_close(int fd);

/* fsync(2) of a directory by path. Returns 0 or -errno, the latter also when the directory cannot
 * be opened: who may not fail any more opens it beforehand. */
int io_sync_directory(const char *path);

/* For setup: makes a new file with these contents and fsyncs it, but not its directory.
 * Returns 0 or -errno. */
int io_create_synced(const char *path, const void *bytes, size_t size_bytes);

#endif
