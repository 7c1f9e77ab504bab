/*
 * Which pairs of operations of two workers may change places. The tree holds d/ (1) with d/f (2),
 * doc (3) of 12 bytes, other (4) of 12 bytes, ln (5), a symbolic link to doc, and e/ (6).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/touch.h"
#include "tests/make_recording.h"

enum { D = 1, F, DOC, OTHER, LN, E, NOTHING };

static struct making making;

static int make_tree(void **state)
{
	struct op link = make_op(OP_SYMLINK, LN);

	(void)state;
	make_begin(&making);
	make_new(&making, OP_MKDIR, TREE_ROOT, "d");
	make_new(&making, OP_OPEN, D, "f");
	make_file(&making, "doc");
	make_file(&making, "other");
	make_write(&making, DOC, 0, 12, 'd');
	make_write(&making, OTHER, 0, 12, 'o');
	link.directory = TREE_ROOT;
	link.name = (char *)"ln";
	link.data = (uint8_t *)"doc";
	make_add(&making, link);
	make_new(&making, OP_MKDIR, TREE_ROOT, "e");
	assert_int_equal(tree_object_count(making.now), NOTHING);
	return 0;
}

static int drop_tree(void **state)
{
	(void)state;
	make_end(&making);
	return 0;
}

/* ---- operations before they happen ---- */

static struct op data(enum op_kind kind, uint32_t object, int64_t offset, uint64_t size_bytes)
{
	struct op op = make_op(kind, object);

	op.point = kind == OP_READ ? POINT_PREAD : POINT_PWRITE;
	op.offset = offset;
	op.size_bytes = size_bytes;
	return op;
}

static struct op reads(uint32_t object, int64_t offset, uint64_t size_bytes)
{
	return data(OP_READ, object, offset, size_bytes);
}

static struct op writes(uint32_t object, int64_t offset, uint64_t size_bytes)
{
	return data(OP_WRITE, object, offset, size_bytes);
}

static struct op appends(uint32_t object, uint64_t size_bytes)
{
	struct op op = writes(object, (int64_t)tree_file_bytes(making.now, object), size_bytes);

	op.is_appending = true;
	return op;
}

static struct op truncates(uint32_t object, uint64_t size_bytes)
{
	struct op op = data(OP_TRUNCATE, object, 0, size_bytes);

	op.point = POINT_FTRUNCATE;
	return op;
}

/* An operation on what is under a name now. */
static struct op names(enum op_kind kind, uint32_t directory, const char *name)
{
	struct op op = make_op(kind, tree_lookup(making.now, directory, name));

	op.directory = directory;
	op.name = (char *)name;
	return op;
}

static struct op deep(struct op op)
{
	op.is_deep = true;
	return op;
}

static struct op opens(uint32_t directory, const char *name)
{
	return names(OP_OPEN, directory, name);
}

static struct op creates(uint32_t directory, const char *name)
{
	struct op op = opens(directory, name);

	op.object = UINT32_MAX;
	op.is_creating = true;
	return op;
}

static struct op opens_truncating(uint32_t directory, const char *name)
{
	struct op op = opens(directory, name);

	op.is_truncating = true;
	return op;
}

static struct op moves(enum op_kind kind, uint32_t directory, const char *name,
	uint32_t new_directory, const char *new_name)
{
	struct op op = names(kind, directory, name);

	op.new_directory = new_directory;
	op.new_name = (char *)new_name;
	return op;
}

static struct op renames(const char *name, const char *new_name)
{
	return moves(OP_RENAME, TREE_ROOT, name, TREE_ROOT, new_name);
}

static struct op unlinks(uint32_t directory, const char *name)
{
	return names(OP_UNLINK, directory, name);
}

static struct op mkdirs(const char *name)
{
	return names(OP_MKDIR, TREE_ROOT, name);
}

static struct op symlinks(const char *name)
{
	return names(OP_SYMLINK, TREE_ROOT, name);
}

static struct op rmdirs(const char *name)
{
	return names(OP_RMDIR, TREE_ROOT, name);
}

static struct op looks(enum point_id point, uint32_t object)
{
	struct op op = make_op(OP_LOOK, object);

