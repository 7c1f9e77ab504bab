/*
 * Trees in memory: objects, pages, names. See tree.h for the method.
 *
 * Whoever wants to change something first makes it his own (own_tree, own_object, own_page), which
 * copies only what others hold too. A page that is NULL is a hole; `zero_page` is a block of
 * zeros that is allocated. Both hash alike, for a reader cannot tell them apart.
 */
#include "harness/tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/tree_private.h"

struct page zero_page = {.refs = 1};

struct page *page_ref(struct page *page)
{
	if (page && page != &zero_page)
		page->refs++;
	return page;
}

void page_unref(struct page *page)
{
	if (page && page != &zero_page && --page->refs == 0)
		free(page);
}

void object_unref(struct object *object)
{
	if (!object || --object->refs)
		return;
	for (uint64_t i = 0; i < object->page_count; i++)
		page_unref(object->pages[i]);
	free(object->pages);
	for (uint32_t i = 0; i < object->entry_count; i++)
		free(object->entries[i].name);
	free(object->entries);
	free(object->target);
	free(object);
}

struct tree *tree_ref(struct tree *tree)
{
	tree->refs++;
	return tree;
}

void tree_unref(struct tree *tree)
{
	if (!tree || --tree->refs)
		return;
	for (uint32_t i = 0; i < tree->object_count; i++)
		object_unref(tree->objects[i]);
	free(tree->objects);
	free(tree);
}

