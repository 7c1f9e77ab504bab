/* Taking a recording apart: see micro_op.h. The pool of contents is in micro_op_pool.c. */
#include "harness/micro_op.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/micro_op_pool.h"

/* ---- growing arrays ---- */

static int make_room(void **items, size_t count, size_t *capacity, size_t size)
{
	size_t more = *capacity * 2 + 64;
	void *copy;

	if (count < *capacity)
		return 0;
	copy = realloc(*items, more * size);
	if (!copy)
		return -ENOMEM;
	*items = copy;
	*capacity = more;
	return 0;
}

static int add_cell(struct micro_ops *ops, struct cell cell, uint32_t *out)
{
	size_t capacity = ops->cell_capacity;
	int err = make_room((void **)&ops->cells, ops->cell_count, &capacity, sizeof(*ops->cells));

	if (err)
		return err;
	ops->cell_capacity = (uint32_t)capacity;
	ops->cells[ops->cell_count] = cell;
	*out = ops->cell_count++;
	return 0;
}

static int add_number(uint32_t **list, uint32_t *count, uint32_t number)
{
	/* Doubles at powers of two. */
	if (!(*count & (*count - 1))) {
		uint32_t *more = realloc(*list, (*count ? *count * 2UL : 1) * sizeof(*more));

		if (!more)
			return -ENOMEM;
		*list = more;
	}
	(*list)[(*count)++] = number;
	return 0;
}

static int add_effect(struct micro_ops *ops, struct effect effect)
{
	int err = make_room((void **)&ops->effects, ops->effect_count, &ops->effect_capacity,
		sizeof(*ops->effects));

	if (!err)
		ops->effects[ops->effect_count++] = effect;
	return err;
}

/* The effects that are added next are its own. */
static int add_item(struct micro_ops *ops, struct micro_op item)
{
	size_t capacity = ops->capacity;
	int err = make_room((void **)&ops->items, ops->count, &capacity, sizeof(*ops->items));
	uint32_t *firsts;

	if (err)
		return err;
	if (capacity != ops->capacity) {
		firsts = realloc(ops->first_effect, (capacity + 1) * sizeof(*firsts));
		if (!firsts)
			return -ENOMEM;
		ops->first_effect = firsts;
		ops->capacity = capacity;
	}
	item.replaced_at = SIZE_MAX;
	ops->items[ops->count] = item;
	ops->first_effect[ops->count++] = (uint32_t)ops->effect_count;
	return 0;
}

/* ---- objects and their cells ---- */

static int grow_objects(struct micro_ops *ops, uint32_t count)
{
	struct object_cells *objects;

	if (count <= ops->object_count)
		return 0;
	objects = realloc(ops->objects, count * sizeof(*objects));
	if (!objects)
		return -ENOMEM;
	for (uint32_t i = ops->object_count; i < count; i++)
		objects[i] = (struct object_cells){.size = UINT32_MAX, .mode_at = UINT32_MAX};
	ops->objects = objects;
	ops->object_count = count;
	return 0;
}

/* The cell of unit `unit`, and of all before it. */
static int need_units(struct micro_ops *ops, uint32_t object, uint32_t count)
{
	struct object_cells *cells = &ops->objects[object];
	uint8_t page[TREE_PAGE_BYTES] = {0};
	int err = 0;

	while (!err && cells->unit_count < count) {
		uint32_t unit = cells->unit_count, at = 0;
		uint64_t byte = (uint64_t)unit * ops->unit_bytes;
		struct cell cell = {.kind = CELL_UNIT, .object = object, .unit = unit};

		if (object < tree_object_count(ops->recording->initial) &&
			byte < tree_file_bytes(ops->recording->initial, object)) {
			tree_read_page(
				ops->recording->initial, object, byte / TREE_PAGE_BYTES, page);
			cell.base = pool_number(ops, page + byte % TREE_PAGE_BYTES);
			if (cell.base == UINT32_MAX)
				return -ENOMEM;
		}
		err = add_cell(ops, cell, &at);
		if (!err)
			err = add_number(&cells->units, &cells->unit_count, at);
	}
	return err;
}