	op.point = point;
	return op;
}

static struct op looks_at_name(enum point_id point, uint32_t directory, const char *name)
{
	struct op op = names(OP_LOOK, directory, name);

	op.point = point;
	return op;
}

static struct op stats(const char *name)
{
	return looks_at_name(POINT_STAT, TREE_ROOT, name);
}

static struct op fstats(uint32_t object)
{
	return looks(POINT_STAT, object);
}

static struct op lists(uint32_t directory)
{
	return looks(POINT_GETDENTS, directory);
}

static struct op flocks(uint32_t object, enum lock_action lock)
{
	struct op op = make_op(OP_LOCK, object);

	op.point = POINT_FLOCK;
	op.lock = lock;
	return op;
}

static struct op fcntls(uint32_t object, enum lock_action lock, int64_t offset, uint64_t size_bytes)
{
	struct op op = data(OP_LOCK, object, offset, size_bytes);

	op.point = POINT_FCNTL;
	op.lock = lock;
	return op;
}

static struct op chmods(uint32_t object)
{
	struct op op = make_op(OP_CHMOD, object);

	op.point = POINT_CHMOD;
	return op;
}

static struct op syncs(enum op_kind kind, uint32_t object)
{
	return make_op(kind, object);
}

/* ---- pairs ---- */

static bool has_crash;

static bool conflict(struct op a, struct op b)
{
	struct footprint first = {0}, second = {0};

	touch_op(&a, making.now, has_crash, &first);
	touch_op(&b, making.now, has_crash, &second);
	assert_int_equal(
		footprints_conflict(&first, &second), footprints_conflict(&second, &first));
	return footprints_conflict(&first, &second);
}

#define ASSERT_CONFLICT(a, b) assert_true(conflict(a, b))
#define ASSERT_COMMUTE(a, b) assert_false(conflict(a, b))

/* ---- data ---- */

static void test_touch__reads_and_writes_conflict_where_they_overlap(void **state)
{
	(void)state;
	ASSERT_CONFLICT(writes(DOC, 0, 4), writes(DOC, 3, 4));
	ASSERT_COMMUTE(writes(DOC, 0, 4), writes(DOC, 4, 4));
	ASSERT_CONFLICT(writes(DOC, 0, 4), reads(DOC, 3, 1));
	ASSERT_COMMUTE(writes(DOC, 0, 4), reads(DOC, 4, 4));
	ASSERT_COMMUTE(reads(DOC, 0, 12), reads(DOC, 0, 12));
	ASSERT_COMMUTE(writes(DOC, 0, 12), writes(OTHER, 0, 12));
	ASSERT_COMMUTE(writes(DOC, 0, 12), reads(OTHER, 0, 12));
	ASSERT_COMMUTE(writes(DOC, 4, 0), writes(DOC, 0, 12));
}

static void test_touch__a_write_that_grows_meets_all_that_depends_on_the_size(void **state)
{
	(void)state;
	/* It fills the file as far as it goes, and does not grow it. */
	ASSERT_COMMUTE(writes(DOC, 8, 4), appends(DOC, 4));
	ASSERT_CONFLICT(writes(DOC, 12, 4), writes(DOC, 16, 4));
	ASSERT_CONFLICT(writes(DOC, 100, 4), reads(DOC, 12, 0));
	ASSERT_CONFLICT(writes(DOC, 100, 4), reads(DOC, 8, 4));
	ASSERT_COMMUTE(writes(DOC, 12, 4), reads(DOC, 0, 8));
	ASSERT_CONFLICT(writes(DOC, 12, 4), fstats(DOC));
	ASSERT_CONFLICT(writes(DOC, 12, 4), looks(POINT_LSEEK, DOC));
}

static void test_touch__writes_at_the_end_conflict(void **state)
{
	(void)state;
	ASSERT_CONFLICT(appends(DOC, 4), appends(DOC, 4));
	ASSERT_CONFLICT(appends(DOC, 4), writes(DOC, 12, 4));
	ASSERT_CONFLICT(appends(DOC, 4), truncates(DOC, 0));
	ASSERT_CONFLICT(appends(DOC, 4), reads(DOC, 12, 0));
	ASSERT_COMMUTE(appends(DOC, 4), appends(OTHER, 4));
	ASSERT_COMMUTE(appends(DOC, 4), reads(DOC, 0, 8));
}

