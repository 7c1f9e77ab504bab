/*
 * How a file differs from all that it might legally be.
 *
 * Method: a beginning of a version is told first. Otherwise every byte is held against the near
 * versions at the same place: where none has it, it is a zero or foreign. If all are from
 * somewhere, the file is a mix.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/oracle_private.h"

static uint64_t bytes_of(const struct file_view *file)
{
	return tree_file_bytes(file->tree, file->object);
}

/* Whether a file has the first `size_bytes` bytes of a page as they are here. */
static bool has_page(
	const struct file_view *file, uint64_t page, const uint8_t *bytes, uint64_t size_bytes)
{
	const uint8_t *own = tree_page(file->tree, file->object, page);

	return bytes_of(file) >= page * TREE_PAGE_BYTES + size_bytes &&
	       (own == bytes || !memcmp(own, bytes, size_bytes));
}

/* How many bytes of a page lie in the file. */
static uint64_t bytes_in_page(uint64_t size_bytes, uint64_t page)
{
	uint64_t rest = size_bytes - page * TREE_PAGE_BYTES;

	return rest < TREE_PAGE_BYTES ? rest : TREE_PAGE_BYTES;
}

static bool is_beginning(const struct file_view *found, const struct file_view *version)
{
	uint64_t size_bytes = bytes_of(found);

	if (size_bytes >= bytes_of(version))
		return false;
	for (uint64_t i = 0; i * TREE_PAGE_BYTES < size_bytes; i++) {
		if (!has_page(version, i, tree_page(found->tree, found->object, i),
			    bytes_in_page(size_bytes, i)))
			return false;
	}
	return true;
}

/* Bytes that no version has at their place. */
struct strangers {
	bool is_of_many; /* some page is from a version that is not near */
	uint64_t zeros, first_zero;
	bool has_foreign;
	uint64_t first_foreign;
};

static bool any_has_page(const struct file_view *versions, size_t from, size_t to, uint64_t page,
	const uint8_t *bytes, uint64_t size_bytes)
{
	for (size_t i = from; i < to; i++) {
		if (has_page(&versions[i], page, bytes, size_bytes))
			return true;
	}
	return false;
}

static bool any_has_byte(
	const struct file_view *versions, size_t near, uint64_t position, uint8_t byte)
{
	for (size_t i = 0; i < near; i++) {
		if (position < bytes_of(&versions[i]) &&
			tree_page(versions[i].tree, versions[i].object,
				position / TREE_PAGE_BYTES)[position % TREE_PAGE_BYTES] == byte)
			return true;
	}
	return false;
}

static void find_in_page(struct strangers *strangers, const struct file_view *found,
	const struct file_view *versions, size_t near, uint64_t page)
{
	const uint8_t *bytes = tree_page(found->tree, found->object, page);
	uint64_t count = bytes_in_page(bytes_of(found), page);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t position = page * TREE_PAGE_BYTES + i;

		if (any_has_byte(versions, near, position, bytes[i]))
			continue;
		if (bytes[i]) {
			if (!strangers->has_foreign)
				strangers->first_foreign = position;
			strangers->has_foreign = true;
			continue;
		}
		if (!strangers->zeros++)
			strangers->first_zero = position;
	}
}

/* Bytes are held against near versions only: among a thousand, any byte is found by chance. */
static struct strangers find_strangers(
	const struct file_view *found, const struct file_view *versions, size_t count, size_t near)
{
	struct strangers strangers = {0};
	uint64_t size_bytes = bytes_of(found);

	for (uint64_t i = 0; i * TREE_PAGE_BYTES < size_bytes; i++) {
		const uint8_t *bytes = tree_page(found->tree, found->object, i);
		uint64_t rest = bytes_in_page(size_bytes, i);

		if (any_has_page(versions, 0, near, i, bytes, rest))
			continue;
		if (any_has_page(versions, near, count, i, bytes, rest))
			strangers.is_of_many = true;
		else
			find_in_page(&strangers, found, versions, near, i);
	}
	return strangers;
}

static uint64_t longest_of(const struct file_view *versions, size_t count)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < count; i++) {
		if (bytes_of(&versions[i]) > longest)
			longest = bytes_of(&versions[i]);
	}
	return longest;
}

static enum difference_kind say_strangers(const struct file_view *found,
	const struct file_view *versions, size_t count, size_t near, char *words, size_t size)
{
	struct strangers strangers = find_strangers(found, versions, count, near);
	bool is_of_many = strangers.is_of_many || near > 2;

	if (strangers.has_foreign) {
		snprintf(words, size, "has bytes that %s at %" PRIu64,
			count > 2    ? "are from neither before nor after"
			: count == 2 ? "neither state has"
				     : "it should not have",
			strangers.first_foreign);
		return DIFFERS_FOREIGN;
	}
	if (!strangers.zeros) {
		snprintf(words, size, "is a mix of %s",
			is_of_many ? "several states" : "before and after");
		return DIFFERS_MIXED;
	}
	if (strangers.first_zero >= longest_of(versions, count))
		snprintf(words, size, "has %" PRIu64 " bytes of zeros behind its end",
			strangers.zeros);
	else
		snprintf(words, size,
			"has zeros in place of %" PRIu64 " bytes, from %" PRIu64 " on",
			strangers.zeros, strangers.first_zero);
	return DIFFERS_ZERO_FILLED;
}

/* Of the versions that the file is a beginning of the nearest, or else the shortest. */
static const struct file_view *find_whole(
	const struct file_view *found, const struct file_view *versions, size_t count, size_t near)
{
	const struct file_view *whole = NULL;

	for (size_t i = 0; i < near; i++) {
		if (is_beginning(found, &versions[i]))
			return &versions[i];
	}
	for (size_t i = near; i < count; i++) {
		if (is_beginning(found, &versions[i]) &&
			(!whole || bytes_of(&versions[i]) < bytes_of(whole)))
			whole = &versions[i];
	}
	return whole;
}

enum difference_kind describe_file(const struct file_view *found, const struct file_view *versions,
	size_t count, size_t near, char *words, size_t words_size)
{
	const struct file_view *whole;

	assert(near > 0);
	assert(near <= count);
	if (!bytes_of(found)) {
		snprintf(words, words_size, "is empty");
		return DIFFERS_EMPTY;
	}
	whole = find_whole(found, versions, count, near);
	if (whole) {
		snprintf(words, words_size, "is truncated: %" PRIu64 " of %" PRIu64 " bytes",
			bytes_of(found), bytes_of(whole));
		return DIFFERS_TRUNCATED;
	}
	return say_strangers(found, versions, count, near, words, words_size);
}
