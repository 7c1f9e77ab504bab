/* replace's twin: removes the old file before the new one takes its name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int unlink_and_rename(const char *from, const char *to)
{
	return unlink(to) ? -1 : rename(from, to);
}

#define rename unlink_and_rename
#define strategy_replace replace_gap_original
#include "strategies/replace.c"

const struct strategy strategy_replace_gap = {
	.name = "replace-gap",
	.summary = "write-replace with a gap",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_update,
	.read = document_read,
};
