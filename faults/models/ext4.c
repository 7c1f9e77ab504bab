/*
 * ext4 with its defaults, data=ordered and auto_da_alloc. One journal: names, modes and truncations
 * reach the disk in order, and an fsync commits all of them that came before the last change of
 * what is synced (jbd2). Allocation is delayed: sizes and data come late, after later names
 * (ALICE, Table 3d). Two heuristics start it in time (ext4(5), auto_da_alloc). Data inside a file
 * is in no order. ALICE says that a size never outruns its data; zeros in their place were seen on
 * Linux 6.18 (extents are allocated unwritten), so this model does not promise it.
 */
#include "harness/model.h"

static bool ext4_orders(const struct micro_op *earlier, const struct micro_op *later)
{
	return model_same_page(earlier, later) ||
	       (model_is_prompt(earlier) && model_is_logged(later)) ||
	       model_flushed_by_rename(earlier, later) || model_flushed_by_close(earlier, later);
}

const struct model model_ext4 = {
	.name = "ext4",
	.summary = "names in order; sizes and data late, but before the name that they replace",
	.is_honest = true,
	.syncs_names = true,
	.carries_order = true,
	.orders = ext4_orders,
};
