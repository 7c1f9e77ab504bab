/* Reading a tree in memory: hash, paths, sizes, and how two trees differ. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "harness/tree_private.h"

static XXH128_hash_t page_hash(struct page *page)
{
	if (!page)
		page = &zero_page;
	if (!page->has_hash) {
		page->hash = XXH3_128bits(page->bytes, TREE_PAGE_BYTES);
		page->has_hash = true;
	}
	return page->hash;
}

/* A file's contents and size. Kept until the object changes. */
static XXH128_hash_t file_hash(struct object *object)
{
	if (!object->has_hash) {
		XXH3_state_t state;

		XXH3_128bits_reset(&state);
		XXH3_128bits_update(&state, &object->size_bytes, sizeof(object->size_bytes));
		for (uint64_t i = 0; i < object->page_count; i++) {
			XXH128_hash_t hash = page_hash(object->pages[i]);

			XXH3_128bits_update(&state, &hash, sizeof(hash));
		}
		object->hash = XXH3_128bits_digest(&state);
		object->has_hash = true;
	}
	return object->hash;
}

XXH128_hash_t tree_file_hash(const struct tree *tree, uint32_t object)
{
	return file_hash(tree->objects[object]);
}

/* One walk over all names in order. An object's second name refers to the first by its place in
 * the walk, so that hard links count as structure and object numbers do not. */
struct hash_walk {
	XXH3_state_t state;
	uint32_t *place; /* by object number; 0: not met yet */
	uint32_t next_place;
};

static void hash_object(struct hash_walk *walk, const struct tree *tree, uint32_t number)
{
	struct object *object = tree->objects[number];
	uint32_t head[3] = {object->type, object->mode, walk->place[number]};
	XXH128_hash_t hash;

	XXH3_128bits_update(&walk->state, head, sizeof(head));
	if (walk->place[number])
		return;
	walk->place[number] = ++walk->next_place;
	switch (object->type) {
	case OBJECT_FILE:
		hash = file_hash(object);
		XXH3_128bits_update(&walk->state, &hash, sizeof(hash));
		break;
	case OBJECT_SYMLINK:
		XXH3_128bits_update(&walk->state, object->target, strlen(object->target) + 1);
		break;
	default:
		XXH3_128bits_update(
			&walk->state, &object->entry_count, sizeof(object->entry_count));
		for (uint32_t i = 0; i < object->entry_count; i++) {
			const struct entry *entry = &object->entries[i];

			XXH3_128bits_update(&walk->state, entry->name, strlen(entry->name) + 1);
			hash_object(walk, tree, entry->object);
		}
	}
}

XXH128_hash_t tree_hash(const struct tree *tree)
{
	struct hash_walk walk = {.place = calloc(tree->object_count, sizeof(uint32_t))};
	XXH128_hash_t hash;

	if (!walk.place)
		abort(); /* a hash that may fail would make every comparison a lie */
	XXH3_128bits_reset(&walk.state);
	hash_object(&walk, tree, TREE_ROOT);
	hash = XXH3_128bits_digest(&walk.state);
	free(walk.place);
	return hash;
}

static void walk_directory(const struct tree *tree, uint32_t directory, char *path, size_t length,
	void (*visit)(void *context, const char *path, uint32_t object), void *context)
{
	const struct object *object = tree->objects[directory];

	for (uint32_t i = 0; i < object->entry_count; i++) {
		const struct entry *entry = &object->entries[i];
		size_t size = strlen(entry->name);

		if (length + size + 2 > PATH_MAX)
			continue;
		memcpy(path + length, entry->name, size + 1);
		visit(context, path, entry->object);
		if (tree->objects[entry->object]->type == OBJECT_DIRECTORY) {
			strcpy(path + length + size, "/");
			walk_directory(
				tree, entry->object, path, length + size + 1, visit, context);
		}
	}
}

void tree_walk(const struct tree *tree,
	void (*visit)(void *context, const char *path, uint32_t object), void *context)
{
	char path[PATH_MAX];

	walk_directory(tree, TREE_ROOT, path, 0, visit, context);
}

struct path_search {
	uint32_t object;
	char *path;
	size_t path_size;
	bool found;
};

static void match_object(void *context, const char *path, uint32_t object)
{
	struct path_search *search = context;

	if (!search->found && object == search->object) {
		snprintf(search->path, search->path_size, "%s", path);
		search->found = true;
	}
}

bool tree_path(const struct tree *tree, uint32_t object, char *path, size_t path_size)
{
	struct path_search search = {object, path, path_size, false};

	if (object == TREE_ROOT) {
		snprintf(path, path_size, ".");
		return true;
	}
	tree_walk(tree, match_object, &search);
	return search.found;
}