/* Makes the size of a file a cell, and its contents. */
static int touch_file(struct micro_ops *ops, uint32_t object)
{
	const struct tree *initial = ops->recording->initial;
	struct object_cells *cells = &ops->objects[object];
	uint64_t size_bytes = 0;
	int err;

	if (cells->size != UINT32_MAX)
		return 0;
	if (object < tree_object_count(initial)) {
		size_bytes = tree_file_bytes(initial, object);
		cells->mode = tree_mode(initial, object);
	}
	if (size_bytes > UINT32_MAX)
		return -EFBIG;
	cells->type = OBJECT_FILE;
	cells->is_touched = true;
	err = add_cell(ops,
		(struct cell){.kind = CELL_SIZE, .object = object, .base = (uint32_t)size_bytes},
		&cells->size);
	if (err)
		return err;
	return need_units(
		ops, object, (uint32_t)((size_bytes + ops->unit_bytes - 1) / ops->unit_bytes));
}

static int add_name(
	struct micro_ops *ops, uint32_t directory, const char *name, uint32_t base, uint32_t *out)
{
	struct cell cell = {.kind = CELL_NAME, .object = directory, .base = base};
	int err;

	cell.name = strdup(name);
	if (!cell.name)
		return -ENOMEM;
	err = add_cell(ops, cell, out);
	if (err) {
		free(cell.name);
		return err;
	}
	return add_number(
		&ops->objects[directory].names, &ops->objects[directory].name_count, *out);
}

struct entry_walk {
	struct micro_ops *ops;
	uint32_t directory;
	int err;
};

static void add_initial_name(void *context, const char *name, uint32_t object)
{
	struct entry_walk *walk = context;
	uint32_t at;

	if (!walk->err)
		walk->err = add_name(walk->ops, walk->directory, name, object + 1, &at);
}

static int touch_directory(struct micro_ops *ops, uint32_t directory)
{
	const struct tree *initial = ops->recording->initial;
	struct object_cells *cells = &ops->objects[directory];
	struct entry_walk walk = {ops, directory, 0};

	if (cells->is_touched && cells->type == OBJECT_DIRECTORY)
		return 0;
	cells->type = OBJECT_DIRECTORY;
	cells->is_touched = true;
	if (directory >= tree_object_count(initial))
		return 0;
	cells->mode = tree_mode(initial, directory);
	tree_entries(initial, directory, add_initial_name, &walk);
	return walk.err;
}

static int name_cell(struct micro_ops *ops, uint32_t directory, const char *name, uint32_t *out)
{
	const struct object_cells *cells;
	int err = touch_directory(ops, directory);

	if (err)
		return err;
	cells = &ops->objects[directory];
	for (uint32_t i = 0; i < cells->name_count; i++) {
		*out = cells->names[i];
		if (!strcmp(ops->cells[*out].name, name))
			return 0;
	}
	return add_name(ops, directory, name, NAME_NOTHING, out);
}

/* ---- operations ---- */

/* An effect on a name, within the micro-operation that was added last. */
static int set_name(struct micro_ops *ops, uint32_t directory, const char *name, uint32_t value)
{
	struct micro_op *item = &ops->items[ops->count - 1];
	uint32_t cell;
	int err = name_cell(ops, directory, name, &cell);

	if (item->directory[0] == UINT32_MAX || item->directory[0] == directory)
		item->directory[0] = directory;
	else
		item->directory[1] = directory;
	return err ? err
	           : add_effect(ops,
			     (struct effect){.kind = EFFECT_SET, .cell = cell, .value = value});
}

static int add_name_item(struct micro_ops *ops, size_t event, uint32_t object)
{
	return add_item(ops, (struct micro_op){.kind = MICRO_NAME,
				     .event = event,
				     .object = object,
				     .directory = {UINT32_MAX, UINT32_MAX}});
}

