/* No space left on device: one call that may allocate fails. The full disk, which stays full, is
 * full_disk.c. */
#include <errno.h>

#include "harness/fault.h"

static unsigned enospc_chances(const struct op *op, unsigned variant)
{
	(void)variant;
	return op_may_allocate(op);
}

const struct fault fault_enospc = {
	.name = "enospc",
	.summary = "a write, a new name or growth fails with ENOSPC",
	.class = SURVIVES_SHORTAGE,
	.error = ENOSPC,
	.chances = enospc_chances,
};
