/* As posix, and worse: rename(2) links the new name before it removes the old one
 * (fs/ext2/namei.c), each in a block of its own, and a new block is not cleared. ALICE's default
 * model; BOB. */
#include "harness/model.h"

const struct model model_ext2 = {
	.name = "ext2",
	.summary = "as posix; a rename may be seen half, and a new page may hold garbage",
	.splits_renames = true,
	.shows_garbage = true,
};
