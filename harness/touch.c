/* One function a family of operations. What a new object is like is nobody else's business before
 * its name is there, so creating touches the name only. */
#include "harness/touch.h"

#include <string.h>
#include <xxhash.h>

static void add_all(
	struct footprint *footprint, enum piece_kind kind, enum access_mode access, uint32_t object)
{
	footprint_add(footprint, kind, access, object, 0, UINT64_MAX);
}

static void add_entry(
	struct footprint *footprint, enum access_mode access, uint32_t directory, const char *name)
{
	uint64_t hash = XXH3_64bits(name, strlen(name)) >> 1;

	footprint_add(footprint, PIECE_ENTRY, access, directory, hash, hash + 1);
}

static bool is_structure(const struct tree *tree, uint32_t object)
{
	enum object_type type = object == UINT32_MAX ? OBJECT_NONE : tree_object_type(tree, object);

	return type == OBJECT_DIRECTORY || type == OBJECT_SYMLINK;
}

/* How a name was looked up. */
static void touch_path(const struct op *op, const struct tree *tree, struct footprint *footprint)
{
	uint32_t last;

	if (op->is_deep)
		add_all(footprint, PIECE_STRUCTURE, ACCESS_READ, 0);
	/* On the way something is missing, and any name may be it. */
	if (op->name && op->directory == UINT32_MAX && op->object == UINT32_MAX)
		add_all(footprint, PIECE_EVERYTHING, ACCESS_READ, 0);
	if (!op->name || op->directory == UINT32_MAX)
		return;
	add_entry(footprint, ACCESS_READ, op->directory, op->name);
	last = tree_lookup(tree, op->directory, op->name);
	/* A link may lead to any name; one to a directory is part of the structure. */
	if (last != UINT32_MAX && tree_object_type(tree, last) == OBJECT_SYMLINK &&
		op->point != POINT_READLINK &&
		(op->object == UINT32_MAX || tree_object_type(tree, op->object) == OBJECT_FILE))
		add_all(footprint, PIECE_EVERYTHING, ACCESS_READ, 0);
}

/* A name appears, goes away or means something else. */
static void touch_name(
	uint32_t directory, const char *name, const struct tree *tree, struct footprint *footprint)
{
	uint32_t before;

	if (directory == UINT32_MAX)
		return;
	before = tree_lookup(tree, directory, name);
	add_entry(footprint, ACCESS_WRITE, directory, name);
	add_all(footprint, PIECE_LISTING, ACCESS_ADD, directory);
	if (before == UINT32_MAX)
		return;
	/* It has a link less. */
	add_all(footprint, PIECE_META, ACCESS_WRITE, before);
	if (is_structure(tree, before))
		add_all(footprint, PIECE_STRUCTURE, ACCESS_ADD, 0);
}

static void touch_names(const struct op *op, const struct tree *tree, struct footprint *footprint)
{
	uint32_t moved = op->name ? tree_lookup(tree, op->directory, op->name) : UINT32_MAX;

	if (op->is_deep)
		add_all(footprint, PIECE_STRUCTURE, ACCESS_READ, 0);
	if (op->kind == OP_LINK) {
		if (op->name)
			add_entry(footprint, ACCESS_READ, op->directory, op->name);
		add_all(footprint, PIECE_META, ACCESS_WRITE, op->object);
	} else {
		touch_name(op->directory, op->name, tree, footprint);
	}
	if (op->new_name)
		touch_name(op->new_directory, op->new_name, tree, footprint);
	if (op->kind == OP_MKDIR || op->kind == OP_SYMLINK ||
		(op->new_name && is_structure(tree, moved)))
		add_all(footprint, PIECE_STRUCTURE, ACCESS_ADD, 0);
	/* It must be empty. */
	if (op->kind == OP_RMDIR && moved != UINT32_MAX)
		add_all(footprint, PIECE_LISTING, ACCESS_READ, moved);
	if (op->kind == OP_RENAME && op->new_name) {
		uint32_t replaced = tree_lookup(tree, op->new_directory, op->new_name);

		if (replaced != UINT32_MAX && is_structure(tree, replaced))
			add_all(footprint, PIECE_LISTING, ACCESS_READ, replaced);
	}
}

static void touch_open(const struct op *op, const struct tree *tree, struct footprint *footprint)
{
	if (op->is_creating) {
		if (op->is_deep)
			add_all(footprint, PIECE_STRUCTURE, ACCESS_READ, 0);
		touch_name(op->directory, op->name, tree, footprint);
		return;
	}
	touch_path(op, tree, footprint);
	if (op->object == UINT32_MAX)
		return;
	if (op->has_truncation)
		add_all(footprint, PIECE_SIZE, ACCESS_READ, op->object);
	add_all(footprint, PIECE_META, ACCESS_READ, op->object);
	if (op->is_truncating) {
		add_all(footprint, PIECE_DATA, ACCESS_WRITE, op->object);
		add_all(footprint, PIECE_SIZE, ACCESS_WRITE, op->object);
	}
}