struct block_count {
	const struct tree *tree;
	uint8_t *is_met;
	uint64_t blocks;
};

static void count_blocks(void *context, const char *path, uint32_t number)
{
	struct block_count *count = context;
	const struct object *object = count->tree->objects[number];

	(void)path;
	if (count->is_met[number])
		return;
	count->is_met[number] = 1;
	for (uint64_t i = 0; i < object->page_count; i++)
		count->blocks += object->pages[i] != NULL;
}

uint64_t tree_blocks_used(const struct tree *tree)
{
	struct block_count count = {tree, calloc(tree->object_count, 1), 0};

	if (!count.is_met)
		abort();
	tree_walk(tree, count_blocks, &count);
	free(count.is_met);
	return count.blocks;
}

static const uint8_t *page_bytes(const struct object *object, uint64_t index)
{
	const struct page *page = index < object->page_count ? object->pages[index] : NULL;

	return page ? page->bytes : zero_page.bytes;
}

const uint8_t *tree_page(const struct tree *tree, uint32_t object, uint64_t page)
{
	return page_bytes(tree->objects[object], page);
}

bool tree_page_equals(const struct tree *tree, uint32_t object, uint64_t page, const void *bytes,
	size_t size_bytes)
{
	return !memcmp(page_bytes(tree->objects[object], page), bytes, size_bytes);
}

static bool print_file_difference(
	const struct object *expected, const struct object *found, const char *path, FILE *stream)
{
	if (expected->size_bytes != found->size_bytes)
		fprintf(stream, "  %s: size %" PRIu64 " expected, %" PRIu64 " found\n", path,
			expected->size_bytes, found->size_bytes);
	for (uint64_t i = 0; i < expected->page_count && i < found->page_count; i++) {
		const uint8_t *a = page_bytes(expected, i), *b = page_bytes(found, i);

		for (unsigned k = 0; k < TREE_PAGE_BYTES; k++) {
			if (a[k] == b[k])
				continue;
			fprintf(stream, "  %s: byte %" PRIu64 ": %#x expected, %#x found\n", path,
				i * TREE_PAGE_BYTES + k, a[k], b[k]);
			return true;
		}
	}
	return expected->size_bytes != found->size_bytes;
}

struct difference {
	const struct tree *expected, *found;
	bool is_reverse; /* only names that are in `expected` and not in `found` */
	FILE *stream;
	bool *has_any;
};

uint32_t tree_find(const struct tree *tree, const char *path)
{
	uint32_t object = TREE_ROOT;
	char name[PATH_MAX];

	while (*path && object != UINT32_MAX) {
		size_t length = strcspn(path, "/");

		memcpy(name, path, length);
		name[length] = 0;
		object = tree_lookup(tree, object, name);
		path += length + (path[length] == '/');
	}
	return object;
}

static void compare_name(void *context, const char *path, uint32_t number)
{
	const struct difference *difference = context;
	uint32_t other = tree_find(difference->found, path);
	const struct object *a = difference->expected->objects[number], *b;
	bool differs = true;

	if (other == UINT32_MAX) {
		fprintf(difference->stream, "  %s: %s\n", path,
			difference->is_reverse ? "found, not expected" : "expected, not found");
		*difference->has_any = true;
		return;
	}
	if (difference->is_reverse)
		return;
	b = difference->found->objects[other];
	if (a->type != b->type)
		fprintf(difference->stream, "  %s: another type of file\n", path);
	else if (a->mode != b->mode)
		fprintf(difference->stream, "  %s: mode %o expected, %o found\n", path, a->mode,
			b->mode);
	else if (a->type == OBJECT_FILE)
		differs = print_file_difference(a, b, path, difference->stream);
	else if (a->type == OBJECT_SYMLINK && strcmp(a->target, b->target))
		fprintf(difference->stream, "  %s: link to %s expected, %s found\n", path,
			a->target, b->target);
	else
		differs = false;
	*difference->has_any |= differs;
}

void tree_print_difference(const struct tree *expected, const struct tree *found, FILE *stream)
{
	bool has_any = false;
	struct difference forward = {expected, found, false, stream, &has_any};
	struct difference backward = {found, expected, true, stream, &has_any};

	tree_walk(expected, compare_name, &forward);
	tree_walk(found, compare_name, &backward);
	if (!has_any && !XXH128_isEqual(tree_hash(expected), tree_hash(found)))
		fputs("  other names than expected are hard links of the same file\n", stream);
}
