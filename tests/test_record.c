/*
 * The recorder, seen through what it records. Each test is a worker that makes some calls, and the
 * text of the recording: one operation a line, objects by number, names as DIRECTORY/NAME.
 * The data directory holds d/ (1) with d/f (2), doc (3) "hello world\n", e/ (4), and the
 * symlink ln (5) to doc; what a worker makes is 6, 7, ...
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/decode.h"
#include "harness/machine.h"
#include "harness/plugins.h"
#include "harness/record.h"
#include "harness/trace.h"
#include "tests/op_text.h"
#include "tests/scratch.h"

static struct workspace workspace = {.data_fd = -1, .probe_fd = -1};
static struct filter filter;
static struct recording recording;
static char data_path[PATH_MAX + 8]; /* known to the workers, for absolute paths */

/* In a worker: a wrong result ends the update, and the line is what it is refused with. */
#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return -(1000 + __LINE__);                                                 \
	} while (0)

/* ---- running a worker ---- */

static int set_up(const struct txn *first)
{
	int fd = open("doc", O_WRONLY | O_CREAT, 0644);

	(void)first;
	if (fd < 0 || write(fd, "hello world\n", 12) != 12 || close(fd) || mkdir("d", 0755) ||
		mkdir("e", 0755) || symlink("doc", "ln"))
		return -EIO;
	fd = open("d/f", O_WRONLY | O_CREAT, 0644);
	return fd < 0 || close(fd) ? -EIO : 0;
}

static int (*worker)(void);
static struct strategy strategy = {.name = "test", .summary = "a test", .setup = set_up};

static int update(const struct txn *txn)
{
	/* Of cmocka and the sanitizers: a worker that crashes would go on with the next test. */
	static const int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGABRT};

	(void)txn;
	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		signal(caught[i], SIG_DFL);
	return worker();
}

static int record(int (*calls)(void), const struct plan *plan)
{
	struct workload workload = {1, TXN_MIN_BYTES};
	struct subject subject;
	char message[256];
	int err;

	worker = calls;
	strategy.update = update;
	recording_release(&recording);
	assert_int_equal(
		subject_init(&subject, &strategy, &workload, &workspace, message, sizeof(message)),
		0);
	err = record_run(&subject, plan, &workspace, &filter, &recording);
	subject_release(&subject);
	return err;
}

/* ---- a recording as text ---- */

/* The recording, but for START at the beginning and ACK at the end. The caller frees it. */
static char *recording_text(void)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	for (size_t i = 0; i < recording.count; i++) {
		const struct event *event = &recording.events[i];
		bool is_edge = !i || i == recording.count - 1;

		if (event->kind == EVENT_OP)
			op_text_add(stream, &event->op);
		else if (event->kind == EVENT_REFUSE)
			fprintf(stream, "refused: %d\n", event->error);
		else if (!is_edge)
			fprintf(stream, "%s\n", event->kind == EVENT_ACK ? "ack" : "start");
	}
	fclose(stream);
	return text;
}

static void assert_recorded(const char *expected)
{
	char *text = recording_text();

	assert_string_equal(text, expected);
	free(text);
}

static void assert_run(int (*calls)(void), const char *expected)
{
	static const struct plan no_fault;

	assert_int_equal(record(calls, &no_fault), 0);
	assert_recorded(expected);
	assert_int_equal(recording.ending, ENDED_DONE);
	assert_int_equal(recording.fired, 0);
}

/* The contents of a file of the final tree. */
static void assert_contents(const char *name, const char *expected)
{
	uint32_t file = tree_lookup(recording.final, TREE_ROOT, name);

	assert_int_not_equal(file, UINT32_MAX);
	assert_int_equal(tree_file_bytes(recording.final, file), strlen(expected));
	assert_true(tree_page_equals(recording.final, file, 0, expected, strlen(expected)));
}

/* ---- data ---- */

static int write_in_every_way(void)
{
	struct iovec two[2] = {{"one", 3}, {"TWO", 3}};
	int fd = open("doc", O_RDWR);

	EXPECT(write(fd, "HE", 2) == 2);
	EXPECT(pwrite(fd, "W", 1, 6) == 1);
	EXPECT(writev(fd, two, 2) == 6);
	EXPECT(pwritev(fd, two, 2, 20) == 6);
	EXPECT(pwritev2(fd, two, 1, -1, 0) == 3);
	EXPECT(pwritev2(fd, two, 1, 0, RWF_DSYNC) == 3);
	EXPECT(lseek(fd, 5000, SEEK_SET) == 5000);
	EXPECT(write(fd, "far", 3) == 3);
	EXPECT(!close(fd));
	return 0;
}

static void test_record__every_way_to_write(void **state)
{
	(void)state;
	assert_run(write_in_every_way, "open 3 0/doc\n"
				       "write 3 @0+2 'HE' = 2\n"
				       "pwrite 3 @6+1 'W' = 1\n"
				       "writev 3 @2+6 'oneTWO' = 6\n"
				       "pwritev 3 @20+6 'oneTWO' grows = 6\n"
				       "pwritev 3 @8+3 'one' = 3\n"
				       "pwritev 3 @0+3 'one' syncs = 3\n"
				       "write 3 @5000+3 'far' grows +1blk = 3\n"
				       "close 3\n");
}

static int read_in_every_way(void)
{
	char bytes[100];
	struct iovec two[2] = {{bytes, 3}, {bytes + 3, 3}};
	int fd = open("doc", O_RDONLY);

	EXPECT(read(fd, bytes, 5) == 5);
	EXPECT(pread(fd, bytes, 3, 6) == 3);
	EXPECT(readv(fd, two, 2) == 6);
	EXPECT(preadv(fd, two, 2, 9) == 3);
	EXPECT(read(fd, bytes, 100) == 1);
	EXPECT(read(fd, bytes, 100) == 0);
	EXPECT(!close(fd));
	return 0;
}

