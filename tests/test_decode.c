/*
 * Calls as operations. The task is this process itself, which needs no tracer: each call is
 * decoded, made, and completed; the tree that follows the operations must be what is on disk.
 * The data directory, where the process is, holds d/ (1) with d/f (2), doc (3) "hello world\n",
 * e/ (4) and the symlink ln (5) to doc; what is made is 6, 7, ...
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/decode.h"
#include "tests/op_text.h"
#include "tests/scratch.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

enum { D = 1, F, DOC, E, LN, FIRST_NEW };

static struct task task;
static struct tree *tree;
static char *text;
static size_t text_size;
static FILE *stream; /* of `text` */
static struct op last_op;
static int directory_fd;

/* ---- calls ---- */

#define ARGUMENT(value) ((uint64_t)(uintptr_t)(value))

/* Makes a call as a traced task would. Returns its result, or -errno. */
static int64_t make_call(long number, const uint64_t a[6])
{
	struct call call = {.number = number};
	struct op op;
	int found;

	memcpy(call.args, a, sizeof(call.args));
	task.tree = tree;
	found = decode_entry(&task, &call, &op);
	assert_true(found >= 0);
	call.result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (call.result < 0)
		call.result = -errno;
	if (!found) {
		op_release(&op);
		return call.result;
	}
	assert_int_equal(decode_exit(&task, &call, &op), 0);
	assert_int_equal(tree_apply(&tree, &op), 0);
	op_text_add(stream, &op);
	op_release(&last_op);
	last_op = op;
	return call.result;
}

#define CALL(name, ...) make_call(SYS_##name, (uint64_t[6]){__VA_ARGS__})

/* Made without anybody looking. */
static int open_unseen(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	assert_true(fd >= 0);
	return fd;
}

static void assert_replays(void)
{
	struct tree_notes notes;
	struct tree *found;

	assert_int_equal(tree_load_noting(directory_fd, &found, NULL, &notes), 0);
	if (!XXH128_isEqual(tree_hash(tree), tree_hash(found))) {
		tree_print_difference(tree, found, stderr);
		fail_msg("the operations do not lead to what is on disk");
	}
	tree_unref(found);
}

/* The operations since the start, or the last time. */
static void assert_seen(const char *expected)
{
	fflush(stream);
	assert_string_equal(text, expected);
	fclose(stream);
	free(text);
	stream = open_memstream(&text, &text_size);
	assert_replays();
}

static void put(const char *name, const char *contents)
{
	int fd = open_unseen(name, O_WRONLY | O_CREAT | O_TRUNC);

	assert_int_equal(write(fd, contents, strlen(contents)), strlen(contents));
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	if (scratch_enter(NULL) || mkdir("data", 0755) || chdir("data") || mkdir("d", 0755) ||
		mkdir("e", 0755) || symlink("doc", "ln"))
		return -1;
	put("doc", "hello world\n");
	put("d/f", "");
	directory_fd = open_unseen(".", O_RDONLY | O_DIRECTORY);
	task = (struct task){.pid = getpid(), .process = getpid(), .inodes = inode_map_new()};
	task.pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	stream = open_memstream(&text, &text_size);
	return tree_load(directory_fd, &tree, task.inodes);
}

static int tear_down(void **state)
{
	(void)state;
	fclose(stream);
	free(text);
	op_release(&last_op);
	tree_unref(tree);
	inode_map_free(task.inodes);
	close(task.pidfd);
	close(directory_fd);
	close_range(3, ~0U, 0);
	return scratch_leave(NULL);
}

/* ---- copies ---- */

