/*
 * Every crash state of a short recording, the naive way, to hold the harness against.
 *
 * Method: at each crash point (before an event is complete) look at all subsets of the
 * micro-operations issued so far. A subset counts when it holds what syncs promised and, but for
 * what was promised itself, nothing without what the model orders before it. Its effects are then
 * applied one by one to names and byte arrays. Only the list of micro-operations and the model's
 * predicate are the harness's; effects and promises are worked out here a second time, from the
 * operations. Files are remembered by the subset of their own micro-operations; nothing else is.
 */
#ifndef TORNWRITE_TESTS_BRUTE_FORCE_H
#define TORNWRITE_TESTS_BRUTE_FORCE_H

#include "tests/brute_items.h"

/* ---- trees ---- */

static inline struct brute_file brute_make_file(
	struct brute *brute, uint32_t number, uint32_t subset)
{
	static uint8_t bytes[BRUTE_BYTES];
	const struct tree *initial = brute->recording->initial;
	struct page *pages[BRUTE_BYTES / MAKE_PAGE];
	uint64_t size_bytes = 0, count;
	uint32_t mode = brute->modes[number];
	struct brute_file file;

	memset(bytes, 0, sizeof(bytes));
	if (number < tree_object_count(initial)) {
		size_bytes = tree_file_bytes(initial, number);
		for (uint64_t i = 0; i * MAKE_PAGE < size_bytes; i++)
			tree_read_page(initial, number, i, bytes + i * MAKE_PAGE);
	}
	for (size_t i = 0; i < brute->count; i++) {
		const struct brute_item *item = &brute->items[i];

		if (!(subset >> i & 1))
			continue;
		assert(item->end <= BRUTE_BYTES && item->size_bytes <= BRUTE_BYTES);
		if (item->is_garbage)
			memset(bytes + item->start, 0xa5, item->end - item->start);
		else if (item->is_zero)
			memset(bytes + item->start, 0, item->end - item->start);
		else if (item->writes)
			memcpy(bytes + item->start,
				item->op->data + (item->start - (uint64_t)item->op->offset),
				item->end - item->start);
		if (item->sets_size) {
			size_bytes = item->size_bytes;
			memset(bytes + size_bytes, 0, BRUTE_BYTES - size_bytes);
		}
		if (item->grows && size_bytes < item->size_bytes)
			size_bytes = item->size_bytes;
		if (item->sets_mode)
			mode = item->op->mode;
	}
	memset(bytes + size_bytes, 0, BRUTE_BYTES - size_bytes);
	count = (size_bytes + MAKE_PAGE - 1) / MAKE_PAGE;
	for (uint64_t i = 0; i < count; i++)
		pages[i] = tree_part_page_new(bytes + i * MAKE_PAGE);
	file.object = tree_part_file(mode, size_bytes, pages, count);
	file.hash = XXH3_64bits_withSeed(bytes, count * MAKE_PAGE, size_bytes << 12 | mode);
	for (uint64_t i = 0; i < count; i++)
		tree_part_page_unref(pages[i]);
	assert(file.object);
	return file;
}

/* The bits of `subset` that are in `mask`, side by side. */
static inline uint32_t brute_squeeze(uint32_t subset, uint32_t mask)
{
	uint32_t result = 0, bit = 1;

	for (; mask; mask &= mask - 1, bit <<= 1) {
		if (subset & (mask & -mask))
			result |= bit;
	}
	return result;
}

/* Borrowed. */
static inline const struct brute_file *brute_file(
	struct brute *brute, uint32_t number, uint32_t subset)
{
	uint32_t mask = brute->masks[number];
	struct brute_file *file;

	if (!brute->files[number])
		brute->files[number] = calloc(
			(size_t)1 << __builtin_popcount(mask), sizeof(*brute->files[number]));
	file = &brute->files[number][brute_squeeze(subset, mask)];
	if (!file->object)
		*file = brute_make_file(brute, number, subset & mask);
	return file;
}

static inline uint32_t brute_mode(const struct brute *brute, uint32_t number, uint32_t subset)
{
	uint32_t mode = brute->modes[number];

	for (size_t i = 0; i < brute->count; i++) {
		if (subset >> i & 1 && brute->items[i].sets_mode &&
			brute->items[i].object == number)
			mode = brute->items[i].op->mode;
	}
	return mode;
}

static inline struct object *brute_directory(
	const struct brute *brute, uint32_t number, uint32_t subset, const uint32_t *values)
{
	struct object *directory = tree_part_directory(brute_mode(brute, number, subset));

	for (uint32_t i = 0; i < brute->slot_count; i++) {
		if (brute->slots[i].directory == number && values[i] != BRUTE_NOBODY)
			tree_part_add_entry(directory, brute->slots[i].name, values[i]);
	}
	return directory;
}

