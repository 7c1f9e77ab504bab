/*
 * An undo journal, beyond the article: save the old text in a synced journal, overwrite the
 * document in place, sync it, unlink the journal. While a valid journal exists, it is the document:
 * readers take its word, and writers roll back first. The update is safe once the unlink is synced.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

#define JOURNAL_PATH DOCUMENT_PATH ".journal"

struct journal_header {
	char magic[8];
	uint64_t size_bytes;
	uint64_t crc; /* of size_bytes and the old text that follows */
};

static const char MAGIC[8] = "twundo1";

static uint64_t journal_crc(const struct journal_header *header, const char *text)
{
	uLong crc = crc32(0, NULL, 0);

	crc = crc32_z(crc, (const Bytef *)&header->size_bytes, sizeof(header->size_bytes));
	return crc32_z(crc, (const Bytef *)text, header->size_bytes);
}

/* Reads the old text from the journal: 1, or 0 if there is no journal or no valid one, or -errno.
 */
static int journal_read(struct buffer *old)
{
	struct journal_header header;
	struct buffer journal = {0};
	int err = io_read_file(JOURNAL_PATH, &journal);
	bool is_valid = false;

	if (err == -ENOENT)
		err = 0;
	if (err || journal.size_bytes < sizeof(header))
		goto out;
	memcpy(&header, journal.data, sizeof(header));

	const char *text = journal.data + sizeof(header);

	is_valid = !memcmp(header.magic, MAGIC, sizeof(MAGIC)) &&
	           header.size_bytes == journal.size_bytes - sizeof(header) &&
	           header.crc == journal_crc(&header, text);
	if (is_valid)
		err = buffer_add(old, text, header.size_bytes);
out:
	buffer_release(&journal);
	return err ? err : is_valid;
}

static int journal_write(const struct buffer *old, int directory_fd)
{
	struct journal_header header = {.size_bytes = old->size_bytes};
	int err = 0;
	int fd = TEMP_FAILURE_RETRY(
		open(JOURNAL_PATH, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));

	if (fd < 0)
		return -errno;
	memcpy(header.magic, MAGIC, sizeof(MAGIC));
	header.crc = journal_crc(&header, old->data);
	err = io_write_all(fd, &header, sizeof(header));
	if (!err)
		err = io_write_all(fd, old->data, old->size_bytes);
	if (!err && TEMP_FAILURE_RETRY(fsync(fd)))
		err = -errno;
	io_close(fd);
	if (!err && TEMP_FAILURE_RETRY(fsync(directory_fd)))
		err = -errno;
	return err;
}

static int journal_remove(int directory_fd)
{
	if (unlink(JOURNAL_PATH))
		return errno == ENOENT ? 0 : -errno;
	return TEMP_FAILURE_RETRY(fsync(directory_fd)) ? -errno : 0;
}

static int document_overwrite(int fd, const struct buffer *text)
{
	int err = io_pwrite_all(fd, text->data, text->size_bytes, 0);

	if (!err && TEMP_FAILURE_RETRY(ftruncate(fd, (off_t)text->size_bytes)))
		err = -errno;
	if (!err && TEMP_FAILURE_RETRY(fsync(fd)))
		err = -errno;
	return err;
}

/* Undoes an update that did not come to its end. What fails here leaves the journal in place. */
static int roll_back(int fd, int directory_fd)
{
	struct buffer old = {0};
	int err = journal_read(&old);

	if (err > 0)
		err = document_overwrite(fd, &old);
	if (!err)
		err = journal_remove(directory_fd);
	buffer_release(&old);
	return err;
}

/* Opens and locks the document, and undoes what somebody else left unfinished. The caller closes
 * both descriptors, also after an error. */
static int open_rolled_back(int *fd, int *directory_fd)
{
	*directory_fd = -1;
	*fd = TEMP_FAILURE_RETRY(open(DOCUMENT_PATH, O_RDWR | O_CLOEXEC));
	if (*fd < 0)
		return -errno;
	if (TEMP_FAILURE_RETRY(flock(*fd, LOCK_EX)))
		return -errno;
	*directory_fd = TEMP_FAILURE_RETRY(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	return *directory_fd < 0 ? -errno : roll_back(*fd, *directory_fd);
}

static int undo_journal_update(const struct txn *txn)
{
	struct buffer old = {0};
	struct buffer new = {0};
	int fd = -1;
	int directory_fd = -1;
	int err = open_rolled_back(&fd, &directory_fd);

	if (!err)
		err = io_read_fd(fd, &old);
	if (!err)
		err = buffer_add(&new, old.data, old.size_bytes);
	if (!err)
		err = document_add(&new, txn);
	if (err)
		goto out;
	err = journal_write(&old, directory_fd);
	if (!err)
		err = document_overwrite(fd, &new);
	if (!err && unlink(JOURNAL_PATH))
		err = -errno;
	if (err)
		roll_back(fd, directory_fd);
	else if (TEMP_FAILURE_RETRY(fsync(directory_fd)))
		err = -errno;
out:
	io_close(directory_fd);
	io_close(fd);
	buffer_release(&new);
	buffer_release(&old);
	return err;
}

static int undo_journal_recover(void)
{
	int fd = -1;
	int directory_fd = -1;
	int err = open_rolled_back(&fd, &directory_fd);

	io_close(directory_fd);
	io_close(fd);
	return err;
}

static int undo_journal_read(struct view *view)
{
	struct buffer document = {0};
	int err = 0;
	int fd = TEMP_FAILURE_RETRY(open(DOCUMENT_PATH, O_RDONLY | O_CLOEXEC));

	if (fd < 0)
		return -errno;
	if (TEMP_FAILURE_RETRY(flock(fd, LOCK_SH)))
		err = -errno;
	if (!err)
		err = journal_read(&document);
	if (!err)
		err = io_read_fd(fd, &document);
	io_close(fd);
	if (err >= 0)
		err = document_view_lines(&document, 0, view);
	buffer_release(&document);
	return err;
}

const struct strategy strategy_undo_journal = {
	.name = "undo-journal",
	.summary = "save the old text in a synced journal and overwrite in place",
	.store = STORE_DOCUMENT,
	/* Once the journal is gone, a failed sync of the directory cannot be taken back. */
	.claims =
		{
			.atomic = SURVIVES_ALL & ~SURVIVES_IO_ERROR,
			.consistent = SURVIVES_ALL,
			.durable = SURVIVES_ALL,
			.isolated = true,
		},
	.residue = JOURNAL_PATH,
	.setup = document_setup,
	.update = undo_journal_update,
	.read = undo_journal_read,
	.recover = undo_journal_recover,
};
