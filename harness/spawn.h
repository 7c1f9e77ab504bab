/*
 * A process that forks workers. It installs the filter, once, and its workers inherit it: each
 * filter is compiled to machine code by the kernel, and thousands a second bring some kernels to a
 * stop.
 */
#ifndef TORNWRITE_SPAWN_H
#define TORNWRITE_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include "harness/filter.h"

struct spawner;

enum { SPAWN_ORDER_BYTES = 256 };

/* Forks the spawner. In each worker `work` is called with a copy of the order that it was spawned
 * with, and must not return; what else it sees of memory is what there is now. With FILTER_PROGRAM
 * each is the init of a pid namespace where that is allowed, and what it forks is traced, too.
 * *spawner is NULL on error. Returns 0, -ENOTRECOVERABLE when the filter cannot be installed, or
 * another -errno. Pair with spawner_free(). */
int spawner_new(
	struct spawner **spawner, const struct filter *filter, void (*work)(const void *order));

/* Ends it, and with it all workers. NULL is allowed. */
void spawner_free(struct spawner *spawner);

/* Where a worker of FILTER_PROGRAM is: the init of a pid namespace of its own; or, of several that
 * are to see each other, in one that is made for the first, and that the others share. */
enum spawn_place { SPAWN_ALONE, SPAWN_FIRST, SPAWN_NEXT };

/* Forks a worker, seizes it for the calling process, and lets it go. Returns 0 or -errno;
 * -ENOTRECOVERABLE: ptrace is not allowed. */
int spawner_spawn(struct spawner *spawner, const void *order, size_t order_bytes,
	enum spawn_place place, pid_t *pid);

#endif
