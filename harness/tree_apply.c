/* What an operation does to a tree, and what is taken back from one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/tree_private.h"

/* Whether this is a directory, and the name one that an entry may have. */
static bool can_hold(const struct tree *tree, uint32_t directory, const char *name)
{
	return tree_object_type(tree, directory) == OBJECT_DIRECTORY && name && *name &&
	       !strchr(name, '/');
}

static int apply_new_name(struct tree *tree, const struct op *op, enum object_type type)
{
	struct object *object, *directory;
	int err;

	/* O_TMPFILE: it may get a name later. */
	bool is_nameless = !op->name && op->directory == UINT32_MAX && op->kind == OP_OPEN;

	if (op->object != tree->object_count ||
		(!is_nameless && !can_hold(tree, op->directory, op->name)))
		return -EPROTO;
	err = tree_add_object(tree, type, op->mode, &object);
	if (err || is_nameless)
		return err;
	if (type == OBJECT_SYMLINK) {
		object->target = strdup((const char *)op->data);
		if (!object->target)
			return -ENOMEM;
	}
	directory = own_object(tree, op->directory);
	return directory ? object_set_entry(directory, op->name, op->object) : -ENOMEM;
}

static int apply_rename(struct tree *tree, const struct op *op)
{
	uint32_t moved = tree_lookup(tree, op->directory, op->name);
	uint32_t replaced = tree_lookup(tree, op->new_directory, op->new_name);
	struct object *from, *to;
	int err;

	if (moved == UINT32_MAX || !can_hold(tree, op->new_directory, op->new_name))
		return -EPROTO;
	/* rename(2): two names of the same file stay as they are. */
	if (op->kind == OP_RENAME && moved == replaced)
		return 0;
	from = own_object(tree, op->directory);
	to = own_object(tree, op->new_directory);
	if (!from || !to)
		return -ENOMEM;
	if (op->kind == OP_EXCHANGE) {
		if (replaced == UINT32_MAX)
			return -EPROTO;
		err = object_set_entry(from, op->name, replaced);
	} else {
		err = object_remove_entry(from, op->name);
	}
	return err ? err : object_set_entry(to, op->new_name, moved);
}

static int apply_fallocate(struct object *object, const struct op *op)
{
	uint64_t end = (uint64_t)op->offset + op->size_bytes;

	if (end > object->size_bytes && !op->keeps_size) {
		int err = object_resize(object, end);

		if (err)
			return err;
	}
	for (uint64_t i = (uint64_t)op->offset / TREE_PAGE_BYTES;
		i < pages_for(end) && i < object->page_count; i++) {
		if (!object->pages[i])
			object->pages[i] = &zero_page;
	}
	return 0;
}

/* Bytes [start, end) of one page become zero. */
static int clear_bytes(struct object *object, uint64_t start, uint64_t end, bool is_hole)
{
	uint64_t index = start / TREE_PAGE_BYTES;
	struct page *page = object->pages[index];

	/* The last page ends with the file. */
	if (start % TREE_PAGE_BYTES == 0 &&
		(end % TREE_PAGE_BYTES == 0 || end >= object->size_bytes)) {
		bool stays_hole = is_hole && (!page || end % TREE_PAGE_BYTES == 0);

		page_unref(page);
		object->pages[index] = stays_hole ? NULL : &zero_page;
		return 0;
	}
	if (!page && !is_hole)
		object->pages[index] = &zero_page;
	if (!page)
		return 0;
	page = own_page(object, index);
	if (!page)
		return -ENOMEM;
	memset(page->bytes + start % TREE_PAGE_BYTES, 0, (size_t)(end - start));
	return 0;
}

static int apply_punch(struct object *object, const struct op *op)
{
	uint64_t start = (uint64_t)op->offset, end = start + op->size_bytes;
	int err = 0;

	if (end > object->size_bytes && !op->keeps_size)
		err = object_resize(object, end);
	if (end > object->page_count * TREE_PAGE_BYTES)
		end = object->page_count * TREE_PAGE_BYTES;
	while (!err && start < end) {
		uint64_t stop = (start / TREE_PAGE_BYTES + 1) * TREE_PAGE_BYTES;

		if (stop > end)
			stop = end;
		err = clear_bytes(object, start, stop, op->is_hole);
		start = stop;
	}
	return err;
}

static int resize(struct object *object, uint64_t size_bytes)
{
	object->was_emptied |= !size_bytes;
	return object_resize(object, size_bytes);
}

