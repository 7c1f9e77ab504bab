/*
 * The strategy plug-in: one way to update files. One file in strategies/ is one strategy, and its
 * table entry is `const struct strategy strategy_<file name>`.
 *
 * A strategy is what one would copy into one's own program: plain POSIX calls on relative paths.
 * The working directory is the data directory; nothing else may be touched. A strategy does not
 * know whether it is being tortured, prints nothing, and never judges itself.
 */
#ifndef TORNWRITE_STRATEGY_H
#define TORNWRITE_STRATEGY_H

#include "harness/txn.h"
#include "harness/view.h"

/* How one update relates to the ones before it; tells the judge what a whole view is. */
enum store {
	STORE_DOCUMENT, /* read the file, add this transaction, write it all */
	STORE_LOG,      /* append one record */
	STORE_SPOOL,    /* add one file; files have no order */
	STORE_TREE,     /* change TXN_MEMBERS files that must agree; each is a document */
	STORE_COUNTER,  /* a file with a number; an update adds one */
};

/* What a property may be claimed to survive. Every fault belongs to one of these classes. */
enum survives {
	SURVIVES_KILL = 1 << 0,         /* the process is killed at any moment */
	SURVIVES_SHORTAGE = 1 << 1,     /* a resource is used up: disk, quota, descriptors */
	SURVIVES_INTERRUPTION = 1 << 2, /* EINTR, short reads and writes */
	SURVIVES_IO_ERROR = 1 << 3,     /* the device fails: EIO, a failed fsync among them */
	SURVIVES_POWER = 1 << 4,        /* a power cut */

	/* Failed calls that leave the kernel and the process alive and tell the truth. */
	SURVIVES_ERRORS = SURVIVES_SHORTAGE | SURVIVES_INTERRUPTION,
	SURVIVES_ALL = SURVIVES_KILL | SURVIVES_ERRORS | SURVIVES_IO_ERROR | SURVIVES_POWER,
};

/* What a strategy promises: for each property a set of enum survives. A broken claim fails the
 * run; a violation that was never claimed is a finding. `isolated` is not a set: the property
 * is about other workers, not about faults. */
struct claims {
	unsigned atomic;
	unsigned consistent;
	unsigned durable;
	bool isolated;
};

struct strategy {
	const char *name;    /* the file's name with '-' for '_' */
	const char *summary; /* one line, no full stop */
	enum store store;
	struct claims claims;

	/* Paths (fnmatch(3), FNM_PATHNAME) of what an error or a crash may leave behind and the
	 * store outlives: temporary files, stale locks. Reported, never judged. NULL: nothing. */
	const char *residue;

	/* All hooks return 0 or -errno, and may be called in any process and more than once. */

	/* Makes an empty data directory into a store that holds transaction `first`, synced; a
	 * counter begins at 0. Never struck by faults. */
	int (*setup)(const struct txn *first);

	/* Adds one transaction. 0 acknowledges it; -errno says that it did not take place. */
	int (*update)(const struct txn *txn);

	/* Hands every record in the store to view_add(), as a reader of this store sees them; of a
	 * counter, the number to view_set_number(). Must not change the store. -errno: the store
	 * cannot be read. */
	int (*read)(struct view *view);

	/* The same by a reader that does not know what this store asks of its readers: one that
	 * takes no lock, or looks up each file by its full path. NULL: nothing is asked. */
	int (*read_naive)(struct view *view);

	/* What the program does when it starts after a crash, before anything is read.
	 * NULL: nothing. */
	int (*recover)(void);
};

#endif
