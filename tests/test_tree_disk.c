/* Trees on a disk: loading, storing and wiping, and a property: thousands of random histories,
 * performed on a real directory and through tree_apply(), lead to the same tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/wait.h>

#include "harness/tree.h"
#include "tests/scratch.h"

enum { PAGE = TREE_PAGE_BYTES };

static void create(const char *path, const void *bytes, size_t size_bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size_bytes), size_bytes);
	assert_int_equal(close(fd), 0);
}

static int open_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY);

	assert_true(fd >= 0);
	return fd;
}

static struct tree *load(const char *path)
{
	int fd = open_directory(path);
	struct tree *tree;

	assert_int_equal(tree_load(fd, &tree, NULL), 0);
	close(fd);
	return tree;
}

static int store(const struct tree *tree, const char *path)
{
	int fd = open_directory(path), err = tree_store(tree, fd);

	close(fd);
	return err;
}

static int wipe(const char *path)
{
	int fd = open_directory(path), err = tree_wipe(fd);

	close(fd);
	return err;
}

static bool are_equal(const struct tree *a, const struct tree *b)
{
	return XXH128_isEqual(tree_hash(a), tree_hash(b));
}

static void assert_equal_trees(const struct tree *expected, const struct tree *found)
{
	if (are_equal(expected, found))
		return;
	tree_print_difference(expected, found, stderr);
	fail_msg("the trees differ");
}

/* A directory with one of everything: "from". */
static void make_example(void)
{
	static uint8_t bytes[3 * PAGE + 5];
	int fd;

	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(mkdir("from", 0755), 0);
	assert_int_equal(chdir("from"), 0);
	create("empty", "", 0);
	create("large", bytes, sizeof(bytes));
	memset(bytes + PAGE, 0, PAGE);
	create("zeros inside", bytes, sizeof(bytes));
	create("secret", "secret", 6);
	assert_int_equal(chmod("secret", 0400), 0);
	fd = open("hole", O_WRONLY | O_CREAT, 0755);
	assert_int_equal(pwrite(fd, "x", 1, 9 * PAGE), 1);
	assert_int_equal(ftruncate(fd, 20 * PAGE + 1), 0);
	close(fd);
	assert_int_equal(mkdir("a", 0750), 0);
	assert_int_equal(mkdir("a/b", 01777), 0);
	assert_int_equal(chmod("a/b", 01777), 0);
	create("a/b/file", "text", 4);
	assert_int_equal(link("a/b/file", "other name"), 0);
	assert_int_equal(symlink("a/b/file", "link"), 0);
	assert_int_equal(symlink("..", "a/up"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_int_equal(chdir(".."), 0);
}

static void test_tree_disk__what_was_stored_is_loaded(void **state)
{
	struct tree *tree, *again;
	struct stat a, b;

	(void)state;
	make_example();
	tree = load("from");
	assert_int_equal(mkdir("to", 0700), 0);
	assert_int_equal(store(tree, "to"), 0);
	again = load("to");
	assert_equal_trees(tree, again);
	assert_int_equal(tree_blocks_used(tree), tree_blocks_used(again));
	assert_int_equal(stat("to/a/b/file", &a), 0);
	assert_int_equal(stat("to/other name", &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	tree_unref(tree);
	tree_unref(again);
}

static void test_tree_disk__objects_are_numbered_by_name(void **state)
{
	struct inode_map *map = inode_map_new();
	struct tree *tree;
	struct stat st;
	int fd;

	(void)state;
	make_example();
	fd = open_directory("from");
	assert_int_equal(tree_load(fd, &tree, map), 0);
	close(fd);
	assert_int_equal(tree_lookup(tree, TREE_ROOT, "a"), 1);
	assert_int_equal(tree_lookup(tree, 1, "b"), 2);
	assert_int_equal(tree_lookup(tree, 2, "file"), 3);
	assert_int_equal(tree_lookup(tree, TREE_ROOT, "other name"), 3);
	assert_int_equal(stat("from/other name", &st), 0);
	assert_int_equal(inode_map_get(map, st.st_dev, st.st_ino), 3);
	assert_int_equal(stat("from", &st), 0);
	assert_int_equal(inode_map_get(map, st.st_dev, st.st_ino), TREE_ROOT);
	assert_int_equal(inode_map_get(map, st.st_dev + 1, st.st_ino), UINT32_MAX);
	inode_map_free(map);
	tree_unref(tree);
}

static void test_tree_disk__an_inode_that_is_used_again_is_bound_again(void **state)
{
	struct inode_map *map = inode_map_new();

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(inode_map_set(map, 1, i * 64, i), 0);
	assert_int_equal(inode_map_set(map, 1, 64, 4711), 0);
	assert_int_equal(inode_map_get(map, 1, 0), 0);
	assert_int_equal(inode_map_get(map, 1, 64), 4711);
	assert_int_equal(inode_map_get(map, 1, 999 * 64), 999);
	assert_int_equal(inode_map_get(map, 1, 1000 * 64), UINT32_MAX);
	inode_map_free(map);
}

static void test_tree_disk__a_fifo_is_not_supported(void **state)
{
	struct tree *tree;
	int fd;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	fd = open_directory(".");
	assert_int_equal(tree_load(fd, &tree, NULL), -ENOTSUP);
	assert_null(tree);
	close(fd);
}

/* Whoever may read everything finds nothing that is unreadable. */
static void test_tree_disk__what_is_left_out_is_noted(void **state)
{
	struct tree_notes notes;
	struct tree *tree;
	int fd;

	(void)state;
	assert_int_equal(mkdir("all", 0755), 0);
	assert_int_equal(mkdir("all/inner", 0755), 0);
	assert_int_equal(mkfifo("all/inner/fifo", 0600), 0);
	assert_int_equal(mkfifo("all/second", 0600), 0);
	assert_int_equal(mkdir("all/locked", 0000), 0);
	fd = open("all/z", O_WRONLY | O_CREAT, 0000);
	assert_true(fd >= 0);
	close(fd);
	fd = open_directory("all");
	assert_int_equal(tree_load_noting(fd, &tree, NULL, &notes), 0);
	close(fd);
	assert_int_equal(notes.special_count, 2);
	assert_string_equal(notes.special, "inner/fifo");
	assert_int_equal(tree_lookup(tree, TREE_ROOT, "second"), UINT32_MAX);
	assert_int_equal(tree_lookup(tree, TREE_ROOT, "inner"), 1);
	if (geteuid()) {
		assert_int_equal(notes.unreadable_count, 2);
		assert_string_equal(notes.unreadable, "locked");
		assert_int_equal(tree_lookup(tree, TREE_ROOT, "z"), UINT32_MAX);
		assert_int_equal(tree_object_count(tree), 2);
	} else {
		assert_int_equal(notes.unreadable_count, 0);
		assert_int_equal(tree_object_count(tree), 4);
	}
	tree_unref(tree);
}

static void test_tree_disk__an_inode_without_a_name_is_known(void **state)
{
	struct inode_map *map = inode_map_new();

	(void)state;
	assert_int_equal(inode_map_set(map, 1, 10, 5), 0);
	assert_int_equal(inode_map_set(map, 1, 11, 6), 0);
	inode_map_orphan(map, 5);
	assert_true(inode_map_is_orphan(map, 1, 10));
	assert_false(inode_map_is_orphan(map, 1, 11));
	assert_false(inode_map_is_orphan(map, 2, 10));
	assert_int_equal(inode_map_get(map, 1, 10), 5);
	assert_int_equal(inode_map_set(map, 1, 10, 7), 0);
	assert_false(inode_map_is_orphan(map, 1, 10));
	inode_map_free(map);
}

static void test_tree_disk__wiping_leaves_nothing_and_follows_no_link(void **state)
{
	(void)state;
	make_example();
	assert_int_equal(mkdir("outside", 0755), 0);
	create("outside/precious", "x", 1);
	assert_int_equal(symlink("../outside", "from/way out"), 0);
	assert_int_equal(symlink("../outside/precious", "from/a/way out"), 0);
	assert_int_equal(wipe("from"), 0);
	assert_int_equal(rmdir("from"), 0);
	assert_int_equal(access("outside/precious", F_OK), 0);
}

static void test_tree_disk__a_directory_that_is_not_empty_is_not_stored_over(void **state)
{
	struct tree *tree;

	(void)state;
	make_example();
	tree = load("from");
	assert_int_equal(mkdir("to", 0700), 0);
	create("to/large", "mine", 4);
	assert_int_equal(store(tree, "to"), -EEXIST);
	tree_unref(tree);
}

static void test_tree_disk__hard_links_to_a_symlink_are_one_object(void **state)
{
	struct tree *tree;

	(void)state;
	assert_int_equal(symlink("target", "a"), 0);
	assert_int_equal(link("a", "b"), 0);
	tree = load(".");
	assert_int_equal(tree_lookup(tree, TREE_ROOT, "b"), tree_lookup(tree, TREE_ROOT, "a"));
	tree_unref(tree);
}

static void as_nobody(void (*body)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (!geteuid() && (setgid(65534) || setuid(65534)))
			_exit(77);
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void store_and_wipe_a_directory_without_write_permission(void)
{
	struct tree *tree, *again;

	if (mkdir("from", 0755) || mkdir("from/d", 0755))
		_exit(2);
	create("from/d/f", "x", 1);
	if (chmod("from/d", 0555) || mkdir("to", 0755))
		_exit(3);
	tree = load("from");
	if (store(tree, "to"))
		_exit(4);
	again = load("to");
	if (!are_equal(tree, again))
		_exit(5);
	if (wipe("to"))
		_exit(6);
}

static void test_tree_disk__directories_without_write_permission_are_handled(void **state)
{
	(void)state;
	assert_int_equal(chmod(".", 0777), 0);
	as_nobody(store_and_wipe_a_directory_without_write_permission);
}

/* ---- the property ---- */

enum { SEQUENCES = 2500, STEPS = 30, OPEN_FILES = 4, LOG_BYTES = 8192 };

static const uint64_t first_seed = 0x746f726e77726974;

struct history {
	uint64_t random;
	struct tree *tree;
	int root_fd;
	struct open_file {
		int fd; /* -1: none */
		uint32_t object;
	} files[OPEN_FILES];
	char log[LOG_BYTES];
	size_t log_bytes;
};

/* A path that may exist, cut into what an operation calls it: directory and name. */
struct place {
	char path[64];
	uint32_t directory, object;
	const char *name;
};

static uint64_t next_random(uint64_t *random)
{
	uint64_t z = (*random += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static unsigned below(struct history *history, unsigned limit)
{
	return (unsigned)(next_random(&history->random) % limit);
}

__attribute__((format(printf, 2, 3))) static void note(
	struct history *history, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	history->log_bytes += (size_t)vsnprintf(history->log + history->log_bytes,
		LOG_BYTES - history->log_bytes, format, arguments);
	va_end(arguments);
	assert_true(history->log_bytes < LOG_BYTES);
}

/* Goes down through directories that exist, by chance; the last name may be anything. */
static void choose(struct history *history, struct place *place)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	size_t length = 0;

	place->directory = TREE_ROOT;
	for (;;) {
		place->name = names[below(history, 4)];
		length += (size_t)snprintf(
			place->path + length, sizeof(place->path) - length, "%s", place->name);
		place->object = tree_lookup(history->tree, place->directory, place->name);
		if (length > 6 || !below(history, 2) ||
			tree_object_type(history->tree, place->object) != OBJECT_DIRECTORY)
			return;
		place->directory = place->object;
		place->path[length++] = '/';
	}
}

static struct op *finish(struct history *history, struct op *op, long result)
{
	op->effect = result < 0 ? -errno : result;
	note(history, " = %d\n", (int)op->effect);
	return op;
}

/* Each of these performs one random operation and says in *op what it was. */

static void step_open(struct history *history, struct op *op)
{
	struct open_file *file = &history->files[below(history, OPEN_FILES)];
	int flags = O_RDWR | O_NOFOLLOW | (below(history, 2) ? O_CREAT : 0) |
	            (below(history, 3) ? 0 : O_TRUNC);
	struct place place;

	choose(history, &place);
	if (file->fd >= 0)
		close(file->fd);
	op->kind = OP_OPEN;
	op->directory = place.directory;
	op->name = strdup(place.name);
	op->mode = 0644;
	op->is_creating = place.object == UINT32_MAX;
	op->is_truncating =
		flags & O_TRUNC && !op->is_creating && tree_file_bytes(history->tree, place.object);
	op->object = op->is_creating ? tree_object_count(history->tree) : place.object;
	note(history, "open %s %#x", place.path, (unsigned)flags);
	file->fd = openat(history->root_fd, place.path, flags, 0644);
	file->object = op->object;
	finish(history, op, file->fd);
}

static void step_write(struct history *history, struct op *op)
{
	const struct open_file *file = &history->files[below(history, OPEN_FILES)];
	uint8_t letter = (uint8_t)('A' + below(history, 26));

	op->kind = OP_WRITE;
	op->object = file->object;
	op->offset = below(history, 4 * PAGE);
	op->size_bytes = below(history, 4) ? below(history, 300) + 1 : below(history, 3 * PAGE) + 1;
	op->data = malloc(op->size_bytes);
	memset(op->data, below(history, 4) ? letter : 0, op->size_bytes);
	note(history, "pwrite #%" PRIu32 " %" PRId64 "+%" PRIu64 " of %d", file->object, op->offset,
		op->size_bytes, *op->data);
	finish(history, op, pwrite(file->fd, op->data, op->size_bytes, op->offset));
}

static void step_truncate(struct history *history, struct op *op)
{
	const struct open_file *file = &history->files[below(history, OPEN_FILES)];

	op->kind = OP_TRUNCATE;
	op->object = file->object;
	op->size_bytes = below(history, 3) ? below(history, 5 * PAGE) : below(history, 5) * PAGE;
	note(history, "ftruncate #%" PRIu32 " %" PRIu64, file->object, op->size_bytes);
	finish(history, op, ftruncate(file->fd, (off_t)op->size_bytes));
}

static void step_fallocate(struct history *history, struct op *op)
{
	const struct open_file *file = &history->files[below(history, OPEN_FILES)];

	op->kind = OP_FALLOCATE;
	op->object = file->object;
	op->offset = below(history, 4 * PAGE);
	op->size_bytes = below(history, 2 * PAGE) + 1;
	op->keeps_size = below(history, 2);
	note(history, "fallocate #%" PRIu32 " %d %" PRId64 "+%" PRIu64, file->object,
		op->keeps_size, op->offset, op->size_bytes);
	finish(history, op,
		fallocate(file->fd, op->keeps_size ? FALLOC_FL_KEEP_SIZE : 0, op->offset,
			(off_t)op->size_bytes));
}

static void step_move(struct history *history, struct op *op)
{
	struct place from, to;
	bool is_exchange = !below(history, 4);

	choose(history, &from);
	choose(history, &to);
	op->kind = is_exchange ? OP_EXCHANGE : OP_RENAME;
	op->object = from.object;
	op->directory = from.directory;
	op->name = strdup(from.name);
	op->new_directory = to.directory;
	op->new_name = strdup(to.name);
	note(history, "%s %s %s", is_exchange ? "exchange" : "rename", from.path, to.path);
	finish(history, op,
		renameat2(history->root_fd, from.path, history->root_fd, to.path,
			is_exchange ? RENAME_EXCHANGE : 0));
}

static void step_link(struct history *history, struct op *op)
{
	struct place from, to;

	choose(history, &from);
	choose(history, &to);
	/* A second name of a symlink is not followed: see test_tree_disk. */
	if (tree_object_type(history->tree, from.object) == OBJECT_SYMLINK)
		return;
	op->kind = OP_LINK;
	op->object = from.object;
	op->directory = from.directory;
	op->name = strdup(from.name);
	op->new_directory = to.directory;
	op->new_name = strdup(to.name);
	note(history, "link %s %s", from.path, to.path);
	finish(history, op, linkat(history->root_fd, from.path, history->root_fd, to.path, 0));
}

static void step_name(struct history *history, struct op *op)
{
	static const enum op_kind kinds[] = {OP_UNLINK, OP_RMDIR, OP_MKDIR, OP_MKDIR, OP_SYMLINK};
	struct place place;
	long result;

	choose(history, &place);
	op->kind = kinds[below(history, 5)];
	op->directory = place.directory;
	op->name = strdup(place.name);
	op->object = place.object;
	op->mode = op->kind == OP_MKDIR ? 0755 : 0;
	note(history, "%s %s",
		op->kind == OP_UNLINK  ? "unlink"
		: op->kind == OP_RMDIR ? "rmdir"
		: op->kind == OP_MKDIR ? "mkdir"
				       : "symlink",
		place.path);
	if (op->kind == OP_UNLINK || op->kind == OP_RMDIR) {
		result = unlinkat(
			history->root_fd, place.path, op->kind == OP_RMDIR ? AT_REMOVEDIR : 0);
	} else {
		op->object = tree_object_count(history->tree);
		op->data = (uint8_t *)strdup(below(history, 2) ? "a" : "b/c");
		result = op->kind == OP_MKDIR
		                 ? mkdirat(history->root_fd, place.path, 0755)
		                 : symlinkat((char *)op->data, history->root_fd, place.path);
	}
	finish(history, op, result);
}

static void step_chmod(struct history *history, struct op *op)
{
	struct place place;

	choose(history, &place);
	if (tree_object_type(history->tree, place.object) == OBJECT_SYMLINK)
		return;
	op->kind = OP_CHMOD;
	op->object = place.object;
	op->mode = 0600 | below(history, 2) * 0150 | below(history, 2) * 01000;
	if (tree_object_type(history->tree, place.object) == OBJECT_DIRECTORY)
		op->mode |= 0700;
	note(history, "chmod %s %o", place.path, op->mode);
	finish(history, op, fchmodat(history->root_fd, place.path, op->mode, 0));
}

static void step(struct history *history)
{
	static void (*const steps[])(struct history *, struct op *) = {step_open, step_open,
		step_write, step_write, step_write, step_truncate, step_fallocate, step_move,
		step_link, step_name, step_name, step_name, step_chmod};
	struct op op = {.effect = -1};

	steps[below(history, sizeof(steps) / sizeof(*steps))](history, &op);
	if (tree_apply(&history->tree, &op))
		fail_msg("tree_apply refuses the last of:\n%s", history->log);
	op_release(&op);
}

static void assert_same(const struct history *history, uint64_t seed, const char *what)
{
	struct tree *found = load("disk");

	if (!are_equal(history->tree, found)) {
		tree_print_difference(history->tree, found, stderr);
		fail_msg("%s, seed %#" PRIx64 ":\n%s", what, seed, history->log);
	}
	tree_unref(found);
}

static void run_history(uint64_t seed)
{
	struct history history = {.random = seed, .tree = tree_new()};
	struct tree *middle = NULL;
	XXH128_hash_t middle_hash;

	history.root_fd = open_directory("disk");
	for (int i = 0; i < OPEN_FILES; i++)
		history.files[i].fd = -1;
	for (int i = 0; i < STEPS; i++) {
		if (i == STEPS / 2) {
			middle = tree_ref(history.tree);
			middle_hash = tree_hash(middle);
		}
		step(&history);
	}
	assert_same(&history, seed, "the disk and the tree differ");
	/* What the second half did left the tree in the middle alone. */
	assert_true(XXH128_isEqual(middle_hash, tree_hash(middle)));
	assert_int_equal(wipe("disk"), 0);
	assert_int_equal(tree_store(history.tree, history.root_fd), 0);
	assert_same(&history, seed, "the stored tree differs");
	assert_int_equal(wipe("disk"), 0);
	assert_int_equal(tree_store(middle, history.root_fd), 0);
	tree_unref(history.tree);
	history.tree = middle;
	assert_same(&history, seed, "the stored tree from the middle differs");
	assert_int_equal(wipe("disk"), 0);
	for (int i = 0; i < OPEN_FILES; i++) {
		if (history.files[i].fd >= 0)
			close(history.files[i].fd);
	}
	close(history.root_fd);
	tree_unref(history.tree);
}

static void test_tree_disk__random_histories_agree_with_a_real_directory(void **state)
{
	(void)state;
	umask(022);
	assert_int_equal(mkdir("disk", 0755), 0);
	for (uint64_t i = 0; i < SEQUENCES; i++)
		run_history(first_seed + i);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(test_tree_disk__what_was_stored_is_loaded),
		IN_SCRATCH(test_tree_disk__objects_are_numbered_by_name),
		cmocka_unit_test(test_tree_disk__an_inode_that_is_used_again_is_bound_again),
		IN_SCRATCH(test_tree_disk__a_fifo_is_not_supported),
		IN_SCRATCH(test_tree_disk__what_is_left_out_is_noted),
		cmocka_unit_test(test_tree_disk__an_inode_without_a_name_is_known),
		IN_SCRATCH(test_tree_disk__wiping_leaves_nothing_and_follows_no_link),
		IN_SCRATCH(test_tree_disk__a_directory_that_is_not_empty_is_not_stored_over),
		IN_SCRATCH(test_tree_disk__random_histories_agree_with_a_real_directory),
		IN_SCRATCH(test_tree_disk__hard_links_to_a_symlink_are_one_object),
		IN_SCRATCH(test_tree_disk__directories_without_write_permission_are_handled),
	};

	/* Thousands of directories: in memory where there is some, else wherever it may be. */
	if (!access("/dev/shm", W_OK | X_OK))
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