static int apply_to_file(struct tree *tree, const struct op *op)
{
	struct object *object;

	if (tree_object_type(tree, op->object) != OBJECT_FILE)
		return -EPROTO;
	object = own_object(tree, op->object);
	if (!object)
		return -ENOMEM;
	switch (op->kind) {
	case OP_OPEN:
		return resize(object, 0);
	case OP_TRUNCATE:
		return resize(object, op->size_bytes);
	case OP_PUNCH:
		return apply_punch(object, op);
	case OP_FALLOCATE:
		return apply_fallocate(object, op);
	default:
		/* Nothing written past the end does not make the file grow. */
		return op->effect ? object_write(object, (uint64_t)op->offset, op->data,
					    (uint64_t)op->effect)
		                  : 0;
	}
}

int tree_apply(struct tree **tree, const struct op *op)
{
	struct object *object;
	int err;

	if (op->effect < 0)
		return 0;
	err = own_tree(tree);
	if (err)
		return err;
	switch (op->kind) {
	case OP_OPEN:
		if (op->is_creating)
			return apply_new_name(*tree, op, OBJECT_FILE);
		return op->is_truncating ? apply_to_file(*tree, op) : 0;
	case OP_MKNOD:
		return apply_new_name(*tree, op, OBJECT_FILE);
	case OP_MKDIR:
		return apply_new_name(*tree, op, OBJECT_DIRECTORY);
	case OP_SYMLINK:
		return apply_new_name(*tree, op, OBJECT_SYMLINK);
	case OP_WRITE:
	case OP_STORE:
	case OP_TRUNCATE:
	case OP_FALLOCATE:
	case OP_PUNCH:
		return apply_to_file(*tree, op);
	case OP_RENAME:
	case OP_EXCHANGE:
		return apply_rename(*tree, op);
	case OP_LINK:
		if (!can_hold(*tree, op->new_directory, op->new_name) ||
			tree_object_type(*tree, op->object) == OBJECT_NONE)
			return -EPROTO;
		object = own_object(*tree, op->new_directory);
		return object ? object_set_entry(object, op->new_name, op->object) : -ENOMEM;
	case OP_UNLINK:
	case OP_RMDIR:
		if (!can_hold(*tree, op->directory, op->name))
			return -EPROTO;
		object = own_object(*tree, op->directory);
		return object ? object_remove_entry(object, op->name) : -ENOMEM;
	case OP_CHMOD:
		if (tree_object_type(*tree, op->object) == OBJECT_NONE)
			return -EPROTO;
		/* The data directory's own mode is no part of the tree. */
		if (op->object == TREE_ROOT)
			return 0;
		object = own_object(*tree, op->object);
		if (!object)
			return -ENOMEM;
		object->mode = op->mode;
		return 0;
	default:
		return 0;
	}
}

int tree_revert_pages(struct tree **tree, const struct tree *source, uint32_t number,
	uint64_t first, uint64_t count)
{
	const struct object *old = number < source->object_count ? source->objects[number] : NULL;
	struct object *object;
	int err = own_tree(tree);

	if (err)
		return err;
	object = own_object(*tree, number);
	if (!object)
		return -ENOMEM;
	for (uint64_t i = first; i < first + count && i < object->page_count; i++) {
		struct page *page = old && i < old->page_count ? old->pages[i] : NULL;
		uint64_t used = object->size_bytes - i * TREE_PAGE_BYTES;

		page_unref(object->pages[i]);
		object->pages[i] = page_ref(page);
		if (page && used < TREE_PAGE_BYTES) {
			page = own_page(object, i);
			if (!page)
				return -ENOMEM;
			memset(page->bytes + used, 0, TREE_PAGE_BYTES - used);
		}
	}
	return 0;
}

int tree_revert_directory(struct tree **tree, const struct tree *source, uint32_t number)
{
	struct object *copy;
	int err = own_tree(tree);

	if (err)
		return err;
	/* A directory that did not exist then has no entries now. */
	if (number < source->object_count) {
		copy = source->objects[number];
		copy->refs++;
	} else {
		copy = calloc(1, sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		copy->refs = 1;
		copy->type = OBJECT_DIRECTORY;
		copy->mode = (*tree)->objects[number]->mode;
	}
	object_unref((*tree)->objects[number]);
	(*tree)->objects[number] = copy;
	return 0;
}