static void test_decode__sendfile_writes_what_it_reads(void **state)
{
	int to = open_unseen("d/f", O_WRONLY), from = open_unseen("doc", O_RDONLY);
	off_t offset = 6;

	(void)state;
	assert_int_equal(CALL(sendfile, ARGUMENT(to), ARGUMENT(from), 0, 5), 5);
	assert_int_equal(CALL(sendfile, ARGUMENT(to), ARGUMENT(from), ARGUMENT(&offset), 99), 6);
	assert_seen("sendfile 2 @0+5 'hello' grows +1blk = 5\n"
		    "sendfile 2 @5+6 'world.' grows = 6\n");
	assert_int_equal(CALL(sendfile, ARGUMENT(to), ARGUMENT(from), ARGUMENT(&offset), 99), 0);
	assert_seen("sendfile 2 @11+0 '' = 0\n");
}

static void test_decode__copy_file_range_uses_offsets_and_positions(void **state)
{
	int to = open_unseen("d/f", O_RDWR), from = open_unseen("doc", O_RDONLY);
	int append = open_unseen("d/f", O_WRONLY | O_APPEND);
	loff_t in = 1, out = 3;

	(void)state;
	assert_int_equal(CALL(copy_file_range, ARGUMENT(from), ARGUMENT(&in), ARGUMENT(to),
				 ARGUMENT(&out), 4, 0),
		4);
	assert_int_equal(CALL(copy_file_range, ARGUMENT(from), 0, ARGUMENT(to), 0, 1 << 30, 0), 12);
	assert_int_equal(
		CALL(copy_file_range, ARGUMENT(from), 0, ARGUMENT(append), 0, 9, 0), -EBADF);
	assert_seen("copy_file_range 2 @3+4 'ello' grows +1blk = 4\n"
		    "copy_file_range 2 @0+12 'hello world.' grows = 12\n"
		    "copy_file_range 2 @12+0 = EBADF\n");
}

static void test_decode__what_comes_out_of_a_pipe_is_read_back(void **state)
{
	int to = open_unseen("d/f", O_WRONLY), ends[2];
	loff_t out = 7;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "from a pipe", 11), 11);
	assert_int_equal(CALL(splice, ARGUMENT(ends[0]), 0, ARGUMENT(to), 0, 4, 0), 4);
	assert_true(last_op.may_wait);
	assert_int_equal(
		CALL(splice, ARGUMENT(ends[0]), 0, ARGUMENT(to), ARGUMENT(&out), 100, 0), 7);
	assert_seen("splice 2 @0+4 'from' grows +1blk = 4\n"
		    "splice 2 @7+7 ' a pipe' grows = 7\n");
}

static void test_decode__a_copy_to_elsewhere_is_a_read(void **state)
{
	int from = open_unseen("doc", O_RDONLY), ends[2];
	loff_t in = 6;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(
		CALL(splice, ARGUMENT(from), ARGUMENT(&in), ARGUMENT(ends[1]), 0, 3, 0), 3);
	assert_int_equal(last_op.kind, OP_READ);
	assert_false(last_op.is_allowed); /* its result is not known before */
	assert_seen("splice 3 @6+3 = 3\n");
}

static void test_decode__which_argument_is_the_count(void **state)
{
	(void)state;
	assert_int_equal(decode_count_argument(SYS_write), 2);
	assert_int_equal(decode_count_argument(SYS_pwritev2), 2);
	assert_int_equal(decode_count_argument(SYS_sendfile), 3);
	assert_int_equal(decode_count_argument(SYS_splice), 4);
	assert_int_equal(decode_count_argument(SYS_copy_file_range), 4);
}

/* Another one has moved the position in between: here it is decoded before. */
static void test_decode__a_position_is_what_it_was_when_the_write_took_place(void **state)
{
	int fd = open_unseen("doc", O_RDWR);
	struct call call = {.number = SYS_write, .args = {ARGUMENT(fd), ARGUMENT("HE"), 2}};
	struct op op;

	(void)state;
	task.tree = tree;
	assert_int_equal(decode_entry(&task, &call, &op), 1);
	assert_int_equal(op.offset, 0);
	lseek(fd, 6, SEEK_SET);
	call.result = write(fd, "HE", 2);
	assert_int_equal(decode_exit(&task, &call, &op), 0);
	assert_int_equal(op.offset, 6);
	op_release(&op);
}