static void touch_data(const struct op *op, const struct tree *tree, struct footprint *footprint)
{
	uint64_t size = tree_file_bytes(tree, op->object), start = (uint64_t)op->offset;
	uint64_t end = start + op->size_bytes;

	switch (op->kind) {
	case OP_READ:
		footprint_add(footprint, PIECE_DATA, ACCESS_READ, op->object, start, end);
		/* It asked for more than there is, or it cannot be told. */
		if (end >= size)
			add_all(footprint, PIECE_SIZE, ACCESS_READ, op->object);
		break;
	case OP_TRUNCATE:
		start = op->size_bytes < size ? op->size_bytes : size;
		footprint_add(footprint, PIECE_DATA, ACCESS_WRITE, op->object, start, UINT64_MAX);
		add_all(footprint, PIECE_SIZE, ACCESS_WRITE, op->object);
		break;
	default:
		/* What is copied is read, wherever that is. */
		if (op->point == POINT_SENDFILE || op->point == POINT_SPLICE ||
			op->point == POINT_COPY_FILE_RANGE)
			add_all(footprint, PIECE_EVERYTHING, ACCESS_READ, 0);
		footprint_add(footprint, PIECE_DATA, ACCESS_WRITE, op->object, start, end);
		if (end > size || op->is_appending)
			add_all(footprint, PIECE_SIZE, ACCESS_WRITE, op->object);
	}
}

static void touch_lock(const struct op *op, struct footprint *footprint)
{
	/* Shared ones go together; whoever asks sees them. */
	enum access_mode access = op->lock == LOCK_TEST    ? ACCESS_READ
	                          : op->lock == LOCK_SHARE ? ACCESS_ADD
	                                                   : ACCESS_WRITE;
	uint64_t start = (uint64_t)op->offset;

	if (op->point == POINT_FLOCK)
		add_all(footprint, PIECE_FLOCK, access, op->object);
	else
		footprint_add(footprint, PIECE_POSIX_LOCK, access, op->object, start,
			op->size_bytes ? start + op->size_bytes : UINT64_MAX);
}

static void touch_look(const struct op *op, const struct tree *tree, struct footprint *footprint)
{
	if (op->point == POINT_OTHER)
		add_all(footprint, PIECE_EVERYTHING, ACCESS_WRITE, 0);
	touch_path(op, tree, footprint);
	if (op->object == UINT32_MAX || op->point == POINT_READLINK)
		return;
	if (op->point != POINT_LSEEK)
		add_all(footprint, PIECE_META, ACCESS_READ, op->object);
	if (op->point == POINT_ACCESS)
		return;
	if (tree_object_type(tree, op->object) == OBJECT_DIRECTORY) {
		add_all(footprint, PIECE_LISTING, ACCESS_READ, op->object);
		return;
	}
	/* The size, and the time of the last change. */
	add_all(footprint, PIECE_SIZE, ACCESS_READ, op->object);
	add_all(footprint, PIECE_DATA, ACCESS_READ, op->object);
}

void touch_locks(uint32_t object, struct footprint *footprint)
{
	add_all(footprint, PIECE_FLOCK, ACCESS_WRITE, object);
	add_all(footprint, PIECE_POSIX_LOCK, ACCESS_WRITE, object);
}

void touch_op(
	const struct op *op, const struct tree *tree, bool is_crashed, struct footprint *footprint)
{
	/* A journal has an order, and what is lost depends on it. */
	if (is_crashed && op_is_change(op) && op->kind != OP_LOCK && op->kind != OP_CLOSE)
		add_all(footprint, PIECE_JOURNAL, ACCESS_WRITE, 0);
	if (is_crashed && op->is_synchronous)
		add_all(footprint, PIECE_EVERYTHING, ACCESS_READ, 0);
	switch (op->kind) {
	case OP_OPEN:
		touch_open(op, tree, footprint);
		break;
	case OP_CLOSE:
		break;
	case OP_READ:
	case OP_WRITE:
	case OP_TRUNCATE:
	case OP_FALLOCATE:
	case OP_PUNCH:
	case OP_STORE:
		touch_path(op, tree, footprint);
		touch_data(op, tree, footprint);
		break;
	case OP_FSYNC:
	case OP_FDATASYNC:
	case OP_SYNC:
		if (is_crashed)
			add_all(footprint, PIECE_EVERYTHING, ACCESS_READ, 0);
		break;
	case OP_LOCK:
		touch_lock(op, footprint);
		break;
	case OP_LOOK:
		touch_look(op, tree, footprint);
		break;
	case OP_METADATA:
		/* Times and owners are looked at together with sizes. */
		touch_path(op, tree, footprint);
		add_all(footprint, PIECE_EVERYTHING, ACCESS_WRITE, 0);
		break;
	case OP_CHMOD:
		touch_path(op, tree, footprint);
		add_all(footprint, PIECE_META, ACCESS_WRITE, op->object);
		break;
	default:
		touch_names(op, tree, footprint);
	}
}
