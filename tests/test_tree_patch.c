/* A directory that is changed from one tree into another is the other one: thousands of random
 * pairs, with what a program might do to the directory in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/xattr.h>

#include "harness/tree.h"
#include "tests/scratch.h"

enum { PAGE = TREE_PAGE_BYTES, PAIRS = 2500, PAIRS_AS_NOBODY = 500 };

static const uint64_t first_seed = 0x746f726e77726974;

/* ---- random trees ---- */

static uint64_t next_random(uint64_t *random)
{
	uint64_t z = (*random += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static unsigned below(uint64_t *random, unsigned limit)
{
	return (unsigned)(next_random(random) % limit);
}

static void apply(struct tree **tree, struct op *op)
{
	assert_int_equal(tree_apply(tree, op), 0);
	op_release(op);
}

static void write_randomly(struct tree **tree, uint32_t object, uint64_t *random)
{
	unsigned size = below(random, 5 * PAGE);
	struct op op = {.kind = OP_TRUNCATE, .object = object};

	if (!below(random, 3))
		size = size / PAGE * PAGE;
	op.size_bytes = size;
	apply(tree, &op); /* a hole, where nothing is written */
	for (unsigned i = below(random, 4); size && i; i--) {
		op = (struct op){.kind = OP_WRITE, .object = object};
		op.offset = below(random, size);
		op.size_bytes = 1 + below(random, (unsigned)(size - (uint64_t)op.offset));
		op.effect = (int64_t)op.size_bytes;
		op.data = malloc(op.size_bytes);
		memset(op.data, below(random, 4) ? 'a' + (int)below(random, 26) : 0, op.size_bytes);
		apply(tree, &op);
	}
}

static void set_mode(struct tree **tree, uint32_t object, uint64_t *random)
{
	static const uint32_t modes[] = {
		0644, 0600, 0755, 0700, 01777, 0500, 0400, 0111, 0, 04755, 0555};
	struct op op = {.kind = OP_CHMOD, .object = object};

	op.mode = modes[below(random, sizeof(modes) / sizeof(*modes))];
	apply(tree, &op);
}

static struct op named(enum op_kind kind, uint32_t directory, const char *name, uint32_t object)
{
	struct op op = {
		.kind = kind, .directory = directory, .object = object, .name = strdup(name)};

	return op;
}

/* Puts something new, or another name of something, where nothing is. */
static void add_name(struct tree **tree, uint32_t directory, const char *name, uint64_t *random)
{
	uint32_t count = tree_object_count(*tree), other = below(random, count);
	enum object_type type = tree_object_type(*tree, other);
	char path[64], other_name[64];
	struct op op;

	if (!below(random, 3) && (type == OBJECT_FILE || type == OBJECT_SYMLINK) &&
		tree_path(*tree, other, path, sizeof(path))) {
		const char *slash = strrchr(path, '/');

		snprintf(other_name, sizeof(other_name), "%s", slash ? slash + 1 : path);
		op = named(OP_LINK, directory, other_name, other);
		op.new_directory = directory;
		op.new_name = strdup(name);
		apply(tree, &op);
		return;
	}
	switch (below(random, 5)) {
	case 0:
		op = named(OP_MKDIR, directory, name, count);
		op.mode = 0755;
		apply(tree, &op);
		set_mode(tree, count, random);
		break;
	case 1:
		op = named(OP_SYMLINK, directory, name, count);
		op.data = (uint8_t *)strdup(below(random, 2) ? "a/b" : "b/c");
		apply(tree, &op);
		break;
	default:
		op = named(OP_OPEN, directory, name, count);
		op.mode = 0644;
		op.is_creating = true;
		op.effect = 3;
		apply(tree, &op);
		write_randomly(tree, count, random);
		set_mode(tree, count, random);
	}
}

static bool is_empty(const struct tree *tree, uint32_t directory)
{
	static const char *const names[] = {"a", "b", "c", "d"};

	for (int i = 0; i < 4; i++) {
		if (tree_lookup(tree, directory, names[i]) != UINT32_MAX)
			return false;
	}
	return true;
}

static void change(struct tree **tree, uint64_t *random)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	uint32_t directory = TREE_ROOT, object;
	const char *name;
	struct op op;

	for (int depth = 0;; depth++) {
		name = names[below(random, 4)];
		object = tree_lookup(*tree, directory, name);
		if (depth == 3 || tree_object_type(*tree, object) != OBJECT_DIRECTORY ||
			!below(random, 4))
			break;
		directory = object;
	}
	if (object == UINT32_MAX) {
		add_name(tree, directory, name, random);
		return;
	}
	switch (tree_object_type(*tree, object)) {
	case OBJECT_FILE:
		if (below(random, 3)) {
			write_randomly(tree, object, random);
			return;
		}
		break;
	case OBJECT_DIRECTORY:
		if (!is_empty(*tree, object)) {
			set_mode(tree, object, random);
			return;
		}
		op = named(OP_RMDIR, directory, name, object);
		apply(tree, &op);
		return;
	default:
		break;
	}
	op = named(OP_UNLINK, directory, name, object);
	apply(tree, &op);
}

/* ---- what a program may do in the meantime ---- */

static void disturb(int root_fd, uint64_t *random)
{
	static const char *const paths[] = {"a", "b", "c/a", "d", "e", "a/b", "b/c", "a/a/a"};
	const char *path = paths[below(random, 8)];
	int fd;

	switch (below(random, 8)) {
	case 0:
		unlinkat(root_fd, path, 0);
		break;
	case 1:
		mkdirat(root_fd, path, 0300);
		break;
	case 2:
		mkfifoat(root_fd, path, 0600);
		break;
	case 3:
		linkat(root_fd, path, root_fd, paths[below(random, 8)], 0);
		break;
	case 4:
		fchmodat(root_fd, path, below(random, 01000), 0);
		break;
	case 5:
		renameat(root_fd, path, root_fd, paths[below(random, 8)]);
		break;
	default:
		fd = openat(root_fd, path, O_RDWR | O_CREAT | O_NONBLOCK, 0600);
		if (fd < 0)
			return;
		/* Whether it works does not matter: it may be a fifo. */
		if (below(random, 2) && ftruncate(fd, below(random, 6 * PAGE)))
			below(random, 2);
		if (pwrite(fd, "mine", 4, below(random, 6 * PAGE)) < 0)
			below(random, 2);
		if (!below(random, 4))
			fsetxattr(fd, "user.mine", "mine", 4, 0);
		if (!below(random, 4))
			fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 7 * PAGE);
		close(fd);
	}
}

