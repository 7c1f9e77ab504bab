/*
 * Method: what can be reached from the root is found by following the values of name cells.
 * Objects whose cells are all untouched come from the initial tree as they are; the others are
 * made once for each set of values and found again by a hash of these.
 */
#include "harness/crash_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/epoch.h"

/* How many parts are kept: of a large file each state may be one of its own. */
enum { MAX_PARTS = 8192 };

struct part {
	XXH128_hash_t key;
	struct object *object; /* one of the two; references held; both NULL: free */
	struct page *page;
};

/* The objects that an untouched directory holds and that are touched, or lead to some. */
struct fixed {
	uint32_t *inner; /* owned */
	uint32_t count, capacity;
};

struct crash_builder {
	struct micro_ops *ops;
	struct part *parts; /* owned; a hash table with linear probing */
	size_t count, capacity;
	struct fixed *fixed;   /* owned; by object */
	uint8_t *is_live;      /* scratch, by object */
	uint32_t *queue;       /* scratch */
	struct object **table; /* scratch */
	struct object *nothing;
	uint32_t *key; /* scratch: values that make up a part */
};

/* ---- what is to come ---- */

int future_init(struct future *future, const struct micro_ops *ops, size_t from, size_t end)
{
	future->is_named = calloc(ops->object_count + 1, 1);
	future->size_bytes = calloc(ops->object_count + 1, sizeof(*future->size_bytes));
	if (!future->is_named || !future->size_bytes)
		return -ENOMEM;
	for (uint32_t i = from < end ? ops->first_effect[from] : 0;
		from < end && i < ops->first_effect[end]; i++) {
		const struct effect *effect = &ops->effects[i];
		const struct cell *cell = &ops->cells[effect->cell];

		if (cell->kind == CELL_NAME && effect->value != NAME_NOTHING)
			future->is_named[effect->value - 1] = 1;
		if (cell->kind == CELL_SIZE && future->size_bytes[cell->object] < effect->value)
			future->size_bytes[cell->object] = effect->value;
	}
	return 0;
}

void future_release(struct future *future)
{
	free(future->is_named);
	free(future->size_bytes);
	*future = (struct future){0};
}

/* ---- the builder ---- */

struct fixed_walk {
	struct crash_builder *builder;
	uint32_t directory;
	bool leads; /* to something touched */
	int err;
};

static int note_fixed(struct crash_builder *builder, uint32_t directory, bool *leads);

static void note_entry(void *context, const char *name, uint32_t object)
{
	struct fixed_walk *walk = context;
	struct crash_builder *builder = walk->builder;
	struct fixed *fixed = &builder->fixed[walk->directory];
	bool leads = builder->ops->objects[object].is_touched;

	(void)name;
	if (!walk->err &&
		tree_object_type(builder->ops->recording->initial, object) == OBJECT_DIRECTORY) {
		bool below = false;

		walk->err = note_fixed(builder, object, &below);
		leads |= below;
	}
	if (walk->err || !leads)
		return;
	walk->leads = true;
	if (fixed->count == fixed->capacity) {
		uint32_t capacity = fixed->capacity * 2 + 8;
		uint32_t *inner = realloc(fixed->inner, capacity * sizeof(*inner));

		if (!inner) {
			walk->err = -ENOMEM;
			return;
		}
		fixed->inner = inner;
		fixed->capacity = capacity;
	}
	fixed->inner[fixed->count++] = object;
}

/* Fills in what untouched directories hold, from here down. */
static int note_fixed(struct crash_builder *builder, uint32_t directory, bool *leads)
{
	struct fixed_walk walk = {builder, directory, false, 0};

	tree_entries(builder->ops->recording->initial, directory, note_entry, &walk);
	*leads = walk.leads;
	return walk.err;
}

struct crash_builder *crash_builder_new(struct micro_ops *ops)
{
	struct crash_builder *builder = calloc(1, sizeof(*builder));
	bool leads;