/* The same of a copy. */
static void test_decode__a_copy_is_where_the_position_was_then(void **state)
{
	int to = open_unseen("d/f", O_WRONLY), from = open_unseen("doc", O_RDONLY);
	struct call call = {.number = SYS_sendfile, .args = {ARGUMENT(to), ARGUMENT(from), 0, 5}};
	struct op op;

	(void)state;
	task.tree = tree;
	assert_int_equal(decode_entry(&task, &call, &op), 1);
	lseek(to, 100, SEEK_SET);
	call.result = syscall(SYS_sendfile, to, from, NULL, 5);
	assert_int_equal(call.result, 5);
	assert_int_equal(decode_exit(&task, &call, &op), 0);
	assert_int_equal(op.offset, 100);
	assert_memory_equal(op.data, "hello", 5);
	op_release(&op);
}

/* ---- holes ---- */

static void test_decode__holes_and_zeros(void **state)
{
	int fd = open_unseen("doc", O_RDWR);
	const int hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	(void)state;
	assert_int_equal(CALL(ftruncate, ARGUMENT(fd), 12288), 0);
	assert_int_equal(CALL(fallocate, ARGUMENT(fd), ARGUMENT(hole), 1, 3), 0);
	assert_int_equal(CALL(fallocate, ARGUMENT(fd), ARGUMENT(hole), 8192, 99999), 0);
	assert_seen("ftruncate 3 to 12288 grows\n"
		    "fallocate 3 @1+3 hole keeps-size\n"
		    "fallocate 3 @8192+99999 hole keeps-size\n");
	if (CALL(fallocate, ARGUMENT(fd), FALLOC_FL_ZERO_RANGE, 5, 12288) == -EOPNOTSUPP)
		return;
	assert_seen("fallocate 3 @5+12288 grows zeros +3blk\n");
	assert_int_equal(tree_file_bytes(tree, DOC), 12293);
	assert_int_equal(CALL(fallocate, ARGUMENT(fd), FALLOC_FL_COLLAPSE_RANGE, 1, 1), -EINVAL);
	assert_seen("");
}

/* ---- names ---- */

static void test_decode__a_file_without_a_name_can_get_one(void **state)
{
	char path[64];
	int fd = (int)CALL(openat, ARGUMENT(AT_FDCWD), ARGUMENT("d"), O_TMPFILE | O_RDWR, 0640);

	(void)state;
	if (fd == -EOPNOTSUPP)
		skip();
	assert_true(fd > 0);
	assert_int_equal(CALL(write, ARGUMENT(fd), ARGUMENT("tmp"), 3), 3);
	assert_seen("open 6 640 creates\n"
		    "write 6 @0+3 'tmp' grows +1blk = 3\n");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(CALL(linkat, ARGUMENT(AT_FDCWD), ARGUMENT(path), ARGUMENT(AT_FDCWD),
				 ARGUMENT("e/named"), AT_SYMLINK_FOLLOW),
		0);
	assert_int_equal(CALL(write, ARGUMENT(fd), ARGUMENT("!"), 1), 1);
	assert_seen("link 6 > 4/named\n"
		    "write 6 @3+1 '!' grows = 1\n");
}

static void test_decode__mknod_makes_files(void **state)
{
	(void)state;
	assert_int_equal(CALL(mknod, ARGUMENT("node"), S_IFREG | 0600, 0), 0);
	assert_int_equal(CALL(mknodat, ARGUMENT(AT_FDCWD), ARGUMENT("d/node"), 0666, 0), 0);
	assert_int_equal(CALL(mknod, ARGUMENT("doc"), 0644, 0), -EEXIST);
	assert_seen("mknod 6 0/node 600 creates\n"
		    "mknod 7 1/node 644 creates\n"
		    "mknod 8 0/doc creates = EEXIST\n");
	assert_int_equal(CALL(chmod, ARGUMENT("d/node"), 0700), 0);
	assert_seen("chmod 7 1/node 700\n");
}

