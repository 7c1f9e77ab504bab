/*
 * Calls that change what is said about a file, and not what is in it.
 * Method: at the exit the permission bits are looked at, for they may have changed in another way
 * than the call said, or along with an owner or an access list.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/decode_private.h"
#include "harness/tree_assemble.h"

/* Since Linux 6.6. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

enum way {
	BY_DESCRIPTOR,   /* the first argument */
	BY_PATH,         /* the first argument */
	BY_LINK,         /* the same, and a link is meant itself */
	BY_DIRECTORY,    /* a descriptor, then a path */
	BY_OPTIONAL_PATH /* the same, and without a path the descriptor is meant */
};

struct attribute_call {
	long number;
	enum point_id point;
	enum way way;
	int flags; /* which argument; 0: none */
	int mode;  /* which argument; 0: none */
};

static const struct attribute_call calls[] = {
	{SYS_chmod, POINT_CHMOD, BY_PATH, 0, 1},
	{SYS_fchmod, POINT_CHMOD, BY_DESCRIPTOR, 0, 1},
	{SYS_fchmodat, POINT_CHMOD, BY_DIRECTORY, 0, 2},
	{SYS_fchmodat2, POINT_CHMOD, BY_DIRECTORY, 3, 2},
	{SYS_chown, POINT_CHOWN, BY_PATH, 0, 0},
	{SYS_lchown, POINT_CHOWN, BY_LINK, 0, 0},
	{SYS_fchown, POINT_CHOWN, BY_DESCRIPTOR, 0, 0},
	{SYS_fchownat, POINT_CHOWN, BY_DIRECTORY, 4, 0},
	{SYS_utime, POINT_UTIME, BY_PATH, 0, 0},
	{SYS_utimes, POINT_UTIME, BY_PATH, 0, 0},
	{SYS_futimesat, POINT_UTIME, BY_OPTIONAL_PATH, 0, 0},
	{SYS_utimensat, POINT_UTIME, BY_OPTIONAL_PATH, 3, 0},
	{SYS_setxattr, POINT_XATTR, BY_PATH, 0, 0},
	{SYS_lsetxattr, POINT_XATTR, BY_LINK, 0, 0},
	{SYS_fsetxattr, POINT_XATTR, BY_DESCRIPTOR, 0, 0},
	{SYS_removexattr, POINT_XATTR, BY_PATH, 0, 0},
	{SYS_lremovexattr, POINT_XATTR, BY_LINK, 0, 0},
	{SYS_fremovexattr, POINT_XATTR, BY_DESCRIPTOR, 0, 0},
	{SYS_sync_file_range, POINT_SYNC_FILE_RANGE, BY_DESCRIPTOR, 0, 0},
};

static const struct attribute_call *find_call(long number)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (calls[i].number == number)
			return &calls[i];
	}
	return NULL;
}

static bool is_by_descriptor(
	const struct task *task, const struct attribute_call *way, const struct call *call)
{
	char path[PATH_MAX];

	if (way->way == BY_DESCRIPTOR)
		return true;
	if (way->way == BY_OPTIONAL_PATH && !call->args[1])
		return true;
	return way->flags && call->args[way->flags] & AT_EMPTY_PATH &&
	       !task_peek_path(task, call->args[1], path) && !*path;
}

/* The file that is meant; *place is where its name is, if it is given by one (otherwise
 * place->name is empty). Returns 1, 0 if there is none, or -errno. */
static int find_file(
	const struct task *task, const struct call *call, struct place *place, struct stat *st)
{
	const struct attribute_call *way = find_call(call->number);
	bool has_directory = way->way == BY_DIRECTORY || way->way == BY_OPTIONAL_PATH;
	bool follows = way->way != BY_LINK &&
	               !(way->flags && call->args[way->flags] & AT_SYMLINK_NOFOLLOW);
	struct descriptor descriptor;
	int err;

	place->name[0] = 0;
	place->directory = UINT32_MAX;
	if (is_by_descriptor(task, way, call)) {
		err = task_look_at(task, (int)call->args[0], &descriptor);
		*st = descriptor.st;
		return err ? err : descriptor.st.st_mode != 0;
	}
	err = task_find_place(task, has_directory ? (int)call->args[0] : AT_FDCWD,
		call->args[has_directory], place);
	if (err)
		return err;
	return !(follows ? stat(place->path, st) : lstat(place->path, st));
}

int decode_attribute(const struct task *task, const struct call *call, struct op *op)
{
	const struct attribute_call *way = find_call(call->number);
	struct place place;
	struct stat st;
	int found;

	if (!way)
		return 0;
	decode_point(way->point, op);
	if (way->mode)
		op->mode = call->args[way->mode] & 07777;
	found = find_file(task, call, &place, &st);
	if (found <= 0)
		return found;
	op->object = decode_object(task, &st);
	if (op->object == UINT32_MAX)
		return 0;
	return place.name[0] ? decode_set_name(op, &place) : 1;
}

int decode_attribute_exit(const struct task *task, const struct call *call, struct op *op)
{
	struct place place;
	struct stat st;
	int found;

	if ((op->kind != OP_CHMOD && op->kind != OP_METADATA) || !find_call(call->number))
		return 0;
	found = find_file(task, call, &place, &st);
	if (found <= 0 || decode_object(task, &st) != op->object)
		return found < 0 ? found : 0;
	op->mode = st.st_mode & 07777;
	/* A link has no bits of its own; those of the data directory are no part of the tree. */
	if (op->kind == OP_METADATA && op->object != TREE_ROOT && !S_ISLNK(st.st_mode) &&
		op->mode != tree_mode(task->tree, op->object))
		op->kind = OP_CHMOD;
	return 0;
}
