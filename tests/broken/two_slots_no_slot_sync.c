/* two-slots's twin: the slot is not synced when the update is acknowledged. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

static int sync_but(const char *who, int fd)
{
	return strcmp(who, "write_slot") ? fdatasync(fd) : 0;
}

#define fdatasync(fd) sync_but(__func__, fd)
#define strategy_two_slots two_slots_no_slot_sync_original
#include "strategies/two_slots.c"

const struct strategy strategy_two_slots_no_slot_sync = {
	.name = "two-slots-no-slot-sync",
	.summary = "two slots, synced by the update that comes next",
	.store = STORE_DOCUMENT,
	.setup = two_slots_setup,
	.update = two_slots_update,
	.read = two_slots_read,
};
