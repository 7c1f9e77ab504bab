/*
 * Epochs: a recording between one sync and the next, and what each sync promises.
 *
 * Within an epoch more operations only mean more crash states, so all of them are found by looking
 * just before the sync at its end takes effect: every set of the micro-operations issued so far
 * that holds what earlier syncs promised.
 *
 * What a sync promises (facts of POSIX and of Linux): fsync(2) the contents, size and mode of a
 * file, or the entries of a directory; fdatasync(2) and O_DSYNC contents and size; sync(2)
 * everything. Of a sync that failed nothing is promised, now or later: the kernel has marked
 * the pages clean, so that a later sync promises them only if they were written again (measured on
 * ext4, xfs and btrfs; Rebello et al., ATC'20), and what has to come after them does not wait. So a
 * failed sync ends an epoch, too. One that was interrupted changes nothing.
 */
#ifndef TORNWRITE_EPOCH_H
#define TORNWRITE_EPOCH_H

#include "harness/micro_op.h"

struct epoch {
	size_t start; /* the first event after the sync that it begins with */
	size_t event; /* the crash comes before this event is complete; the count: at the end */
	size_t end;   /* micro-operations [0, end) were issued */
	uint64_t *required; /* owned; a bit each: promised by syncs before */
	/* Owned; whose sync failed at some time before: the kernel does not write them any more, so
	 * nothing waits for them. */
	uint64_t *adrift;
};

struct epochs {
	struct epoch *items; /* owned; at least one */
	size_t count;
};

/* Returns 0 or -ENOMEM. Pair with epochs_release() in every case. */
int epochs_init(struct epochs *epochs, const struct micro_ops *ops);
void epochs_release(struct epochs *epochs);

/* ---- sets of micro-operations: a bit each ---- */

static inline size_t bits_words(size_t count)
{
	return count / 64 + 1;
}

static inline bool bits_has(const uint64_t *bits, size_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

static inline void bits_add(uint64_t *bits, size_t i)
{
	bits[i / 64] |= (uint64_t)1 << (i % 64);
}

static inline void bits_remove(uint64_t *bits, size_t i)
{
	bits[i / 64] &= ~((uint64_t)1 << (i % 64));
}

#endif