static void test_touch__truncating_meets_what_is_behind_and_the_size(void **state)
{
	(void)state;
	ASSERT_CONFLICT(truncates(DOC, 4), writes(DOC, 4, 1));
	ASSERT_CONFLICT(truncates(DOC, 4), reads(DOC, 0, 5));
	ASSERT_COMMUTE(truncates(DOC, 4), writes(DOC, 0, 4));
	ASSERT_COMMUTE(truncates(DOC, 4), reads(DOC, 0, 4));
	ASSERT_CONFLICT(truncates(DOC, 20), reads(DOC, 0, 12));
	ASSERT_COMMUTE(truncates(DOC, 20), writes(DOC, 0, 12));
	ASSERT_CONFLICT(truncates(DOC, 20), truncates(DOC, 20));
	ASSERT_CONFLICT(truncates(DOC, 12), fstats(DOC));
	ASSERT_CONFLICT(data(OP_FALLOCATE, DOC, 0, 20), fstats(DOC));
	ASSERT_COMMUTE(truncates(DOC, 0), truncates(OTHER, 0));
	ASSERT_CONFLICT(opens_truncating(TREE_ROOT, "doc"), reads(DOC, 0, 1));
	ASSERT_CONFLICT(opens_truncating(TREE_ROOT, "doc"), writes(DOC, 0, 1));
	ASSERT_CONFLICT(opens_truncating(TREE_ROOT, "doc"), fstats(DOC));
	ASSERT_COMMUTE(opens_truncating(TREE_ROOT, "doc"), opens(TREE_ROOT, "doc"));
}

static void test_touch__a_store_is_a_write(void **state)
{
	(void)state;
	ASSERT_CONFLICT(data(OP_STORE, DOC, 0, 12), reads(DOC, 0, 1));
	ASSERT_COMMUTE(data(OP_STORE, DOC, 0, 12), reads(OTHER, 0, 1));
}

/* ---- names ---- */

static void test_touch__creating_meets_the_same_name_only(void **state)
{
	(void)state;
	ASSERT_CONFLICT(creates(TREE_ROOT, "new"), creates(TREE_ROOT, "new"));
	ASSERT_CONFLICT(creates(TREE_ROOT, "new"), opens(TREE_ROOT, "new"));
	ASSERT_CONFLICT(creates(TREE_ROOT, "new"), stats("new"));
	ASSERT_CONFLICT(creates(TREE_ROOT, "new"), looks_at_name(POINT_ACCESS, TREE_ROOT, "new"));
	ASSERT_COMMUTE(creates(TREE_ROOT, "new"), opens(TREE_ROOT, "doc"));
	ASSERT_COMMUTE(creates(TREE_ROOT, "new"), creates(TREE_ROOT, "newer"));
	ASSERT_COMMUTE(creates(TREE_ROOT, "new"), creates(D, "new"));
	ASSERT_COMMUTE(opens(TREE_ROOT, "doc"), opens(TREE_ROOT, "doc"));
}

static void test_touch__a_listing_sees_every_name_come_and_go(void **state)
{
	(void)state;
	ASSERT_CONFLICT(lists(TREE_ROOT), creates(TREE_ROOT, "new"));
	ASSERT_CONFLICT(lists(TREE_ROOT), unlinks(TREE_ROOT, "doc"));
	ASSERT_CONFLICT(lists(TREE_ROOT), renames("doc", "other"));
	ASSERT_CONFLICT(lists(TREE_ROOT), mkdirs("new"));
	ASSERT_CONFLICT(lists(TREE_ROOT), symlinks("new"));
	ASSERT_CONFLICT(lists(TREE_ROOT), rmdirs("e"));
	ASSERT_CONFLICT(lists(TREE_ROOT), moves(OP_LINK, D, "f", TREE_ROOT, "new"));
	ASSERT_CONFLICT(lists(D), moves(OP_RENAME, D, "f", TREE_ROOT, "new"));
	ASSERT_CONFLICT(lists(TREE_ROOT), moves(OP_RENAME, D, "f", TREE_ROOT, "new"));
	ASSERT_COMMUTE(lists(D), creates(TREE_ROOT, "new"));
	ASSERT_COMMUTE(lists(TREE_ROOT), creates(D, "new"));
	ASSERT_COMMUTE(lists(TREE_ROOT), lists(TREE_ROOT));
	ASSERT_COMMUTE(lists(TREE_ROOT), writes(DOC, 0, 20));
}