/* Only the first name of a directory stays, breadth first. */
static inline void brute_find(const struct brute *brute, uint32_t *values, bool *is_found)
{
	uint32_t queue[BRUTE_OBJECTS] = {TREE_ROOT}, count = 1;

	memset(is_found, 0, BRUTE_OBJECTS);
	is_found[TREE_ROOT] = true;
	for (uint32_t at = 0; at < count; at++) {
		for (uint32_t i = 0; i < brute->slot_count; i++) {
			if (brute->slots[i].directory != queue[at] || values[i] == BRUTE_NOBODY)
				continue;
			if (!is_found[values[i]]) {
				is_found[values[i]] = true;
				queue[count++] = values[i];
			} else if (brute->types[values[i]] == OBJECT_DIRECTORY) {
				values[i] = BRUTE_NOBODY;
			}
		}
	}
}

static inline void brute_values(
	const struct brute *brute, uint32_t subset, uint32_t *values, bool *is_found)
{
	for (uint32_t i = 0; i < brute->slot_count; i++)
		values[i] = brute->slots[i].at_start;
	for (size_t i = 0; i < brute->count; i++) {
		for (unsigned k = 0; subset >> i & 1 && k < brute->items[i].name_count; k++)
			values[brute->items[i].slots[k]] = brute->items[i].values[k];
	}
	brute_find(brute, values, is_found);
}

/* Of what a reader sees and which object each thing is. Trees can be equal without that: two
 * empty files may have changed places. */
static inline uint64_t brute_identity(struct brute *brute, uint32_t subset)
{
	uint32_t values[BRUTE_SLOTS];
	bool is_found[BRUTE_OBJECTS];
	uint64_t hash = 0;

	brute_values(brute, subset, values, is_found);
	for (uint32_t i = 0; i < brute->slot_count; i++) {
		bool is_seen = is_found[brute->slots[i].directory];
		uint32_t pair[2] = {i, is_seen ? values[i] : BRUTE_NOBODY};

		hash = XXH3_64bits_withSeed(pair, sizeof(pair), hash);
	}
	for (uint32_t i = 1; i < brute->object_count; i++) {
		uint64_t part = brute_mode(brute, i, subset);

		if (is_found[i] && brute->types[i] == OBJECT_FILE)
			part = brute_file(brute, i, subset)->hash;
		if (is_found[i])
			hash = XXH3_64bits_withSeed(&part, sizeof(part), hash);
	}
	return hash;
}

/* The caller holds a reference. */
static inline struct tree *brute_tree(struct brute *brute, uint32_t subset)
{
	struct object *objects[BRUTE_OBJECTS], *nothing = tree_part_nothing();
	uint32_t values[BRUTE_SLOTS];
	bool is_found[BRUTE_OBJECTS];
	struct tree *tree;

	brute_values(brute, subset, values, is_found);
	for (uint32_t i = 0; i < brute->object_count; i++) {
		if (!is_found[i])
			objects[i] = tree_part_ref(nothing);
		else if (brute->types[i] == OBJECT_FILE)
			objects[i] = tree_part_ref(brute_file(brute, i, subset)->object);
		else if (brute->types[i] == OBJECT_DIRECTORY)
			objects[i] = brute_directory(brute, i, subset, values);
		else
			objects[i] = tree_part_symlink(
				brute->targets[i] ? brute->targets[i]
						  : tree_target(brute->recording->initial, i));
	}
	tree = tree_assemble(objects, brute->object_count);
	for (uint32_t i = 0; i < brute->object_count; i++)
		tree_part_unref(objects[i]);
	tree_part_unref(nothing);
	return tree;
}

/* ---- all subsets ---- */

/* Where a tree's number plus one is, or zero for it to go to. */
static inline uint32_t *brute_place(const struct brute *brute, XXH128_hash_t hash)
{
	uint32_t i = (uint32_t)hash.low64 % BRUTE_TABLE;

	while (brute->table[i] && !XXH128_isEqual(brute->trees[brute->table[i] - 1].hash, hash))
		i = (i + 1) % BRUTE_TABLE;
	return &brute->table[i];
}

/* UINT32_MAX: no subset gives it. */
static inline uint32_t brute_lookup(const struct brute *brute, XXH128_hash_t hash)
{
	return *brute_place(brute, hash) - 1;
}