	if (!builder)
		return NULL;
	builder->ops = ops;
	builder->capacity = 256;
	builder->parts = calloc(builder->capacity, sizeof(*builder->parts));
	builder->fixed = calloc(ops->object_count, sizeof(*builder->fixed));
	builder->is_live = calloc(ops->object_count, 1);
	builder->queue = calloc(ops->object_count, sizeof(*builder->queue));
	builder->table = calloc(ops->object_count, sizeof(struct object *));
	builder->key = calloc(ops->cell_count + 8, sizeof(*builder->key));
	builder->nothing = tree_part_nothing();
	if (!builder->parts || !builder->fixed || !builder->is_live || !builder->queue ||
		!builder->table || !builder->key || !builder->nothing ||
		note_fixed(builder, TREE_ROOT, &leads)) {
		crash_builder_free(builder);
		return NULL;
	}
	return builder;
}

/* Trees hold references of their own. */
static void forget_parts(struct crash_builder *builder)
{
	for (size_t i = 0; i < builder->capacity; i++) {
		tree_part_unref(builder->parts[i].object);
		tree_part_page_unref(builder->parts[i].page);
	}
	memset(builder->parts, 0, builder->capacity * sizeof(*builder->parts));
	builder->count = 0;
}

void crash_builder_free(struct crash_builder *builder)
{
	if (!builder)
		return;
	if (builder->parts)
		forget_parts(builder);
	for (uint32_t i = 0; builder->fixed && i < builder->ops->object_count; i++)
		free(builder->fixed[i].inner);
	tree_part_unref(builder->nothing);
	free(builder->parts);
	free(builder->fixed);
	free(builder->is_live);
	free(builder->queue);
	free(builder->table);
	free(builder->key);
	free(builder);
}

static struct part *find_part(struct crash_builder *builder, XXH128_hash_t key)
{
	size_t i = key.low64 & (builder->capacity - 1);

	while ((builder->parts[i].object || builder->parts[i].page) &&
		!XXH128_isEqual(builder->parts[i].key, key))
		i = (i + 1) & (builder->capacity - 1);
	return &builder->parts[i];
}

/* Where the part with this key is, or a free place for it. NULL: out of memory. */
static struct part *part_for(struct crash_builder *builder, XXH128_hash_t key)
{
	if (builder->count * 2 >= builder->capacity) {
		struct part *old = builder->parts;
		size_t capacity = builder->capacity;

		builder->parts = calloc(capacity * 2, sizeof(*old));
		if (!builder->parts) {
			builder->parts = old;
			return NULL;
		}
		builder->capacity *= 2;
		for (size_t i = 0; i < capacity; i++) {
			if (old[i].object || old[i].page)
				*find_part(builder, old[i].key) = old[i];
		}
		free(old);
	}
	return find_part(builder, key);
}

/* ---- tidying ---- */

static bool make_live(struct crash_builder *builder, uint32_t object, uint32_t *count)
{
	if (builder->is_live[object])
		return false;
	builder->is_live[object] = 1;
	builder->queue[(*count)++] = object;
	return true;
}

static void follow_names(
	struct crash_builder *builder, uint32_t *values, bool is_final, uint32_t *count)
{
	struct micro_ops *ops = builder->ops;

	for (uint32_t at = 0; at < *count; at++) {
		const struct object_cells *cells = &ops->objects[builder->queue[at]];
		const struct fixed *fixed = &builder->fixed[builder->queue[at]];

		for (uint32_t i = 0; i < cells->name_count; i++) {
			uint32_t *value = &values[cells->names[i]];
			bool is_directory;

			if (*value == NAME_NOTHING)
				continue;
			is_directory = ops->objects[*value - 1].type == OBJECT_DIRECTORY;
			if (!make_live(builder, *value - 1, count) && is_final && is_directory)
				*value = NAME_NOTHING;
		}
		for (uint32_t i = 0; !cells->is_touched && i < fixed->count; i++)
			make_live(builder, fixed->inner[i], count);
	}
}

