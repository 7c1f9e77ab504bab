/*
 * xfs. One log: names, modes and truncations in order, and an fsync forces it up to the last change
 * of what is synced (xfs_fsync_flush_log). A size follows its data (xfs_setfilesize). A file that
 * was truncated is flushed at close (XFS_ITRUNCATED); there is no such thing for rename, so that a
 * renamed file may be empty.
 */
#include "harness/model.h"

static bool xfs_orders(const struct micro_op *earlier, const struct micro_op *later)
{
	return model_same_page(earlier, later) || model_data_before_size(earlier, later) ||
	       (model_is_prompt(earlier) && model_is_logged(later)) ||
	       model_flushed_by_close(earlier, later);
}

const struct model model_xfs = {
	.name = "xfs",
	.summary = "names in order; sizes after their data, and late: a renamed file may be empty",
	.is_honest = true,
	.syncs_names = true,
	.carries_order = true,
	.orders = xfs_orders,
};