static inline uint32_t brute_add(struct brute *brute, uint32_t subset)
{
	struct tree *tree = brute_tree(brute, subset);
	XXH128_hash_t hash = tree_hash(tree);
	uint32_t *place = brute_place(brute, hash);

	tree_unref(tree);
	if (*place)
		return *place - 1;
	if (brute->tree_count == brute->tree_capacity) {
		brute->tree_capacity = brute->tree_capacity * 2 + 64;
		brute->trees = realloc(brute->trees, brute->tree_capacity * sizeof(*brute->trees));
		assert(brute->trees);
	}
	brute->trees[brute->tree_count] = (struct brute_tree){.hash = hash};
	memset(brute->trees[brute->tree_count].fewest_lost, 0xff, BRUTE_POINTS);
	*place = (uint32_t)++brute->tree_count;
	return *place - 1;
}

/* Which of a subset are there without something that belongs before them, `adrift` aside. */
static inline uint32_t brute_orphans(const struct brute *brute, uint32_t subset, uint32_t adrift)
{
	uint32_t orphans = 0;

	for (size_t i = 0; i < brute->count; i++) {
		if (subset >> i & 1 && brute->before[i] & ~subset & ~adrift)
			orphans |= 1U << i;
	}
	return orphans;
}

/* What a sync promised is there whatever it overtakes. */
static inline bool brute_is_legal(const struct brute *brute, uint32_t subset, size_t point)
{
	return !(subset & ~brute->issued[point]) && !(brute->promised[point] & ~subset) &&
	       !(brute_orphans(brute, subset, brute->adrift[point]) & ~brute->promised[point]);
}

static inline void brute_look_at(struct brute *brute, uint32_t subset)
{
	for (size_t point = 0; point < brute->points; point++) {
		unsigned lost = (unsigned)__builtin_popcount(brute->issued[point] & ~subset);
		struct brute_tree *tree;

		if (!brute_is_legal(brute, subset, point))
			continue;
		if (!brute->tree_of[subset])
			brute->tree_of[subset] = brute_add(brute, subset) + 1;
		tree = &brute->trees[brute->tree_of[subset] - 1];
		tree->points |= (uint64_t)1 << point;
		brute->legal[point]++;
		if (lost < tree->fewest_lost[point])
			tree->fewest_lost[point] = (uint8_t)lost;
	}
}

/* Borrows the micro-operations. Pair with brute_release(). */
static inline void brute_init(struct brute *brute, const struct micro_ops *ops)
{
	const struct recording *recording = ops->recording;
	struct tree *tree = tree_ref(recording->initial);

	*brute = (struct brute){.ops = ops,
		.recording = recording,
		.points = recording->count + 1,
		.object_count = tree_object_count(tree)};
	assert(brute->points <= BRUTE_POINTS && ops->count <= BRUTE_ITEMS);
	for (uint32_t i = 0; i < brute->object_count; i++) {
		struct brute_entries entries = {brute, i};

		brute->types[i] = tree_object_type(tree, i);
		brute->modes[i] = tree_mode(tree, i);
		if (brute->types[i] == OBJECT_DIRECTORY)
			tree_entries(tree, i, brute_add_entry, &entries);
	}
	for (size_t i = 0; i < recording->count; i++) {
		const struct event *event = &recording->events[i];
		int err = 0;

		if (event->kind == EVENT_OP && event->op.effect >= 0) {
			brute_op(brute, i, &event->op, tree);
			err = tree_apply(&tree, &event->op);
		}
		assert(!err);
	}
	assert(brute->count == ops->count);
	tree_unref(tree);
	for (size_t i = 0; i < brute->count; i++) {
		const struct brute_item *item = &brute->items[i];

		if (brute_is_file_item(item))
			brute->masks[item->object] |= 1U << i;
		for (size_t k = 0; k < i; k++) {
			bool is_step = item->is_growth && brute->items[k].is_growth &&
			               item->event == brute->items[k].event;

			if (is_step || (ops->model->orders &&
					       ops->model->orders(&ops->items[k], &ops->items[i])))
				brute->before[i] |= 1U << k;
		}
	}
	brute_promise(brute);
	brute->tree_of = calloc((size_t)1 << brute->count, sizeof(*brute->tree_of));
	brute->table = calloc(BRUTE_TABLE, sizeof(*brute->table));
	assert(brute->tree_of && brute->table);
	for (uint32_t subset = 0; subset < 1U << brute->count; subset++)
		brute_look_at(brute, subset);
}

static inline void brute_release(struct brute *brute)
{
	for (uint32_t i = 0; i < brute->object_count; i++) {
		for (uint32_t k = 0;
			brute->files[i] && k < 1U << __builtin_popcount(brute->masks[i]); k++)
			tree_part_unref(brute->files[i][k].object);
		free(brute->files[i]);
	}
	free(brute->table);
	free(brute->trees);
	free(brute->tree_of);
}

#endif