static void test_touch__removing_meets_whoever_looks_a_name_up(void **state)
{
	(void)state;
	ASSERT_CONFLICT(unlinks(TREE_ROOT, "doc"), opens(TREE_ROOT, "doc"));
	ASSERT_CONFLICT(unlinks(TREE_ROOT, "doc"), stats("doc"));
	ASSERT_CONFLICT(unlinks(TREE_ROOT, "doc"), fstats(DOC));
	ASSERT_CONFLICT(unlinks(TREE_ROOT, "doc"), unlinks(TREE_ROOT, "doc"));
	ASSERT_CONFLICT(unlinks(TREE_ROOT, "doc"), creates(TREE_ROOT, "doc"));
	ASSERT_COMMUTE(unlinks(TREE_ROOT, "doc"), writes(DOC, 0, 20));
	ASSERT_COMMUTE(unlinks(TREE_ROOT, "doc"), reads(DOC, 0, 20));
	ASSERT_COMMUTE(unlinks(TREE_ROOT, "doc"), stats("other"));
	ASSERT_COMMUTE(unlinks(TREE_ROOT, "doc"), unlinks(TREE_ROOT, "other"));
	/* Of one that is not there. */
	ASSERT_CONFLICT(unlinks(TREE_ROOT, "new"), creates(TREE_ROOT, "new"));
}

static void test_touch__renaming_meets_both_names_and_what_it_replaces(void **state)
{
	(void)state;
	ASSERT_CONFLICT(renames("doc", "other"), opens(TREE_ROOT, "doc"));
	ASSERT_CONFLICT(renames("doc", "other"), opens(TREE_ROOT, "other"));
	ASSERT_CONFLICT(renames("doc", "other"), stats("other"));
	ASSERT_CONFLICT(renames("doc", "other"), fstats(OTHER));
	ASSERT_CONFLICT(renames("doc", "new"), renames("other", "new"));
	ASSERT_CONFLICT(renames("doc", "new"), creates(TREE_ROOT, "new"));
	ASSERT_CONFLICT(moves(OP_EXCHANGE, TREE_ROOT, "doc", TREE_ROOT, "other"), stats("doc"));
	ASSERT_CONFLICT(moves(OP_EXCHANGE, TREE_ROOT, "doc", TREE_ROOT, "other"), stats("other"));
	ASSERT_COMMUTE(renames("doc", "new"), renames("other", "newer"));
	ASSERT_COMMUTE(renames("doc", "other"), creates(TREE_ROOT, "new"));
	ASSERT_COMMUTE(renames("doc", "other"), writes(OTHER, 0, 4));
	/* Names are not deep. */
	ASSERT_COMMUTE(renames("doc", "other"), deep(opens(D, "f")));
}

static void test_touch__linking_changes_the_number_of_links(void **state)
{
	struct op link = moves(OP_LINK, TREE_ROOT, "doc", TREE_ROOT, "new");

	(void)state;
	ASSERT_CONFLICT(link, fstats(DOC));
	ASSERT_CONFLICT(link, unlinks(TREE_ROOT, "doc"));
	ASSERT_CONFLICT(link, stats("new"));
	ASSERT_CONFLICT(link, creates(TREE_ROOT, "new"));
	ASSERT_COMMUTE(link, stats("other"));
	ASSERT_COMMUTE(link, writes(DOC, 0, 4));
}

