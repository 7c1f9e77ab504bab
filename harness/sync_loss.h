/*
 * What a failed sync lost. After fsync(2) reported an error the kernel marks the pages clean
 * though they never reached the disk: reads still show them, the next fsync says success, and a
 * power cut takes them away (measured on ext4, xfs and btrfs; Rebello et al., ATC'20).
 *
 * Method: for every file the pages changed since its last good sync are `dirty`; a failed sync
 * makes them `lost`; writing a lost page again makes it dirty again, and a good sync makes dirty
 * pages durable. The entries of a directory are treated like one page. Everything that no failed
 * sync touched is taken to be on the disk, so whatever is missing is the failed sync's doing.
 * A sync that was interrupted (EINTR) is no failed one: it has not written anything yet.
 * Limit: a directory is one page, so a name that a failed sync lost comes back with the next good
 * sync of the directory after a later change to it.
 */
#ifndef TORNWRITE_SYNC_LOSS_H
#define TORNWRITE_SYNC_LOSS_H

#include "harness/recording.h"

struct sync_loss;

/* Returns NULL when out of memory. */
struct sync_loss *sync_loss_new(struct tree *initial);
void sync_loss_free(struct sync_loss *loss);

/* Follows one operation; `after` is the tree after it. Returns 0 or -ENOMEM. */
int sync_loss_follow(struct sync_loss *loss, const struct op *op, struct tree *after);

/* Whether anything is lost now. */
bool sync_loss_any(const struct sync_loss *loss);

/* The tree that a power cut would leave now: `now` less what is lost. Returns 0 or -ENOMEM;
 * the caller holds a reference to *tree. */
int sync_loss_tree(const struct sync_loss *loss, struct tree *now, struct tree **tree);

#endif