static int take_new_object(struct micro_ops *ops, size_t event, const struct op *op)
{
	struct object_cells *cells;
	int err = grow_objects(ops, op->object + 1);

	if (err)
		return err;
	cells = &ops->objects[op->object];
	cells->mode = op->mode;
	cells->is_touched = true;
	cells->type = op->kind == OP_MKDIR     ? OBJECT_DIRECTORY
	              : op->kind == OP_SYMLINK ? OBJECT_SYMLINK
	                                       : OBJECT_FILE;
	if (cells->type == OBJECT_SYMLINK)
		cells->target = (const char *)op->data;
	if (cells->type == OBJECT_FILE)
		err = touch_file(ops, op->object);
	/* O_TMPFILE: nobody can see it before it is linked. */
	if (err || !op->name)
		return err;
	err = add_name_item(ops, event, op->object);
	return err ? err : set_name(ops, op->directory, op->name, op->object + 1);
}

static int take_rename(
	struct micro_ops *ops, size_t event, const struct op *op, const struct tree *before)
{
	uint32_t moved = tree_lookup(before, op->directory, op->name);
	uint32_t replaced = tree_lookup(before, op->new_directory, op->new_name);
	int err;

	if (moved == UINT32_MAX)
		return -EPROTO;
	/* rename(2): two names of the same file stay as they are. */
	if (op->kind == OP_RENAME && moved == replaced)
		return 0;
	err = add_name_item(ops, event, moved);
	if (err)
		return err;
	ops->items[ops->count - 1].is_replacing = op->kind == OP_RENAME && replaced != UINT32_MAX;
	err = set_name(ops, op->new_directory, op->new_name, moved + 1);
	if (!err && ops->model->splits_renames)
		err = add_name_item(ops, event, moved);
	return err ? err
	           : set_name(ops, op->directory, op->name,
			     op->kind == OP_EXCHANGE ? replaced + 1 : NAME_NOTHING);
}

static int add_growth(struct micro_ops *ops, struct micro_op item, uint32_t size_bytes)
{
	int err = add_item(ops, item);

	return err ? err
	           : add_effect(ops, (struct effect){.kind = EFFECT_GROW,
					     .cell = ops->objects[item.object].size,
					     .value = size_bytes});
}

/* Bytes [start, end) of a file, all within one unit, become `data`. */
static int add_unit_bytes(
	struct micro_ops *ops, uint32_t object, uint64_t start, uint64_t end, const uint8_t *data)
{
	uint32_t unit = (uint32_t)(start / ops->unit_bytes);
	int err = need_units(ops, object, unit + 1);

	return err ? err
	           : add_effect(ops, (struct effect){.kind = EFFECT_WRITE,
					     .cell = ops->objects[object].units[unit],
					     .start = (uint32_t)(start % ops->unit_bytes),
					     .count = (uint32_t)(end - start),
					     .data = data});
}

static uint64_t unit_end(const struct micro_ops *ops, uint64_t start, uint64_t end)
{
	uint64_t stop = (start / ops->unit_bytes + 1) * ops->unit_bytes;

	return stop < end ? stop : end;
}

/* The effects of bytes [start, end) of a write, all within one page; a micro-operation for each
 * unit, unless the write does not tear. */
static int add_bytes(struct micro_ops *ops, struct micro_op item, const struct op *op,
	uint64_t start, uint64_t end)
{
	int err = 0;

	for (uint64_t stop; !err && start < end; start = stop) {
		stop = unit_end(ops, start, end);
		if (ops->tear != TEAR_NONE)
			err = add_item(ops, item);
		if (!err)
			err = add_unit_bytes(ops, op->object, start, stop,
				op->data + (start - (uint64_t)op->offset));
	}
	return err;
}

/* What a new page shows where bytes [start, end) are to come: nothing that a strategy writes. */
static int add_stale(struct micro_ops *ops, struct micro_op item, uint64_t start, uint64_t end)
{
	static const uint8_t garbage[TREE_PAGE_BYTES] = {[0 ... TREE_PAGE_BYTES - 1] = 0xa5};
	int err = add_item(ops, item);

	for (uint64_t stop; !err && start < end; start = stop) {
		stop = unit_end(ops, start, end);
		err = add_unit_bytes(ops, item.object, start, stop, garbage);
	}
	return err;
}