static void test_touch__deep_paths_meet_directories_and_symbolic_links(void **state)
{
	(void)state;
	ASSERT_CONFLICT(mkdirs("new"), deep(opens(D, "f")));
	ASSERT_CONFLICT(symlinks("new"), deep(opens(D, "f")));
	ASSERT_CONFLICT(unlinks(TREE_ROOT, "ln"), deep(opens(TREE_ROOT, "doc")));
	ASSERT_CONFLICT(renames("d", "new"), deep(opens(D, "f")));
	ASSERT_CONFLICT(renames("doc", "ln"), deep(opens(TREE_ROOT, "doc")));
	ASSERT_CONFLICT(rmdirs("e"), deep(creates(E, "new")));
	ASSERT_CONFLICT(mkdirs("new"), deep(unlinks(D, "f")));
	ASSERT_CONFLICT(moves(OP_EXCHANGE, TREE_ROOT, "d", TREE_ROOT, "e"), deep(opens(D, "f")));
	ASSERT_COMMUTE(mkdirs("new"), opens(TREE_ROOT, "doc"));
	ASSERT_COMMUTE(mkdirs("new"), mkdirs("newer"));
	ASSERT_COMMUTE(unlinks(TREE_ROOT, "doc"), deep(opens(D, "f")));
}

static void test_touch__a_directory_is_removed_only_when_it_is_empty(void **state)
{
	(void)state;
	ASSERT_CONFLICT(rmdirs("e"), creates(E, "new"));
	ASSERT_CONFLICT(rmdirs("d"), unlinks(D, "f"));
	ASSERT_CONFLICT(rmdirs("e"), moves(OP_RENAME, D, "f", E, "f"));
	ASSERT_CONFLICT(renames("d", "e"), creates(E, "new"));
	ASSERT_COMMUTE(rmdirs("e"), creates(D, "new"));
	ASSERT_COMMUTE(rmdirs("e"), creates(TREE_ROOT, "new"));
}

/* ---- locks ---- */

static void test_touch__flock(void **state)
{
	(void)state;
	ASSERT_COMMUTE(flocks(DOC, LOCK_SHARE), flocks(DOC, LOCK_SHARE));
	ASSERT_CONFLICT(flocks(DOC, LOCK_SHARE), flocks(DOC, LOCK_EXCLUDE));
	ASSERT_CONFLICT(flocks(DOC, LOCK_EXCLUDE), flocks(DOC, LOCK_EXCLUDE));
	ASSERT_CONFLICT(flocks(DOC, LOCK_RELEASE), flocks(DOC, LOCK_EXCLUDE));
	ASSERT_CONFLICT(flocks(DOC, LOCK_RELEASE), flocks(DOC, LOCK_SHARE));
	ASSERT_COMMUTE(flocks(DOC, LOCK_EXCLUDE), flocks(OTHER, LOCK_EXCLUDE));
	ASSERT_COMMUTE(flocks(DOC, LOCK_EXCLUDE), fcntls(DOC, LOCK_EXCLUDE, 0, 0));
	ASSERT_COMMUTE(flocks(DOC, LOCK_EXCLUDE), writes(DOC, 0, 20));
}

static void test_touch__fcntl_locks_have_ranges(void **state)
{
	(void)state;
	ASSERT_CONFLICT(fcntls(DOC, LOCK_EXCLUDE, 0, 4), fcntls(DOC, LOCK_EXCLUDE, 3, 4));
	ASSERT_COMMUTE(fcntls(DOC, LOCK_EXCLUDE, 0, 4), fcntls(DOC, LOCK_EXCLUDE, 4, 4));
	/* 0: to the end. */
	ASSERT_CONFLICT(fcntls(DOC, LOCK_EXCLUDE, 0, 0), fcntls(DOC, LOCK_EXCLUDE, 1000, 1));
	ASSERT_COMMUTE(fcntls(DOC, LOCK_EXCLUDE, 5, 0), fcntls(DOC, LOCK_EXCLUDE, 0, 5));
	ASSERT_COMMUTE(fcntls(DOC, LOCK_SHARE, 0, 4), fcntls(DOC, LOCK_SHARE, 0, 4));
	ASSERT_CONFLICT(fcntls(DOC, LOCK_SHARE, 0, 4), fcntls(DOC, LOCK_EXCLUDE, 0, 4));
	ASSERT_CONFLICT(fcntls(DOC, LOCK_RELEASE, 0, 0), fcntls(DOC, LOCK_SHARE, 0, 4));
	ASSERT_CONFLICT(fcntls(DOC, LOCK_TEST, 0, 4), fcntls(DOC, LOCK_EXCLUDE, 0, 4));
	ASSERT_COMMUTE(fcntls(DOC, LOCK_TEST, 0, 4), fcntls(DOC, LOCK_TEST, 0, 4));
	ASSERT_COMMUTE(fcntls(DOC, LOCK_EXCLUDE, 0, 0), fcntls(OTHER, LOCK_EXCLUDE, 0, 0));
}

