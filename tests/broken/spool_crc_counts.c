/* spool-crc's twin: files are numbered by how many there are, and need not be new. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "harness/store.h"

static void number_name(uint64_t id, char name[64])
{
	uint64_t count = 0;

	(void)id;
	do
		spool_name(count++, name);
	while (!access(name, F_OK));
}

#undef O_EXCL
#define O_EXCL 0
#define spool_name number_name
#define strategy_spool_crc spool_crc_counts_original
#include "strategies/spool_crc.c"

const struct strategy strategy_spool_crc_counts = {
	.name = "spool-crc-counts",
	.summary = "the same with the next free number for a name, and without O_EXCL",
	.store = STORE_SPOOL,
	.setup = spool_crc_setup,
	.update = spool_crc_update,
	.read = spool_crc_read,
};