static void test_record__every_way_to_read(void **state)
{
	(void)state;
	assert_run(read_in_every_way, "open 3 0/doc\n"
				      "read 3 @0+5 = 5\n"
				      "pread 3 @6+3 = 3\n"
				      "readv 3 @5+6 = 6\n"
				      "preadv 3 @9+3 = 3\n"
				      "read 3 @11+1 = 1\n"
				      "read 3 @12+0 = 0\n"
				      "close 3\n");
}

static int append_and_share_a_position(void)
{
	int fd = open("doc", O_WRONLY | O_APPEND), copy;

	EXPECT(write(fd, "1", 1) == 1);
	EXPECT(pwrite(fd, "2", 1, 0) == 1); /* Linux appends here, too */
	copy = dup(fd);
	EXPECT(write(copy, "3", 1) == 1);
	EXPECT(!close(fd) && !close(copy));
	fd = open("doc", O_WRONLY);
	copy = fcntl(fd, F_DUPFD, 50);
	EXPECT(copy >= 50);
	EXPECT(write(fd, "ab", 2) == 2);
	EXPECT(write(copy, "cd", 2) == 2);
	EXPECT(lseek(copy, -1, SEEK_END) == 14);
	EXPECT(write(fd, "!", 1) == 1);
	return 0;
}

static void test_record__offsets_are_those_of_the_kernel(void **state)
{
	(void)state;
	assert_run(append_and_share_a_position, "open 3 0/doc\n"
						"write 3 @12+1 '1' grows = 1\n"
						"pwrite 3 @13+1 '2' grows = 1\n"
						"write 3 @14+1 '3' grows = 1\n"
						"close 3\n"
						"close 3\n"
						"open 3 0/doc\n"
						"write 3 @0+2 'ab' = 2\n"
						"write 3 @2+2 'cd' = 2\n"
						"write 3 @14+1 '!' = 1\n");
	assert_contents("doc", "abcdo world\n12!");
}

static int change_sizes(void)
{
	int fd = open("doc", O_RDWR);

	EXPECT(!truncate("doc", 5));
	EXPECT(!ftruncate(fd, 9000));
	EXPECT(!fallocate(fd, 0, 4096, 8192));
	EXPECT(!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20000));
	EXPECT(!truncate("ln", 1));
	EXPECT(ftruncate(fd, -1) && errno == EINVAL);
	return 0;
}

static void test_record__sizes(void **state)
{
	(void)state;
	assert_run(change_sizes, "open 3 0/doc\n"
				 "truncate 3 0/doc to 5\n"
				 "ftruncate 3 to 9000 grows\n"
				 "fallocate 3 @4096+8192 grows +2blk\n"
				 "fallocate 3 @0+20000 keeps-size +2blk\n"
				 "truncate 3 0/ln to 1\n"
				 "ftruncate 3 to 18446744073709551615 grows = EINVAL\n");
	assert_contents("doc", "h");
}

static int sync_and_lock(void)
{
	int fd = open("doc", O_RDWR);

	EXPECT(!fsync(fd) && !fdatasync(fd) && !syncfs(fd));
	EXPECT(!flock(fd, LOCK_EX) && !flock(fd, LOCK_UN));
	EXPECT(!close(fd));
	fd = open("d", O_RDONLY | O_DIRECTORY);
	EXPECT(!fsync(fd) && !close(fd));
	sync();
	return 0;
}

static void test_record__syncs_and_locks(void **state)
{
	(void)state;
	assert_run(sync_and_lock,
		"open 3 0/doc\nfsync 3\nfdatasync 3\nsyncfs 3\nflock 3\nflock 3\nclose 3\n"
		"open 1 0/d\nfsync 1\nclose 1\nsync\n");
}

static int write_synchronously(void)
{
	int fd = open("doc", O_WRONLY | O_DSYNC);

	EXPECT(write(fd, "H", 1) == 1);
	EXPECT(!close(fd));
	fd = open("doc", O_WRONLY | O_SYNC);
	EXPECT(pwrite(fd, "E", 1, 1) == 1);
	return 0;
}

static void test_record__a_write_with_o_dsync_is_a_sync_too(void **state)
{
	(void)state;
	assert_run(write_synchronously, "open 3 0/doc\nwrite 3 @0+1 'H' syncs = 1\nclose 3\n"
					"open 3 0/doc\npwrite 3 @1+1 'E' syncs = 1\n");
}

/* ---- opens and names ---- */

static int open_in_every_way(void)
{
	int fd = open("new", O_WRONLY | O_CREAT | O_EXCL, 0666);

	EXPECT(fd >= 0 && !close(fd));
	EXPECT(open("new", O_WRONLY | O_CREAT | O_EXCL, 0666) < 0 && errno == EEXIST);
	EXPECT(open("ln", O_RDWR | O_CREAT | O_EXCL | O_TRUNC, 0666) < 0 && errno == EEXIST);
	EXPECT(open("absent", O_RDONLY) < 0 && errno == ENOENT);
	EXPECT(open("d", O_WRONLY) < 0 && errno == EISDIR);
	EXPECT(open("new", O_WRONLY | O_TRUNC) >= 0); /* empty: nothing is truncated */
	EXPECT(open("doc", O_WRONLY | O_CREAT | O_TRUNC, 0666) >= 0);
	EXPECT(creat("d/made", 0600) >= 0);
	EXPECT(open("ln", O_WRONLY | O_NOFOLLOW) < 0 && errno == ELOOP);
	EXPECT(open("ln", O_RDONLY) >= 0);
	EXPECT(open("doc", O_PATH) >= 0);
	return 0;
}

static void test_record__opens_that_create_truncate_and_fail(void **state)
{
	(void)state;
	assert_run(open_in_every_way, "open 6 0/new 644 creates\n"
				      "close 6\n"
				      "open 6 0/new = EEXIST\n"
				      "open 3 0/ln = EEXIST\n"
				      "open 0/absent = ENOENT\n"
				      "open 1 0/d = EISDIR\n"
				      "open 6 0/new\n"
				      "open 3 0/doc truncates\n"
				      "open 7 1/made 600 creates\n"
				      "open 5 0/ln = ELOOP\n"
				      "open 3 0/ln\n");
}

