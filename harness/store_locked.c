/* The article's LockedOpen. See store.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/store.h"

/* Whether the descriptor's file still bears the name: 1, 0 or -errno. */
static int is_same_file(int fd, int named_fd)
{
	struct stat locked;
	struct stat named;

	if (fstat(fd, &locked) || fstat(named_fd, &named))
		return -errno;
	return locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

int locked_open(const char *path, int *fd)
{
	int err = 0;
	int named_fd = -1;

	*fd = TEMP_FAILURE_RETRY(open(path, O_RDWR | O_CLOEXEC));
	if (*fd < 0)
		return -errno;
	for (;;) {
		if (TEMP_FAILURE_RETRY(flock(*fd, LOCK_EX))) {
			err = -errno;
			break;
		}
		named_fd = TEMP_FAILURE_RETRY(open(path, O_RDWR | O_CLOEXEC));
		if (named_fd < 0) {
			err = -errno;
			break;
		}

		int is_same = is_same_file(*fd, named_fd);

		if (is_same) {
			err = is_same < 0 ? is_same : 0;
			break;
		}
		io_close(*fd);
		*fd = named_fd;
		named_fd = -1;
	}
	io_close(named_fd);
	if (err) {
		io_close(*fd);
		*fd = -1;
	}
	return err;
}
