/* Everything in order, data too: ext3 and ext4 with data=journal. Only a write of several blocks
 * can be seen in part (BOB, Pillai et al., OSDI'14, Table 1). */
#include "harness/model.h"

static bool journal_orders(const struct micro_op *earlier, const struct micro_op *later)
{
	(void)earlier;
	(void)later;
	return true;
}

const struct model model_journal = {
	.name = "journal",
	.summary = "everything in order, data too (data=journal)",
	.is_honest = true,
	.syncs_names = true,
	.carries_order = true,
	.orders = journal_orders,
};
