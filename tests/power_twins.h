/*
 * The strategies of tests/broken/ that a power cut shows, most of them with one sync left out, and
 * how: test_power.c looks, and test_broken.c knows that they have their row.
 */
#ifndef TORNWRITE_TESTS_POWER_TWINS_H
#define TORNWRITE_TESTS_POWER_TWINS_H

#include "harness/judge.h"

struct power_twin {
	const char *broken, *twin;
	const char *cut; /* as results name it: see power_name() */
	enum property property;
	const char *reason;    /* a part of the detail, under posix */
	const char *spared_by; /* a model that keeps the property all the same; NULL: not asked */
};

static const struct power_twin power_twins[] = {
	{"append-compact-no-directory-sync", "append-compact", "power", DURABILITY,
		"write #3 (log) is on disk, rename #1 is not", NULL},
	{"append-compact-no-file-sync", "append-compact", "power", DURABILITY,
		"rename #1 is on disk, 1 of 2 pages of write #2 (file of open #3) is not", NULL},
	{"append-compact-no-record-sync", "append-compact", "power", DURABILITY,
		"of the size of write #3 (log) is lost", NULL},
	/* When the compaction cannot open the directory. */
	{"append-compact-no-repeated-sync", "append-compact", "power-after-emfile", DURABILITY,
		"write #3 (log) is on disk, rename #1 is not", NULL},
	{"append-crc-fsync-swallow", "append-crc-fsync", "power-after-eio", DURABILITY,
		"fdatasync #1 (log) failed with EIO; power cut after write #2 (log): write #2 "
		"(log) is on disk, 1 of 2 pages of write #1 (log) is not",
		NULL},
	{"append-crc-fsync-unsynced", "append-crc-fsync", "power", DURABILITY,
		"of the size of write #2 (log) is lost", NULL},
	{"append-crc-odsync-measures", "append-crc-odsync", "power-after-eio", DURABILITY,
		"write #1 (log) took place and reported EIO; power cut in write #2 (log)", NULL},
	{"append-crc-odsync-unsynced", "append-crc-odsync", "power", DURABILITY,
		"of the size of write #2 (log) is lost", NULL},
	{"append-lock-crc-fsync-unsynced", "append-lock-crc-fsync", "power", DURABILITY,
		"of the size of write #2 (log) is lost", NULL},
	{"exchange-no-directory-sync", "exchange", "power", DURABILITY,
		"is on disk, exchange #1 is not", NULL},
	{"exchange-no-file-sync", "exchange", "power", ATOMICITY,
		"exchange #1 is on disk, 1 of 2 steps of the size of write #1", NULL},
	{"generation-symlink-fsync-no-generation-sync", "generation-symlink-fsync", "power",
		ATOMICITY, "rename #1 is on disk, open #9 is not", "ext4"},
	{"generation-symlink-fsync-no-member-sync", "generation-symlink-fsync", "power", ATOMICITY,
		"rename #1 is on disk, the size of write #3", NULL},
	{"generation-symlink-fsync-no-name-sync", "generation-symlink-fsync", "power", ATOMICITY,
		"rename #1 is on disk, mkdir #1 is not", "ext4"},
	{"generation-symlink-fsync-no-switch-sync", "generation-symlink-fsync", "power", DURABILITY,
		"is on disk, rename #1 is not", NULL},
	{"lockfile-rename-no-directory-sync", "lockfile-rename", "power", DURABILITY,
		"is on disk, rename #1 is not", NULL},
	{"lockfile-rename-no-file-sync", "lockfile-rename", "power", ATOMICITY,
		"rename #1 is on disk, 1 of 2 steps of the size of write #1", "ext4"},
	{"maildir-no-directory-sync", "maildir", "power", DURABILITY, "is on disk, link #1 is not",
		NULL},
	{"maildir-no-file-sync", "maildir", "power", ATOMICITY,
		"unlink #1 is on disk, the size of write #1", NULL},
	{"replace-fsync-dir-no-directory-sync", "replace-fsync-dir", "power", DURABILITY,
		"is on disk, rename #1 is not", NULL},
	{"replace-fsync-dir-no-file-sync", "replace-fsync-dir", "power", ATOMICITY,
		"rename #1 is on disk, 1 of 2 steps of the size of write #1", "ext4"},
	{"replace-fsync-dir-swallow", "replace-fsync-dir", "power-after-eio", DURABILITY,
		"fsync #2 (the directory) failed with EIO", NULL},
	{"replace-fsync-no-file-sync", "replace-fsync", "power", ATOMICITY,
		"is on disk, 1 of 3 steps of the size of write #2", "ext4"},
	{"replace-fsync-swallow", "replace-fsync", "power-after-eio", ATOMICITY,
		"fsync #1 failed with EIO", NULL},
	{"replace-lock-fsync-dir-no-directory-sync", "replace-lock-fsync-dir", "power", DURABILITY,
		"is on disk, rename #1 is not", NULL},
	{"replace-lock-fsync-dir-no-file-sync", "replace-lock-fsync-dir", "power", ATOMICITY,
		"rename #1 is on disk, 1 of 2 steps of the size of write #1", "ext4"},
	/* What it does not check comes of no sync, and need not. */
	{"spool-crc-unchecked", "spool-crc", "power", CONSISTENCY,
		"the data of write #2 (file of open #2) is lost", NULL},
	{"spool-rename-fsync-dir-no-directory-sync", "spool-rename-fsync-dir", "power", DURABILITY,
		"is on disk, rename #1 is not", NULL},
	{"spool-rename-fsync-dir-no-file-sync", "spool-rename-fsync-dir", "power", ATOMICITY,
		"rename #1 is on disk, the size of write #1", NULL},
	{"spool-rename-fsync-dir-retries", "spool-rename-fsync-dir", "power-after-eio", DURABILITY,
		"fsync #1 failed with EIO; power cut after write #2", NULL},
	{"sqlite-no-database-sync", "sqlite", "power", ATOMICITY,
		"unlink #1 is on disk, the size of pwrite #12 (db.sqlite) is not", NULL},
	{"sqlite-no-journal-header-sync", "sqlite", "power", ATOMICITY,
		"pwrite #11 (db.sqlite) is on disk, pwrite #8 (file of open #2), the size of "
		"pwrite #12 (db.sqlite) are not",
		NULL},
	{"sqlite-no-journal-name-sync", "sqlite", "power", ATOMICITY,
		"pwrite #11 (db.sqlite) is on disk, open #2, the size of pwrite #12 (db.sqlite) "
		"are not",
		"ext4"},
	{"sqlite-no-journal-sync", "sqlite", "power", ATOMICITY,
		"pwrite #8 (file of open #2) is on disk, 1 of 2 pages of pwrite #6 (file of open "
		"#2) is not",
		NULL},
	{"sqlite-no-rollback-sync", "sqlite", "recovery", ATOMICITY,
		"then in recovery a power cut after unlink #1 (db.sqlite-journal): unlink #1 "
		"(db.sqlite-journal) is on disk, pwrite #2 (db.sqlite) is not",
		NULL},
	{"sqlite-wal-no-checkpoint-sync", "sqlite-wal", "power", DURABILITY,
		"unlink #2 is on disk, pwrite #12 (db.sqlite) is not", NULL},
	{"sqlite-wal-no-commit-sync", "sqlite-wal", "power", DURABILITY,
		"is on disk, 1 of 2 steps of the size of pwrite #11 (file of open #2) is not",
		NULL},
	{"sqlite-wal-no-log-name-sync", "sqlite-wal", "power", ATOMICITY,
		"ftruncate #2 (db.sqlite) is on disk, open #2, the data of pwrite #21 (db.sqlite) "
		"are not",
		NULL},
	{"two-slots-no-slot-sync", "two-slots", "power", DURABILITY,
		"1 of 2 pages of pwrite #1 (doc.slots) is lost", NULL},
	{"undo-journal-no-document-sync", "undo-journal", "power", ATOMICITY,
		"unlink #2 is on disk, 1 of 2 pages of pwrite #1 (doc.txt) is not", NULL},
	{"undo-journal-no-journal-name-sync", "undo-journal", "power", ATOMICITY,
		"ftruncate #1 (doc.txt) is on disk, open #4, 1 of 2 pages of pwrite #1 (doc.txt) "
		"are not",
		"ext4"},
	{"undo-journal-no-journal-sync", "undo-journal", "power", ATOMICITY,
		"ftruncate #1 (doc.txt) is on disk, the size of write #2 (file of open #4), 1 of 2 "
		"pages of pwrite #1 (doc.txt) are not",
		NULL},
	{"undo-journal-no-undo-sync", "undo-journal", "power-after-enospc", ATOMICITY,
		"pwrite #1 (doc.txt) was short (3156 of 6313 bytes), then ENOSPC; power cut after "
		"unlink #2: unlink #2 is on disk, ftruncate #1 (doc.txt) is not",
		NULL},
	{"undo-journal-no-unlink-sync", "undo-journal", "power", DURABILITY, "unlink #4 is lost",
		NULL},
	{"undo-journal-rollback-late-sync", "undo-journal", "recovery", ATOMICITY,
		"then in recovery a power cut after unlink #1 (doc.txt.journal): unlink #1 "
		"(doc.txt.journal) is on disk, ftruncate #1 (doc.txt) is not",
		NULL},
};
enum { POWER_TWIN_COUNT = sizeof(power_twins) / sizeof(power_twins[0]) };

#endif
