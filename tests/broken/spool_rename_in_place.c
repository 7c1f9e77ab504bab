/* spool-rename's twin: the file is written at its final name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

#define snprintf(aside, size, format, name) strcpy(aside, name)
#define strategy_spool_rename spool_rename_in_place_original
#include "strategies/spool_rename.c"

const struct strategy strategy_spool_rename_in_place = {
	.name = "spool-rename-in-place",
	.summary = "write a file at its final name",
	.store = STORE_SPOOL,
	.setup = spool_setup,
	.update = spool_rename_update,
	.read = spool_read,
};
