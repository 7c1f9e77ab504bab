/* A drive or a hypervisor that says "written" and keeps it in a cache without power: a sync
 * promises nothing. The cache is written in the order of time, so an earlier state is found. (One
 * that does not keep even that order keeps nothing.) Rajimwale et al., DSN'11; the article. */
#include "harness/model.h"

static bool lying_disk_orders(const struct micro_op *earlier, const struct micro_op *later)
{
	(void)earlier;
	(void)later;
	return true;
}

const struct model model_lying_disk = {
	.name = "lying-disk",
	.summary = "syncs promise nothing; only the order of time is kept",
	.ignores_syncs = true,
	.orders = lying_disk_orders,
};