/* ---- the property ---- */

static struct tree *load(int fd)
{
	struct tree *tree;

	assert_int_equal(tree_load(fd, &tree, NULL), 0);
	return tree;
}

static void assert_holds(int fd, const struct tree *tree, const char *what)
{
	struct tree *found = load(fd);

	if (!XXH128_isEqual(tree_hash(tree), tree_hash(found))) {
		tree_print_difference(tree, found, stderr);
		fail_msg("%s", what);
	}
	tree_unref(found);
}

/* As storing from scratch does it, holes and all. */
static void assert_same_blocks(int fd, int scratch_fd, const struct tree *tree, const char *what)
{
	struct tree *found = load(fd), *stored;

	assert_int_equal(tree_wipe(scratch_fd), 0);
	assert_int_equal(tree_store(tree, scratch_fd), 0);
	stored = load(scratch_fd);
	if (tree_blocks_used(stored) != tree_blocks_used(found))
		fail_msg("%s: %" PRIu64 " blocks expected, %" PRIu64 " found", what,
			tree_blocks_used(stored), tree_blocks_used(found));
	tree_unref(stored);
	tree_unref(found);
}

struct pair {
	int fd, scratch_fd;
	uid_t user; /* who does it; the result is looked at as whoever we really are */
};

static void pair_open(struct pair *pair)
{
	assert_int_equal(mkdir("patched", 0700), 0);
	assert_int_equal(mkdir("stored", 0700), 0);
	pair->fd = open("patched", O_RDONLY | O_DIRECTORY);
	pair->scratch_fd = open("stored", O_RDONLY | O_DIRECTORY);
	pair->user = geteuid();
	assert_true(pair->fd >= 0 && pair->scratch_fd >= 0);
}

static void pair_close(const struct pair *pair)
{
	tree_wipe(pair->fd);
	tree_wipe(pair->scratch_fd);
	close(pair->fd);
	close(pair->scratch_fd);
}

static void pair_check(const struct pair *pair, uint64_t seed)
{
	uint64_t random = seed;
	struct tree *tree = tree_new(), *other;
	char what[64];
	int err;

	snprintf(what, sizeof(what), "seed %#" PRIx64, seed);
	for (unsigned i = below(&random, 20); i; i--)
		change(&tree, &random);
	other = below(&random, 3) ? tree_ref(tree) : tree_new();
	for (unsigned i = below(&random, 12); i; i--)
		change(&other, &random);
	assert_int_equal(tree_wipe(pair->fd), 0);
	assert_int_equal(tree_store(tree, pair->fd), 0);
	for (unsigned i = below(&random, 2) ? below(&random, 6) : 0; i; i--)
		disturb(pair->fd, &random);
	err = tree_store_over(other, pair->fd);
	if (err)
		fail_msg("%s: %s", what, strerror(-err));
	/* Only root can read back what nobody may read. */
	if (!getuid()) {
		assert_int_equal(seteuid(0), 0);
		assert_holds(pair->fd, other, what);
		assert_same_blocks(pair->fd, pair->scratch_fd, other, what);
		assert_int_equal(seteuid(pair->user), 0);
	}
	tree_unref(tree);
	tree_unref(other);
}

static void test_tree_patch__random_pairs(void **state)
{
	struct pair pair;

	(void)state;
	pair_open(&pair);
	for (uint64_t i = 0; i < PAIRS; i++)
		pair_check(&pair, first_seed + i);
	pair_close(&pair);
}

