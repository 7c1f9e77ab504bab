/*
 * The first half of brute force (tests/brute_force.h): what micro-operations do and what syncs
 * promise, worked out from the operations a second time. Of harness/micro_op.h only the list is
 * used, to know which is which.
 */
#ifndef TORNWRITE_TESTS_BRUTE_ITEMS_H
#define TORNWRITE_TESTS_BRUTE_ITEMS_H

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
	bool writes, is_garbage, is_zero;
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
	uint32_t adrift[BRUTE_POINTS]; /* whose sync has failed: nothing waits for them */
	double legal[BRUTE_POINTS];    /* subsets */
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
	brute->types[op->object] = op->kind == OP_MKDIR     ? OBJECT_DIRECTORY
	                           : op->kind == OP_SYMLINK ? OBJECT_SYMLINK
	                                                    : OBJECT_FILE;
	brute->modes[op->object] = op->mode;
	brute->targets[op->object] = (const char *)op->data;
	brute->object_count++;
	/* O_TMPFILE: nothing that could be seen. */
	if (!op->name)
		return;
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

/* Piece by piece as far as the file goes, then the size. */
static inline void brute_punch(
	struct brute *brute, size_t event, const struct op *op, const struct tree *before)
{
	uint64_t start = (uint64_t)op->offset, end = start + op->size_bytes, next;
	uint64_t old_bytes = tree_file_bytes(before, op->object);
	uint64_t last = brute_least(end, old_bytes), tear = brute->ops->tear;

	for (uint64_t at = start; at < last; at = next) {
		next = tear == TEAR_NONE ? last : brute_least(last, (at / tear + 1) * tear);
		brute_piece(brute, event, op->object, at, next, false);
		brute->items[brute->count - 1].is_zero = true;
	}
	if (!op->keeps_size && end > old_bytes) {
		struct brute_item *item = brute_take(brute, event, MICRO_SIZE, op->object);

		item->grows = true;
		item->size_bytes = end;
	}
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
	case OP_MKNOD:
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
	case OP_PUNCH:
		brute_punch(brute, event, op, before);
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
	/* A page that is written back brings the size with it that shows it. */
	if (lost->is_growth && item->kind == MICRO_DATA)
		return lost->object == item->object &&
		       brute_first_page(item) <= (lost->size_bytes - 1) / MAKE_PAGE &&
		       (lost->size_bytes - 1) / MAKE_PAGE <= brute_last_page(item);
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
	uint32_t issued = 0, promised = 0, gone = 0, adrift = 0;

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
		brute->adrift[event] = adrift;
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
			adrift |= gone;
			continue;
		}
		fresh &= ~gone & ~promised;
		do {
			known = fresh;
			for (size_t i = 0; is_in_order && i < next; i++) {
				if (fresh >> i & 1)
					fresh |= brute->before[i] & ~promised & ~adrift;
			}
		} while (known != fresh);
		promised |= fresh;
	}
}

#endif
