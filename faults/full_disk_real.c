/*
 * The same on a real file system: a tmpfs that has every number of free blocks in turn. Nothing
 * is injected; the kernel refuses. The variants are those of full_disk.c. Needs user namespaces.
 */
#include "harness/fault.h"

static const struct fault_variant full_disk_real_variants[] = {
	{"reused", REPEAT_BUDGET},
	{"taken", REPEAT_SHRINKING},
};

const struct fault fault_full_disk_real = {
	.name = "full-disk-real",
	.summary = "a small tmpfs runs full for real",
	.class = SURVIVES_SHORTAGE,
	.variants = full_disk_real_variants,
	.variant_count = 2,
	.is_real = true,
};
