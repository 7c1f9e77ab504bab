/*
 * What an operation of one of several workers looks at and changes, so that two can be told apart
 * that may change places without anybody noticing. Source of the rules: the manual pages of the
 * calls; where they leave room, a footprint is rather too large.
 */
#ifndef TORNWRITE_FOOTPRINT_H
#define TORNWRITE_FOOTPRINT_H

#include <stdbool.h>
#include <stdint.h>

enum piece_kind {
	PIECE_DATA,       /* bytes [start, end) of a file */
	PIECE_SIZE,       /* of a file */
	PIECE_META,       /* mode, number of links */
	PIECE_ENTRY,      /* a name in a directory: [start, start + 1) is a hash of it */
	PIECE_LISTING,    /* which names a directory has */
	PIECE_FLOCK,      /* flock(2) on a file */
	PIECE_POSIX_LOCK, /* fcntl(2) on bytes [start, end) of a file */
	PIECE_STRUCTURE,  /* which directories and symbolic links there are */
	PIECE_JOURNAL,    /* the order of changes, where a crash may show it */
	PIECE_HISTORY,    /* what was acknowledged before what began */
	PIECE_EVERYTHING, /* all of the above */
};

/* Two accesses to the same piece commute if both read, or both add. */
enum access_mode {
	ACCESS_READ,
	ACCESS_ADD, /* changes it, but in an order that nobody can see: two new names */
	ACCESS_WRITE,
};

struct piece {
	enum piece_kind kind;
	enum access_mode access;
	uint32_t object;     /* 0 where the kind has none */
	uint64_t start, end; /* half open; 0 and UINT64_MAX: all of it */
};

enum { FOOTPRINT_PIECES = 20 };

struct footprint {
	unsigned count;
	struct piece pieces[FOOTPRINT_PIECES];
};

/* Adds a piece. One too many makes the footprint PIECE_EVERYTHING, written: too large, never too
 * small. */
void footprint_add(struct footprint *footprint, enum piece_kind kind, enum access_mode access,
	uint32_t object, uint64_t start, uint64_t end);

/* Whether the order of two operations of different workers may matter. */
bool footprints_conflict(const struct footprint *a, const struct footprint *b);

bool footprints_equal(const struct footprint *a, const struct footprint *b);

#endif
