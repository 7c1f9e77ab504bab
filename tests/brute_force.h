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

#include "tests/make_recording.h"

#include "harness/micro_op.h"

enum {
	BRUTE_ITEMS = 14,
	BRUTE_POINTS = 64,
	BRUTE_OBJECTS = 64,
	BRUTE_SLOTS = 128,
	BRUTE_TABLE = 1 << (BRUTE_ITEMS + 1),
	BRUTE_BYTES = 6 * MAKE_PAGE,
	BRUTE_NOBODY = UINT32_MAX,
};

/* A name that exists at some time, in the order in which a reader would come to it. */
struct brute_slot {
	uint32_t directory, at_start; /* object, or BRUTE_NOBODY */
	char name[8];
};

/* What one micro-operation does. */
struct brute_item {
	const struct op *op;
	size_t event;
	enum micro_kind kind;
	uint32_t object;
	bool is_growth;
	unsigned name_count;
	uint32_t slots[2], values[2];
	bool sets_size, grows, sets_mode;
	uint64_t size_bytes; /* set, or grown to; contents behind a size that is set are gone */
	bool writes, is_garbage;
	uint64_t start, end; /* of the file */
};

struct brute_file {
	struct object *object; /* reference held; NULL: not made yet */
	uint64_t hash;         /* of what a reader sees */
};

/* A directory tree, where it may be found, and with how few lost. */
struct brute_tree {
	XXH128_hash_t hash;
	uint64_t points; /* a bit each */
	uint8_t fewest_lost[BRUTE_POINTS];
};

struct brute {
	const struct micro_ops *ops;
	const struct recording *recording;
	size_t count, points;
	struct brute_item items[BRUTE_ITEMS];
	uint32_t before[BRUTE_ITEMS];  /* which ones the model wants first */
	uint32_t issued[BRUTE_POINTS]; /* by crash point */
	uint32_t promised[BRUTE_POINTS];
	double legal[BRUTE_POINTS]; /* subsets */
	struct brute_slot slots[BRUTE_SLOTS];
	uint32_t slot_count;
	uint32_t object_count;
	enum object_type types[BRUTE_OBJECTS];
	uint32_t modes[BRUTE_OBJECTS];           /* at the start, or as made */
	const char *targets[BRUTE_OBJECTS];      /* of new links */
	uint32_t masks[BRUTE_OBJECTS];           /* the micro-operations on its contents */
	struct brute_file *files[BRUTE_OBJECTS]; /* owned; by subset of these, squeezed */
	struct brute_tree *trees;                /* owned */
	size_t tree_count, tree_capacity;
	uint32_t *table;   /* owned; hash table of numbers plus one */
	uint32_t *tree_of; /* owned; by subset: number plus one; 0: never legal */
};

static inline bool brute_is_file_item(const struct brute_item *item)
{
	return item->kind != MICRO_NAME;
}

/* ---- names ---- */

static inline uint32_t brute_slot(struct brute *brute, uint32_t directory, const char *name)
{
	struct brute_slot *slot;

	for (uint32_t i = 0; i < brute->slot_count; i++) {
		slot = &brute->slots[i];
		if (slot->directory == directory && !strcmp(slot->name, name))
			return i;
	}
	assert(brute->slot_count < BRUTE_SLOTS && strlen(name) < sizeof(slot->name));
	slot = &brute->slots[brute->slot_count];
	slot->directory = directory;
	slot->at_start = BRUTE_NOBODY;
	memcpy(slot->name, name, strlen(name) + 1);
	return brute->slot_count++;
}

struct brute_entries {
	struct brute *brute;
	uint32_t directory;
};

static inline void brute_add_entry(void *context, const char *name, uint32_t object)
{
	struct brute_entries *entries = context;

	entries->brute->slots[brute_slot(entries->brute, entries->directory, name)].at_start =
		object;
}

/* ---- from operations to micro-operations ---- */

/* The next micro-operation must be one of this kind. */
static inline struct brute_item *brute_take(
	struct brute *brute, size_t event, enum micro_kind kind, uint32_t object)
{
	const struct micro_op *micro = &brute->ops->items[brute->count];
	struct brute_item *item = &brute->items[brute->count];

	assert(brute->count < brute->ops->count && brute->count < BRUTE_ITEMS);
	assert(micro->event == event && micro->kind == kind && micro->object == object);
	*item = (struct brute_item){.op = &brute->recording->events[event].op,
		.event = event,
		.kind = kind,
		.object = object};
	brute->count++;
	return item;
}

static inline void brute_name(struct brute *brute, struct brute_item *item, uint32_t directory,
	const char *name, uint32_t value)
{
	item->slots[item->name_count] = brute_slot(brute, directory, name);
	item->values[item->name_count++] = value;
}

static inline void brute_rename(
	struct brute *brute, size_t event, const struct op *op, const struct tree *before)
{
	uint32_t moved = tree_lookup(before, op->directory, op->name);
	uint32_t other = tree_lookup(before, op->new_directory, op->new_name);
	struct brute_item *item;

