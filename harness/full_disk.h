/*
 * A really full file system: a small tmpfs over the data directory in a private mount namespace.
 * What the injected full disk only plays, the kernel does here.
 */
#ifndef TORNWRITE_FULL_DISK_H
#define TORNWRITE_FULL_DISK_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/recording.h"
#include "harness/workspace.h"

/* One such file system, for one run. */
struct full_disk {
	char path[PATH_MAX + 8];
	int directory_fd;  /* its root */
	int ballast_fd;    /* a file without a name, so that one block is always used */
	bool is_shrinking; /* what is freed is taken at once */
	uint64_t limit_blocks, most_blocks;
};

/* Mounts an empty tmpfs over the data directory; sandbox_enter() was called. Returns 0 or -errno.
 * Pair with full_disk_unmount(). */
int full_disk_mount(struct full_disk *disk, const struct workspace *workspace);

/* From now on it has `free_blocks` free blocks of 4096 bytes. Returns 0 or -errno. */
int full_disk_limit(struct full_disk *disk, uint64_t free_blocks, bool is_shrinking);

/* Takes away what was freed since. To be called before every operation. */
void full_disk_shrink(struct full_disk *disk);

void full_disk_unmount(struct full_disk *disk);

/* Marks every operation that the kernel refused with ENOSPC or did in part as struck, and counts
 * them in recording->fired. */
void full_disk_count(struct recording *recording);

#endif
