/* append-crc-repair's twin: the repair cuts off the last intact record, too. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "harness/store.h"

static size_t bytes_before_last_intact(const struct buffer *log)
{
	struct buffer rest = *log;

	rest.size_bytes = log_crc_intact_bytes(log);
	if (rest.size_bytes == log->size_bytes)
		return rest.size_bytes;
	rest.size_bytes--;
	return log_crc_intact_bytes(&rest);
}

#define log_crc_intact_bytes bytes_before_last_intact
#define strategy_append_crc_repair append_crc_repair_overdone_original
#include "strategies/append_crc_repair.c"

const struct strategy strategy_append_crc_repair_overdone = {
	.name = "append-crc-repair-overdone",
	.summary = "append with a checksum, after cutting off more than the torn tail",
	.store = STORE_LOG,
	.setup = log_crc_setup,
	.update = append_crc_repair_update,
	.read = log_crc_read,
};