static int use_every_kind_of_path(void)
{
	char absolute[PATH_MAX + 16];
	int directory = open("d", O_RDONLY | O_DIRECTORY);

	EXPECT(openat(directory, "f", O_RDONLY) >= 0);
	EXPECT(openat(directory, "../doc", O_RDONLY) >= 0);
	EXPECT(!mkdirat(directory, "sub/", 0700));
	EXPECT(!renameat(directory, "f", AT_FDCWD, "d/sub/g"));
	snprintf(absolute, sizeof(absolute), "%s/doc", data_path);
	EXPECT(!unlinkat(directory, absolute, 0));
	EXPECT(!chdir("d/sub"));
	EXPECT(!rename("./g", "../../e//h"));
	EXPECT(!rmdir("../sub"));
	return 0;
}

static void test_record__every_kind_of_path(void **state)
{
	(void)state;
	assert_run(use_every_kind_of_path, "open 1 0/d\n"
					   "open 2 1/f\n"
					   "open 3 0/doc\n"
					   "mkdir 6 1/sub 700\n"
					   "rename 2 1/f > 6/g\n"
					   "unlink 3 0/doc\n"
					   "rename 2 6/g > 4/h\n"
					   "rmdir 6 1/sub\n");
}

static int change_names(void)
{
	EXPECT(!link("doc", "d/again"));
	EXPECT(!linkat(AT_FDCWD, "ln", AT_FDCWD, "second", 0));
	EXPECT(!symlink("any thing", "e/s"));
	EXPECT(!symlinkat("x", AT_FDCWD, "t"));
	EXPECT(!rename("d", "e/d"));
	EXPECT(!rename("e/d/again", "e/d/f"));
	EXPECT(!renameat2(AT_FDCWD, "doc", AT_FDCWD, "e", RENAME_EXCHANGE));
	EXPECT(renameat2(AT_FDCWD, "doc", AT_FDCWD, "e", RENAME_NOREPLACE) && errno == EEXIST);
	EXPECT(!unlink("t") && !unlinkat(AT_FDCWD, "second", 0));
	EXPECT(rmdir("doc/d") && errno == ENOTEMPTY);
	EXPECT(unlink("nothing") && errno == ENOENT);
	EXPECT(mkdir("doc", 0777) && errno == EEXIST);
	return 0;
}

static void test_record__names(void **state)
{
	(void)state;
	assert_run(change_names, "link 3 0/doc > 1/again\n"
				 "link 5 0/ln > 0/second\n"
				 "symlink 6 4/s to any thing\n"
				 "symlink 7 0/t to x\n"
				 "rename 1 0/d > 4/d\n"
				 "rename 3 1/again > 1/f\n"
				 "exchange 3 0/doc > 0/e\n"
				 "rename 4 0/doc > 0/e = EEXIST\n"
				 "unlink 7 0/t\n"
				 "unlink 5 0/second\n"
				 "rmdir 1 4/d = ENOTEMPTY\n"
				 "unlink 0/nothing = ENOENT\n"
				 "mkdir 8 0/doc = EEXIST\n");
}

static int change_modes(void)
{
	int fd = open("doc", O_RDONLY);

	EXPECT(!fchmod(fd, 0600));
	EXPECT(!chmod("ln", 0640));
	EXPECT(!fchmodat(AT_FDCWD, "d", 01711, 0));
	return 0;
}

static void test_record__modes(void **state)
{
	(void)state;
	assert_run(change_modes, "open 3 0/doc\nchmod 3 600\nchmod 3 0/ln 640\nchmod 1 0/d 1711\n");
}

