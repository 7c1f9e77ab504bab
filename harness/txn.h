/*
 * A transaction: an id, and records whose every byte is a function of the id.
 *
 * Method: a record is one line of printable text without a newline: a header that names the id
 * and the member, then letters drawn from a generator seeded by both. Whoever holds a record can
 * therefore tell whether it is intact, torn, or no record at all, without asking who wrote it.
 * Limits: ids below 10^10, members below TXN_MEMBERS.
 */
#ifndef TORNWRITE_TXN_H
#define TORNWRITE_TXN_H

#include <stddef.h>
#include <stdint.h>

/* A tree store has this many files that must agree; every other store uses member 0 only. */
enum { TXN_MEMBERS = 3 };

/* The default record spans three pages and is no multiple of one, so that a kill can cut it. */
enum { TXN_DEFAULT_BYTES = 9001, TXN_MIN_BYTES = 32, TXN_MAX_BYTES = 1 << 20 };

struct txn_record {
	char *bytes; /* no newline, no NUL at the end */
	size_t size_bytes;
};

struct txn {
	uint64_t id;
	struct txn_record records[TXN_MEMBERS]; /* owned */
};

/* Makes transaction `id`. `base_bytes` is the size of record 0 of transaction 0; later ones are
 * a little longer, so that no two files have the same size by chance.
 * Returns 0 or -ENOMEM. Pair with txn_release(). */
int txn_init(struct txn *txn, uint64_t id, size_t base_bytes);
void txn_release(struct txn *txn);

/* The size of the record that txn_init() would make. */
size_t txn_record_bytes(uint64_t id, unsigned member, size_t base_bytes);

enum txn_match {
	TXN_INTACT,  /* the record, whole */
	TXN_TORN,    /* begins as a record of *id does, and then differs or ends */
	TXN_GARBAGE, /* belongs to no transaction */
};

/* Says whose record `bytes` is. On TXN_INTACT and TXN_TORN *id is set and *intact_bytes is how
 * many leading bytes are right. A piece too short to hold an id is TXN_TORN with *id = UINT64_MAX.
 */
enum txn_match txn_match(const void *bytes, size_t size_bytes, unsigned member, size_t base_bytes,
	uint64_t *id, size_t *intact_bytes);

#endif