static int tidy_file(struct micro_ops *ops, uint32_t *values, const struct object_cells *cells,
	uint32_t size_bytes)
{
	for (uint32_t i = size_bytes / ops->unit_bytes; i < cells->unit_count; i++) {
		uint32_t *value = &values[cells->units[i]];
		uint64_t start = (uint64_t)i * ops->unit_bytes;

		*value = start >= size_bytes
		                 ? UNIT_ZEROS
		                 : micro_ops_cleared(ops, *value, (uint32_t)(size_bytes - start));
		if (*value == UINT32_MAX)
			return -ENOMEM;
	}
	return 0;
}

static void clear_cells(uint32_t *values, const struct object_cells *cells)
{
	for (uint32_t i = 0; i < cells->unit_count; i++)
		values[cells->units[i]] = UNIT_ZEROS;
	for (uint32_t i = 0; i < cells->name_count; i++)
		values[cells->names[i]] = NAME_NOTHING;
	if (cells->size != UINT32_MAX)
		values[cells->size] = 0;
	if (cells->mode_at != UINT32_MAX)
		values[cells->mode_at] = 0;
}

int crash_state_tidy(struct crash_builder *builder, uint32_t *values, const struct future *future)
{
	struct micro_ops *ops = builder->ops;
	uint32_t count = 0;
	int err = 0;

	memset(builder->is_live, 0, ops->object_count);
	make_live(builder, TREE_ROOT, &count);
	for (uint32_t i = 0; future && i < ops->object_count; i++) {
		if (future->is_named[i])
			make_live(builder, i, &count);
	}
	follow_names(builder, values, !future, &count);
	for (uint32_t i = 0; !err && i < ops->object_count; i++) {
		const struct object_cells *cells = &ops->objects[i];

		if (!cells->is_touched)
			continue;
		if (!builder->is_live[i]) {
			clear_cells(values, cells);
		} else if (cells->size != UINT32_MAX) {
			uint32_t size_bytes = values[cells->size];

			if (future && future->size_bytes[i] > size_bytes)
				size_bytes = future->size_bytes[i];
			err = tidy_file(ops, values, cells, size_bytes);
		}
	}
	return err;
}

/* ---- trees ---- */

/* A page made of several sectors. */
static struct page *sector_page(struct crash_builder *builder, const uint32_t *units)
{
	struct micro_ops *ops = builder->ops;
	uint32_t count = TREE_PAGE_BYTES / ops->unit_bytes;
	uint8_t bytes[TREE_PAGE_BYTES];
	XXH128_hash_t key = XXH3_128bits(units, count * sizeof(*units));
	struct part *part = part_for(builder, key);

	if (!part)
		return NULL;
	if (!part->page) {
		for (uint32_t i = 0; i < count; i++)
			memcpy(bytes + (size_t)i * ops->unit_bytes, micro_ops_unit(ops, units[i]),
				ops->unit_bytes);
		part->key = key;
		part->page = tree_part_page_new(bytes);
		builder->count += part->page != NULL;
	}
	return part->page;
}

static int page_at(struct crash_builder *builder, const uint32_t *values,
	const struct object_cells *cells, uint32_t page, struct page **out)
{
	struct micro_ops *ops = builder->ops;
	uint32_t count = TREE_PAGE_BYTES / ops->unit_bytes;
	uint32_t units[TREE_PAGE_BYTES / TEAR_SECTOR];
	bool is_hole = true;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = page * count + i;

		units[i] = at < cells->unit_count ? values[cells->units[at]] : UNIT_ZEROS;
		is_hole &= units[i] == UNIT_ZEROS;
	}
	*out = NULL;
	if (is_hole)
		return 0;
	if (count > 1) {
		*out = sector_page(builder, units);
	} else {
		struct page **made = micro_ops_unit_page(ops, units[0]);

		if (!*made)
			*made = tree_part_page_new(micro_ops_unit(ops, units[0]));
		*out = *made;
	}
	return *out ? 0 : -ENOMEM;
}