	/* rename(2): two names of one file stay. */
	if (op->kind == OP_RENAME && moved == other)
		return;
	item = brute_take(brute, event, MICRO_NAME, moved);
	brute_name(brute, item, op->new_directory, op->new_name, moved);
	if (brute->ops->model->splits_renames)
		item = brute_take(brute, event, MICRO_NAME, moved);
	brute_name(brute, item, op->directory, op->name,
		op->kind == OP_EXCHANGE ? other : BRUTE_NOBODY);
}

static inline uint64_t brute_least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline void brute_piece(struct brute *brute, size_t event, uint32_t object, uint64_t start,
	uint64_t end, bool is_garbage)
{
	struct brute_item *item = brute_take(brute, event, MICRO_DATA, object);

	item->writes = true;
	item->start = start;
	item->end = end;
	item->is_garbage = is_garbage;
}

/* Garbage first where the block is new; then piece by piece, and after each page the size that
 * shows it. */
static inline void brute_write(
	struct brute *brute, size_t event, const struct op *op, const struct tree *before)
{
	uint64_t start = (uint64_t)op->offset, end = start + (uint64_t)op->effect, next;
	uint64_t old_bytes = tree_file_bytes(before, op->object);
	uint64_t tear = brute->ops->tear;
	bool is_stale = brute->ops->model->shows_garbage && tear != TEAR_NONE;

	for (uint64_t at = start; is_stale && at < end; at = next) {
		next = brute_least(end, (at / MAKE_PAGE + 1) * MAKE_PAGE);
		if (tree_blocks_needed(before, op->object, at, 1))
			brute_piece(brute, event, op->object, at, next, true);
	}
	if (tear == TEAR_NONE && start < end) {
		brute_piece(brute, event, op->object, start, end, false);
		brute->items[brute->count - 1].grows = end > old_bytes;
		brute->items[brute->count - 1].size_bytes = end;
		return;
	}
	for (uint64_t at = start; at < end; at = next) {
		next = brute_least(end, (at / tear + 1) * tear);
		brute_piece(brute, event, op->object, at, next, false);
		if ((next == end || next % MAKE_PAGE == 0) && next > old_bytes) {
			struct brute_item *item = brute_take(brute, event, MICRO_SIZE, op->object);

			item->is_growth = item->grows = true;
			item->size_bytes = next;
		}
	}
}

static inline void brute_new(struct brute *brute, size_t event, const struct op *op)
{
	assert(op->object == brute->object_count && op->object < BRUTE_OBJECTS);
	brute->types[op->object] = op->kind == OP_OPEN    ? OBJECT_FILE
	                           : op->kind == OP_MKDIR ? OBJECT_DIRECTORY
	                                                  : OBJECT_SYMLINK;
	brute->modes[op->object] = op->mode;
	brute->targets[op->object] = (const char *)op->data;
	brute->object_count++;
	brute_name(brute, brute_take(brute, event, MICRO_NAME, op->object), op->directory, op->name,
		op->object);
}

static inline void brute_resize(
	struct brute *brute, size_t event, const struct op *op, uint64_t size_bytes)
{
	struct brute_item *item = brute_take(brute, event, MICRO_SIZE, op->object);

	item->sets_size = true;
	item->size_bytes = size_bytes;
}

static inline void brute_op(
	struct brute *brute, size_t event, const struct op *op, const struct tree *before)
{
	uint64_t end = (uint64_t)op->offset + op->size_bytes;
	struct brute_item *item;

	switch (op->kind) {
	case OP_OPEN:
		if (op->is_creating)
			brute_new(brute, event, op);
		else if (op->is_truncating)
			brute_resize(brute, event, op, 0);
		break;
	case OP_MKDIR:
	case OP_SYMLINK:
		brute_new(brute, event, op);
		break;
	case OP_WRITE:
	case OP_STORE:
		brute_write(brute, event, op, before);
		break;
	case OP_TRUNCATE:
		brute_resize(brute, event, op, op->size_bytes);
		break;
	case OP_FALLOCATE:
		if (op->keeps_size || end <= tree_file_bytes(before, op->object))
			break;
		item = brute_take(brute, event, MICRO_SIZE, op->object);
		item->grows = true;
		item->size_bytes = end;
		break;
	case OP_RENAME:
	case OP_EXCHANGE:
		brute_rename(brute, event, op, before);
		break;
	case OP_LINK:
		item = brute_take(brute, event, MICRO_NAME, op->object);
		brute_name(brute, item, op->new_directory, op->new_name, op->object);
		break;
	case OP_UNLINK:
	case OP_RMDIR:
		item = brute_take(
			brute, event, MICRO_NAME, tree_lookup(before, op->directory, op->name));
		brute_name(brute, item, op->directory, op->name, BRUTE_NOBODY);
		break;
	case OP_CHMOD:
		if (op->object == TREE_ROOT)
			break;
		item = brute_take(brute, event, MICRO_MODE, op->object);
		item->sets_mode = true;
		break;
	default:
		break;
	}
}

/* ---- what syncs promise ---- */

static inline uint64_t brute_first_page(const struct brute_item *item)
{
	return item->start / MAKE_PAGE;
}

