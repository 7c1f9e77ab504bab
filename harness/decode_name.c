/* Calls on names: opens, links, renames and what makes or removes a name. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/decode_private.h"

int decode_set_name(struct op *op, const struct place *place)
{
	op->directory = place->directory;
	op->is_deep |= place->is_deep;
	op->name = strdup(place->name);
	return op->name ? 1 : -ENOMEM;
}

int decode_set_new_name(struct op *op, const struct place *place)
{
	op->new_directory = place->directory;
	op->is_deep |= place->is_deep;
	op->new_name = strdup(place->name);
	return op->new_name ? 1 : -ENOMEM;
}

static bool is_there(const struct place *place)
{
	struct stat st;

	return !lstat(place->path, &st);
}

/* A call on one existing or future name: unlink, rmdir, mkdir. */
static int decode_name(const struct task *task, int directory_fd, uint64_t address, struct op *op)
{
	bool is_new = op->kind == OP_MKDIR || op->kind == OP_SYMLINK || op->kind == OP_MKNOD;
	struct place place;
	int err = task_find_place(task, directory_fd, address, &place);

	if (err || place.directory == UINT32_MAX)
		return err;
	op->object = is_new ? tree_object_count(task->tree)
	                    : tree_lookup(task->tree, place.directory, place.name);
	/* A fifo, a socket: no part of the tree. */
	if (op->object == UINT32_MAX && is_there(&place))
		return 0;
	return decode_set_name(op, &place);
}

static int decode_mknod(
	const struct task *task, int directory_fd, uint64_t address, uint64_t mode, struct op *op)
{
	decode_point(POINT_MKNOD, op);
	if (!S_ISREG(mode) && mode & S_IFMT) {
		/* Others can see it, though no tree holds it. */
		decode_point(POINT_OTHER, op);
	} else {
		op->is_creating = true;
	}
	return decode_name(task, directory_fd, address, op);
}

/* A hard link; the file can be given by a descriptor or through a link of /proc, too. */
static int decode_link(const struct task *task, int from_fd, uint64_t from, int to_fd, uint64_t to,
	uint64_t flags, struct op *op)
{
	struct place source, target;
	struct descriptor descriptor;
	struct stat st;
	int err = task_find_place(task, to_fd, to, &target);

	if (err || target.directory == UINT32_MAX)
		return err;
	err = task_find_place(task, from_fd, from, &source);
	if (err)
		return err;
	if (flags & AT_EMPTY_PATH && !source.name[0]) {
		err = decode_look_at(task, from_fd, &descriptor);
		op->object = descriptor.object;
	} else if (flags & AT_SYMLINK_FOLLOW && !stat(source.path, &st)) {
		op->object = decode_object(task, &st);
	} else if (source.directory == UINT32_MAX && !lstat(source.path, &st)) {
		op->object = decode_object(task, &st);
	} else {
		op->object = tree_lookup(task->tree, source.directory, source.name);
	}
	if (err || op->object == UINT32_MAX)
		return err;
	/* A file that was not given by its name in the data directory has none here. */
	err = source.directory == UINT32_MAX ? 1 : decode_set_name(op, &source);
	return err < 0 ? err : decode_set_new_name(op, &target);
}

/* A rename with something that no tree holds at one end: what is left of it for the tree. */
static int decode_half_rename(const struct task *task, const struct place *source,
	const struct place *target, uint64_t flags, struct op *op)
{
	uint32_t moved = tree_lookup(task->tree, source->directory, source->name);
	uint32_t replaced = tree_lookup(task->tree, target->directory, target->name);
	const struct place *lost = moved == UINT32_MAX ? target : source;
	const struct place *found = moved == UINT32_MAX ? source : target;
	int err;

	op->object = moved == UINT32_MAX ? replaced : moved;
	if (op->object == UINT32_MAX)
		return 0;
	if (flags & RENAME_EXCHANGE) {
		/* Out of the data directory, and something else in its place. */
		if (found->directory == UINT32_MAX)
			return 0;
		op->kind = OP_RENAME;
		err = decode_set_name(op, lost);
		return err < 0 ? err : decode_set_new_name(op, found);
	}
	op->kind =
		tree_object_type(task->tree, op->object) == OBJECT_DIRECTORY ? OP_RMDIR : OP_UNLINK;
	return decode_set_name(op, lost);
}

/* A call on two names: rename. What moves in from elsewhere is recorded as nothing, and found by
 * the replay check. */
