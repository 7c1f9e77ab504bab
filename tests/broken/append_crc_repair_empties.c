/* append-crc-repair's twin: a record that could not be written takes the whole log along. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "harness/store.h"

static int empty(const char *path, off_t size_bytes)
{
	(void)size_bytes;
	return truncate(path, 0);
}

#define truncate empty
#define strategy_append_crc_repair append_crc_repair_empties_original
#include "strategies/append_crc_repair.c"

const struct strategy strategy_append_crc_repair_empties = {
	.name = "append-crc-repair-empties",
	.summary = "append with a checksum; an error empties the log",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_crc_repair_update,
	.read = log_crc_read,
};
