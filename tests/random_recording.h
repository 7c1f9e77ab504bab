/*
 * Random recordings for the tests of crashes: short, valid, and full of what is easily got wrong.
 *
 * Method: each step picks a kind of operation and then whatever the tree of the moment allows.
 * Few names, few letters and few places to write at, so that operations meet. Sequences that
 * models have rules for (replacing by rename, by truncation) come whole now and then.
 */
#ifndef TORNWRITE_TESTS_RANDOM_RECORDING_H
#define TORNWRITE_TESTS_RANDOM_RECORDING_H

#include "tests/make_recording.h"

#include "harness/tree_assemble.h"

enum { RANDOM_MAX_BYTES = 5 * MAKE_PAGE, RANDOM_MAX_PLACES = 64, RANDOM_MAX_EVENTS = 44 };

struct random {
	uint64_t state;
	bool is_small;   /* writes stay within few sectors */
	bool is_failing; /* syncs fail and are interrupted, too */
};

/* splitmix64: Steele, Lea, Flood, 2014. */
static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static inline uint32_t random_below(struct random *random, uint32_t count)
{
	return (uint32_t)(random_next(random) >> 33) % count;
}

static inline bool random_percent(struct random *random, uint32_t percent)
{
	return random_below(random, 100) < percent;
}

/* ---- what there is ---- */

struct random_place {
	uint32_t directory, object;
	char name[8];
};

struct random_places {
	const struct tree *tree;
	uint32_t directory;
	size_t count;
	struct random_place items[RANDOM_MAX_PLACES];
};

static inline void random_note_place(void *context, const char *name, uint32_t object)
{
	struct random_places *places = context;
	struct random_place *place = &places->items[places->count++];

	assert(places->count < RANDOM_MAX_PLACES);
	place->directory = places->directory;
	place->object = object;
	snprintf(place->name, sizeof(place->name), "%s", name);
}

/* Every name that can be reached, parents first. */
static inline void random_find_places(struct random_places *places, const struct tree *tree)
{
	*places = (struct random_places){.tree = tree, .directory = TREE_ROOT};
	tree_entries(tree, TREE_ROOT, random_note_place, places);
	for (size_t i = 0; i < places->count; i++) {
		places->directory = places->items[i].object;
		if (tree_object_type(tree, places->directory) == OBJECT_DIRECTORY)
			tree_entries(tree, places->directory, random_note_place, places);
	}
}

static inline uint32_t random_directory(struct random *random, const struct random_places *places)
{
	const struct random_place *place;

	if (!places->count || random_percent(random, 50))
		return TREE_ROOT;
	place = &places->items[random_below(random, (uint32_t)places->count)];
	return tree_object_type(places->tree, place->object) == OBJECT_DIRECTORY ? place->object
	                                                                         : place->directory;
}

/* A file, also one without a name; UINT32_MAX: there is none. */
static inline uint32_t random_file(struct random *random, const struct tree *tree)
{
	for (int tries = 0; tries < 20; tries++) {
		/* The latest ones more often than the others. */
		uint32_t count = tree_object_count(tree), back = random_below(random, count);
		uint32_t object = count - 1 - (random_percent(random, 50) ? back : back / 3);

		if (tree_object_type(tree, object) == OBJECT_FILE)
			return object;
	}
	return UINT32_MAX;
}

static inline const char *random_name(struct random *random)
{
	static const char *const names[] = {"a", "b", "c", "d"};

	return names[random_below(random, 4)];
}

static inline bool random_is_below(
	const struct random_places *places, uint32_t directory, uint32_t ancestor)
{
	while (directory != TREE_ROOT && directory != ancestor) {
		uint32_t parent = TREE_ROOT;

		for (size_t i = 0; i < places->count; i++) {
			if (places->items[i].object == directory)
				parent = places->items[i].directory;
		}
		directory = parent;
	}
	return directory == ancestor;
}

static inline void random_count_entry(void *context, const char *name, uint32_t object)
{
	(void)name;
	(void)object;
	++*(unsigned *)context;
}

static inline bool random_is_empty(const struct tree *tree, uint32_t directory)
{
	unsigned count = 0;

	tree_entries(tree, directory, random_count_entry, &count);
	return !count;
}

/* ---- operations on contents ---- */

