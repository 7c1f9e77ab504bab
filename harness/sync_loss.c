/* Page states of every file, and for each file or directory the tree at its last good sync. */
#include "harness/sync_loss.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum page_state { PAGE_DURABLE, PAGE_DIRTY, PAGE_LOST };

struct object_state {
	struct tree *synced; /* reference held; NULL: never, all of it is new */
	uint8_t *pages;      /* owned; enum page_state; a directory has one */
	size_t page_count;
};

struct sync_loss {
	struct tree *initial;
	struct object_state *objects;
	size_t count;
};

struct sync_loss *sync_loss_new(struct tree *initial)
{
	struct sync_loss *loss = calloc(1, sizeof(*loss));

	if (loss)
		loss->initial = tree_ref(initial);
	return loss;
}

void sync_loss_free(struct sync_loss *loss)
{
	if (!loss)
		return;
	for (size_t i = 0; i < loss->count; i++) {
		tree_unref(loss->objects[i].synced);
		free(loss->objects[i].pages);
	}
	free(loss->objects);
	tree_unref(loss->initial);
	free(loss);
}

static struct object_state *state_of(struct sync_loss *loss, uint32_t object)
{
	if (object >= loss->count) {
		size_t count = object + 16;
		struct object_state *objects =
			realloc(loss->objects, count * sizeof(*loss->objects));

		if (!objects)
			return NULL;
		memset(objects + loss->count, 0, (count - loss->count) * sizeof(*objects));
		for (size_t i = loss->count; i < count; i++) {
			/* What was there at the start is on the disk. */
			if (i < tree_object_count(loss->initial))
				objects[i].synced = tree_ref(loss->initial);
		}
		loss->objects = objects;
		loss->count = count;
	}
	return &loss->objects[object];
}

static uint64_t page_after(uint64_t offset)
{
	return (offset + TREE_PAGE_BYTES - 1) / TREE_PAGE_BYTES;
}

static int make_dirty(struct sync_loss *loss, uint32_t object, uint64_t first, uint64_t end)
{
	struct object_state *state = state_of(loss, object);

	if (!state)
		return -ENOMEM;
	if (end > state->page_count) {
		uint8_t *pages = realloc(state->pages, end);

		if (!pages)
			return -ENOMEM;
		memset(pages + state->page_count, PAGE_DURABLE, end - state->page_count);
		state->pages = pages;
		state->page_count = end;
	}
	if (first < end)
		memset(state->pages + first, PAGE_DIRTY, end - first);
	return 0;
}

/* Pages cut off by a truncation are no longer anybody's loss, and nothing can bring back what they
 * held: the truncation is taken to be on the disk, like everything that did not fail. */
static int discard(struct sync_loss *loss, uint32_t object, uint64_t size_bytes)
{
	struct object_state *state = state_of(loss, object);
	struct op cut = {.kind = OP_TRUNCATE, .object = object, .size_bytes = size_bytes};

	if (!state)
		return -ENOMEM;
	for (uint64_t i = page_after(size_bytes); i < state->page_count; i++)
		state->pages[i] = PAGE_DURABLE;
	if (!state->synced || tree_file_bytes(state->synced, object) <= size_bytes)
		return 0;
	return tree_apply(&state->synced, &cut);
}

static int end_sync(struct sync_loss *loss, uint32_t object, bool is_good, struct tree *after)
{
	struct object_state *state = state_of(loss, object);

	if (!state)
		return -ENOMEM;
	for (size_t i = 0; i < state->page_count; i++) {
		if (state->pages[i] == PAGE_DIRTY)
			state->pages[i] = is_good ? PAGE_DURABLE : PAGE_LOST;
	}
	if (is_good) {
		/* A page that is lost stays what it was when it was last durable. */
		struct tree *synced = tree_ref(after);
		int err = 0;

		for (size_t i = 0; !err && i < state->page_count; i++) {
			if (state->pages[i] != PAGE_LOST)
				continue;
			if (tree_object_type(after, object) == OBJECT_DIRECTORY)
				err = tree_revert_directory(
					&synced, state->synced ? state->synced : after, object);
			else if (state->synced)
				err = tree_revert_pages(&synced, state->synced, object, i, 1);
			else
				err = tree_revert_pages(&synced, loss->initial, object, i, 1);
		}
		tree_unref(state->synced);
		state->synced = synced;
		return err;
	}
	return 0;
}

