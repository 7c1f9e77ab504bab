/* append-crc-repair's twin: a torn tail is taken for intact, so that the next record is glued to
 * it. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "harness/store.h"

#define log_crc_intact_bytes(log) ((log)->size_bytes)
#define strategy_append_crc_repair append_crc_repair_skipped_original
#include "strategies/append_crc_repair.c"

const struct strategy strategy_append_crc_repair_skipped = {
	.name = "append-crc-repair-skipped",
	.summary = "append with a checksum and without a repair",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_crc_repair_update,
	.read = log_crc_read,
};
