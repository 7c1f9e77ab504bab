/* What record.c and record_program.c share. Nobody else includes it. `name` is whom a message on
 * stderr is about. */
#ifndef TORNWRITE_RECORD_PRIVATE_H
#define TORNWRITE_RECORD_PRIVATE_H

#include "harness/recording.h"

/* Makes the data directory the wanted tree, reads it back as *tree, and learns its inodes. Returns
 * 0 or -errno. */
int record_restore(const char *name, const struct tree *wanted, int directory_fd,
	struct tree **tree, struct inode_map **inodes);

/* Holds the recording's final tree against the directory, and notes what is there and no part of a
 * tree. Returns 0, -EPROTO, or another -errno. */
int record_check_replay(const char *name, struct recording *recording, int directory_fd);

/* -EREMOTEIO when a call failed in a way that only the host can be blamed for. */
int record_check_host(const char *name, const struct recording *recording);

#endif
