/* two-slots's twin: the checksum is of the header only. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

static uLong crc_of_header(uLong crc, const Bytef *bytes, size_t size_bytes)
{
	return size_bytes > sizeof(uint64_t) ? crc : crc32_z(crc, bytes, size_bytes);
}

#define crc32_z crc_of_header
#define strategy_two_slots two_slots_header_crc_original
#include "strategies/two_slots.c"

const struct strategy strategy_two_slots_header_crc = {
	.name = "two-slots-header-crc",
	.summary = "two slots with a checksum of their headers",
	.store = STORE_DOCUMENT,
	.setup = two_slots_setup,
	.update = two_slots_update,
	.read = two_slots_read,
};