static int decode_two_names(const struct task *task, int from_fd, uint64_t from, int to_fd,
	uint64_t to, uint64_t flags, struct op *op)
{
	struct place source, target;
	uint32_t moved, replaced;
	int err = task_find_place(task, from_fd, from, &source);

	if (!err)
		err = task_find_place(task, to_fd, to, &target);
	if (err || (source.directory == UINT32_MAX && target.directory == UINT32_MAX))
		return err;
	if (source.directory == UINT32_MAX)
		return 0;
	moved = tree_lookup(task->tree, source.directory, source.name);
	replaced = tree_lookup(task->tree, target.directory, target.name);
	if (target.directory == UINT32_MAX)
		return moved == UINT32_MAX ? 0
		                           : decode_half_rename(task, &source, &target, flags, op);
	if ((moved == UINT32_MAX && is_there(&source)) ||
		(flags & RENAME_EXCHANGE && replaced == UINT32_MAX && is_there(&target)))
		return decode_half_rename(task, &source, &target, flags, op);
	if (flags & RENAME_EXCHANGE)
		op->kind = OP_EXCHANGE;
	op->object = moved;
	err = decode_set_name(op, &source);
	return err < 0 ? err : decode_set_new_name(op, &target);
}

static int decode_symlink(
	const struct task *task, uint64_t target, int directory_fd, uint64_t address, struct op *op)
{
	char path[PATH_MAX];
	int err = task_peek_path(task, target, path);

	if (err)
		return err == -EFAULT || err == -ENAMETOOLONG ? 0 : err;
	err = decode_name(task, directory_fd, address, op);
	if (err <= 0)
		return err;
	op->data = (uint8_t *)strdup(path);
	return op->data ? 1 : -ENOMEM;
}

/* ---- opens ---- */

/* O_TMPFILE: the path is of a directory. */
static int decode_nameless(
	const struct task *task, int directory_fd, uint64_t address, struct op *op)
{
	struct place place;
	struct stat st;
	int err = task_find_place(task, directory_fd, address, &place);

	if (err || stat(place.path, &st) || decode_object(task, &st) == UINT32_MAX)
		return err;
	op->is_creating = true;
	op->is_deep = true; /* it leads through the directory */
	op->object = tree_object_count(task->tree);
	return 1;
}

static int decode_open(
	const struct task *task, int directory_fd, uint64_t address, uint64_t flags, struct op *op)
{
	struct place place;
	struct stat st;
	int err;

	if (flags & O_PATH)
		return 0;
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return decode_nameless(task, directory_fd, address, op);
	err = task_find_place(task, directory_fd, address, &place);
	if (err)
		return err;
	if (!(flags & O_NOFOLLOW ? lstat(place.path, &st) : stat(place.path, &st))) {
		op->object = decode_object(task, &st);
		if (op->object == UINT32_MAX)
			return 0;
		op->has_truncation = flags & O_TRUNC && S_ISREG(st.st_mode);
		op->is_truncating = flags & O_TRUNC && S_ISREG(st.st_mode) && st.st_size > 0 &&
		                    !(flags & O_CREAT && flags & O_EXCL);
		return decode_set_name(op, &place);
	}
	if (place.directory == UINT32_MAX)
		return 0;
	op->is_creating = flags & O_CREAT;
	op->object = op->is_creating ? tree_object_count(task->tree) : UINT32_MAX;
	return decode_set_name(op, &place);
}

static int decode_openat2(const struct task *task, const struct call *call, struct op *op)
{
	struct open_how how = {0};

	if (task_peek(task, call->args[2], &how, sizeof(how)))
		return 0;
	return decode_open(task, (int)call->args[0], call->args[1], how.flags, op);
}

int decode_open_call(const struct task *task, const struct call *call, struct op *op)
{
	const uint64_t *a = call->args;

	decode_point(POINT_OPEN, op);
	switch (call->number) {
	case SYS_open:
		return decode_open(task, AT_FDCWD, a[0], a[1], op);
	case SYS_openat:
		return decode_open(task, (int)a[0], a[1], a[2], op);
	case SYS_openat2:
		return decode_openat2(task, call, op);
	default: /* creat */
		return decode_open(task, AT_FDCWD, a[0], O_CREAT | O_WRONLY | O_TRUNC, op);
	}
}

/* ---- the calls ---- */

