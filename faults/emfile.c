/* Too many open files: an open fails, of a file that exists or not. */
#include <errno.h>

#include "harness/fault.h"

static unsigned emfile_chances(const struct op *op, unsigned variant)
{
	(void)variant;
	return op->kind == OP_OPEN;
}

const struct fault fault_emfile = {
	.name = "emfile",
	.summary = "an open fails with EMFILE",
	.class = SURVIVES_SHORTAGE,
	.error = EMFILE,
	.chances = emfile_chances,
};