static int take_write(
	struct micro_ops *ops, size_t event, const struct op *op, const struct tree *before)
{
	uint64_t start = (uint64_t)op->offset, end = start + (uint64_t)op->effect;
	uint64_t size_bytes = tree_file_bytes(before, op->object);
	/* What is written whole or not at all is never seen without its contents. */
	bool shows_garbage = ops->model->shows_garbage && ops->tear != TEAR_NONE;
	int err = touch_file(ops, op->object);

	if (!err && end > UINT32_MAX)
		err = -EFBIG;
	if (err || !op->effect)
		return err;
	for (uint64_t at = start, stop; !err && shows_garbage && at < end; at = stop) {
		stop = (at / TREE_PAGE_BYTES + 1) * TREE_PAGE_BYTES;
		if (tree_blocks_needed(before, op->object, at, 1))
			err = add_stale(ops,
				(struct micro_op){.kind = MICRO_DATA,
					.event = event,
					.object = op->object,
					.page = at / TREE_PAGE_BYTES,
					.last_page = at / TREE_PAGE_BYTES,
					.is_new = true},
				at, stop < end ? stop : end);
	}
	if (!err && ops->tear == TEAR_NONE)
		err = add_item(ops, (struct micro_op){.kind = MICRO_DATA,
					    .event = event,
					    .object = op->object,
					    .page = start / TREE_PAGE_BYTES,
					    .last_page = (end - 1) / TREE_PAGE_BYTES,
					    .is_new = tree_blocks_needed(before, op->object, start,
							      end - start) > 0,
					    .is_whole = end > size_bytes});
	while (!err && start < end) {
		uint64_t page = start / TREE_PAGE_BYTES;
		uint64_t stop = (page + 1) * TREE_PAGE_BYTES;
		struct micro_op item = {.kind = MICRO_DATA,
			.event = event,
			.object = op->object,
			.page = page,
			.last_page = page,
			.is_new = tree_blocks_needed(before, op->object, start, 1) > 0};

		if (stop > end)
			stop = end;
		err = add_bytes(ops, item, op, start, stop);
		item.kind = MICRO_SIZE;
		item.is_growth = true;
		if (!err && ops->tear != TEAR_NONE && stop > size_bytes)
			err = add_growth(ops, item, (uint32_t)stop);
		start = stop;
	}
	if (!err && ops->tear == TEAR_NONE && end > size_bytes)
		err = add_effect(ops, (struct effect){.kind = EFFECT_GROW,
					      .cell = ops->objects[op->object].size,
					      .value = (uint32_t)end});
	return err;
}

static int take_truncate(
	struct micro_ops *ops, size_t event, const struct op *op, uint64_t size_bytes)
{
	struct object_cells *cells;
	int err = size_bytes > UINT32_MAX ? -EFBIG : touch_file(ops, op->object);

	if (!err)
		err = add_item(
			ops, (struct micro_op){
				     .kind = MICRO_SIZE, .event = event, .object = op->object});
	cells = &ops->objects[op->object];
	if (!err)
		err = add_effect(ops, (struct effect){.kind = EFFECT_SET,
					      .cell = cells->size,
					      .value = (uint32_t)size_bytes});
	for (uint32_t i = (uint32_t)(size_bytes / ops->unit_bytes); !err && i < cells->unit_count;
		i++) {
		uint64_t byte = (uint64_t)i * ops->unit_bytes;

		err = add_effect(ops,
			(struct effect){.kind = EFFECT_CLEAR,
				.cell = cells->units[i],
				.start = byte >= size_bytes ? 0 : (uint32_t)(size_bytes - byte)});
	}
	return err;
}

static int take_fallocate(
	struct micro_ops *ops, size_t event, const struct op *op, const struct tree *before)
{
	uint64_t end = (uint64_t)op->offset + op->size_bytes;

	if (op->keeps_size || end <= tree_file_bytes(before, op->object))
		return 0;
	if (end > UINT32_MAX)
		return -EFBIG;
	int err = touch_file(ops, op->object);

