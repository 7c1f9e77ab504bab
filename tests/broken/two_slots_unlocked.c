/* two-slots's twin: the lock is left out. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include "harness/store.h"

#define flock(fd, operation) 0
#define strategy_two_slots two_slots_unlocked_original
#include "strategies/two_slots.c"

const struct strategy strategy_two_slots_unlocked = {
	.name = "two-slots-unlocked",
	.summary = "the same without a lock",
	.store = STORE_DOCUMENT,
	.setup = two_slots_setup,
	.update = two_slots_update,
	.read = two_slots_read,
};