static void test_touch__releasing_all_locks_of_a_file(void **state)
{
	struct op ops[] = {flocks(DOC, LOCK_EXCLUDE), fcntls(DOC, LOCK_SHARE, 100, 1),
		flocks(OTHER, LOCK_EXCLUDE), fcntls(OTHER, LOCK_EXCLUDE, 0, 0)};
	struct footprint released = {0};

	(void)state;
	touch_locks(DOC, &released);
	for (int i = 0; i < 4; i++) {
		struct footprint footprint = {0};

		touch_op(&ops[i], making.now, false, &footprint);
		assert_int_equal(footprints_conflict(&released, &footprint), i < 2);
	}
}

/* ---- the rest ---- */

static void test_touch__modes(void **state)
{
	(void)state;
	ASSERT_CONFLICT(chmods(DOC), fstats(DOC));
	ASSERT_CONFLICT(chmods(DOC), stats("doc"));
	ASSERT_CONFLICT(chmods(DOC), opens(TREE_ROOT, "doc"));
	ASSERT_CONFLICT(chmods(DOC), looks_at_name(POINT_ACCESS, TREE_ROOT, "doc"));
	ASSERT_CONFLICT(chmods(DOC), chmods(DOC));
	ASSERT_COMMUTE(chmods(DOC), chmods(OTHER));
	ASSERT_COMMUTE(chmods(DOC), reads(DOC, 0, 12));
	ASSERT_COMMUTE(chmods(DOC), writes(DOC, 0, 12));
}

static void test_touch__looking_changes_nothing(void **state)
{
	(void)state;
	ASSERT_CONFLICT(fstats(DOC), writes(DOC, 0, 1)); /* the time of the change */
	ASSERT_COMMUTE(looks_at_name(POINT_ACCESS, TREE_ROOT, "doc"), writes(DOC, 0, 20));
	ASSERT_COMMUTE(looks_at_name(POINT_READLINK, TREE_ROOT, "ln"), writes(DOC, 0, 20));
	ASSERT_CONFLICT(looks_at_name(POINT_READLINK, TREE_ROOT, "ln"), unlinks(TREE_ROOT, "ln"));
	ASSERT_COMMUTE(stats("doc"), stats("doc"));
	ASSERT_COMMUTE(stats("doc"), lists(TREE_ROOT));
}

static void test_touch__a_sync_matters_only_where_the_power_may_fail(void **state)
{
	struct op dsync = writes(DOC, 0, 4);

	(void)state;
	dsync.is_synchronous = true;
	for (int i = 0; i < 2; i++) {
		has_crash = i;
		assert_int_equal(conflict(syncs(OP_FSYNC, DOC), writes(DOC, 0, 4)), has_crash);
		assert_int_equal(
			conflict(syncs(OP_FDATASYNC, DOC), writes(OTHER, 0, 4)), has_crash);
		assert_int_equal(
			conflict(syncs(OP_SYNC, UINT32_MAX), renames("doc", "new")), has_crash);
		assert_int_equal(
			conflict(syncs(OP_FSYNC, DOC), creates(TREE_ROOT, "new")), has_crash);
		assert_int_equal(conflict(dsync, writes(OTHER, 0, 4)), has_crash);
		/* A journal keeps the order of what has nothing else to do with each other. */
		assert_int_equal(conflict(writes(DOC, 0, 4), writes(OTHER, 0, 4)), has_crash);
		assert_int_equal(conflict(writes(DOC, 0, 4), renames("other", "new")), has_crash);
		ASSERT_COMMUTE(writes(DOC, 0, 4), reads(OTHER, 0, 4));
		ASSERT_COMMUTE(syncs(OP_FSYNC, DOC), reads(DOC, 0, 4));
	}
	has_crash = false;
	ASSERT_COMMUTE(syncs(OP_FSYNC, DOC), syncs(OP_FSYNC, DOC));
}

