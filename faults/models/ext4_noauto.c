/* ext4 with the mount option noauto_da_alloc: see ext4.c, without the two heuristics. */
#include "harness/model.h"

static bool ext4_noauto_orders(const struct micro_op *earlier, const struct micro_op *later)
{
	return model_same_page(earlier, later) ||
	       (model_is_prompt(earlier) && model_is_logged(later));
}

const struct model model_ext4_noauto = {
	.name = "ext4-noauto",
	.summary = "ext4 with noauto_da_alloc: a replaced file may be empty or zeros",
	.is_honest = true,
	.syncs_names = true,
	.carries_order = true,
	.orders = ext4_noauto_orders,
};
