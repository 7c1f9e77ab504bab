/*
 * The seccomp filter of a worker: calls that touch files stop for the tracer, all others run at
 * full speed. Built once with libseccomp, installed by every worker on itself.
 */
#ifndef TORNWRITE_FILTER_H
#define TORNWRITE_FILTER_H

#include <errno.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

/* prctl(FILTER_MARK, enum event_kind, txn, -errno): how a built-in worker tells the tracer where
 * it is. Never reaches the kernel. */
enum { FILTER_MARK = 0x746f726e };

enum filter_option {
	/* For workers whose schedule is chosen: calls that only look at files, that lock bytes, and
	 * that sleep stop, too. */
	FILTER_LOOKS = 1,
	/* For somebody's own program: opens that only read, reads, and what it learns of processes
	 * go on at full speed; what only changes owners, times and attributes stops. It sleeps for
	 * real, also with FILTER_LOOKS. */
	FILTER_PROGRAM = 2,
	/* Such a program's opens and reads stop, too. */
	FILTER_READS = 4,
	/* For one whose every look is to be known, with FILTER_PROGRAM and FILTER_LOOKS: all calls
	 * that follow a path stop, and all that could tell it of files in a way that cannot be
	 * followed. */
	FILTER_PATHS = 8,
};

struct filter {
	struct sock_fprog program; /* `filter` is owned */
	unsigned options;
	bool has_looks; /* FILTER_LOOKS */
	/* It cannot be installed here: the tracer stops at every call instead, and picks those that
	 * the filter would have stopped. Slower, and otherwise the same. */
	bool is_unusable;
};

/* Builds the filter; `options` are of enum filter_option. Returns 0 or -errno. Pair with
 * filter_release(). */
int filter_init(struct filter *filter, unsigned options);
void filter_release(struct filter *filter);

/* What the filter does with a call: nothing, it stops for the tracer, or it fails with any other
 * negative errno than that of FILTER_MISSING, too. */
enum filter_answer { FILTER_MISSING = -ENOSYS, FILTER_PASS = 0, FILTER_STOP = 1 };

/* The answer for a call of x86-64, also in its x32 form. A process that makes a call of another
 * architecture is killed by the filter. */
int filter_ask(const struct filter *filter, long number, const uint64_t args[6]);

/* Installs it on the calling process, for ever, with no_new_privs. Async-signal-safe.
 * Does nothing if it is unusable. Returns 0 or -errno. */
int filter_install(const struct filter *filter);

#endif
