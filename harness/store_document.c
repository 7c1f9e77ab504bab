/* The document: one text file, one record a line. See store.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/store.h"

int document_setup(const struct txn *first)
{
	struct buffer document = {0};
	int err = document_add(&document, first);

	if (!err)
		err = io_create_synced(DOCUMENT_PATH, document.data, document.size_bytes);
	if (!err)
		err = io_sync_directory(".");
	buffer_release(&document);
	return err;
}

int document_add(struct buffer *document, const struct txn *txn)
{
	const struct txn_record *record = &txn->records[0];
	int err = buffer_add(document, record->bytes, record->size_bytes);

	return err ? err : buffer_add(document, "\n", 1);
}

int document_view_lines(const struct buffer *document, unsigned member, struct view *view)
{
	size_t at = 0;

	while (at < document->size_bytes) {
		const char *line = document->data + at;
		size_t rest_bytes = document->size_bytes - at;
		const char *newline = memchr(line, '\n', rest_bytes);
		size_t line_bytes = newline ? (size_t)(newline - line) : rest_bytes;
		int err = view_add(view, member, line, line_bytes);

		if (err)
			return err;
		at += line_bytes + 1;
	}
	return 0;
}

int document_read(struct view *view)
{
	struct buffer document = {0};
	int err = io_read_file(DOCUMENT_PATH, &document);

	if (!err)
		err = document_view_lines(&document, 0, view);
	buffer_release(&document);
	return err;
}

/* Whether the descriptor's file still bears the document's name: 1, 0 or -errno. */
static int is_document(int fd, int named_fd)
{
	struct stat locked;
	struct stat named;

	if (fstat(fd, &locked) || fstat(named_fd, &named))
		return -errno;
	return locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

int document_open_locked(int *fd)
{
	int err = 0;
	int named_fd = -1;

	*fd = TEMP_FAILURE_RETRY(open(DOCUMENT_PATH, O_RDWR | O_CLOEXEC));
	if (*fd < 0)
		return -errno;
	for (;;) {
		if (TEMP_FAILURE_RETRY(flock(*fd, LOCK_EX))) {
			err = -errno;
			break;
		}
		named_fd = TEMP_FAILURE_RETRY(open(DOCUMENT_PATH, O_RDWR | O_CLOEXEC));
		if (named_fd < 0) {
			err = -errno;
			break;
		}

		int is_same = is_document(*fd, named_fd);

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