static int write_outside(void)
{
	char path[PATH_MAX + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/../outside", data_path);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	EXPECT(write(fd, "x", 1) == 1 && !fsync(fd) && !ftruncate(fd, 0) && !fchmod(fd, 0644));
	EXPECT(!close(fd) && !unlink(path));
	EXPECT(!mkdir(path, 0700) && !rmdir(path));
	fd = open("/dev/null", O_WRONLY);
	EXPECT(write(fd, "x", 1) == 1 && !close(fd));
	return 0;
}

static void test_record__files_outside_are_ignored(void **state)
{
	(void)state;
	assert_run(write_outside, "");
}

static int use_an_inode_again(void)
{
	for (int i = 0; i < 3; i++) {
		int fd = open("t", O_WRONLY | O_CREAT | O_EXCL, 0600);

		EXPECT(write(fd, "x", 1) == 1);
		EXPECT(!close(fd) && !unlink("t"));
	}
	EXPECT(!mkdir("t", 0755) && creat("t/u", 0600) >= 0);
	return 0;
}

static void test_record__an_inode_that_is_used_again_is_a_new_object(void **state)
{
	static const char each[] = "open %d 0/t 600 creates\n"
				   "write %d @0+1 'x' grows +1blk = 1\n"
				   "close %d\n"
				   "unlink %d 0/t\n";
	char expected[1024];
	int length = 0;

	(void)state;
	for (int i = 6; i < 9; i++)
		length += sprintf(expected + length, each, i, i, i, i);
	sprintf(expected + length, "mkdir 9 0/t 755\nopen 10 9/u 600 creates\n");
	assert_run(use_an_inode_again, expected);
}

/* Not every file system gives a number again soon, so the decoder is asked itself. */
static void test_record__a_new_file_is_bound_to_a_number_that_was_known(void **state)
{
	int fd = memfd_create("new", MFD_CLOEXEC);
	struct task task = {.pid = getpid(), .tree = tree_new(), .inodes = inode_map_new()};
	struct call call = {.number = SYS_openat, .result = fd};
	struct op op = {.kind = OP_OPEN, .point = POINT_OPEN, .is_creating = true};
	struct tree *tree = (struct tree *)task.tree;
	struct stat st;

	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(inode_map_set(task.inodes, st.st_dev, st.st_ino, 77), 0);
	assert_int_equal(decode_exit(&task, &call, &op), 0);
	assert_int_equal(inode_map_get(task.inodes, st.st_dev, st.st_ino), tree_object_count(tree));
	inode_map_free(task.inodes);
	tree_unref(tree);
	close(fd);
}

static int write_after_unlink(void)
{
	int fd = open("doc", O_RDWR);

	EXPECT(!unlink("doc"));
	EXPECT(write(fd, "gone", 4) == 4);
	EXPECT(creat("doc", 0600) >= 0);
	EXPECT(write(fd, "!", 1) == 1);
	return 0;
}

static void test_record__a_file_without_a_name_is_still_the_same_object(void **state)
{
	(void)state;
	assert_run(write_after_unlink, "open 3 0/doc\n"
				       "unlink 3 0/doc\n"
				       "write 3 @0+4 'gone' = 4\n"
				       "open 6 0/doc 600 creates\n"
				       "write 3 @4+1 '!' = 1\n");
	assert_contents("doc", "");
}

static int store_through_a_mapping(void)
{
	int fd = open("doc", O_RDWR);
	char *map;

	EXPECT(!ftruncate(fd, 3 * 4096));
	map = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT(map != MAP_FAILED);
	map[0] = 'H';
	map[2 * 4096 + 7] = '!';
	EXPECT(!fsync(fd));
	EXPECT(!close(fd));
	map[4096] = 'x';
	EXPECT(mkdir("end", 0700) == 0);
	EXPECT(!munmap(map, 3 * 4096));
	return 0;
}

static void test_record__stores_through_a_shared_mapping(void **state)
{
	(void)state;
	assert_run(store_through_a_mapping, "open 3 0/doc\n"
					    "ftruncate 3 to 12288 grows\n"
					    "store 3 @0+4096\n"
					    "store 3 @8192+4096\n"
					    "fsync 3\n"
					    "close 3\n"
					    "store 3 @4096+4096\n"
					    "mkdir 6 0/end 700\n");
}

/* ---- faults ---- */

static const struct fault *fault_named(const char *name)
{
	for (size_t i = 0; i < fault_count; i++) {
		if (!strcmp(faults[i]->name, name))
			return faults[i];
	}
	fail_msg("there is no fault %s", name);
	return NULL;
}

static void assert_struck(int (*calls)(void), const char *fault, unsigned variant, uint64_t n,
	enum ending ending, const char *expected)
{
	struct plan plan = {.fault = fault_named(fault), .variant = variant, .n = n};

	assert_int_equal(record(calls, &plan), 0);
	assert_recorded(expected);
	assert_int_equal(recording.ending, ending);
	assert_int_not_equal(recording.fired, 0);
}

/* Written so that a wrong register or vector after a short write gives wrong bytes. */
static int write_loop(void)
{
	static const char text[] = "0123456789";
	size_t done = 0;
	int fd = open("doc", O_WRONLY | O_TRUNC);

	while (done < 10) {
		size_t rest = 10 - done;
		ssize_t wrote;
		register size_t still __asm__("rdx") = rest;

		__asm__ volatile("syscall"
				 : "=a"(wrote), "+r"(still)
				 : "a"(SYS_write), "D"(fd), "S"(text + done)
				 : "rcx", "r11", "memory");
		EXPECT(wrote > 0);
		EXPECT(still == rest);
		done += (size_t)wrote;
	}
	return 0;
}

static void test_record__a_short_write_leaves_the_registers_as_they_were(void **state)
{
	(void)state;
	assert_struck(write_loop, "short-write", 0, 1, ENDED_DONE,
		"open 3 0/doc truncates\n"
		"write 3 @0+10 '0' grows +1blk = 1\n"
		"write 3 @1+9 '123456789' grows = 9\n");
	assert_contents("doc", "0123456789");
	assert_struck(write_loop, "short-write", 3, 1, ENDED_DONE,
		"open 3 0/doc truncates\n"
		"write 3 @0+10 '01234' grows +1blk = 5\n"
		"write 3 @5+5 '56' grows = 2\n"
		"write 3 @7+3 '7' grows = 1\n"
		"write 3 @8+2 '89' grows = 2\n");
	assert_contents("doc", "0123456789");
}

static int writev_loop(void)
{
	struct iovec all[3] = {{"0123", 4}, {"45", 2}, {"6789", 4}}, *now = all;
	int fd = open("doc", O_WRONLY | O_TRUNC);
	size_t done = 0;

	while (done < 10) {
		struct iovec before[3];
		ssize_t wrote;

		memcpy(before, all, sizeof(all));
		wrote = writev(fd, now, (int)(all + 3 - now));
		EXPECT(wrote > 0);
		EXPECT(!memcmp(before, all, sizeof(all)));
		done += (size_t)wrote;
		while (now < all + 3 && (size_t)wrote >= now->iov_len)
			wrote -= (ssize_t)now++->iov_len;
		if (now < all + 3) {
			now->iov_base = (char *)now->iov_base + wrote;
			now->iov_len -= (size_t)wrote;
		}
	}
	return 0;
}

static void test_record__a_short_writev_leaves_the_vectors_as_they_were(void **state)
{
	(void)state;
	assert_struck(writev_loop, "short-write", 1, 1, ENDED_DONE,
		"open 3 0/doc truncates\n"
		"writev 3 @0+10 '01234' grows +1blk = 5\n"
		"writev 3 @5+5 '56789' grows = 5\n");
	assert_struck(writev_loop, "short-write", 2, 1, ENDED_DONE,
		"open 3 0/doc truncates\n"
		"writev 3 @0+10 '012345678' grows +1blk = 9\n"
		"writev 3 @9+1 '9' grows = 1\n");
	assert_contents("doc", "0123456789");
}

static int read_briefly(void)
{
	char bytes[12] = {0};
	int fd = open("doc", O_RDONLY);

	EXPECT(read(fd, bytes, 12) == 6);
	EXPECT(!memcmp(bytes, "hello \0\0", 8));
	EXPECT(read(fd, bytes, 12) == 6);
	return 0;
}

static void test_record__a_short_read_moves_the_position_by_what_was_read(void **state)
{
	(void)state;
	assert_struck(read_briefly, "short-write", 1, 1, ENDED_DONE,
		"open 3 0/doc\nread 3 @0+12 = 6\nread 3 @6+6 = 6\n");
}

static char large[3 * 4096];

static int write_pages(void)
{
	int fd = open("doc", O_WRONLY);

	EXPECT(pwrite(fd, large, sizeof(large), 100) == sizeof(large));
	EXPECT(!rename("doc", "done"));
	return 0;
}

static void assert_killed(unsigned variant, uint64_t n, uint64_t size_bytes, const char *name)
{
	struct plan plan = {.fault = fault_named("kill"), .variant = variant, .n = n};
	uint32_t file;

	memset(large, 'x', sizeof(large));
	assert_int_equal(record(write_pages, &plan), 0);
	assert_int_equal(recording.ending, ENDED_STRUCK);
	assert_int_equal(recording.fired, 1);
	assert_int_equal(recording.events[recording.count - 1].kind, EVENT_OP);
	file = tree_lookup(recording.final, TREE_ROOT, name);
	assert_int_equal(file, 3);
	assert_int_equal(tree_file_bytes(recording.final, file), size_bytes);
}

static int copy_loop(void)
{
	int from = open("doc", O_RDONLY), to = open("d/f", O_WRONLY), ends[2];
	ssize_t done, left = 12;

	for (; left; left -= done) {
		done = copy_file_range(from, NULL, to, NULL, (size_t)left, 0);
		if (done < 0)
			done = sendfile(to, from, NULL, (size_t)left);
		EXPECT(done > 0);
	}
	EXPECT(!pipe(ends) && write(ends[1], "one\ntwo\n", 8) == 8);
	for (left = 8; left; left -= done) {
		done = splice(ends[0], NULL, to, NULL, (size_t)left, 0);
		EXPECT(done > 0 || errno == ENOSPC);
		done = done < 0 ? 0 : done;
	}
	return 0;
}

static void test_record__copies_can_be_short_and_fail(void **state)
{
	(void)state;
	assert_struck(copy_loop, "short-write", 1, 1, ENDED_DONE,
		"open 3 0/doc\n"
		"open 2 1/f\n"
		"copy_file_range 2 @0+12 'hello ' grows +1blk = 6\n"
		"copy_file_range 2 @6+6 'world.' grows = 6\n"
		"splice 2 @12+8 'one.two.' grows = 8\n");
	assert_struck(copy_loop, "short-write", 2, 2, ENDED_DONE,
		"open 3 0/doc\n"
		"open 2 1/f\n"
		"copy_file_range 2 @0+12 'hello world.' grows +1blk = 12\n"
		"splice 2 @12+8 'one.two' grows = 7\n"
		"splice 2 @19+1 '.' grows = 1\n");
	assert_struck(copy_loop, "eio", 0, 1, ENDED_DONE,
		"open 3 0/doc\n"
		"open 2 1/f\n"
		"copy_file_range 2 @0+12 grows +1blk = EIO\n"
		"sendfile 2 @0+12 'hello world.' grows +1blk = 12\n"
		"splice 2 @12+8 'one.two.' grows = 8\n");
	/* Of what is in a pipe nothing is known but how much: cuts at 1, 4 and 7. */
	assert_struck(copy_loop, "enospc", 3, 8, ENDED_DONE,
		"open 3 0/doc\n"
		"open 2 1/f\n"
		"copy_file_range 2 @0+12 'hello world.' grows +1blk = 12\n"
		"splice 2 @12+8 'one.two' grows = 7\n"
		"splice 2 @19+1 grows = ENOSPC\n"
		"splice 2 @19+1 '.' grows = 1\n");
}

static void test_record__a_kill_leaves_what_was_done_until_then(void **state)
{
	(void)state;
	/* record_run() has compared with the disk. */
	assert_killed(0, 1, 12, "doc");
	assert_killed(1, 1, 4096, "doc");
	assert_killed(1, 3, 3 * 4096, "doc");
	assert_killed(2, 1, 100 + sizeof(large), "doc");
	assert_killed(0, 2, 100 + sizeof(large), "doc");
	assert_killed(2, 2, 100 + sizeof(large), "done");
}

static int update_carefully(void)
{
	int fd = open("doc", O_WRONLY | O_DSYNC);

	if (fd < 0 || write(fd, "X", 1) != 1 || fsync(fd))
		return -errno;
	return close(fd) ? -errno : 0;
}

static void test_record__the_worker_sees_the_error(void **state)
{
	(void)state;
	assert_struck(update_carefully, "emfile", 0, 1, ENDED_DONE,
		"open 3 0/doc = EMFILE\nrefused: -24\n");
	assert_struck(update_carefully, "enospc", 0, 1, ENDED_DONE,
		"open 3 0/doc\nwrite 3 @0+1 syncs = ENOSPC\nrefused: -28\n");
	assert_struck(update_carefully, "eintr", 0, 3, ENDED_DONE,
		"open 3 0/doc\nwrite 3 @0+1 'X' syncs = 1\nfsync 3 = EINTR\nrefused: -4\n");
	assert_contents("doc", "Xello world\n");
}

static void test_record__a_late_error_comes_after_the_write(void **state)
{
	(void)state;
	assert_struck(update_carefully, "eio", 2, 1, ENDED_DONE,
		"open 3 0/doc\nwrite 3 @0+1 'X' syncs = EIO (really 1)\nrefused: -5\n");
	assert_contents("doc", "Xello world\n");
}

static int close_and_look(void)
{
	int fd = open("doc", O_RDONLY);

	EXPECT(close(fd) == -1 && errno == EIO);
	EXPECT(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
	EXPECT(close(fd) == -1 && errno == EBADF);
	return 0;
}

static void test_record__a_close_that_fails_closes_all_the_same(void **state)
{
	(void)state;
	assert_struck(close_and_look, "eio", 0, 1, ENDED_DONE,
		"open 3 0/doc\nclose 3 = EIO (really 0)\n");
}

/* ---- endings ---- */

static _Noreturn int crash(void)
{
	unlink("doc");
	__builtin_trap();
}

static _Noreturn int leave(void)
{
	_exit(3);
}

static void test_record__a_worker_that_crashes_is_told_from_one_that_was_killed(void **state)
{
	static const struct plan no_fault;

	(void)state;
	assert_int_equal(record(crash, &no_fault), 0);
	assert_int_equal(recording.ending, ENDED_CRASH);
	assert_true(WIFSIGNALED(recording.status) && WTERMSIG(recording.status) == SIGILL);
	assert_recorded("unlink 3 0/doc\n");
	assert_int_equal(record(leave, &no_fault), 0);
	assert_int_equal(recording.ending, ENDED_CRASH);
	assert_true(WIFEXITED(recording.status) && WEXITSTATUS(recording.status) == 3);
}

static _Noreturn int try_for_ever(void)
{
	int fd = open("doc", O_RDONLY);

	for (;;)
		flock(fd, LOCK_SH);
}

static void test_record__a_loop_that_never_gives_up_is_a_hang(void **state)
{
	static const struct plan no_fault;

	(void)state;
	assert_int_equal(record(try_for_ever, &no_fault), 0);
	assert_int_equal(recording.ending, ENDED_ENDLESS);
	assert_int_equal(recording.count, TRACE_MAX_OPS + 1); /* and START */
	recording_release(&recording);
}

static int move_in_from_outside(void)
{
	int fd = open("../outside", O_WRONLY | O_CREAT, 0644);

	EXPECT(write(fd, "Hello world\n", 12) == 12);
	EXPECT(!rename("../outside", "doc"));
	return 0;
}

/* What the harness says on standard error meanwhile is returned; the caller frees it. */
static char *stderr_of(int (*calls)(void), int *err)
{
	static const struct plan no_fault;
	int kept = dup(STDERR_FILENO), fd = memfd_create("stderr", MFD_CLOEXEC);
	char *text = calloc(1, 4096);

	dup2(fd, STDERR_FILENO);
	*err = record(calls, &no_fault);
	dup2(kept, STDERR_FILENO);
	close(kept);
	assert_true(pread(fd, text, 4095, 0) >= 0);
	close(fd);
	return text;
}

static void test_record__what_was_not_followed_is_a_harness_error(void **state)
{
	int err;
	char *text = stderr_of(move_in_from_outside, &err);

	(void)state;
	assert_int_equal(err, -EPROTO);
	assert_string_equal(text, "test: the recording does not replay to the files on disk:\n"
				  "  doc: byte 0: 0x68 expected, 0x48 found\n");
	free(text);
}

static int use_chance(void)
{
	char name[64], bytes[16];
	struct timeval now;
	int fd = open("/dev/urandom", O_RDONLY);

	EXPECT(read(fd, bytes, sizeof(bytes)) == sizeof(bytes));
	EXPECT(getrandom(bytes + 8, 8, 0) == 8);
	EXPECT(!gettimeofday(&now, NULL));
	strcpy(name, "temporary.XXXXXX");
	fd = mkstemp(name);
	EXPECT(write(fd, bytes, sizeof(bytes)) == sizeof(bytes));
	snprintf(name, sizeof(name), "%ld.%ld.%d", (long)time(NULL), (long)now.tv_usec, getpid());
	EXPECT(!symlink("x", name));
	return 0;
}

static XXH128_hash_t hash_of_chance(uint64_t seed, char **text)
{
	struct plan plan = {.seed = seed};

	assert_int_equal(record(use_chance, &plan), 0);
	*text = recording_text();
	return tree_hash(recording.final);
}

static void test_record__the_same_seed_gives_the_same_recording(void **state)
{
	char *a, *b, *c;
	XXH128_hash_t first = hash_of_chance(1, &a);

	(void)state;
	assert_null(strstr(a, "refused"));
	assert_true(XXH128_isEqual(first, hash_of_chance(1, &b)));
	assert_string_equal(a, b);
	assert_false(XXH128_isEqual(first, hash_of_chance(2, &c)));
	free(a);
	free(b);
	free(c);
}

static char *volatile bad_pointer = (char *)8;

static int write_from_a_bad_pointer(void)
{
	int fd = open("doc", O_WRONLY);

	EXPECT(write(fd, bad_pointer, 4) == -1 && errno == EFAULT);
	return 0;
}

static void test_record__a_write_from_a_bad_pointer_is_the_workers_efault(void **state)
{
	static const struct plan no_fault;

	(void)state;
	assert_int_equal(record(write_from_a_bad_pointer, &no_fault), 0);
}

static int open_a_bad_pointer(void)
{
	EXPECT(open(bad_pointer, O_RDONLY) == -1 && errno == EFAULT);
	return 0;
}

static void test_record__a_path_from_a_bad_pointer_is_the_workers_efault(void **state)
{
	static const struct plan no_fault;

	(void)state;
	assert_int_equal(record(open_a_bad_pointer, &no_fault), 0);
}

static int open_a_long_path(void)
{
	char path[PATH_MAX + 100];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	EXPECT(open(path, O_RDONLY) == -1 && errno == ENAMETOOLONG);
	return 0;
}

static void test_record__a_path_that_is_too_long_is_the_workers_error(void **state)
{
	static const struct plan no_fault;

	(void)state;
	assert_int_equal(record(open_a_long_path, &no_fault), 0);
}

static int write_nothing_behind_the_end(void)
{
	int fd = open("doc", O_WRONLY);

	EXPECT(lseek(fd, 100, SEEK_SET) == 100);
	EXPECT(write(fd, "", 0) == 0);
	return 0;
}

static void test_record__a_write_of_nothing_behind_the_end(void **state)
{
	(void)state;
	assert_run(write_nothing_behind_the_end, "open 3 0/doc\nwrite 3 @100+0 '' = 0\n");
}

static int change_the_mode_of_the_directory(void)
{
	EXPECT(!chmod(".", 0750));
	return 0;
}

static void test_record__the_mode_of_the_data_directory(void **state)
{
	(void)state;
	assert_run(change_the_mode_of_the_directory, "chmod 0 0/. 750\n");
}

static int link_a_descriptor(void)
{
	char path[64];
	int fd = open("doc", O_RDONLY);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT(!linkat(AT_FDCWD, path, AT_FDCWD, "again", AT_SYMLINK_FOLLOW));
	return 0;
}

static void test_record__a_link_to_a_descriptor(void **state)
{
	(void)state;
	assert_run(link_a_descriptor, "open 3 0/doc\nlink 3 > 0/again\n");
}

static int link_an_empty_path(void)
{
	int fd = open("doc", O_RDONLY);

	if (linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH))
		EXPECT(errno == ENOENT); /* not allowed to this user */
	return 0;
}

static void test_record__a_link_with_an_empty_path(void **state)
{
	static const struct plan no_fault;

	(void)state;
	assert_int_equal(record(link_an_empty_path, &no_fault), 0);
}

static int link_through_a_symlink(void)
{
	EXPECT(!linkat(AT_FDCWD, "ln", AT_FDCWD, "again", AT_SYMLINK_FOLLOW));
	return 0;
}

static void test_record__a_link_that_follows_a_symlink(void **state)
{
	static const struct plan no_fault;

	(void)state;
	assert_int_equal(record(link_through_a_symlink, &no_fault), 0);
}

static int store_and_acknowledge(void)
{
	int fd = open("doc", O_RDWR);
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	map[0] = 'H';
	EXPECT(!munmap(map, 4096));
	return 0;
}

static void test_record__a_store_is_recorded_before_the_acknowledgement(void **state)
{
	static const struct plan no_fault;

	(void)state;
	assert_int_equal(record(store_and_acknowledge, &no_fault), 0);
	assert_int_equal(recording.events[recording.count - 1].kind, EVENT_ACK);
}

static int writev_constant_vectors(void)
{
	struct iovec *page =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("doc", O_WRONLY);

	page[0] = (struct iovec){large, 4};
	page[1] = (struct iovec){large, 4};
	EXPECT(!mprotect(page, 4096, PROT_READ));
	EXPECT(writev(fd, page, 2) == 7);
	return 0;
}

static void test_record__vectors_in_read_only_memory_can_be_shortened(void **state)
{
	struct plan plan = {.fault = fault_named("short-write"), .variant = 2, .n = 1};

	(void)state;
	assert_int_equal(record(writev_constant_vectors, &plan), 0);
}

static void test_record__a_plan_that_is_refused_can_be_followed_by_another(void **state)
{
	struct plan bad = {.commands = "no such command\n"};
	static const struct plan no_fault;

	(void)state;
	assert_int_equal(record(leave, &bad), -EINVAL);
	assert_int_equal(record(leave, &no_fault), 0);
}

static int map_many_files(void)
{
	for (int i = 0; i < 20; i++) {
		char name[16];
		int fd;

		sprintf(name, "m%d", i);
		fd = open(name, O_RDWR | O_CREAT, 0600);
		EXPECT(!ftruncate(fd, 4096));
		EXPECT(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED);
		EXPECT(!close(fd));
	}
	return 0;
}

static void test_record__many_files_can_be_mapped(void **state)
{
	static const struct plan no_fault;

	(void)state;
	assert_int_equal(record(map_many_files, &no_fault), 0);
}

static int write_on_a_full_disk_nothing(void)
{
	int fd = open("doc", O_WRONLY);

	EXPECT(lseek(fd, 5000, SEEK_SET) == 5000);
	EXPECT(write(fd, "", 0) == 0);
	return 0;
}

static void test_record__a_write_of_nothing_fits_on_a_full_disk(void **state)
{
	struct plan plan = {.fault = fault_named("full-disk"), .variant = 0, .n = 1};

	(void)state;
	assert_int_equal(record(write_on_a_full_disk_nothing, &plan), 0);
	assert_int_equal(recording.fired, 0);
}

static int read_what_cannot_be_read(void)
{
	char bytes[4];
	int fd = open("doc", O_WRONLY);

	EXPECT(read(fd, bytes, 4) == -1 && errno == EBADF);
	return 0;
}

static void test_record__a_read_that_fails_is_recorded_as_failed(void **state)
{
	(void)state;
	assert_run(read_what_cannot_be_read, "open 3 0/doc\nread 3 @0+4 = EBADF\n");
}

static int link_a_symlink(void)
{
	EXPECT(!link("ln", "second"));
	return 0;
}

static void test_record__a_second_name_for_a_symlink(void **state)
{
	(void)state;
	assert_run(link_a_symlink, "link 5 0/ln > 0/second\n");
}

static int write_half_of_a_buffer(void)
{
	char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("doc", O_WRONLY);

	EXPECT(!munmap(two + 4096, 4096));
	EXPECT(write(fd, two + 4090, 10) == 6);
	return 0;
}

static void test_record__a_buffer_that_ends_early_is_a_short_write(void **state)
{
	static const struct plan no_fault;

	(void)state;
	assert_int_equal(record(write_half_of_a_buffer, &no_fault), 0);
}
static int remove_through_proc_self(void)
{
	char path[64];
	int directory = open("d", O_RDONLY | O_DIRECTORY);

	snprintf(path, sizeof(path), "/proc/self/fd/%d/f", directory);
	EXPECT(!unlink(path));
	return 0;
}

static void test_record__proc_self_is_the_worker(void **state)
{
	(void)state;
	assert_run(remove_through_proc_self, "open 1 0/d\nunlink 2 1/f\n");
}

static int raise_a_signal(void)
{
	signal(SIGTERM, SIG_DFL);
	raise(SIGTERM);
	return 0;
}

static void test_record__a_worker_can_signal_itself(void **state)
{
	static const struct plan no_fault;

	(void)state;
	assert_int_equal(record(raise_a_signal, &no_fault), 0);
	assert_int_equal(recording.ending, ENDED_CRASH);
	assert_true(WIFSIGNALED(recording.status) && WTERMSIG(recording.status) == SIGTERM);
}

static _Noreturn int abort_now(void)
{
	abort();
}

static void test_record__a_failed_assertion_is_sigabrt(void **state)
{
	static const struct plan no_fault;

	(void)state;
	assert_int_equal(record(abort_now, &no_fault), 0);
	assert_true(WIFSIGNALED(recording.status) && WTERMSIG(recording.status) == SIGABRT);
}

static int prepare(void)
{
	static const struct plan no_fault;
	struct scratch scratch = {.lock_fd = -1};
	int err = inject_init();

	machine_unmap_clock();
	if (!err)
		err = filter_init(&filter, 0);
	if (!err && scratch_enter(NULL))
		err = -errno;
	strcpy(scratch.path, scratch_path);
	if (!err)
		err = workspace_init(&workspace, &scratch, 0);
	snprintf(data_path, sizeof(data_path), "%s/data", workspace.path);
	return err ? err : record(leave, &no_fault);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record__every_way_to_write),
		cmocka_unit_test(test_record__every_way_to_read),
		cmocka_unit_test(test_record__offsets_are_those_of_the_kernel),
		cmocka_unit_test(test_record__sizes),
		cmocka_unit_test(test_record__syncs_and_locks),
		cmocka_unit_test(test_record__a_write_with_o_dsync_is_a_sync_too),
		cmocka_unit_test(test_record__opens_that_create_truncate_and_fail),
		cmocka_unit_test(test_record__every_kind_of_path),
		cmocka_unit_test(test_record__names),
		cmocka_unit_test(test_record__modes),
		cmocka_unit_test(test_record__files_outside_are_ignored),
		cmocka_unit_test(test_record__an_inode_that_is_used_again_is_a_new_object),
		cmocka_unit_test(test_record__a_new_file_is_bound_to_a_number_that_was_known),
		cmocka_unit_test(test_record__a_file_without_a_name_is_still_the_same_object),
		cmocka_unit_test(test_record__stores_through_a_shared_mapping),
		cmocka_unit_test(test_record__a_short_write_leaves_the_registers_as_they_were),
		cmocka_unit_test(test_record__a_short_writev_leaves_the_vectors_as_they_were),
		cmocka_unit_test(test_record__a_short_read_moves_the_position_by_what_was_read),
		cmocka_unit_test(test_record__copies_can_be_short_and_fail),
		cmocka_unit_test(test_record__a_kill_leaves_what_was_done_until_then),
		cmocka_unit_test(test_record__the_worker_sees_the_error),
		cmocka_unit_test(test_record__a_late_error_comes_after_the_write),
		cmocka_unit_test(test_record__a_close_that_fails_closes_all_the_same),
		cmocka_unit_test(
			test_record__a_worker_that_crashes_is_told_from_one_that_was_killed),
		cmocka_unit_test(test_record__a_loop_that_never_gives_up_is_a_hang),
		cmocka_unit_test(test_record__what_was_not_followed_is_a_harness_error),
		cmocka_unit_test(test_record__the_same_seed_gives_the_same_recording),
		cmocka_unit_test(test_record__a_write_from_a_bad_pointer_is_the_workers_efault),
		cmocka_unit_test(test_record__a_path_from_a_bad_pointer_is_the_workers_efault),
		cmocka_unit_test(test_record__a_path_that_is_too_long_is_the_workers_error),
		cmocka_unit_test(test_record__a_write_of_nothing_behind_the_end),
		cmocka_unit_test(test_record__the_mode_of_the_data_directory),
		cmocka_unit_test(test_record__a_link_to_a_descriptor),
		cmocka_unit_test(test_record__a_link_with_an_empty_path),
		cmocka_unit_test(test_record__a_link_that_follows_a_symlink),
		cmocka_unit_test(test_record__a_store_is_recorded_before_the_acknowledgement),
		cmocka_unit_test(test_record__vectors_in_read_only_memory_can_be_shortened),
		cmocka_unit_test(test_record__many_files_can_be_mapped),
		cmocka_unit_test(test_record__a_write_of_nothing_fits_on_a_full_disk),
		cmocka_unit_test(test_record__a_read_that_fails_is_recorded_as_failed),
		cmocka_unit_test(test_record__a_second_name_for_a_symlink),
		cmocka_unit_test(test_record__a_buffer_that_ends_early_is_a_short_write),
		cmocka_unit_test(test_record__proc_self_is_the_worker),
		cmocka_unit_test(test_record__a_worker_can_signal_itself),
		cmocka_unit_test(test_record__a_failed_assertion_is_sigabrt),
		cmocka_unit_test(test_record__a_plan_that_is_refused_can_be_followed_by_another),
	};
	int err = prepare(), failures = 1;

	if (err == -EPERM)
		fprintf(stderr, "skipped: ptrace or seccomp is not allowed here\n");
	else if (err)
		fprintf(stderr, "cannot record: %s\n", strerror(-err));
	else
		failures = cmocka_run_group_tests(tests, NULL, NULL);
	recording_release(&recording);
	workspace_release(&workspace);
	scratch_leave(NULL);
	filter_release(&filter);
	return err == -EPERM ? 77 : failures;
}