	return err ? err
	           : add_growth(ops,
			     (struct micro_op){
				     .kind = MICRO_SIZE, .event = event, .object = op->object},
			     (uint32_t)end);
}

/* Each page becomes zero by itself, in part like a write; what grows the file is seen or not. */
static int take_punch(
	struct micro_ops *ops, size_t event, const struct op *op, const struct tree *before)
{
	static const uint8_t zeros[TREE_PAGE_BYTES];
	uint64_t start = (uint64_t)op->offset, end = start + op->size_bytes, last;
	uint64_t size_bytes = tree_file_bytes(before, op->object);
	int err = touch_file(ops, op->object);

	/* What lies behind the end is zero. */
	last = end < size_bytes ? end : size_bytes;
	if (!err && start < last && ops->tear == TEAR_NONE)
		err = add_item(ops, (struct micro_op){.kind = MICRO_DATA,
					    .event = event,
					    .object = op->object,
					    .page = start / TREE_PAGE_BYTES,
					    .last_page = (last - 1) / TREE_PAGE_BYTES});
	for (uint64_t stop; !err && start < last; start = stop) {
		uint64_t page = start / TREE_PAGE_BYTES;

		stop = unit_end(ops, start, last);
		if (ops->tear != TEAR_NONE)
			err = add_item(ops, (struct micro_op){.kind = MICRO_DATA,
						    .event = event,
						    .object = op->object,
						    .page = page,
						    .last_page = page});
		if (!err)
			err = add_unit_bytes(ops, op->object, start, stop, zeros);
	}
	return err ? err : take_fallocate(ops, event, op, before);
}

static int take_mode(struct micro_ops *ops, size_t event, const struct op *op)
{
	const struct tree *initial = ops->recording->initial;
	struct object_cells *cells = &ops->objects[op->object];
	int err;

	/* The data directory's own mode is no part of the tree. */
	if (op->object == TREE_ROOT)
		return 0;
	if (cells->mode_at == UINT32_MAX) {
		enum object_type type = op->object < tree_object_count(initial)
		                                ? tree_object_type(initial, op->object)
		                                : cells->type;

		err = type == OBJECT_DIRECTORY ? touch_directory(ops, op->object)
		                               : touch_file(ops, op->object);
		if (err)
			return err;
		cells = &ops->objects[op->object];
		err = add_cell(ops,
			(struct cell){.kind = CELL_MODE, .object = op->object, .base = cells->mode},
			&cells->mode_at);
		if (err)
			return err;
	}
	err = add_item(
		ops, (struct micro_op){.kind = MICRO_MODE, .event = event, .object = op->object});
	return err ? err
	           : add_effect(ops, (struct effect){.kind = EFFECT_SET,
					     .cell = ops->objects[op->object].mode_at,
					     .value = op->mode});
}

static int take_op(
	struct micro_ops *ops, size_t event, const struct op *op, const struct tree *before)
{
	int err;

	switch (op->kind) {
	case OP_OPEN:
		if (op->is_creating)
			return take_new_object(ops, event, op);
		return op->is_truncating ? take_truncate(ops, event, op, 0) : 0;
	case OP_MKNOD:
	case OP_MKDIR:
	case OP_SYMLINK:
		return take_new_object(ops, event, op);
	case OP_WRITE:
	case OP_STORE:
		return take_write(ops, event, op, before);
	case OP_TRUNCATE:
		return take_truncate(ops, event, op, op->size_bytes);
	case OP_FALLOCATE:
		return take_fallocate(ops, event, op, before);
	case OP_PUNCH:
		return take_punch(ops, event, op, before);
	case OP_RENAME:
	case OP_EXCHANGE:
		return take_rename(ops, event, op, before);
	case OP_LINK:
		err = add_name_item(ops, event, op->object);
		return err ? err : set_name(ops, op->new_directory, op->new_name, op->object + 1);
	case OP_UNLINK:
	case OP_RMDIR:
		err = add_name_item(ops, event, tree_lookup(before, op->directory, op->name));
		return err ? err : set_name(ops, op->directory, op->name, NAME_NOTHING);
	case OP_CHMOD:
		return take_mode(ops, event, op);
	default:
		return 0;
	}
}

