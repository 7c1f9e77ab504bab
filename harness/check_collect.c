/*
 * Method: the recording tells each name that was looked up (FILTER_PATHS), and each object that was
 * looked at or used. What the run made itself is left out: it follows from the rest. The rest is
 * put in terms of the tree at the beginning, as paths; so whoever starts from a tree in which these
 * show the same sees the same at his first look, hence goes on to the same second look, and so on,
 * to the same end.
 */
#include "harness/check_collect.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct collector {
	const struct recording *recording;
	struct tree *now;
	char **paths;           /* owned; of objects of the initial tree, by number */
	uint32_t *name_counts;  /* owned */
	void *known;            /* paths that are in the list: see tsearch(3); not owned */
	struct look_list *list; /* the caller's */
	bool is_lost;           /* something was looked at that has no path, or several */
};

static void take_path(void *context, const char *path, uint32_t object)
{
	struct collector *collector = context;

	if (!collector->paths[object])
		collector->paths[object] = strdup(path);
}

static int compare_looks(const void *a, const void *b)
{
	const struct look *left = a, *right = b;

	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	if (left->end != right->end)
		return left->end < right->end ? -1 : 1;
	return strcmp(left->path, right->path);
}

/* The parents of the path are not looked at. */
static int add_look(struct collector *collector, const struct look *look)
{
	uint32_t object = tree_find(collector->recording->initial, look->path);
	struct look *copy;
	void **found;
	int err;

	if (tfind(look, &collector->known, compare_looks))
		return 0;
	/* What changes under one name then changes under others, which are not looked at. */
	if (object != UINT32_MAX && collector->name_counts[object] > 1)
		collector->is_lost = true;
	err = look_list_add(collector->list, look);
	if (err)
		return err;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = collector->list->items[collector->list->count - 1];
	found = tsearch(copy, &collector->known, compare_looks);
	if (!found)
		free(copy);
	return found ? 0 : -ENOMEM;
}

/* A path leads through its parents. */
static int add_path(struct collector *collector, const char *path)
{
	char parent[PATH_MAX + NAME_MAX + 2];
	struct look look = {.kind = LOOK_STAT, .path = (char *)""};
	int err = add_look(collector, &look);

	look.path = parent;
	for (size_t end = 0; !err && path[end]; end++) {
		end += strcspn(path + end + 1, "/");
		snprintf(parent, sizeof(parent), "%.*s", (int)end + 1, path);
		err = add_look(collector, &look);
	}
	return err;
}

static int add_object(
	struct collector *collector, uint32_t object, enum look_kind kind, const struct op *op)
{
	struct look look = {.kind = kind};
	int err;

	/* The run made it. */
	if (object >= tree_object_count(collector->recording->initial))
		return 0;
	look.path = collector->paths[object];
	if (!look.path) {
		collector->is_lost = true;
		return 0;
	}
	if (kind == LOOK_BYTES) {
		look.start = op->offset < 0 ? 0 : (uint64_t)op->offset;
		look.end = look.start + op->size_bytes;
	}
	err = add_path(collector, look.path);
	return err ? err : add_look(collector, &look);
}

static int add_name(struct collector *collector, uint32_t directory, const char *name)
{
	const struct tree *initial = collector->recording->initial;
	char path[PATH_MAX + NAME_MAX + 2];
	const char *parent;

	if (!name || directory >= tree_object_count(initial))
		return 0;
	parent = collector->paths[directory];
	if (!parent || tree_object_type(initial, directory) != OBJECT_DIRECTORY) {
		collector->is_lost = true;
		return 0;
	}
	snprintf(path, sizeof(path), "%s%s%s", parent, *parent ? "/" : "", name);
	return add_path(collector, path);
}

/* What an operation tells of an object. */
static enum look_kind kind_of(const struct tree *initial, uint32_t object, const struct op *op)
{
	if (tree_object_type(initial, object) != OBJECT_DIRECTORY)
		return op->kind == OP_READ ? LOOK_BYTES : LOOK_STAT;
	switch (op->kind) {
	case OP_LOOK:
		return op->point == POINT_GETDENTS || op->point == POINT_LSEEK ? LOOK_LIST
		                                                               : LOOK_STAT;
	case OP_OPEN:
	case OP_CLOSE:
	case OP_FSYNC:
	case OP_CHMOD:
	case OP_METADATA:
		return LOOK_STAT;
	default:
		/* It is removed or replaced only if it is empty. */
		return LOOK_LIST;
	}
}

static int add_op(struct collector *collector, const struct op *op)
{
	const struct tree *initial = collector->recording->initial;
	uint32_t replaced = UINT32_MAX;
	int err = add_name(collector, op->directory, op->name);

	if (!err)
		err = add_name(collector, op->new_directory, op->new_name);
	if (!err)
		err = add_object(collector, op->object, kind_of(initial, op->object, op), op);
	if (op->new_name && op->new_directory < tree_object_count(collector->now))
		replaced = tree_lookup(collector->now, op->new_directory, op->new_name);
	return err ? err : add_object(collector, replaced, kind_of(initial, replaced, op), op);
}

static int collector_init(struct collector *collector, const struct recording *recording)
{
	const struct tree *initial = recording->initial;

	*collector =
		(struct collector){.recording = recording, .now = tree_ref(recording->initial)};
	collector->paths = calloc(tree_object_count(initial) + 1UL, sizeof(*collector->paths));
	collector->name_counts = tree_count_names(initial);
	if (!collector->paths || !collector->name_counts)
		return -ENOMEM;
	collector->paths[TREE_ROOT] = strdup("");
	tree_walk(initial, take_path, collector);
	return 0;
}

static void collector_release(struct collector *collector)
{
	uint32_t count = tree_object_count(collector->recording->initial);

	for (uint32_t i = 0; collector->paths && i < count; i++)
		free(collector->paths[i]);
	free(collector->paths);
	free(collector->name_counts);
	tdestroy(collector->known, free);
	tree_unref(collector->now);
}

static int add_all(struct collector *collector)
{
	const struct recording *recording = collector->recording;
	int err = add_path(collector, "");

	for (size_t i = 0; !err && i < recording->count; i++) {
		const struct op *op = &recording->events[i].op;

		if (recording->events[i].kind != EVENT_OP)
			continue;
		err = add_op(collector, op);
		if (!err)
			err = tree_apply(&collector->now, op);
	}
	return !err && collector->is_lost ? -EPROTO : err;
}

int check_collect(const struct recording *recording, struct look_list *looks)
{
	struct collector collector;
	int err = collector_init(&collector, recording);

	collector.list = looks;
	if (!err)
		err = add_all(&collector);
	collector_release(&collector);
	return err;
}