static inline void random_write(struct random *random, struct making *making, uint32_t object)
{
	static const uint32_t offsets[] = {0, 0, 100, 511, 512, 4000, 4096, 5000, 8192, 9000};
	static const uint32_t lengths[] = {1, 10, 100, 500, 512, 700, 1100, 4096, 5000, 9000};
	static const char letters[] = "abcd\0\0";
	uint64_t offset = offsets[random_below(random, 10)];
	uint64_t length = lengths[random_below(random, random->is_small ? 7 : 10)];
	struct op op;

	if (random_percent(random, 40))
		offset = tree_file_bytes(making->now, object);
	if (offset + length > RANDOM_MAX_BYTES)
		offset = 0;
	op = make_write_op(random_percent(random, 10) ? OP_STORE : OP_WRITE, object, offset, length,
		letters[random_below(random, 6)]);
	/* A mapping reaches to the end of the file and no further. */
	if (op.kind == OP_STORE && offset + length > tree_file_bytes(making->now, object))
		op.kind = OP_WRITE;
	op.is_synchronous = op.kind == OP_WRITE && random_percent(random, 25);
	if (op.is_synchronous && random->is_failing && random_percent(random, 30))
		op.result = random_percent(random, 70) ? -EIO : -EINTR;
	if (random_percent(random, 4))
		op.effect = op.result = -ENOSPC;
	make_add(making, op);
}

static inline void random_resize(struct random *random, struct making *making, uint32_t object)
{
	static const uint32_t sizes[] = {0, 0, 1, 100, 512, 4096, 5000, 8192, 10000};
	struct op op = make_op(OP_TRUNCATE, object);

	op.size_bytes = sizes[random_below(random, 9)];
	switch (random_below(random, 6)) {
	case 0:
		op.kind = OP_OPEN;
		op.is_truncating = true;
		break;
	case 1:
		op.kind = OP_FALLOCATE;
		op.offset = 512;
		op.keeps_size = random_percent(random, 30);
		break;
	case 2:
		op.kind = OP_PUNCH;
		op.offset = random_percent(random, 50) ? 100 : 4096;
		op.is_hole = random_percent(random, 50);
		op.keeps_size = op.is_hole || random_percent(random, 30);
		/* The kernel refuses a range of nothing. */
		op.size_bytes += !op.size_bytes;
		break;
	default:
		break;
	}
	make_add(making, op);
}

/* ---- operations on names ---- */

static inline void random_new(struct random *random, struct making *making)
{
	static const enum op_kind kinds[] = {
		OP_OPEN, OP_OPEN, OP_OPEN, OP_MKNOD, OP_MKDIR, OP_SYMLINK};
	struct random_places places;
	struct op op = make_op(kinds[random_below(random, 6)], tree_object_count(making->now));

	random_find_places(&places, making->now);
	op.directory = random_directory(random, &places);
	op.name = (char *)random_name(random);
	op.mode = random_percent(random, 80) ? 0644 : 0600;
	op.is_creating = op.kind == OP_OPEN;
	if (op.kind == OP_SYMLINK) {
		op.data = (uint8_t *)"target";
		op.mode = 0;
	}
	/* O_TMPFILE: random_link() may give it a name. */
	if (op.kind == OP_OPEN && random_percent(random, 25)) {
		op.directory = UINT32_MAX;
		op.name = NULL;
		make_add(making, op);
	} else if (tree_lookup(making->now, op.directory, op.name) == UINT32_MAX) {
		make_add(making, op);
	}
}

static inline void random_move(struct random *random, struct making *making)
{
	struct random_places places;
	const struct random_place *from;
	struct op op;
	uint32_t there;
	bool is_directory, is_full;

	random_find_places(&places, making->now);
	if (!places.count)
		return;
	from = &places.items[random_below(random, (uint32_t)places.count)];
	op = make_op(random_percent(random, 20) ? OP_EXCHANGE : OP_RENAME, from->object);
	op.directory = from->directory;
	op.name = (char *)from->name;
	op.new_directory =
		random_percent(random, 60) ? from->directory : random_directory(random, &places);
	op.new_name = (char *)random_name(random);
	there = tree_lookup(making->now, op.new_directory, op.new_name);
	is_directory = tree_object_type(making->now, from->object) == OBJECT_DIRECTORY;
	if (is_directory && random_is_below(&places, op.new_directory, from->object))
		return;
	if (there == UINT32_MAX) {
		if (op.kind == OP_RENAME)
			make_add(making, op);
		return;
	}
	is_full = tree_object_type(making->now, there) == OBJECT_DIRECTORY;
	if (op.kind == OP_EXCHANGE && is_full && random_is_below(&places, op.directory, there))
		return;
	if (op.kind == OP_RENAME && is_directory != is_full)
		return;
	if (op.kind == OP_RENAME && is_full && !random_is_empty(making->now, there))
		return;
	make_add(making, op);
}

