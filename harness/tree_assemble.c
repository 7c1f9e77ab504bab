/* Parts of trees, made once and shared by reference. */
#include "harness/tree_assemble.h"

#include <stdlib.h>
#include <string.h>

#include "harness/tree_private.h"

struct page *tree_part_page_new(const uint8_t *bytes)
{
	struct page *page = malloc(sizeof(*page));

	if (!page)
		return NULL;
	page->refs = 1;
	page->has_hash = false;
	memcpy(page->bytes, bytes, TREE_PAGE_BYTES);
	return page;
}

void tree_part_page_unref(struct page *page)
{
	page_unref(page);
}

static struct object *part_new(enum object_type type, uint32_t mode)
{
	struct object *object = calloc(1, sizeof(*object));

	if (!object)
		return NULL;
	object->refs = 1;
	object->type = type;
	object->mode = mode;
	return object;
}

struct object *tree_part_file(
	uint32_t mode, uint64_t size_bytes, struct page *const *pages, uint64_t page_count)
{
	struct object *object = part_new(OBJECT_FILE, mode);

	if (!object || !page_count)
		return object;
	object->pages = malloc(page_count * sizeof(*object->pages));
	if (!object->pages) {
		free(object);
		return NULL;
	}
	object->size_bytes = size_bytes;
	object->page_count = object->page_capacity = page_count;
	for (uint64_t i = 0; i < page_count; i++)
		object->pages[i] = page_ref(pages[i]);
	return object;
}

struct object *tree_part_directory(uint32_t mode)
{
	return part_new(OBJECT_DIRECTORY, mode);
}

int tree_part_add_entry(struct object *directory, const char *name, uint32_t object)
{
	return object_set_entry(directory, name, object);
}

struct object *tree_part_symlink(const char *target)
{
	struct object *object = part_new(OBJECT_SYMLINK, 0);

	if (object && !(object->target = strdup(target))) {
		free(object);
		return NULL;
	}
	return object;
}

struct object *tree_part_nothing(void)
{
	return part_new(OBJECT_NONE, 0);
}

struct object *tree_part_of(const struct tree *tree, uint32_t object)
{
	return tree_part_ref(tree->objects[object]);
}

struct object *tree_part_ref(struct object *object)
{
	object->refs++;
	return object;
}

void tree_part_unref(struct object *object)
{
	object_unref(object);
}

struct tree *tree_assemble(struct object *const *objects, uint32_t count)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	if (!tree)
		return NULL;
	tree->objects = malloc(count * sizeof(struct object *));
	if (!tree->objects) {
		free(tree);
		return NULL;
	}
	tree->refs = 1;
	tree->object_count = tree->object_capacity = count;
	for (uint32_t i = 0; i < count; i++)
		tree->objects[i] = tree_part_ref(objects[i]);
	return tree;
}

uint32_t tree_mode(const struct tree *tree, uint32_t object)
{
	return tree->objects[object]->mode;
}

const char *tree_target(const struct tree *tree, uint32_t object)
{
	return tree->objects[object]->target;
}

void tree_read_page(
	const struct tree *tree, uint32_t number, uint64_t page, uint8_t bytes[TREE_PAGE_BYTES])
{
	const struct object *object = tree->objects[number];

	if (page < object->page_count && object->pages[page])
		memcpy(bytes, object->pages[page]->bytes, TREE_PAGE_BYTES);
	else
		memset(bytes, 0, TREE_PAGE_BYTES);
}

void tree_entries(const struct tree *tree, uint32_t directory,
	void (*visit)(void *context, const char *name, uint32_t object), void *context)
{
	const struct object *object = tree->objects[directory];

	for (uint32_t i = 0; i < object->entry_count; i++)
		visit(context, object->entries[i].name, object->entries[i].object);
}