static void test_decode__what_no_tree_holds_is_no_operation(void **state)
{
	(void)state;
	/* Others can see it: a look at everything. */
	assert_int_equal(CALL(mknod, ARGUMENT("fifo"), S_IFIFO | 0600, 0), 0);
	assert_int_equal(last_op.kind, OP_LOOK);
	assert_seen("other call 0/fifo\n");
	assert_int_equal(CALL(chmod, ARGUMENT("fifo"), 0644), 0);
	assert_int_equal(CALL(rename, ARGUMENT("fifo"), ARGUMENT("d/fifo")), 0);
	assert_int_equal(CALL(link, ARGUMENT("d/fifo"), ARGUMENT("fifo2")), 0);
	assert_int_equal(CALL(unlink, ARGUMENT("fifo2")), 0);
	assert_seen("");
	/* But what it takes the place of is gone. */
	assert_int_equal(CALL(rename, ARGUMENT("d/fifo"), ARGUMENT("doc")), 0);
	assert_int_equal(last_op.kind, OP_UNLINK);
	assert_seen("rename 3 0/doc\n");
	assert_int_equal(CALL(renameat2, ARGUMENT(AT_FDCWD), ARGUMENT("doc"), ARGUMENT(AT_FDCWD),
				 ARGUMENT("d/f"), RENAME_EXCHANGE),
		0);
	assert_int_equal(last_op.kind, OP_RENAME);
	assert_seen("rename 2 1/f > 0/doc\n");
	assert_int_equal(CALL(renameat2, ARGUMENT(AT_FDCWD), ARGUMENT("doc"), ARGUMENT(AT_FDCWD),
				 ARGUMENT("d/f"), RENAME_EXCHANGE),
		0);
	assert_seen("rename 2 0/doc > 1/f\n");
	assert_int_equal(CALL(unlink, ARGUMENT("doc")), 0);
	assert_int_equal(CALL(unlink, ARGUMENT("nothing")), -ENOENT);
	assert_seen("unlink 0/nothing = ENOENT\n");
}

static void test_decode__what_moves_out_has_lost_its_name(void **state)
{
	int fd = open_unseen("doc", O_RDWR);

	(void)state;
	assert_int_equal(CALL(rename, ARGUMENT("doc"), ARGUMENT("../outside")), 0);
	assert_int_equal(last_op.kind, OP_UNLINK);
	assert_int_equal(CALL(rename, ARGUMENT("d"), ARGUMENT("../outer")), 0);
	assert_int_equal(last_op.kind, OP_RMDIR);
	assert_seen("rename 3 0/doc\n"
		    "rename 1 0/d\n");
	/* It is somebody else's now. */
	assert_int_equal(CALL(write, ARGUMENT(fd), ARGUMENT("x"), 1), 1);
	assert_seen("");
}

/* A number of an inode says little once it has lost its name. */
static void test_decode__a_file_elsewhere_is_not_taken_for_one_that_is_gone(void **state)
{
	int fd = open_unseen("doc", O_RDWR);
	struct stat st;

	(void)state;
	assert_int_equal(CALL(unlink, ARGUMENT("doc")), 0);
	assert_int_equal(CALL(write, ARGUMENT(fd), ARGUMENT("x"), 1), 1);
	assert_seen("unlink 3 0/doc\n"
		    "write 3 @0+1 'x' = 1\n");
	put("../other", "");
	assert_int_equal(stat("../other", &st), 0);
	assert_int_equal(inode_map_set(task.inodes, st.st_dev, st.st_ino, DOC), 0);
	inode_map_orphan(task.inodes, DOC);
	fd = open_unseen("../other", O_RDWR);
	assert_int_equal(CALL(write, ARGUMENT(fd), ARGUMENT("x"), 1), 1);
	assert_seen("");
}

