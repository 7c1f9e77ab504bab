/* spool-excl's twin: two records share a name, and the later one replaces the earlier. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "harness/store.h"

#undef O_EXCL
#define O_EXCL O_TRUNC
#define spool_name(id, name) spool_name((id) / 60, name)
#define strategy_spool_excl spool_excl_collides_original
#include "strategies/spool_excl.c"

const struct strategy strategy_spool_excl_collides = {
	.name = "spool-excl-collides",
	.summary = "create a file named for the minute",
	.store = STORE_SPOOL,
	.setup = spool_setup,
	.update = spool_excl_update,
	.read = spool_read,
};
