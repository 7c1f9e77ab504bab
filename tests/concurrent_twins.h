/*
 * The strategies of tests/broken/ that several workers at once show, most of them with something of
 * their lock left out, and how: test_concurrent.c looks, and test_broken.c knows that they have
 * their row.
 */
#ifndef TORNWRITE_TESTS_CONCURRENT_TWINS_H
#define TORNWRITE_TESTS_CONCURRENT_TWINS_H

#include "harness/judge.h"

struct concurrent_twin {
	const char *broken, *twin;
	const char *contention; /* as results name it: see concurrent_name() */
	enum property property;
	const char *reason; /* a part of the detail */
	/* It is the reason that differs: the sound one is violated as well, by something else. */
	bool is_other_reason;
};

static const struct concurrent_twin concurrent_twins[] = {
	{"append-lock-crc-fsync-positions", "append-lock-crc-fsync", "concurrent", ISOLATION,
		"lost update (G-single)", false},
	{"counter-lock-early", "counter-lock", "concurrent", ISOLATION, "lost update (G-single)",
		false},
	{"counter-lock-late", "counter-lock", "concurrent", ISOLATION, "lost update (G-single)",
		false},
	{"counter-replace-lock-late", "counter-replace-lock", "concurrent", ISOLATION,
		"lost update (G-single)", false},
	/* Of the lock that a killed worker left; the sound one gives up. */
	{"lockfile-rename-endless", "lockfile-rename", "concurrent-kill", CONSISTENCY, "never ends",
		true},
	{"lockfile-rename-unexclusive", "lockfile-rename", "concurrent", ISOLATION,
		"write cycle (G0)", false},
	{"maildir-overwrites", "maildir", "concurrent", ISOLATION, "lost update (G-single)", false},
	{"replace-lock-fsync-dir-unlocks", "replace-lock-fsync-dir", "concurrent", ISOLATION,
		"lost update (G-single)", false},
	{"replace-lock-ghost", "replace-lock", "concurrent", ISOLATION, "ghost", false},
	/* Both lose updates; this one mixes them, too. */
	{"replace-one-name", "replace", "concurrent", ISOLATION, "isolation level: none", true},
	{"spool-crc-counts", "spool-crc", "concurrent", ISOLATION, "lost update (G-single)", false},
	{"spool-excl-counts", "spool-excl", "concurrent", ISOLATION, "write cycle (G0)", false},
	{"spool-rename-fsync-dir-one-name", "spool-rename-fsync-dir", "concurrent", ISOLATION,
		"write cycle (G0)", false},
	{"spool-rename-one-name", "spool-rename", "concurrent", ISOLATION, "write cycle (G0)",
		false},
	{"tree-lockfile-reads-unlocked", "tree-lockfile", "concurrent-reader", ATOMICITY,
		"fractured read", false},
	{"truncate-write-lock-crosses", "truncate-write-lock", "concurrent", ISOLATION,
		"deadlock: worker", false},
	{"truncate-write-lock-shared", "truncate-write-lock", "concurrent", ISOLATION,
		"lost update (G-single)", false},
	{"truncate-write-lock-unlocked", "truncate-write-lock", "concurrent", ISOLATION,
		"lost update (G-single)", false},
	{"two-slots-unlocked", "two-slots", "concurrent", ISOLATION, "lost update (G-single)",
		false},
	{"undo-journal-unlocked", "undo-journal", "concurrent", ISOLATION, "lost update (G-single)",
		false},
};
enum { CONCURRENT_TWIN_COUNT = sizeof(concurrent_twins) / sizeof(concurrent_twins[0]) };

#endif