static void test_decode__a_fifo_is_not_taken_for_a_file_that_is_gone(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(stat("fifo", &st), 0);
	assert_int_equal(inode_map_set(task.inodes, st.st_dev, st.st_ino, DOC), 0);
	assert_int_equal(CALL(chmod, ARGUMENT("fifo"), 0666), 0);
	assert_seen("");
}

static void test_decode__one_of_two_names_can_go(void **state)
{
	int fd = open_unseen("doc", O_RDWR);

	(void)state;
	assert_int_equal(CALL(link, ARGUMENT("doc"), ARGUMENT("d/second")), 0);
	assert_int_equal(CALL(unlink, ARGUMENT("doc")), 0);
	assert_int_equal(CALL(write, ARGUMENT(fd), ARGUMENT("x"), 1), 1);
	assert_int_equal(CALL(rename, ARGUMENT("d/f"), ARGUMENT("d/second")), 0);
	assert_int_equal(CALL(write, ARGUMENT(fd), ARGUMENT("y"), 1), 1);
	assert_seen("link 3 0/doc > 1/second\n"
		    "unlink 3 0/doc\n"
		    "write 3 @0+1 'x' = 1\n"
		    "rename 2 1/f > 1/second\n"
		    "write 3 @1+1 'y' = 1\n");
}

/* ---- attributes ---- */

static void test_decode__attributes_are_seen(void **state)
{
	int fd = open_unseen("doc", O_RDWR);
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 2}};

	(void)state;
	assert_int_equal(CALL(fchown, ARGUMENT(fd), getuid(), getgid()), 0);
	assert_int_equal(CALL(lchown, ARGUMENT("ln"), getuid(), getgid()), 0);
	assert_int_equal(CALL(chown, ARGUMENT("ln"), getuid(), getgid()), 0);
	assert_int_equal(
		CALL(fchownat, ARGUMENT(fd), ARGUMENT(""), getuid(), getgid(), AT_EMPTY_PATH), 0);
	assert_int_equal(
		CALL(utimensat, ARGUMENT(AT_FDCWD), ARGUMENT("d/f"), ARGUMENT(times), 0), 0);
	assert_int_equal(CALL(utimensat, ARGUMENT(fd), 0, ARGUMENT(times), 0), 0);
	assert_int_equal(CALL(sync_file_range, ARGUMENT(fd), 0, 0, 0), 0);
	assert_int_equal(last_op.kind, OP_METADATA);
	assert_seen("chown 3\n"
		    "chown 5 0/ln\n"
		    "chown 3 0/ln\n"
		    "chown 3\n"
		    "utime 2 1/f\n"
		    "utime 3\n"
		    "sync_file_range 3\n");
	put("../other", "");
	assert_int_equal(CALL(chmod, ARGUMENT("../other"), 0600), 0);
	assert_int_equal(CALL(utime, ARGUMENT("../other"), 0), 0);
	assert_seen("");
}

static void test_decode__bits_that_change_along_are_a_chmod(void **state)
{
	int fd = open_unseen("doc", O_RDWR);

	(void)state;
	assert_int_equal(CALL(fchmod, ARGUMENT(fd), 04755), 0);
	assert_int_equal(CALL(fchown, ARGUMENT(fd), getuid(), getgid()), 0);
	assert_int_equal(last_op.kind, OP_CHMOD);
	assert_seen("chmod 3 4755\n"
		    "chown 3 755\n");
}

static void test_decode__fchmodat2(void **state)
{
	int fd = open_unseen("doc", O_RDWR);
	int64_t result = CALL(fchmodat2, ARGUMENT(fd), ARGUMENT(""), 0600, AT_EMPTY_PATH);

	(void)state;
	if (result == -ENOSYS)
		skip();
	assert_int_equal(result, 0);
	assert_int_equal(CALL(fchmodat2, ARGUMENT(AT_FDCWD), ARGUMENT("ln"), 0640, 0), 0);
	assert_int_equal(
		CALL(fchmodat2, ARGUMENT(AT_FDCWD), ARGUMENT("ln"), 0640, AT_SYMLINK_NOFOLLOW),
		-EOPNOTSUPP);
	assert_seen("chmod 3 600\n"
		    "chmod 3 0/ln 640\n"
		    "chmod 5 0/ln = EOPNOTSUPP\n");
}