static struct object *make_file(
	struct crash_builder *builder, const uint32_t *values, const struct object_cells *cells)
{
	uint32_t size_bytes = values[cells->size];
	uint32_t count = (size_bytes + TREE_PAGE_BYTES - 1) / TREE_PAGE_BYTES;
	struct page **pages = calloc(count + 1UL, sizeof(*pages));
	struct object *object = NULL;
	int err = pages ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < count; i++)
		err = page_at(builder, values, cells, i, &pages[i]);
	if (!err)
		object = tree_part_file(
			cells->mode_at == UINT32_MAX ? cells->mode : values[cells->mode_at],
			size_bytes, pages, count);
	free(pages);
	return object;
}

static struct object *make_directory(
	struct crash_builder *builder, const uint32_t *values, const struct object_cells *cells)
{
	struct object *object = tree_part_directory(
		cells->mode_at == UINT32_MAX ? cells->mode : values[cells->mode_at]);

	for (uint32_t i = 0; object && i < cells->name_count; i++) {
		uint32_t value = values[cells->names[i]];

		if (value != NAME_NOTHING &&
			tree_part_add_entry(
				object, builder->ops->cells[cells->names[i]].name, value - 1)) {
			tree_part_unref(object);
			object = NULL;
		}
	}
	return object;
}

/* A touched object as its cells say. Borrowed. */
static struct object *object_of(
	struct crash_builder *builder, const uint32_t *values, uint32_t number)
{
	const struct object_cells *cells = &builder->ops->objects[number];
	uint32_t count = 0;
	struct part *part;
	XXH128_hash_t key;
	struct object *object;

	builder->key[count++] = number;
	if (cells->mode_at != UINT32_MAX)
		builder->key[count++] = values[cells->mode_at];
	if (cells->size != UINT32_MAX)
		builder->key[count++] = values[cells->size];
	for (uint32_t i = 0; i < cells->unit_count; i++)
		builder->key[count++] = values[cells->units[i]];
	for (uint32_t i = 0; i < cells->name_count; i++)
		builder->key[count++] = values[cells->names[i]];
	key = XXH3_128bits_withSeed(builder->key, count * sizeof(*builder->key), 1);
	part = part_for(builder, key);
	if (!part)
		return NULL;
	if (part->object)
		return part->object;
	object = cells->type == OBJECT_FILE        ? make_file(builder, values, cells)
	         : cells->type == OBJECT_DIRECTORY ? make_directory(builder, values, cells)
	                                           : tree_part_symlink(cells->target);
	if (!object)
		return NULL;
	/* Pages were added meanwhile, and the table may have moved. */
	part = part_for(builder, key);
	if (!part) {
		tree_part_unref(object);
		return NULL;
	}
	*part = (struct part){key, object, NULL};
	builder->count++;
	return object;
}

struct tree *crash_state_tree(struct crash_builder *builder, const uint32_t *values)
{
	struct micro_ops *ops = builder->ops;
	uint32_t initial_count = tree_object_count(ops->recording->initial), taken = 0;
	struct tree *tree = NULL;

	if (builder->count > MAX_PARTS)
		forget_parts(builder);
	for (uint32_t i = 0; i < ops->object_count; i++) {
		struct object *object = builder->nothing;

		if (ops->objects[i].is_touched && builder->is_live[i])
			object = object_of(builder, values, i);
		if (!object)
			goto out;
		builder->table[i] = !ops->objects[i].is_touched && i < initial_count
		                            ? tree_part_of(ops->recording->initial, i)
		                            : tree_part_ref(object);
		taken++;
	}
	tree = tree_assemble(builder->table, ops->object_count);
out:
	while (taken)
		tree_part_unref(builder->table[--taken]);
	return tree;
}

int crash_state_apply(struct micro_ops *ops, size_t end, const uint64_t *lost, uint32_t *values)
{
	int err = 0;

	micro_ops_base(ops, values);
	for (size_t i = 0; !err && i < end; i++) {
		if (!bits_has(lost, i))
			err = micro_ops_apply(ops, i, values);
	}
	return err;
}
