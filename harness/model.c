/* Predicates over two micro-operations, of which `earlier` was issued first. */
#include "harness/model.h"

/* The page cache holds one version of a page, the latest. Linux, mm/filemap.c. */
bool model_same_page(const struct micro_op *earlier, const struct micro_op *later)
{
	return earlier->kind == MICRO_DATA && later->kind == MICRO_DATA &&
	       earlier->object == later->object && earlier->page <= later->last_page &&
	       later->page <= earlier->last_page;
}

/* A growing write is not among them: with delayed allocation the size on the disk changes when
 * the pages are written back (ext4_writepages, xfs_setfilesize). */
bool model_is_prompt(const struct micro_op *op)
{
	return op->kind == MICRO_NAME || op->kind == MICRO_MODE ||
	       (op->kind == MICRO_SIZE && !op->is_growth);
}

bool model_is_logged(const struct micro_op *op)
{
	return op->kind != MICRO_DATA || op->is_new || op->is_whole;
}

static bool is_content(const struct micro_op *op)
{
	return op->kind == MICRO_DATA || op->kind == MICRO_SIZE;
}

/* ext4(5) auto_da_alloc: "replace-via-rename"; btrfs: flush of the source in btrfs_rename. */
bool model_flushed_by_rename(const struct micro_op *earlier, const struct micro_op *later)
{
	return later->kind == MICRO_NAME && later->is_replacing && is_content(earlier) &&
	       earlier->object == later->object;
}

/* ext4(5) auto_da_alloc: "replace-via-truncate"; XFS_ITRUNCATED; BTRFS_INODE_FLUSH_ON_CLOSE. */
bool model_flushed_by_close(const struct micro_op *earlier, const struct micro_op *later)
{
	return model_is_logged(later) && is_content(earlier) && earlier->replaced_at != SIZE_MAX &&
	       later->event > earlier->replaced_at;
}

/* xfs: the size on the disk changes in I/O completion; btrfs: the extent is inserted there. */
bool model_data_before_size(const struct micro_op *earlier, const struct micro_op *later)
{
	return earlier->kind == MICRO_DATA && later->kind == MICRO_SIZE && later->is_growth &&
	       earlier->event == later->event && earlier->page == later->page;
}