/* ---- mappings ---- */

static void test_decode__msync_is_about_its_range(void **state)
{
	int fd = open_unseen("doc", O_RDWR);
	char *bytes;

	(void)state;
	assert_int_equal(CALL(ftruncate, ARGUMENT(fd), 16384), 0);
	/* There are no changes in these that a file could get. */
	bytes = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096);
	assert_true(bytes != MAP_FAILED);
	assert_int_equal(CALL(msync, ARGUMENT(bytes), 8192, MS_SYNC), 0);
	munmap(bytes, 8192);
	bytes = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	assert_true(bytes != MAP_FAILED);
	assert_int_equal(CALL(msync, ARGUMENT(bytes + 4096), 4096, MS_SYNC), 0);
	assert_int_equal(last_op.kind, OP_FDATASYNC);
	assert_int_equal(CALL(msync, ARGUMENT(bytes), 8192, MS_ASYNC), 0);
	assert_int_equal(unlink("doc"), 0);
	assert_int_equal(CALL(msync, ARGUMENT(bytes), 8192, MS_SYNC), 0);
	munmap(bytes, 8192);
	put("doc", "hello world\n");
	fflush(stream);
	assert_string_equal(text, "ftruncate 3 to 16384 grows\n"
				  "msync 3 @8192+4096\n"
				  "msync 3 @4096+8192\n");
}

/* ---- the end of open files ---- */

static int open_emptied(const char *name)
{
	int64_t fd = CALL(open, ARGUMENT(name), O_RDWR | O_TRUNC, 0);

	assert_true(fd > 0);
	task.tree = tree;
	return (int)fd;
}

static void test_decode__a_close_is_the_last_if_nothing_else_refers_to_the_file(void **state)
{
	int fd = open_emptied("doc"), copy = dup(fd), other = open_unseen("doc", O_RDWR);
	void *bytes;

	(void)state;
	assert_true(tree_was_emptied(tree, DOC));
	assert_int_equal(CALL(close, ARGUMENT(fd)), 0);
	assert_false(last_op.is_last);
	assert_int_equal(write(copy, "text", 4), 4);
	bytes = mmap(NULL, 4096, PROT_READ, MAP_SHARED, copy, 0);
	assert_true(bytes != MAP_FAILED);
	assert_false(decode_is_last(&task, copy, DOC));
	munmap(bytes, 4096);
	/* Another opening is another file. */
	assert_true(decode_is_last(&task, copy, DOC));
	close(copy);
	close(other);
	/* Nobody depends on it. */
	fd = open_unseen("d/f", O_RDWR);
	copy = dup(fd);
	assert_true(decode_is_last(&task, fd, F));
}

/* A child that has what was open, until its end of the pipe is closed. */
static pid_t fork_holder(int pipe_fd[2])
{
	char byte;
	pid_t pid;

	assert_int_equal(pipe(pipe_fd), 0);
	pid = fork();
	if (!pid) {
		close(pipe_fd[1]);
		_exit(read(pipe_fd[0], &byte, 1) != 0);
	}
	close(pipe_fd[0]);
	return pid;
}

static void test_decode__another_process_can_hold_a_file_open(void **state)
{
	int fd = open_emptied("doc"), ends[2];
	pid_t pids[2] = {getpid(), fork_holder(ends)};

	(void)state;
	task.peers = pids;
	task.peer_count = 2;
	assert_false(decode_is_last(&task, fd, DOC));
	close(ends[1]);
	assert_int_equal(waitpid(pids[1], NULL, 0), pids[1]);
	assert_true(decode_is_last(&task, fd, DOC));
	task.peer_count = 0;
}

