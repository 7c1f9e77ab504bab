/*
 * What a run looked at in the tree that it began with.
 *
 * Of each name that it looked up what is there, or that nothing is, with all parents; of a file the
 * bytes that it read, all of them if it mapped, ran or copied it; of a directory that it listed the
 * names.
 */
#ifndef TORNWRITE_CHECK_COLLECT_H
#define TORNWRITE_CHECK_COLLECT_H

#include "harness/check_seen.h"
#include "harness/recording.h"

/* Adds to an empty list, in the order of the looks. The recording was made with FILTER_PATHS.
 * Returns 0, -ENOMEM, or -EPROTO when it cannot be said: a file that was looked at has several
 * names, or the recording does not replay. */
int check_collect(const struct recording *recording, struct look_list *looks);

#endif
