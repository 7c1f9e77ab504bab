/*
 * A path, walked as the kernel will walk it, a component at a time.
 *
 * Each component that is looked up in a directory of the data directory becomes an OP_LOOK, whether
 * it is there or not. Symbolic links are followed, also the last one: a look too many does no harm.
 * So an operation need not tell along which way its object was found.
 * Limit: what is looked up for an interpreter that binfmt_misc(5) adds is not seen.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "harness/trace_private.h"

enum {
	MAX_LINKS = 40,       /* the kernel follows no more (ELOOP) */
	MAX_INTERPRETERS = 5, /* nor more of these */
	HEAD_BYTES = 256,     /* of a script that the kernel looks at */
	MAX_SEGMENTS = 64,
	AT_BYTES = TRACE_FOUND_BYTES - NAME_MAX - 2,
};

/* ---- a walk ---- */

struct walk {
	struct worker *worker;
	char at[AT_BYTES]; /* the directory that it has come to, for our own calls */
	char rest[2 * PATH_MAX];
	char *found; /* see trace_walk(); the caller's */
	unsigned links;
};

void trace_give_up(const struct worker *worker)
{
	worker->trace->recording->has_unseen = true;
}

static int add_look(struct worker *worker, struct op *op)
{
	if (worker->trace->ops >= TRACE_MAX_PROGRAM_OPS) {
		trace_give_up(worker);
		op_release(op);
		return 0;
	}
	return trace_add_op(worker, op);
}

static uint32_t object_at(const struct task *task, const struct stat *st)
{
	return inode_map_get(task->inodes, st->st_dev, st->st_ino);
}

static int look_up(struct worker *worker, uint32_t directory, const char *name)
{
	struct op op = {.kind = OP_LOOK,
		.point = POINT_ACCESS,
		.object = tree_lookup(worker->now->task.tree, directory, name),
		.directory = directory,
		.new_directory = UINT32_MAX,
		.name = strdup(name)};

	return op.name ? add_look(worker, &op) : -ENOMEM;
}

/* The base of a path that does not begin at the root. */
static void begin_at(const struct task *task, int directory_fd, char at[AT_BYTES])
{
	if (directory_fd == AT_FDCWD)
		snprintf(at, AT_BYTES, "/proc/%d/cwd", task->pid);
	else
		snprintf(at, AT_BYTES, "/proc/%d/fd/%d", task->pid, directory_fd);
}

/* Takes the next component off the rest. False: there is none, or it is longer than a name. */
static bool next_name(struct walk *walk, char name[NAME_MAX + 1])
{
	size_t start = strspn(walk->rest, "/");
	size_t length = strcspn(walk->rest + start, "/");

	if (!length || length > NAME_MAX)
		return false;
	memcpy(name, walk->rest + start, length);
	name[length] = 0;
	memmove(walk->rest, walk->rest + start + length, strlen(walk->rest + start + length) + 1);
	return true;
}

static bool is_over(const struct walk *walk)
{
	return !walk->rest[strspn(walk->rest, "/")];
}

/* What a link says comes before what is left. False: too long, or too many. */
static bool put_before(struct walk *walk, const char *link)
{
	char target[PATH_MAX];
	size_t left = strlen(walk->rest);
	ssize_t size = readlink(link, target, sizeof(target) - 1);

	if (size <= 0 || ++walk->links > MAX_LINKS || (size_t)size + left >= sizeof(walk->rest))
		return false;
	/* What is left begins with a slash, if there is any. */
	memmove(walk->rest + size, walk->rest, left + 1);
	memcpy(walk->rest, target, (size_t)size);
	if (*target == '/')
		snprintf(walk->at, sizeof(walk->at), "/proc/%d/root", walk->worker->now->task.pid);
	return true;
}

