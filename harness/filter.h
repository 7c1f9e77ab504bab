/*
 * The seccomp filter of a worker: calls that touch files stop for the tracer, all others run at
 * full speed. Built once with libseccomp, installed by every worker on itself.
 */
#ifndef TORNWRITE_FILTER_H
#define TORNWRITE_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

/* prctl(FILTER_MARK, enum event_kind, txn, -errno): how a built-in worker tells the tracer where
 * it is. Never reaches the kernel. */
enum { FILTER_MARK = 0x746f726e };

struct filter {
	struct sock_fprog program; /* `filter` is owned */
	bool has_looks;
	/* It cannot be installed here: the tracer stops at every call instead, and picks those that
	 * the filter would have stopped. Slower, and otherwise the same. */
	bool is_unusable;
};

/* Builds the filter. `has_looks`: for workers whose schedule is chosen, calls that only look at
 * files, that lock bytes, and that sleep stop, too. Returns 0 or -errno. Pair with
 * filter_release(). */
int filter_init(struct filter *filter, bool has_looks);
void filter_release(struct filter *filter);

enum filter_answer { FILTER_PASS, FILTER_STOP, FILTER_MISSING };

/* What the filter does with a call: nothing, it stops for the tracer, or it fails with ENOSYS. */
enum filter_answer filter_ask(const struct filter *filter, long number, const uint64_t args[6]);

/* Installs it on the calling process, for ever, with no_new_privs. Async-signal-safe.
 * Does nothing if it is unusable. Returns 0 or -errno. */
int filter_install(const struct filter *filter);

#endif
