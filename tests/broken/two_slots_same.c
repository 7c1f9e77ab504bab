/* two-slots's twin: overwrites the newest slot and not the older one. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

static int write_to_newest(int fd, const void *bytes, size_t size_bytes, long offset)
{
	return io_pwrite_all(fd, bytes, size_bytes, offset ? 0 : 96 * 1024);
}

#define io_pwrite_all write_to_newest
#define strategy_two_slots two_slots_same_original
#include "strategies/two_slots.c"

const struct strategy strategy_two_slots_same = {
	.name = "two-slots-same",
	.summary = "overwrite the newest of two checksummed slots",
	.store = STORE_DOCUMENT,
	.setup = two_slots_setup,
	.update = two_slots_update,
	.read = two_slots_read,
};