static bool is_procfs(const char *directory)
{
	struct statfs fs;

	return !statfs(directory, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

/* In /proc links are no texts: the kernel follows them for us, save those that mean who asks. */
static void follow_in_procfs(struct walk *walk, const char *name)
{
	const struct task *task = &walk->worker->now->task;

	if (!strcmp(name, "self"))
		snprintf(walk->at, sizeof(walk->at), "/proc/%d", task->process);
	else if (!strcmp(name, "thread-self"))
		snprintf(walk->at, sizeof(walk->at), "/proc/%d/task/%d", task->process, task->pid);
	else
		strcpy(walk->at, walk->found);
}

/* Goes on to what is at walk->found. Returns 1, or 0 when this is the end of the way. */
static int go_to(struct walk *walk, const char *name)
{
	struct stat st;

	if (lstat(walk->found, &st)) {
		walk->found[0] = 0;
		return 0;
	}
	if (S_ISLNK(st.st_mode) && !is_procfs(walk->at)) {
		if (put_before(walk, walk->found))
			return 1;
		trace_give_up(walk->worker);
		return 0;
	}
	/* A file is the end: the kernel, too, goes no further. */
	if (!S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
		return 0;
	if (strlen(walk->found) >= sizeof(walk->at)) {
		trace_give_up(walk->worker);
		return 0;
	}
	if (S_ISLNK(st.st_mode))
		follow_in_procfs(walk, name);
	else
		snprintf(
			walk->at, sizeof(walk->at), "%.*s", (int)sizeof(walk->at) - 1, walk->found);
	return !is_over(walk);
}

static int walk_path(struct walk *walk, int directory_fd, const char *path)
{
	struct worker *worker = walk->worker;
	const struct task *task = &worker->now->task;
	char name[NAME_MAX + 1];
	struct stat st;
	int err = 0;

	snprintf(walk->rest, sizeof(walk->rest), "%s", path);
	begin_at(task, directory_fd, walk->at);
	if (*path == '/')
		snprintf(walk->at, sizeof(walk->at), "/proc/%d/root", task->pid);
	walk->found[0] = 0;
	while (next_name(walk, name)) {
		uint32_t directory;

		if (stat(walk->at, &st) || !S_ISDIR(st.st_mode))
			break;
		directory = object_at(task, &st);
		if (directory != UINT32_MAX && strcmp(name, ".") && strcmp(name, ".."))
			err = look_up(worker, directory, name);
		snprintf(walk->found, TRACE_FOUND_BYTES, "%s/%s", walk->at, name);
		if (err || !go_to(walk, name))
			break;
	}
	return err;
}

int trace_walk(struct worker *worker, int directory_fd, const char *path, char *found)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	int err;

	if (!walk)
		return -ENOMEM;
	walk->worker = worker;
	walk->found = found;
	err = walk_path(walk, directory_fd, path);
	free(walk);
	return err;
}

int trace_note_bytes(struct worker *worker, const struct stat *st)
{
	struct op op = {.kind = OP_READ,
		.point = POINT_READ,
		.object = object_at(&worker->now->task, st),
		.directory = UINT32_MAX,
		.new_directory = UINT32_MAX,
		.size_bytes = (uint64_t)st->st_size};

	return S_ISREG(st->st_mode) && op.object != UINT32_MAX ? add_look(worker, &op) : 0;
}

/* ---- programs that are run ---- */

static int note_image(struct worker *worker, const char *path, unsigned depth);

/* The interpreter of a script, or the loader of a program: the kernel opens it, and nobody calls.
 */
static int note_interpreter(struct worker *worker, const char *path, unsigned depth)
{
	char found[TRACE_FOUND_BYTES];
	int err = trace_walk(worker, AT_FDCWD, path, found);

	return !err && *found && depth < MAX_INTERPRETERS ? note_image(worker, found, depth + 1)
	                                                  : err;
}

static int note_script(struct worker *worker, const char *line, unsigned depth)
{
	char path[HEAD_BYTES];
	size_t length;

	line += strspn(line, " \t");
	length = strcspn(line, " \t\n");
	memcpy(path, line, length);
	path[length] = 0;
	return length ? note_interpreter(worker, path, depth) : 0;
}

static int note_loader(struct worker *worker, int fd, const char *head, unsigned depth)
{
	char path[PATH_MAX];
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	memcpy(&header, head, sizeof(header));
	for (unsigned i = 0; i < header.e_phnum && i < MAX_SEGMENTS; i++) {
		off_t at = (off_t)(header.e_phoff + i * sizeof(segment));

		if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment))
			break;
		if (segment.p_type != PT_INTERP)
			continue;
		if (!segment.p_filesz || segment.p_filesz >= sizeof(path) ||
			pread(fd, path, segment.p_filesz, (off_t)segment.p_offset) !=
				(ssize_t)segment.p_filesz)
			break;
		path[segment.p_filesz] = 0;
		return note_interpreter(worker, path, depth);
	}
	if (header.e_phnum > MAX_SEGMENTS)
		trace_give_up(worker);
	return 0;
}

static int note_image(struct worker *worker, const char *path, unsigned depth)
{
	char head[HEAD_BYTES + 1] = "";
	struct stat st;
	int fd, err;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return 0;
	err = trace_note_bytes(worker, &st);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || pread(fd, head, HEAD_BYTES, 0) < 0)
		trace_give_up(worker);
	else if (!err && !memcmp(head, "#!", 2))
		err = note_script(worker, head + 2, depth);
	else if (!err && !memcmp(head, ELFMAG, SELFMAG))
		err = note_loader(worker, fd, head, depth);
	if (fd >= 0)
		close(fd);
	return err;
}

int trace_note_image(struct worker *worker, const char *path)
{
	return note_image(worker, path, 0);
}