static void test_tree_patch__an_ordinary_user_is_not_kept_out_by_modes(void **state)
{
	struct pair pair;

	(void)state;
	assert_int_equal(chmod(".", 0777), 0);
	if (!geteuid() && seteuid(65534))
		skip();
	pair_open(&pair);
	for (uint64_t i = 0; i < PAIRS_AS_NOBODY; i++)
		pair_check(&pair, first_seed + i);
	assert_int_equal(seteuid(getuid()), 0);
	pair_close(&pair);
}

/* ---- what the property cannot show ---- */

static void create(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void test_tree_patch__a_file_that_stays_is_the_same_file(void **state)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY);
	struct stat before, after;
	struct tree *tree;

	(void)state;
	create("doc", "some text");
	tree = load(fd);
	create("doc", "other");
	create("more", "text");
	assert_int_equal(stat("doc", &before), 0);
	assert_int_equal(tree_store_over(tree, fd), 0);
	assert_int_equal(stat("doc", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(access("more", F_OK), -1);
	tree_unref(tree);
	close(fd);
}

static void test_tree_patch__names_are_linked_and_parted(void **state)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY);
	struct tree *linked, *parted;

	(void)state;
	create("doc", "text");
	assert_int_equal(symlink("doc", "link"), 0);
	assert_int_equal(link("doc", "doc too"), 0);
	assert_int_equal(linkat(fd, "link", fd, "link too", 0), 0);
	linked = load(fd);
	assert_int_equal(unlink("doc"), 0);
	assert_int_equal(unlink("link"), 0);
	create("doc", "text");
	assert_int_equal(symlink("doc", "link"), 0);
	parted = load(fd);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tree_store_over(linked, fd), 0);
		assert_holds(fd, linked, "linked");
		assert_int_equal(tree_store_over(parted, fd), 0);
		assert_holds(fd, parted, "parted");
	}
	tree_unref(linked);
	tree_unref(parted);
	close(fd);
}

static void test_tree_patch__a_store_through_a_mapping_is_undone(void **state)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY), file;
	struct tree *tree;
	char *bytes;

	(void)state;
	create("doc", "some text");
	tree = load(fd);
	file = open("doc", O_RDWR);
	bytes = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	assert_ptr_not_equal(bytes, MAP_FAILED);
	bytes[0] = 'S';
	munmap(bytes, PAGE);
	close(file);
	assert_int_equal(tree_store_over(tree, fd), 0);
	assert_holds(fd, tree, "mapped");
	tree_unref(tree);
	close(fd);
}

/* Locks are broken by age: what stands there must not look older than if it had been made. */
static void test_tree_patch__everything_is_of_now(void **state)
{
	static const char *const paths[] = {"empty", "doc", "lock", "link"};
	const struct timespec old[2] = {{1, 0}, {1, 0}};
	int fd = open(".", O_RDONLY | O_DIRECTORY);
	struct tree *tree;
	struct stat st;

	(void)state;
	create("empty", "");
	create("doc", "text");
	assert_int_equal(mkdir("lock", 0755), 0);
	assert_int_equal(symlink("doc", "link"), 0);
	tree = load(fd);
	for (int i = 0; i < 4; i++)
		assert_int_equal(utimensat(fd, paths[i], old, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(tree_store_over(tree, fd), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(lstat(paths[i], &st), 0);
		assert_true(st.st_mtime > 1);
	}
	tree_unref(tree);
	close(fd);
}

static void test_tree_patch__attributes_do_not_stay(void **state)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY);
	struct tree *tree;

	(void)state;
	create("doc", "text");
	tree = load(fd);
	if (setxattr("doc", "user.mine", "x", 1, 0))
		skip();
	assert_int_equal(tree_store_over(tree, fd), 0);
	assert_int_equal(getxattr("doc", "user.mine", NULL, 0), -1);
	tree_unref(tree);
	close(fd);
}

static void test_tree_patch__blocks_behind_the_end_do_not_stay(void **state)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY), file;
	struct stat before, after;
	struct tree *tree;

	(void)state;
	create("doc", "text");
	assert_int_equal(stat("doc", &before), 0);
	tree = load(fd);
	file = open("doc", O_WRONLY);
	if (fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 64 * PAGE))
		skip();
	close(file);
	assert_int_equal(tree_store_over(tree, fd), 0);
	assert_int_equal(stat("doc", &after), 0);
	assert_int_equal(before.st_blocks, after.st_blocks);
	tree_unref(tree);
	close(fd);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(test_tree_patch__random_pairs),
		IN_SCRATCH(test_tree_patch__an_ordinary_user_is_not_kept_out_by_modes),
		IN_SCRATCH(test_tree_patch__a_file_that_stays_is_the_same_file),
		IN_SCRATCH(test_tree_patch__names_are_linked_and_parted),
		IN_SCRATCH(test_tree_patch__a_store_through_a_mapping_is_undone),
		IN_SCRATCH(test_tree_patch__everything_is_of_now),
		IN_SCRATCH(test_tree_patch__attributes_do_not_stay),
		IN_SCRATCH(test_tree_patch__blocks_behind_the_end_do_not_stay),
	};

	/* Thousands of directories: in memory where there is some, else wherever it may be. */
	if (!access("/dev/shm", W_OK | X_OK))
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
