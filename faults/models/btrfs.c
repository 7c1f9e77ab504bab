/*
 * btrfs. Names change in order within a directory and in no order across them (ALICE, Table 1);
 * an fsync writes the file and its names to the log tree, and nothing else that came before
 * (tree-log.c). A size follows its data. Replacing by rename or by truncation flushes first.
 */
#include "harness/model.h"

static bool shares_directory(const struct micro_op *a, const struct micro_op *b)
{
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < 2; k++) {
			if (a->directory[i] != UINT32_MAX && a->directory[i] == b->directory[k])
				return true;
		}
	}
	return false;
}

static bool is_cut_before(const struct micro_op *earlier, const struct micro_op *later)
{
	return earlier->kind == MICRO_SIZE && !earlier->is_growth &&
	       earlier->object == later->object && later->kind != MICRO_NAME &&
	       model_is_logged(later);
}

static bool btrfs_orders(const struct micro_op *earlier, const struct micro_op *later)
{
	if (earlier->kind == MICRO_NAME && later->kind == MICRO_NAME)
		return shares_directory(earlier, later);
	return model_same_page(earlier, later) || model_data_before_size(earlier, later) ||
	       is_cut_before(earlier, later) || model_flushed_by_rename(earlier, later) ||
	       model_flushed_by_close(earlier, later);
}

const struct model model_btrfs = {
	.name = "btrfs",
	.summary = "names in order within a directory; an fsync writes the file and its names only",
	.is_honest = true,
	.syncs_names = true,
	.orders = btrfs_orders,
};
