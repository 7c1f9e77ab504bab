/*
 * A really full file system: a small tmpfs over the data directory in a private mount namespace.
 * What the injected full disk only plays, the kernel does here.
 */
#ifndef TORNWRITE_FULL_DISK_H
#define TORNWRITE_FULL_DISK_H

#include <stdint.h>

#include "harness/recording.h"
#include "harness/workspace.h"

/* Puts the calling process into a user and mount namespace of its own, for ever. Call in a
 * single-threaded process. Returns 0 or -errno: this host does not allow it. */
int full_disk_enter(void);

/* Mounts an empty tmpfs for one run. *directory_fd is its root. Returns 0 or -errno. */
int full_disk_mount(const struct workspace *workspace, int *directory_fd);

/* Leaves `free_blocks` blocks of 4096 bytes free. Returns 0 or -errno. */
int full_disk_limit(int directory_fd, const struct workspace *workspace, uint64_t free_blocks);

void full_disk_unmount(const struct workspace *workspace, int directory_fd);

/* Marks every operation that the kernel refused with ENOSPC or did in part as struck, and counts
 * them in recording->fired. */
void full_disk_count(struct recording *recording);

#endif