static inline void random_link(struct random *random, struct making *making)
{
	/* Perhaps one without a name. */
	uint32_t file = random_file(random, making->now);
	struct random_places places;
	const struct random_place *from;
	struct op op;

	random_find_places(&places, making->now);
	if (!places.count)
		return;
	from = &places.items[random_below(random, (uint32_t)places.count)];
	op = make_op(OP_LINK, from->object);
	if (file != UINT32_MAX && random_percent(random, 50))
		op.object = file;
	op.new_directory = random_directory(random, &places);
	op.new_name = (char *)random_name(random);
	if (tree_object_type(making->now, op.object) != OBJECT_DIRECTORY &&
		tree_lookup(making->now, op.new_directory, op.new_name) == UINT32_MAX)
		make_add(making, op);
}

static inline void random_remove(struct random *random, struct making *making)
{
	struct random_places places;
	const struct random_place *place;
	bool is_directory;

	random_find_places(&places, making->now);
	if (!places.count)
		return;
	place = &places.items[random_below(random, (uint32_t)places.count)];
	is_directory = tree_object_type(making->now, place->object) == OBJECT_DIRECTORY;
	if (is_directory && !random_is_empty(making->now, place->object))
		return;
	make_remove(making, is_directory ? OP_RMDIR : OP_UNLINK, place->directory, place->name);
}

static inline void random_chmod(struct random *random, struct making *making)
{
	static const uint32_t modes[] = {0600, 0644, 0755};
	struct op op = make_op(OP_CHMOD, random_below(random, tree_object_count(making->now)));

	op.mode = modes[random_below(random, 3)];
	/* Linux does not change a link's own mode. */
	if (tree_object_type(making->now, op.object) != OBJECT_SYMLINK)
		make_add(making, op);
}

/* ---- syncs, and whole sequences ---- */

static inline void random_sync(struct random *random, struct making *making)
{
	static const enum op_kind kinds[] = {
		OP_FSYNC, OP_FSYNC, OP_FSYNC, OP_FDATASYNC, OP_FDATASYNC, OP_SYNC};
	enum op_kind kind = kinds[random_below(random, 6)];
	uint32_t object = random_file(random, making->now);
	int result = 0;

	if (object == UINT32_MAX || random_percent(random, 40)) {
		struct random_places places;

		random_find_places(&places, making->now);
		object = random_directory(random, &places);
	}
	if (random->is_failing && random_percent(random, 35))
		result = random_percent(random, 70) ? -EIO : -EINTR;
	make_sync(making, kind, kind == OP_SYNC ? UINT32_MAX : object, result);
}

static inline void random_replace(struct random *random, struct making *making)
{
	const char *name = random_name(random);
	uint32_t old = tree_lookup(making->now, TREE_ROOT, name), fresh;

	if (old == UINT32_MAX || tree_object_type(making->now, old) != OBJECT_FILE)
		return;
	if (random_percent(random, 50)) {
		make_open_truncated(making, old);
		random_write(random, making, old);
		make_close(making, old);
		return;
	}
	if (tree_lookup(making->now, TREE_ROOT, "t") != UINT32_MAX)
		return;
	fresh = make_file(making, "t");
	random_write(random, making, fresh);
	if (random_percent(random, 40))
		make_fsync(making, fresh);
	make_rename(making, "t", name);
	if (random_percent(random, 30))
		make_fsync(making, TREE_ROOT);
}

static inline void random_step(struct random *random, struct making *making)
{
	uint32_t file = random_file(random, making->now), dice = random_below(random, 100);

	if (dice < 8)
		make_history(making, EVENT_START + (enum event_kind)random_below(random, 3));
	else if (dice < 24)
		random_sync(random, making);
	else if (dice < 32)
		random_new(random, making);
	else if (dice < 44)
		random_move(random, making);
	else if (dice < 48)
		random_link(random, making);
	else if (dice < 55)
		random_remove(random, making);
	else if (dice < 59)
		random_chmod(random, making);
	else if (dice < 64)
		random_replace(random, making);
	else if (file == UINT32_MAX)
		return;
	else if (dice < 68)
		make_close(making, file);
	else if (dice < 77)
		random_resize(random, making, file);
	else
		random_write(random, making, file);
}

/* A few files and directories, then up to `steps` steps. Pair with make_end(). */
static inline void random_recording(struct random *random, struct making *making, uint32_t steps)
{
	uint32_t before = 2 + random_below(random, 8);

	make_begin(making);
	for (uint32_t i = 0; i < before; i++)
		random_new(random, making);
	for (uint32_t i = 0; i < before; i++) {
		uint32_t file = random_file(random, making->now);

		if (file != UINT32_MAX && tree_file_bytes(making->now, file) < 2 * MAKE_PAGE)
			random_write(random, making, file);
	}
	make_settle(making);
	while (steps-- && making->recording.count < RANDOM_MAX_EVENTS)
		random_step(random, making);
}

#endif