int decode_name_call(const struct task *task, const struct call *call, struct op *op)
{
	const uint64_t *a = call->args;
	const int cwd = AT_FDCWD;

	switch (call->number) {
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:
		decode_point(POINT_RENAME, op);
		if (call->number == SYS_rename)
			return decode_two_names(task, cwd, a[0], cwd, a[1], 0, op);
		return decode_two_names(task, (int)a[0], a[1], (int)a[2], a[3],
			call->number == SYS_renameat2 ? a[4] : 0, op);
	case SYS_link:
		decode_point(POINT_LINK, op);
		return decode_link(task, cwd, a[0], cwd, a[1], 0, op);
	case SYS_linkat:
		decode_point(POINT_LINK, op);
		return decode_link(task, (int)a[0], a[1], (int)a[2], a[3], a[4], op);
	case SYS_unlink:
		decode_point(POINT_UNLINK, op);
		return decode_name(task, cwd, a[0], op);
	case SYS_unlinkat:
		decode_point(a[2] & AT_REMOVEDIR ? POINT_RMDIR : POINT_UNLINK, op);
		return decode_name(task, (int)a[0], a[1], op);
	case SYS_rmdir:
		decode_point(POINT_RMDIR, op);
		return decode_name(task, cwd, a[0], op);
	case SYS_mkdir:
		decode_point(POINT_MKDIR, op);
		return decode_name(task, cwd, a[0], op);
	case SYS_mkdirat:
		decode_point(POINT_MKDIR, op);
		return decode_name(task, (int)a[0], a[1], op);
	case SYS_mknod:
		return decode_mknod(task, cwd, a[0], a[1], op);
	case SYS_mknodat:
		return decode_mknod(task, (int)a[0], a[1], a[2], op);
	case SYS_symlink:
		decode_point(POINT_SYMLINK, op);
		return decode_symlink(task, a[0], cwd, a[1], op);
	default: /* symlinkat */
		decode_point(POINT_SYMLINK, op);
		return decode_symlink(task, a[0], (int)a[1], a[2], op);
	}
}

/* ---- what has happened ---- */

/* Where the last path of a call on names is among its arguments. */
static void find_last_path(const struct call *call, int *directory_fd, uint64_t *address)
{
	const uint64_t *a = call->args;

	*directory_fd = AT_FDCWD;
	switch (call->number) {
	case SYS_mkdir:
	case SYS_mknod:
		*address = a[0];
		break;
	case SYS_symlink:
	case SYS_link:
		*address = a[1];
		break;
	case SYS_mkdirat:
	case SYS_mknodat:
		*directory_fd = (int)a[0];
		*address = a[1];
		break;
	case SYS_symlinkat:
		*directory_fd = (int)a[1];
		*address = a[2];
		break;
	default: /* linkat */
		*directory_fd = (int)a[2];
		*address = a[3];
	}
}

/* Looks at what the call made, or gave a name. Returns 0 or -errno. */
static int look_at_made(
	const struct task *task, const struct call *call, const struct op *op, struct stat *st)
{
	char path[64];
	struct place place;
	uint64_t address;
	int directory_fd, err;

	if (op->kind == OP_OPEN) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", task->pid, (int)call->result);
		return stat(path, st) ? -errno : 0;
	}
	find_last_path(call, &directory_fd, &address);
	err = task_find_place(task, directory_fd, address, &place);
	if (err)
		return err;
	return lstat(place.path, st) ? -errno : 0;
}

struct name_count {
	uint32_t object;
	unsigned count;
};

static void count_name(void *context, const char *path, uint32_t object)
{
	struct name_count *names = context;

	(void)path;
	names->count += object == names->object;
}

/* The number of an inode that has lost its last name may soon be somebody else's. */
static void let_go(const struct task *task, uint32_t object)
{
	struct name_count names = {object, 0};

	if (object == UINT32_MAX)
		return;
	tree_walk(task->tree, count_name, &names);
	if (names.count == 1)
		inode_map_orphan(task->inodes, object);
}

int decode_name_exit(const struct task *task, const struct call *call, struct op *op)
{
	struct stat st;
	uint32_t replaced;
	int err;

	switch (op->kind) {
	case OP_OPEN:
		if (!op->is_creating)
			return 0;
		break;
	case OP_MKDIR:
	case OP_MKNOD:
	case OP_SYMLINK:
	case OP_LINK:
		break;
	case OP_UNLINK:
	case OP_RMDIR:
		let_go(task, op->object);
		return 0;
	case OP_RENAME:
		replaced = tree_lookup(task->tree, op->new_directory, op->new_name);
		if (replaced != op->object)
			let_go(task, replaced);
		return 0;
	default:
		return 0;
	}
	err = look_at_made(task, call, op, &st);
	if (err)
		return err;
	if (op->kind == OP_LINK)
		return inode_map_set(task->inodes, st.st_dev, st.st_ino, op->object);
	if (op->kind != OP_SYMLINK)
		op->mode = st.st_mode & 07777;
	/* Inode numbers are reused: what was bound to this one is gone. */
	err = inode_map_set(task->inodes, st.st_dev, st.st_ino, tree_object_count(task->tree));
	if (!err && !op->name)
		inode_map_orphan(task->inodes, op->object);
	return err;
}
