/*
 * The seccomp filter of a worker: calls that touch files stop for the tracer, all others run at
 * full speed. Built once with libseccomp, installed by every worker on itself.
 */
#ifndef TORNWRITE_FILTER_H
#define TORNWRITE_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

/* prctl(FILTER_MARK, enum event_kind, txn, -errno): how a built-in worker tells the tracer where
 * it is. Never reaches the kernel. */
enum { FILTER_MARK = 0x746f726e };

struct filter {
	struct sock_fprog program; /* `filter` is owned */
};

/* Builds the filter. `has_looks`: for workers whose schedule is chosen, calls that only look at
 * files, that lock bytes, and that sleep stop, too. Returns 0 or -errno. Pair with filter_release(). */
int filter_init(struct filter *filter, bool has_looks);
void filter_release(struct filter *filter);

/* Installs it on the calling process, for ever, with no_new_privs. Async-signal-safe.
 * Returns 0 or -errno. */
int filter_install(const struct filter *filter);

#endif