static void test_touch__copying_reads_from_anywhere(void **state)
{
	struct op copy = writes(DOC, 0, 4);

	(void)state;
	copy.point = POINT_COPY_FILE_RANGE;
	ASSERT_CONFLICT(copy, writes(OTHER, 0, 4));
	ASSERT_CONFLICT(copy, reads(DOC, 0, 4));
	ASSERT_COMMUTE(copy, reads(OTHER, 0, 4));
}

static void test_touch__holes_are_writes(void **state)
{
	struct op punch = data(OP_PUNCH, DOC, 4, 4);

	(void)state;
	ASSERT_CONFLICT(punch, reads(DOC, 0, 5));
	ASSERT_COMMUTE(punch, reads(DOC, 0, 4));
	ASSERT_COMMUTE(punch, reads(OTHER, 0, 12));
}

static void test_touch__owners_and_times_are_seen_by_anybody(void **state)
{
	struct op chown = make_op(OP_METADATA, DOC);

	(void)state;
	chown.point = POINT_CHOWN;
	ASSERT_CONFLICT(chown, reads(OTHER, 0, 1));
}

static void test_touch__nobody_sees_a_file_without_a_name(void **state)
{
	struct op op = make_op(OP_OPEN, NOTHING);

	(void)state;
	op.is_creating = true;
	ASSERT_COMMUTE(op, creates(TREE_ROOT, "new"));
	ASSERT_CONFLICT(names(OP_MKNOD, TREE_ROOT, "new"), creates(TREE_ROOT, "new"));
}

static void test_touch__closing_touches_nothing_by_itself(void **state)
{
	struct op close = make_op(OP_CLOSE, DOC);
	struct footprint footprint = {0};

	(void)state;
	touch_op(&close, making.now, true, &footprint);
	assert_int_equal(footprint.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_touch__reads_and_writes_conflict_where_they_overlap),
		cmocka_unit_test(test_touch__a_write_that_grows_meets_all_that_depends_on_the_size),
		cmocka_unit_test(test_touch__writes_at_the_end_conflict),
		cmocka_unit_test(test_touch__truncating_meets_what_is_behind_and_the_size),
		cmocka_unit_test(test_touch__a_store_is_a_write),
		cmocka_unit_test(test_touch__creating_meets_the_same_name_only),
		cmocka_unit_test(test_touch__a_listing_sees_every_name_come_and_go),
		cmocka_unit_test(test_touch__removing_meets_whoever_looks_a_name_up),
		cmocka_unit_test(test_touch__renaming_meets_both_names_and_what_it_replaces),
		cmocka_unit_test(test_touch__linking_changes_the_number_of_links),
		cmocka_unit_test(test_touch__deep_paths_meet_directories_and_symbolic_links),
		cmocka_unit_test(test_touch__a_directory_is_removed_only_when_it_is_empty),
		cmocka_unit_test(test_touch__flock),
		cmocka_unit_test(test_touch__fcntl_locks_have_ranges),
		cmocka_unit_test(test_touch__releasing_all_locks_of_a_file),
		cmocka_unit_test(test_touch__modes),
		cmocka_unit_test(test_touch__looking_changes_nothing),
		cmocka_unit_test(test_touch__a_sync_matters_only_where_the_power_may_fail),
		cmocka_unit_test(test_touch__copying_reads_from_anywhere),
		cmocka_unit_test(test_touch__holes_are_writes),
		cmocka_unit_test(test_touch__owners_and_times_are_seen_by_anybody),
		cmocka_unit_test(test_touch__nobody_sees_a_file_without_a_name),
		cmocka_unit_test(test_touch__closing_touches_nothing_by_itself),
	};

	return cmocka_run_group_tests(tests, make_tree, drop_tree);
}