static int follow_change(struct sync_loss *loss, const struct op *op, struct tree *after)
{
	uint64_t start = (uint64_t)op->offset;
	int err = 0;

	switch (op->kind) {
	case OP_WRITE:
	case OP_STORE:
		return make_dirty(loss, op->object, start / TREE_PAGE_BYTES,
			page_after(start + (uint64_t)op->effect));
	case OP_FALLOCATE:
	case OP_PUNCH:
		return make_dirty(loss, op->object, start / TREE_PAGE_BYTES,
			page_after(start + op->size_bytes));
	case OP_TRUNCATE:
		err = discard(loss, op->object, op->size_bytes);
		/* The page with the new end is zeroed behind it and written again. */
		return err ? err
		           : make_dirty(loss, op->object, op->size_bytes / TREE_PAGE_BYTES,
				     page_after(tree_file_bytes(after, op->object)));
	case OP_OPEN:
		if (op->is_creating)
			return op->name ? make_dirty(loss, op->directory, 0, 1) : 0;
		return op->is_truncating ? discard(loss, op->object, 0) : 0;
	case OP_RENAME:
	case OP_EXCHANGE:
		err = make_dirty(loss, op->directory, 0, 1);
		return err ? err : make_dirty(loss, op->new_directory, 0, 1);
	case OP_LINK:
		return make_dirty(loss, op->new_directory, 0, 1);
	case OP_UNLINK:
	case OP_RMDIR:
	case OP_MKNOD:
	case OP_MKDIR:
	case OP_SYMLINK:
		return make_dirty(loss, op->directory, 0, 1);
	default:
		return 0;
	}
}

int sync_loss_follow(struct sync_loss *loss, const struct op *op, struct tree *after)
{
	bool is_sync = op->kind == OP_FSYNC || op->kind == OP_FDATASYNC;
	int err = 0;

	/* Interrupted before anything was written: the pages are as dirty as they were. */
	if (op->result == -EINTR)
		is_sync = false;

	if (op->effect >= 0)
		err = follow_change(loss, op, after);
	if (err)
		return err;
	if (is_sync || (op->kind == OP_WRITE && op->is_synchronous && op->effect >= 0))
		return end_sync(loss, op->object, op->result >= 0, after);
	if (op->kind == OP_SYNC && op->result != -EINTR) {
		for (uint32_t i = 0; !err && i < loss->count; i++)
			err = end_sync(loss, i, op->result >= 0, after);
	}
	return err;
}

bool sync_loss_any(const struct sync_loss *loss)
{
	for (size_t i = 0; i < loss->count; i++) {
		if (loss->objects[i].page_count &&
			memchr(loss->objects[i].pages, PAGE_LOST, loss->objects[i].page_count))
			return true;
	}
	return false;
}

int sync_loss_tree(const struct sync_loss *loss, struct tree *now, struct tree **tree)
{
	int err = 0;

	*tree = tree_ref(now);
	for (uint32_t object = 0; object < loss->count; object++) {
		const struct object_state *state = &loss->objects[object];
		struct tree *source = state->synced ? state->synced : loss->initial;

		for (size_t i = 0; !err && i < state->page_count; i++) {
			if (state->pages[i] != PAGE_LOST)
				continue;
			if (tree_object_type(now, object) == OBJECT_DIRECTORY)
				err = tree_revert_directory(tree, source, object);
			else
				err = tree_revert_pages(tree, source, object, i, 1);
		}
	}
	if (err) {
		tree_unref(*tree);
		*tree = NULL;
	}
	return err;
}
