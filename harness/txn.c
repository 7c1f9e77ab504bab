/*
 * Making transactions and recognising them. See txn.h.
 *
 * Method: the letters come eight at a time from one step of splitmix64 (Steele, Lea, Flood,
 * "Fast splittable pseudorandom number generators", 2014), so that a record can be compared while
 * it is generated, without memory of its own. Matching trusts no byte: a size or an id found in
 * damaged data bounds nothing and is never allocated from.
 */
#include "harness/txn.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "txn 0123456789.0 " */
enum { WORD_BYTES = 4, ID_DIGITS = 10, MEMBER_AT = WORD_BYTES + ID_DIGITS + 1 };
enum { HEADER_BYTES = MEMBER_AT + 2, LETTERS_A_STEP = 8 };

static const uint64_t ID_LIMIT = 10000000000; /* 10^ID_DIGITS */

struct letters {
	uint64_t state;
};

static struct letters letters_of(uint64_t id, unsigned member)
{
	return (struct letters){.state = id * TXN_MEMBERS + member};
}

static void letters_next(struct letters *letters, char out[LETTERS_A_STEP])
{
	static const uint64_t EACH = 0x0101010101010101;
	uint64_t z = letters->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	z ^= z >> 31;

	/* Five bits of each byte: 0 to 25 become a to z, 26 to 31 become 0 to 5. No byte carries
	 * into the next: the largest sum is 0x1f + 'a' = 0x80. */
	uint64_t values = z & EACH * 0x1f;
	uint64_t are_digits = (values + EACH * (0x80 - 26)) >> 7 & EACH;
	uint64_t text = htole64(values + EACH * 'a' - are_digits * ('a' + 26 - '0'));

	memcpy(out, &text, LETTERS_A_STEP);
}

size_t txn_record_bytes(uint64_t id, unsigned member, size_t base_bytes)
{
	return base_bytes + 311 * id + 17 * member;
}

static int record_init(struct txn_record *record, uint64_t id, unsigned member, size_t base_bytes)
{
	size_t size_bytes = txn_record_bytes(id, member, base_bytes);
	size_t at = HEADER_BYTES;
	struct letters letters = letters_of(id, member);
	/* Room for a whole last step. */
	char *bytes = malloc(size_bytes + LETTERS_A_STEP);

	if (!bytes)
		return -ENOMEM;
	snprintf(bytes, size_bytes, "txn %0*" PRIu64 ".%u ", ID_DIGITS, id, member);
	for (; at < size_bytes; at += LETTERS_A_STEP)
		letters_next(&letters, bytes + at);
	*record = (struct txn_record){.bytes = bytes, .size_bytes = size_bytes};
	return 0;
}

int txn_init(struct txn *txn, uint64_t id, size_t base_bytes)
{
	assert(id < ID_LIMIT);
	assert(base_bytes >= TXN_MIN_BYTES);
	assert(base_bytes <= TXN_MAX_BYTES);

	*txn = (struct txn){.id = id};
	for (unsigned member = 0; member < TXN_MEMBERS; member++) {
		int err = record_init(&txn->records[member], id, member, base_bytes);

		if (err) {
			txn_release(txn);
			return err;
		}
	}
	return 0;
}

void txn_release(struct txn *txn)
{
	for (unsigned member = 0; member < TXN_MEMBERS; member++)
		free(txn->records[member].bytes);
	*txn = (struct txn){0};
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* How many leading bytes of `bytes` could begin some record's "txn 0123456789". */
static size_t id_prefix_bytes(const char *bytes, size_t size_bytes)
{
	size_t i = 0;

	while (i < size_bytes && i < WORD_BYTES && bytes[i] == "txn "[i])
		i++;
	while (i < size_bytes && i >= WORD_BYTES && i < WORD_BYTES + ID_DIGITS &&
		is_digit(bytes[i]))
		i++;
	return i;
}

static size_t same_bytes(const char *a, const char *b, size_t size_bytes)
{
	size_t i = 0;

	if (!memcmp(a, b, size_bytes))
		return size_bytes;
	while (a[i] == b[i])
		i++;
	return i;
}

static size_t intact_prefix_bytes(
	const char *bytes, size_t size_bytes, uint64_t id, unsigned member)
{
	struct letters letters = letters_of(id, member);
	char want[HEADER_BYTES + 8];
	size_t at = 0;
	size_t step = HEADER_BYTES;

	snprintf(want, sizeof(want), "txn %0*" PRIu64 ".%u ", ID_DIGITS, id, member % 10);
	while (at < size_bytes) {
		if (step > size_bytes - at)
			step = size_bytes - at;
		size_t same = same_bytes(bytes + at, want, step);

		at += same;
		if (same < step)
			break;
		letters_next(&letters, want);
		step = LETTERS_A_STEP;
	}
	return at;
}

enum txn_match txn_match(const void *bytes, size_t size_bytes, unsigned member, size_t base_bytes,
	uint64_t *id, size_t *intact_bytes)
{
	const char *text = bytes;
	size_t prefix_bytes = id_prefix_bytes(text, size_bytes);

	*id = UINT64_MAX;
	*intact_bytes = 0;
	if (prefix_bytes < WORD_BYTES + ID_DIGITS) {
		if (prefix_bytes < size_bytes)
			return TXN_GARBAGE;
		*intact_bytes = prefix_bytes;
		return TXN_TORN;
	}
	if (size_bytes > MEMBER_AT && text[MEMBER_AT - 1] == '.' && is_digit(text[MEMBER_AT]) &&
		text[MEMBER_AT] != (char)('0' + member))
		return TXN_GARBAGE;

	*id = 0;
	for (size_t i = WORD_BYTES; i < WORD_BYTES + ID_DIGITS; i++)
		*id = *id * 10 + (uint64_t)(text[i] - '0');

	size_t want_bytes = txn_record_bytes(*id, member, base_bytes);

	*intact_bytes = intact_prefix_bytes(
		text, size_bytes < want_bytes ? size_bytes : want_bytes, *id, member);
	return size_bytes == want_bytes && *intact_bytes == want_bytes ? TXN_INTACT : TXN_TORN;
}
