/* The user's quota is used up. Strikes what ENOSPC strikes: programs that treat only the one
 * errno as "full" differ here. */
#include <errno.h>

#include "harness/fault.h"

static unsigned edquot_chances(const struct op *op, unsigned variant)
{
	(void)variant;
	return op_may_allocate(op);
}

const struct fault fault_edquot = {
	.name = "edquot",
	.summary = "a write, a new name or growth fails with EDQUOT",
	.class = SURVIVES_SHORTAGE,
	.error = EDQUOT,
	.chances = edquot_chances,
};