static inline uint64_t brute_last_page(const struct brute_item *item)
{
	return (item->end - 1) / MAKE_PAGE;
}

static inline bool brute_is_entry_of(
	const struct brute *brute, const struct brute_item *item, uint32_t directory)
{
	for (unsigned i = 0; i < item->name_count; i++) {
		if (brute->slots[item->slots[i]].directory == directory)
			return true;
	}
	return false;
}

static inline bool brute_is_about(
	const struct brute *brute, const struct op *sync, size_t event, size_t number)
{
	const struct brute_item *item = &brute->items[number];
	bool is_contents = item->kind == MICRO_DATA || item->kind == MICRO_SIZE;
	/* The names of a file are not lost with its pages. */
	bool is_name = brute->ops->model->syncs_names && sync->result >= 0;

	switch (sync->kind) {
	case OP_SYNC:
		return true;
	case OP_FSYNC:
		if (item->object == sync->object &&
			(is_contents || item->kind == MICRO_MODE || is_name))
			return true;
		return brute_is_entry_of(brute, item, sync->object);
	case OP_FDATASYNC:
		return (item->object == sync->object && is_contents) ||
		       brute_is_entry_of(brute, item, sync->object);
	default:
		/* O_DSYNC: the pages of this write, and the size. */
		if (item->object != sync->object || !is_contents)
			return false;
		return item->event == event || item->kind == MICRO_SIZE ||
		       (brute_first_page(item) >= (uint64_t)sync->offset / MAKE_PAGE &&
			       brute_last_page(item) * MAKE_PAGE <
				       (uint64_t)sync->offset + (uint64_t)sync->effect);
	}
}

/* Whether what a failed sync lost of `lost` is written anew by `item`. */
static inline bool brute_writes_again(
	const struct brute *brute, const struct brute_item *lost, const struct brute_item *item)
{
	if (lost->kind != item->kind)
		return false;
	if (lost->kind == MICRO_NAME) {
		for (unsigned i = 0; i < lost->name_count; i++) {
			if (brute_is_entry_of(brute, item, brute->slots[lost->slots[i]].directory))
				return true;
		}
		return false;
	}
	if (lost->object != item->object)
		return false;
	return lost->kind != MICRO_DATA || (brute_first_page(item) <= brute_first_page(lost) &&
						   brute_last_page(lost) <= brute_last_page(item));
}

static inline void brute_promise(struct brute *brute)
{
	bool is_in_order = brute->ops->model->carries_order;
	uint32_t issued = 0, promised = 0, gone = 0;

	for (size_t event = 0; event <= brute->recording->count; event++) {
		const struct op *op;
		uint32_t fresh = 0, known;
		size_t next;

		while ((next = (size_t)__builtin_popcount(issued)) < brute->count &&
			brute->items[next].event <= event) {
			for (size_t i = 0; i < next; i++) {
				if (brute_writes_again(
					    brute, &brute->items[i], &brute->items[next]))
					gone &= ~(1U << i);
			}
			issued |= 1U << next;
		}
		brute->issued[event] = issued;
		brute->promised[event] = promised;
		if (event == brute->recording->count)
			break;
		op = &brute->recording->events[event].op;
		if (brute->recording->events[event].kind != EVENT_OP || op->result == -EINTR ||
			brute->ops->model->ignores_syncs)
			continue;
		if (op->kind != OP_FSYNC && op->kind != OP_FDATASYNC && op->kind != OP_SYNC &&
			!(op->kind == OP_WRITE && op->is_synchronous && op->effect > 0))
			continue;
		for (size_t i = 0; i < next; i++) {
			if (brute_is_about(brute, op, event, i))
				fresh |= 1U << i;
		}
		if (op->result < 0) {
			gone |= fresh & ~promised;
			continue;
		}
		fresh &= ~gone & ~promised;
		do {
			known = fresh;
			for (size_t i = 0; is_in_order && i < next; i++) {
				if (fresh >> i & 1)
					fresh |= brute->before[i] & ~promised & ~gone;
			}
		} while (known != fresh);
		promised |= fresh;
	}
}

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

/* Which of a subset are there without something that belongs before them. */
static inline uint32_t brute_orphans(const struct brute *brute, uint32_t subset)
{
	uint32_t orphans = 0;

	for (size_t i = 0; i < brute->count; i++) {
		if (subset >> i & 1 && brute->before[i] & ~subset)
			orphans |= 1U << i;
	}
	return orphans;
}

/* What a sync promised is there whatever it overtakes. */
static inline bool brute_is_legal(
	const struct brute *brute, uint32_t subset, uint32_t orphans, size_t point)
{
	return !(subset & ~brute->issued[point]) && !(brute->promised[point] & ~subset) &&
	       !(orphans & ~brute->promised[point]);
}

static inline void brute_look_at(struct brute *brute, uint32_t subset)
{
	uint32_t orphans = brute_orphans(brute, subset);

	for (size_t point = 0; point < brute->points; point++) {
		unsigned lost = (unsigned)__builtin_popcount(brute->issued[point] & ~subset);
		struct brute_tree *tree;

		if (!brute_is_legal(brute, subset, orphans, point))
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
