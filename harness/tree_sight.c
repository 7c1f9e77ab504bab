/* What of a tree can be seen. What no tree holds (times, owners, inode
 * numbers, how large a directory is on its disk) cannot be told apart here either. */
#include <stdlib.h>
#include <string.h>

#include "harness/tree_private.h"

static void count_name(void *context, const char *path, uint32_t object)
{
	uint32_t *counts = context;

	(void)path;
	counts[object]++;
}

uint32_t *tree_count_names(const struct tree *tree)
{
	uint32_t *counts = calloc(tree->object_count + 1UL, sizeof(*counts));

	if (counts)
		tree_walk(tree, count_name, counts);
	return counts;
}

static void add_directory(XXH3_state_t *state, const struct tree *tree,
	const struct object *directory, bool is_listed)
{
	uint32_t directories = 0;

	for (uint32_t i = 0; i < directory->entry_count; i++) {
		const struct entry *entry = &directory->entries[i];
		uint32_t type = tree->objects[entry->object]->type;

		directories += type == OBJECT_DIRECTORY;
		if (!is_listed)
			continue;
		XXH3_128bits_update(state, entry->name, strlen(entry->name) + 1);
		XXH3_128bits_update(state, &type, sizeof(type));
	}
	XXH3_128bits_update(state, &directories, sizeof(directories));
}

XXH128_hash_t tree_sight(
	const struct tree *tree, uint32_t number, const uint32_t *name_counts, bool is_listed)
{
	const struct object *object = number == UINT32_MAX ? NULL : tree->objects[number];
	uint32_t head[4] = {is_listed, 0, 0, 0};
	XXH3_state_t state;

	if (object) {
		head[1] = object->type;
		head[2] = object->mode;
		head[3] = name_counts[number];
	}
	XXH3_128bits_reset(&state);
	XXH3_128bits_update(&state, head, sizeof(head));
	if (object && object->type == OBJECT_FILE)
		XXH3_128bits_update(&state, &object->size_bytes, sizeof(object->size_bytes));
	if (object && object->type == OBJECT_SYMLINK)
		XXH3_128bits_update(&state, object->target, strlen(object->target) + 1);
	if (object && object->type == OBJECT_DIRECTORY)
		add_directory(&state, tree, object, is_listed);
	return XXH3_128bits_digest(&state);
}

XXH128_hash_t tree_bytes_hash(
	const struct tree *tree, uint32_t number, uint64_t start, uint64_t end)
{
	uint64_t size = tree_file_bytes(tree, number);
	XXH3_state_t state;

	XXH3_128bits_reset(&state);
	if (end > size)
		end = size;
	while (start < end) {
		uint64_t stop = (start / TREE_PAGE_BYTES + 1) * TREE_PAGE_BYTES;

		if (stop > end)
			stop = end;
		XXH3_128bits_update(&state,
			tree_page(tree, number, start / TREE_PAGE_BYTES) + start % TREE_PAGE_BYTES,
			(size_t)(stop - start));
		start = stop;
	}
	return XXH3_128bits_digest(&state);
}