static void test_decode__dup2_closes_what_had_the_number(void **state)
{
	int fd = open_emptied("doc"), other = open_unseen("d/f", O_RDWR);

	(void)state;
	assert_seen("open 3 0/doc truncates\n");
	assert_int_equal(CALL(dup2, ARGUMENT(fd), ARGUMENT(fd)), fd);
	assert_int_equal(CALL(dup2, 999, ARGUMENT(fd)), -EBADF);
	assert_int_equal(CALL(dup3, ARGUMENT(other), ARGUMENT(fd), 1), -EINVAL);
	assert_int_equal(CALL(dup3, ARGUMENT(other), 99, 0), 99);
	assert_seen("");
	assert_int_equal(CALL(dup2, ARGUMENT(other), ARGUMENT(fd)), fd);
	assert_int_equal(last_op.kind, OP_CLOSE);
	assert_true(last_op.is_last);
	fflush(stream);
	assert_non_null(strstr(text, "dup 3"));
}

struct closes {
	unsigned count;
	uint32_t objects[8];
};

static int note_close(void *context, struct op *op)
{
	struct closes *closes = context;

	assert_int_equal(op->kind, OP_CLOSE);
	assert_true(op->is_last && !op->effect && !op->result);
	assert_true(op->point >= POINT_FAULTS); /* never struck */
	closes->objects[closes->count++] = op->object;
	op_release(op);
	return 0;
}

static void assert_closes(bool is_exec, unsigned count)
{
	struct closes closes = {0};

	task.tree = tree;
	assert_int_equal(decode_closes(&task, is_exec, note_close, &closes), 0);
	assert_int_equal(closes.count, count);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(closes.objects[i], DOC);
}

static void test_decode__what_is_open_at_the_end_is_closed(void **state)
{
	int fd = open_emptied("doc"), ends[2], copy;
	pid_t pids[2] = {getpid(), 0};

	(void)state;
	open_unseen("d/f", O_RDWR); /* not emptied: of no interest */
	assert_closes(false, 1);
	assert_closes(true, 0);
	assert_int_equal(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
	assert_closes(true, 1);
	copy = dup(fd);
	/* One open file, two descriptors: one of them survives an exec. */
	assert_closes(false, 1);
	assert_closes(true, 0);
	assert_int_equal(fcntl(copy, F_SETFD, FD_CLOEXEC), 0);
	assert_closes(true, 1);
	pids[1] = fork_holder(ends);
	task.peers = pids;
	task.peer_count = 2;
	assert_closes(false, 0);
	close(ends[1]);
	waitpid(pids[1], NULL, 0);
	assert_closes(false, 1);
	task.peer_count = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_decode__##name, set_up, tear_down)
		TEST(sendfile_writes_what_it_reads),
		TEST(copy_file_range_uses_offsets_and_positions),
		TEST(what_comes_out_of_a_pipe_is_read_back),
		TEST(a_copy_to_elsewhere_is_a_read),
		TEST(which_argument_is_the_count),
		TEST(a_position_is_what_it_was_when_the_write_took_place),
		TEST(a_copy_is_where_the_position_was_then),
		TEST(holes_and_zeros),
		TEST(a_file_without_a_name_can_get_one),
		TEST(mknod_makes_files),
		TEST(what_no_tree_holds_is_no_operation),
		TEST(what_moves_out_has_lost_its_name),
		TEST(a_file_elsewhere_is_not_taken_for_one_that_is_gone),
		TEST(a_fifo_is_not_taken_for_a_file_that_is_gone),
		TEST(one_of_two_names_can_go),
		TEST(attributes_are_seen),
		TEST(bits_that_change_along_are_a_chmod),
		TEST(fchmodat2),
		TEST(msync_is_about_its_range),
		TEST(a_close_is_the_last_if_nothing_else_refers_to_the_file),
		TEST(another_process_can_hold_a_file_open),
		TEST(dup2_closes_what_had_the_number),
		TEST(what_is_open_at_the_end_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
