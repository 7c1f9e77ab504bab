/*
 * Two slots in one file, beyond the article: an update overwrites the older one and syncs it. Each
 * slot has a sequence number and a checksum; the newest that is valid is the document. No name
 * ever changes and no block is allocated, so there is nothing but data to sync. Limit: a slot.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

#define SLOTS_PATH "doc.slots"

enum { SLOT_BYTES = 96 * 1024, SLOT_COUNT = 2 };

struct slot_header {
	char magic[8];
	uint64_t sequence; /* from 1 */
	uint32_t size_bytes;
	uint32_t crc; /* of sequence, size_bytes and the data that follows */
};

static const char MAGIC[8] = "twslot1";

static uint32_t slot_crc(const struct slot_header *header, const char *data)
{
	uLong crc = crc32(0, NULL, 0);

	crc = crc32_z(crc, (const Bytef *)&header->sequence, sizeof(header->sequence));
	crc = crc32_z(crc, (const Bytef *)&header->size_bytes, sizeof(header->size_bytes));
	return (uint32_t)crc32_z(crc, (const Bytef *)data, header->size_bytes);
}

/* The slot that a text goes into: header and data. */
static int slot_init(struct buffer *slot, const struct buffer *document, uint64_t sequence)
{
	struct slot_header header = {.sequence = sequence};

	if (document->size_bytes > SLOT_BYTES - sizeof(header))
		return -EFBIG;
	memcpy(header.magic, MAGIC, sizeof(MAGIC));
	header.size_bytes = (uint32_t)document->size_bytes;
	header.crc = slot_crc(&header, document->data);

	int err = buffer_add(slot, &header, sizeof(header));

	return err ? err : buffer_add(slot, document->data, document->size_bytes);
}

static bool slot_is_valid(const struct buffer *file, unsigned slot, struct slot_header *header)
{
	size_t at = (size_t)slot * SLOT_BYTES;

	if (file->size_bytes < at + SLOT_BYTES)
		return false;
	memcpy(header, file->data + at, sizeof(*header));
	return !memcmp(header->magic, MAGIC, sizeof(MAGIC)) &&
	       header->size_bytes <= SLOT_BYTES - sizeof(*header) &&
	       header->crc == slot_crc(header, file->data + at + sizeof(*header));
}

/* Copies the newest document out of the file. Returns its slot, or -EUCLEAN if there is none. */
static int newest_slot(const struct buffer *file, struct buffer *document, uint64_t *sequence)
{
	struct slot_header newest = {.sequence = 0};
	int slot = -EUCLEAN;

	for (unsigned i = 0; i < SLOT_COUNT; i++) {
		struct slot_header header;

		if (slot_is_valid(file, i, &header) && header.sequence > newest.sequence) {
			newest = header;
			slot = (int)i;
		}
	}
	if (slot < 0)
		return slot;
	*sequence = newest.sequence;

	int err = buffer_add(document, file->data + (size_t)slot * SLOT_BYTES + sizeof(newest),
		newest.size_bytes);

	return err ? err : slot;
}

static int write_slot(int fd, unsigned slot, const struct buffer *contents)
{
	static const struct slot_header NO_SLOT;
	long at = (long)slot * SLOT_BYTES;
	int err = io_pwrite_all(fd, contents->data, contents->size_bytes, at);

	if (!err && TEMP_FAILURE_RETRY(fdatasync(fd)))
		err = -errno;
	/* A refused document must not be found; best effort. */
	if (err && !io_pwrite_all(fd, &NO_SLOT, sizeof(NO_SLOT), at))
		TEMP_FAILURE_RETRY(fdatasync(fd));
	return err;
}

static int two_slots_update(const struct txn *txn)
{
	struct buffer file = {0};
	struct buffer document = {0};
	struct buffer contents = {0};
	uint64_t sequence = 0;
	int slot = 0;
	int err = 0;
	int fd = TEMP_FAILURE_RETRY(open(SLOTS_PATH, O_RDWR | O_CLOEXEC));

	if (fd < 0)
		return -errno;
	if (TEMP_FAILURE_RETRY(flock(fd, LOCK_EX)))
		err = -errno;
	/* The newest slot may come from somebody who was killed before the sync: it must be on the
	 * disk before the other one is given up. */
	if (!err && TEMP_FAILURE_RETRY(fdatasync(fd)))
		err = -errno;
	if (!err)
		err = io_read_fd(fd, &file);
	if (err)
		goto out;
	slot = newest_slot(&file, &document, &sequence);
	err = slot < 0 ? slot : document_add(&document, txn);
	if (!err)
		err = slot_init(&contents, &document, sequence + 1);
	if (!err)
		err = write_slot(fd, !slot, &contents);
out:
	io_close(fd);
	buffer_release(&contents);
	buffer_release(&document);
	buffer_release(&file);
	return err;
}

static int two_slots_setup(const struct txn *first)
{
	static const char ZEROS[SLOT_BYTES * SLOT_COUNT];
	struct buffer document = {0};
	struct buffer contents = {0};
	int err = document_add(&document, first);

	if (!err)
		err = slot_init(&contents, &document, 1);
	/* Filled up, so that no update has to allocate a block. */
	if (!err)
		err = buffer_add(&contents, ZEROS, sizeof(ZEROS) - contents.size_bytes);
	if (!err)
		err = io_create_synced(SLOTS_PATH, contents.data, contents.size_bytes);
	if (!err)
		err = io_sync_directory(".");
	buffer_release(&contents);
	buffer_release(&document);
	return err;
}

static int two_slots_read(struct view *view)
{
	struct buffer file = {0};
	struct buffer document = {0};
	uint64_t sequence = 0;
	int err = 0;
	int fd = TEMP_FAILURE_RETRY(open(SLOTS_PATH, O_RDONLY | O_CLOEXEC));

	if (fd < 0)
		return -errno;
	if (TEMP_FAILURE_RETRY(flock(fd, LOCK_SH)))
		err = -errno;
	if (!err)
		err = io_read_fd(fd, &file);
	io_close(fd);
	if (!err) {
		int slot = newest_slot(&file, &document, &sequence);

		err = slot < 0 ? slot : document_view_lines(&document, 0, view);
	}
	buffer_release(&document);
	buffer_release(&file);
	return err;
}

const struct strategy strategy_two_slots = {
	.name = "two-slots",
	.summary = "overwrite the older of two checksummed slots and fdatasync",
	.store = STORE_DOCUMENT,
	/* A dead device refuses to invalidate a slot, too. */
	.claims =
		{
			.atomic = SURVIVES_ALL & ~SURVIVES_IO_ERROR,
			.consistent = SURVIVES_ALL,
			.durable = SURVIVES_ALL,
			.isolated = true,
		},
	.setup = two_slots_setup,
	.update = two_slots_update,
	.read = two_slots_read,
};