int own_tree(struct tree **tree)
{
	struct tree *old = *tree;
	struct tree *copy;

	if (old->refs == 1)
		return 0;
	copy = calloc(1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	copy->objects = malloc(old->object_capacity * sizeof(struct object *));
	if (!copy->objects) {
		free(copy);
		return -ENOMEM;
	}
	copy->refs = 1;
	copy->object_count = old->object_count;
	copy->object_capacity = old->object_capacity;
	for (uint32_t i = 0; i < old->object_count; i++) {
		copy->objects[i] = old->objects[i];
		copy->objects[i]->refs++;
	}
	tree_unref(old);
	*tree = copy;
	return 0;
}

static struct object *object_copy(const struct object *old)
{
	struct object *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return NULL;
	copy->refs = 1;
	copy->type = old->type;
	copy->mode = old->mode;
	copy->size_bytes = old->size_bytes;
	copy->was_emptied = old->was_emptied;
	if (old->target && !(copy->target = strdup(old->target)))
		goto fail;
	if (old->page_count) {
		copy->pages = malloc(old->page_count * sizeof(*copy->pages));
		if (!copy->pages)
			goto fail;
		for (; copy->page_count < old->page_count; copy->page_count++)
			copy->pages[copy->page_count] = page_ref(old->pages[copy->page_count]);
		copy->page_capacity = old->page_count;
	}
	if (old->entry_count) {
		copy->entries = malloc(old->entry_count * sizeof(*copy->entries));
		if (!copy->entries)
			goto fail;
		copy->entry_capacity = old->entry_count;
		for (; copy->entry_count < old->entry_count; copy->entry_count++) {
			struct entry *entry = &copy->entries[copy->entry_count];

			entry->object = old->entries[copy->entry_count].object;
			entry->name = strdup(old->entries[copy->entry_count].name);
			if (!entry->name)
				goto fail;
		}
	}
	return copy;
fail:
	object_unref(copy);
	return NULL;
}

struct object *own_object(struct tree *tree, uint32_t number)
{
	struct object *object = tree->objects[number];

	assert(tree->refs == 1);
	if (object->refs > 1) {
		struct object *copy = object_copy(object);

		if (!copy)
			return NULL;
		object_unref(object);
		tree->objects[number] = object = copy;
	}
	object->has_hash = false;
	return object;
}

struct page *own_page(struct object *object, uint64_t index)
{
	struct page *page = object->pages[index];

	if (!page || page->refs > 1 || page == &zero_page) {
		struct page *copy = malloc(sizeof(*copy));

		if (!copy)
			return NULL;
		copy->refs = 1;
		if (page)
			memcpy(copy->bytes, page->bytes, TREE_PAGE_BYTES);
		else
			memset(copy->bytes, 0, TREE_PAGE_BYTES);
		page_unref(page);
		object->pages[index] = page = copy;
	}
	page->has_hash = false;
	return page;
}

uint64_t pages_for(uint64_t size_bytes)
{
	return (size_bytes + TREE_PAGE_BYTES - 1) / TREE_PAGE_BYTES;
}

int object_resize(struct object *object, uint64_t size_bytes)
{
	uint64_t count = pages_for(size_bytes);

	if (size_bytes < object->size_bytes && size_bytes % TREE_PAGE_BYTES &&
		object->pages[count - 1]) {
		/* What lies behind the end must read as zeros if the file grows again. */
		struct page *page = own_page(object, count - 1);

		if (!page)
			return -ENOMEM;
		memset(page->bytes + size_bytes % TREE_PAGE_BYTES, 0,
			TREE_PAGE_BYTES - size_bytes % TREE_PAGE_BYTES);
	}
	while (object->page_count > count)
		page_unref(object->pages[--object->page_count]);
	if (count > object->page_capacity) {
		uint64_t capacity = count + count / 2;
		struct page **pages = realloc(object->pages, capacity * sizeof(*pages));

		if (!pages)
			return -ENOMEM;
		object->pages = pages;
		object->page_capacity = capacity;
	}
	while (object->page_count < count)
		object->pages[object->page_count++] = NULL;
	object->size_bytes = size_bytes;
	return 0;
}

int object_write(struct object *object, uint64_t offset, const uint8_t *data, uint64_t size_bytes)
{
	int err = 0;

	if (offset + size_bytes > object->size_bytes)
		err = object_resize(object, offset + size_bytes);
	while (!err && size_bytes) {
		uint64_t start = offset % TREE_PAGE_BYTES;
		uint64_t chunk = TREE_PAGE_BYTES - start;
		struct page *page = own_page(object, offset / TREE_PAGE_BYTES);

		if (!page)
			return -ENOMEM;
		if (chunk > size_bytes)
			chunk = size_bytes;
		memcpy(page->bytes + start, data, chunk);
		offset += chunk;
		data += chunk;
		size_bytes -= chunk;
	}
	return err;
}

/* Where `name` is among the entries, or where it would be inserted. */
static uint32_t entry_position(const struct object *directory, const char *name, bool *found)
{
	uint32_t low = 0, high = directory->entry_count;

	*found = false;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = strcmp(directory->entries[middle].name, name);

		if (!order) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int object_set_entry(struct object *directory, const char *name, uint32_t object)
{
	bool found;
	uint32_t position = entry_position(directory, name, &found);
	char *copy;

	if (found) {
		directory->entries[position].object = object;
		return 0;
	}
	if (directory->entry_count == directory->entry_capacity) {
		uint32_t capacity = directory->entry_capacity * 2 + 8;
		struct entry *entries =
			realloc(directory->entries, capacity * sizeof(*directory->entries));

		if (!entries)
			return -ENOMEM;
		directory->entries = entries;
		directory->entry_capacity = capacity;
	}
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	memmove(&directory->entries[position + 1], &directory->entries[position],
		(directory->entry_count - position) * sizeof(*directory->entries));
	directory->entries[position].name = copy;
	directory->entries[position].object = object;
	directory->entry_count++;
	return 0;
}

int object_remove_entry(struct object *directory, const char *name)
{
	bool found;
	uint32_t position = entry_position(directory, name, &found);

	if (!found)
		return -EPROTO;
	free(directory->entries[position].name);
	directory->entry_count--;
	memmove(&directory->entries[position], &directory->entries[position + 1],
		(directory->entry_count - position) * sizeof(*directory->entries));
	return 0;
}

int tree_add_object(struct tree *tree, enum object_type type, uint32_t mode, struct object **out)
{
	struct object *object;

	assert(tree->refs == 1);
	if (tree->object_count == tree->object_capacity) {
		uint32_t capacity = tree->object_capacity * 2 + 16;
		struct object **objects = realloc(tree->objects, capacity * sizeof(*objects));

		if (!objects)
			return -ENOMEM;
		tree->objects = objects;
		tree->object_capacity = capacity;
	}
	object = calloc(1, sizeof(*object));
	if (!object)
		return -ENOMEM;
	object->refs = 1;
	object->type = type;
	object->mode = mode;
	tree->objects[tree->object_count++] = object;
	*out = object;
	return 0;
}

struct tree *tree_new(void)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	struct object *root;

	if (!tree)
		return NULL;
	tree->refs = 1;
	if (tree_add_object(tree, OBJECT_DIRECTORY, 0, &root)) {
		free(tree);
		return NULL;
	}
	return tree;
}

static bool is_type(const struct tree *tree, uint32_t object, enum object_type type)
{
	return object < tree->object_count && tree->objects[object]->type == type;
}

uint32_t tree_object_count(const struct tree *tree)
{
	return tree->object_count;
}

enum object_type tree_object_type(const struct tree *tree, uint32_t object)
{
	return object < tree->object_count ? tree->objects[object]->type : OBJECT_NONE;
}

uint64_t tree_file_bytes(const struct tree *tree, uint32_t object)
{
	return is_type(tree, object, OBJECT_FILE) ? tree->objects[object]->size_bytes : 0;
}

bool tree_was_emptied(const struct tree *tree, uint32_t object)
{
	return is_type(tree, object, OBJECT_FILE) && tree->objects[object]->was_emptied;
}

uint32_t tree_lookup(const struct tree *tree, uint32_t directory, const char *name)
{
	bool found;
	uint32_t position;

	if (!is_type(tree, directory, OBJECT_DIRECTORY))
		return UINT32_MAX;
	position = entry_position(tree->objects[directory], name, &found);
	return found ? tree->objects[directory]->entries[position].object : UINT32_MAX;
}

uint64_t tree_blocks_needed(
	const struct tree *tree, uint32_t number, uint64_t offset, uint64_t size_bytes)
{
	const struct object *object = tree->objects[number];
	uint64_t needed = 0;

	if (!size_bytes)
		return 0;
	for (uint64_t i = offset / TREE_PAGE_BYTES; i < pages_for(offset + size_bytes); i++)
		needed += i >= object->page_count || !object->pages[i];
	return needed;
}