/* What rewrote a file since it was truncated to nothing is flushed when it is closed for good. */
static void note_close(struct micro_ops *ops, size_t event, uint32_t object)
{
	size_t first = ops->count;

	for (size_t i = ops->count; i-- > 0;) {
		const struct micro_op *item = &ops->items[i];
		const struct effect *effect = &ops->effects[ops->first_effect[i]];

		if (item->object != object || item->kind != MICRO_SIZE || item->is_growth)
			continue;
		if (effect->kind == EFFECT_SET && effect->value == 0)
			first = i + 1;
		break;
	}
	for (size_t i = first; i < ops->count; i++) {
		struct micro_op *item = &ops->items[i];

		if (item->object == object && item->replaced_at == SIZE_MAX &&
			(item->kind == MICRO_DATA || item->kind == MICRO_SIZE))
			item->replaced_at = event;
	}
}

int micro_ops_init(struct micro_ops *ops, const struct recording *recording,
	const struct model *model, enum tear tear)
{
	struct tree *tree = tree_ref(recording->initial);
	int err;

	*ops = (struct micro_ops){.recording = recording,
		.model = model,
		.tear = tear,
		.unit_bytes = tear == TEAR_SECTOR ? TEAR_SECTOR : TEAR_PAGE};
	err = pool_init(ops);
	if (!err)
		err = grow_objects(ops, tree_object_count(tree));
	for (uint32_t i = 0; !err && i < ops->object_count; i++)
		ops->objects[i].type = tree_object_type(tree, i);
	for (size_t i = 0; !err && i < recording->count; i++) {
		const struct event *event = &recording->events[i];

		if (event->kind != EVENT_OP || event->op.effect < 0)
			continue;
		err = take_op(ops, i, &event->op, tree);
		if (!err && event->op.kind == OP_CLOSE && event->op.is_last &&
			event->op.object < ops->object_count)
			note_close(ops, i, event->op.object);
		if (!err)
			err = tree_apply(&tree, &event->op);
	}
	tree_unref(tree);
	/* Where the last one's effects end. */
	if (!err)
		err = add_item(ops, (struct micro_op){0});
	if (!err)
		ops->count--;
	return err;
}

void micro_ops_release(struct micro_ops *ops)
{
	for (uint32_t i = 0; i < ops->cell_count; i++)
		free(ops->cells[i].name);
	for (uint32_t i = 0; i < ops->object_count; i++) {
		free(ops->objects[i].units);
		free(ops->objects[i].names);
	}
	free(ops->items);
	free(ops->first_effect);
	free(ops->effects);
	free(ops->cells);
	free(ops->objects);
	pool_release(ops);
	memset(ops, 0, sizeof(*ops));
}

void micro_ops_base(const struct micro_ops *ops, uint32_t *values)
{
	for (uint32_t i = 0; i < ops->cell_count; i++)
		values[i] = ops->cells[i].base;
}

int micro_ops_apply(struct micro_ops *ops, size_t item, uint32_t *values)
{
	for (uint32_t i = ops->first_effect[item]; i < ops->first_effect[item + 1]; i++) {
		struct effect *effect = &ops->effects[i];
		uint32_t *value = &values[effect->cell];

		if (effect->kind == EFFECT_SET)
			*value = effect->value;
		else if (effect->kind == EFFECT_GROW)
			*value = *value < effect->value ? effect->value : *value;
		else
			*value = pool_change(ops, effect, *value);
		if (*value == UINT32_MAX)
			return -ENOMEM;
	}
	return 0;
}

bool micro_ops_orders(const struct micro_ops *ops, size_t earlier, size_t later)
{
	const struct micro_op *a = &ops->items[earlier], *b = &ops->items[later];

	assert(earlier < later);
	if (a->kind == MICRO_SIZE && b->kind == MICRO_SIZE && a->is_growth && b->is_growth &&
		a->event == b->event)
		return true;
	return ops->model->orders && ops->model->orders(a, b);
}
