/*
 * A program that makes every call that can change a file, in the current directory, from several
 * processes and threads. It is recorded as anybody's program would be; built twice, for a static
 * one has no loader and another start.
 *
 * every_call            as anywhere
 * every_call recorded   what the recorder refuses must be refused
 *
 * Prints nothing and exits with 0 when each call did what it should. What a file system or a user
 * may not do is left out without a word: these are tests of the recorder, not of the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

enum { PAGE = 4096, TASKS = 4, ROUNDS = 10 };

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static bool is_recorded;
static char self[4096]; /* the program */

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition,        \
				strerror(errno));                                                  \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* ---- help ---- */

static int make(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	return fd;
}

static void expect(const char *name, const char *text)
{
	char found[256];
	int fd = open(name, O_RDONLY);
	ssize_t got = read(fd, found, sizeof(found) - 1);

	CHECK(fd >= 0 && got >= 0);
	found[got] = 0;
	CHECK(!strcmp(found, text));
	close(fd);
}

static void await(pid_t pid)
{
	int status;

	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
}

/* ---- data ---- */

static void write_in_every_way(void)
{
	struct iovec two[2] = {{(void *)"one", 3}, {(void *)"TWO", 3}};
	int fd = make("writes", "..........");

	CHECK(pwrite(fd, "P", 1, 0) == 1);
	CHECK(lseek(fd, 1, SEEK_SET) == 1 && writev(fd, two, 2) == 6);
	CHECK(pwritev(fd, two, 2, 10) == 6);
	CHECK(pwritev2(fd, two, 1, -1, 0) == 3);
	CHECK(pwritev2(fd, two, 1, 16, RWF_DSYNC) == 3);
	if (pwritev2(fd, two, 1, 0, RWF_APPEND) != 3)
		CHECK(errno == EOPNOTSUPP && pwrite(fd, "one", 3, 19) == 3);
	close(fd);
	expect("writes", "PoneTWOoneoneTWOoneone");
}

static void share_positions(void)
{
	int fd = open("shared", O_WRONLY | O_CREAT | O_APPEND, 0600), copy = dup(fd);
	pid_t pid;

	CHECK(fd >= 0 && copy >= 0);
	CHECK(write(fd, "1", 1) == 1 && write(copy, "2", 1) == 1);
	CHECK(pwrite(fd, "3", 1, 0) == 1); /* Linux appends */
	close(copy);
	close(fd);
	fd = open("shared", O_RDWR);
	CHECK(lseek(fd, 3, SEEK_SET) == 3);
	pid = fork();
	if (!pid) {
		CHECK(write(fd, "child", 5) == 5 && lseek(fd, -1, SEEK_CUR) == 7);
		_exit(0);
	}
	await(pid);
	CHECK(write(fd, "-parent", 7) == 7);
	close(fd);
	expect("shared", "123chil-parent");
}

static void copy_between_descriptors(void)
{
	int from = make("from", "0123456789"), to = make("to", ""), append, ends[2];
	off_t start = 2;
	loff_t in = 4, out = 20;
	char text[8];

	CHECK(sendfile(to, from, &start, 4) == 4 && start == 6);
	CHECK(lseek(from, 8, SEEK_SET) == 8 && sendfile(to, from, NULL, 100) == 2);
	expect("to", "234589");
	if (copy_file_range(from, &in, to, &out, 3, 0) < 0) {
		CHECK(errno == EXDEV || errno == EOPNOTSUPP || errno == ENOSYS);
		CHECK(pwrite(to, "456", 3, 20) == 3);
	} else {
		CHECK(in == 7 && out == 23);
	}
	CHECK(lseek(from, 0, SEEK_SET) == 0);
	if (copy_file_range(from, NULL, to, NULL, 100, 0) < 0)
		CHECK(pwrite(to, "0123456789", 10, 6) == 10);
	CHECK(!pipe(ends) && write(ends[1], "pipes", 5) == 5);
	CHECK(lseek(to, 1, SEEK_SET) == 1);
	CHECK(splice(ends[0], NULL, to, NULL, 2, 0) == 2);
	out = 18;
	CHECK(splice(ends[0], NULL, to, &out, 100, 0) == 3 && out == 21);
	in = 0;
	CHECK(splice(from, &in, ends[1], NULL, 4, 0) == 4);
	CHECK(read(ends[0], text, sizeof(text)) == 4 && !memcmp(text, "0123", 4));
	append = open("to", O_WRONLY | O_APPEND);
	CHECK(append >= 0 && copy_file_range(from, &in, append, NULL, 1, 0) < 0);
	CHECK(pread(to, text, 8, 16) == 7 && !memcmp(text, "\0\0pes56", 7));
	close(append);
	close(ends[0]);
	close(ends[1]);
	close(from);
	close(to);
}

static void allocate(void)
{
	static const int modes[] = {0, FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE};
	static char page[PAGE];
	int fd = make("holes", "");

	memset(page, 'h', sizeof(page));
	for (int i = 0; i < 10; i++)
		CHECK(write(fd, page, sizeof(page)) == PAGE);
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		CHECK(!fallocate(fd, modes[i], (off_t)i * 2 * PAGE + 100, PAGE + 50) ||
			errno == EOPNOTSUPP);
		CHECK(!fallocate(fd, modes[i], (off_t)(20 + i) * PAGE, 10) || errno == EOPNOTSUPP);
	}
	if (is_recorded)
		CHECK(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE) && errno == EOPNOTSUPP);
	CHECK(!truncate("holes", 3) && !ftruncate(fd, 2 * PAGE) && !ftruncate(fd, 5000));
	close(fd);
	fd = creat("holes", 0644);
	CHECK(fd >= 0 && write(fd, "again", 5) == 5);
	close(fd);
}

static void sync_in_every_way(void)
{
	int fd = make("synced", "synced"), directory = open(".", O_RDONLY | O_DIRECTORY);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	CHECK(!fsync(fd) && !fdatasync(fd) && !fsync(directory) && !syncfs(fd));
	CHECK(!sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) || errno == ENOSYS);
	sync();
	CHECK(!flock(fd, LOCK_EX) && !flock(fd, LOCK_UN) && !fcntl(fd, F_SETLK, &lock));
	close(directory);
	close(fd);
	fd = open("synced", O_WRONLY | O_DSYNC);
	CHECK(write(fd, "S", 1) == 1);
	close(fd);
}

/* ---- names ---- */

static void change_names(void)
{
	CHECK(!mkdir("d", 0755) && !mkdirat(AT_FDCWD, "d/inner", 0700));
	close(make("d/a", "a"));
	close(make("d/b", "b"));
	CHECK(!link("d/a", "d/link") && !linkat(AT_FDCWD, "d/a", AT_FDCWD, "second", 0));
	CHECK(!symlink("d/a", "symbolic") && !symlinkat("nowhere", AT_FDCWD, "dangling"));
	CHECK(!renameat2(AT_FDCWD, "d/a", AT_FDCWD, "d/b", RENAME_EXCHANGE) || errno == EINVAL);
	CHECK(renameat2(AT_FDCWD, "d/a", AT_FDCWD, "d/b", RENAME_NOREPLACE) &&
		(errno == EEXIST || errno == EINVAL));
	CHECK(!renameat2(AT_FDCWD, "d/link", AT_FDCWD, "d/moved", RENAME_NOREPLACE) ||
		(errno == EINVAL && !rename("d/link", "d/moved")));
	CHECK(!rename("d/inner", "inner") && !rename("second", "d/b"));
	CHECK(!renameat(AT_FDCWD, "d/moved", AT_FDCWD, "inner/moved"));
	CHECK(!unlink("dangling") && !unlinkat(AT_FDCWD, "inner/moved", 0) && !rmdir("inner"));
	CHECK(!mkdir("gone", 0755) && !unlinkat(AT_FDCWD, "gone", AT_REMOVEDIR));
	CHECK(unlink("never was") && errno == ENOENT);
}

static void make_nodes(void)
{
	CHECK(!mknod("node", S_IFREG | 0600, 0) && !mknodat(AT_FDCWD, "node2", 0640, 0));
	close(make("replaced", "by a fifo"));
	CHECK(!mknod("fifo", S_IFIFO | 0600, 0) && !chmod("fifo", 0644));
	CHECK(!link("fifo", "fifo2") && !rename("fifo", "replaced"));
	CHECK(!renameat2(AT_FDCWD, "replaced", AT_FDCWD, "node2", RENAME_EXCHANGE) ||
		errno == EINVAL);
	/* Whichever of the two it is now. */
	CHECK(!unlink("replaced") && !unlink("node2") && !unlink("fifo2"));
	close(make("node2", "a file again"));
}

static void make_without_a_name(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0644), other;
	char path[64];

	if (fd < 0) {
		CHECK(errno == EOPNOTSUPP || errno == EISDIR);
		return;
	}
	CHECK(write(fd, "nameless", 8) == 8);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(!linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	CHECK(write(fd, "!", 1) == 1);
	close(fd);
	expect("named", "nameless!");
	fd = open(".", O_TMPFILE | O_WRONLY, 0600);
	CHECK(fd >= 0 && write(fd, "2", 1) == 1);
	/* Some kernels let only root do so. */
	CHECK(!linkat(fd, "", AT_FDCWD, "named2", AT_EMPTY_PATH) || errno == ENOENT);
	other = openat(AT_FDCWD, ".", O_TMPFILE | O_RDWR, 0600);
	CHECK(other >= 0 && write(other, "never linked", 12) == 12);
	close(other);
	close(fd);
}

static void use_a_moved_directory(void)
{
	struct open_how how = {.flags = O_WRONLY | O_CREAT, .mode = 0644};
	int fd, directory;

	CHECK(!mkdir("before", 0755));
	directory = open("before", O_RDONLY | O_DIRECTORY);
	CHECK(directory >= 0 && !rename("before", "after"));
	fd = openat(directory, "inside", O_WRONLY | O_CREAT | O_EXCL, 0644);
	CHECK(fd >= 0 && write(fd, "inside", 6) == 6);
	close(fd);
	CHECK(!fchdir(directory) && !rename("inside", "../after/renamed") && !chdir(".."));
	fd = (int)syscall(SYS_openat2, directory, "second", &how, sizeof(how));
	CHECK(fd >= 0 || errno == ENOSYS);
	close(fd);
	CHECK(!unlinkat(directory, "second", 0) || errno == ENOENT);
	close(directory);
	expect("after/renamed", "inside");
}

static void write_what_has_no_name(void)
{
	int fd = make("removed", "text");

	CHECK(!unlink("removed"));
	CHECK(write(fd, "more", 4) == 4 && !ftruncate(fd, 2) && !fchmod(fd, 0600) && !fsync(fd));
	/* Its inode's number may be this one's now. */
	close(make("next", "next"));
	CHECK(pwrite(fd, "x", 1, 0) == 1);
	close(fd);
	close(make("next2", "next"));
}

/* ---- attributes ---- */

static void change_attributes(void)
{
	struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000001}};
	struct timeval coarse[2] = {{.tv_sec = 1000000002}, {.tv_sec = 1000000003}};
	struct utimbuf coarser = {1000000004, 1000000005};
	int fd = make("attributes", "a");
	struct stat st;

	CHECK(!symlink("attributes", "to attributes"));
	CHECK(!chmod("attributes", 0600) && !fchmod(fd, 0640));
	CHECK(!fchmodat(AT_FDCWD, "to attributes", 0644, 0));
	CHECK(!syscall(SYS_fchmodat2, fd, "", 0666, AT_EMPTY_PATH) || errno == ENOSYS ||
		errno == EPERM);
	CHECK(!fchmod(fd, 04755));
	/* Takes the set-user-ID bit away. */
	CHECK(!fchown(fd, getuid(), getgid()) && !fstat(fd, &st));
	CHECK(!chown("attributes", (uid_t)-1, (gid_t)-1) && !lchown("to attributes", getuid(), -1));
	CHECK(!fchownat(fd, "", getuid(), getgid(), AT_EMPTY_PATH));
	CHECK(!utime("attributes", &coarser) && !utimes("attributes", coarse));
	CHECK(!futimesat(AT_FDCWD, "attributes", coarse) && !futimens(fd, times));
	CHECK(!utimensat(AT_FDCWD, "to attributes", times, AT_SYMLINK_NOFOLLOW));
	if (!setxattr("attributes", "user.one", "1", 1, 0)) {
		CHECK(!fsetxattr(fd, "user.two", "2", 1, XATTR_CREATE));
		CHECK(!removexattr("attributes", "user.one") && !fremovexattr(fd, "user.two"));
		CHECK(lsetxattr("to attributes", "user.no", "", 0, 0));
		CHECK(lremovexattr("to attributes", "user.no"));
	} else {
		CHECK(errno == ENOTSUP);
	}
	close(fd);
}

/* ---- mappings ---- */

static void store_through_mappings(void)
{
	int fd = make("mapped", "before"), second;
	char *bytes, *late;

	CHECK(!ftruncate(fd, 2 * PAGE));
	bytes = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(bytes != MAP_FAILED);
	memcpy(bytes, "stored", 6);
	CHECK(!msync(bytes, PAGE, MS_SYNC));
	bytes[PAGE + 1] = 'p';
	CHECK(!msync(bytes, 2 * PAGE, MS_ASYNC));
	CHECK(!ftruncate(fd, 4 * PAGE));
	bytes = mremap(bytes, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	CHECK(bytes != MAP_FAILED);
	bytes[3 * PAGE] = 'm';
	close(fd);
	/* Through the mapping alone. */
	bytes[3 * PAGE + 1] = 'n';
	second = open("mapped", O_RDWR);
	late = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, second, 2 * PAGE);
	CHECK(late != MAP_FAILED && !mprotect(late, PAGE, PROT_READ | PROT_WRITE));
	late[7] = 'l';
	close(second);
	CHECK(!munmap(late, PAGE) && !munmap(bytes, 4 * PAGE));
	expect("mapped", "stored");
}

/* ---- processes and threads ---- */

static void *write_as_thread(void *number)
{
	char name[32], text[16];
	int fd, log = open("log", O_WRONLY | O_APPEND | O_CREAT, 0644);

	snprintf(name, sizeof(name), "thread %ld", (long)(intptr_t)number);
	fd = open(name, O_WRONLY | O_CREAT, 0644);
	CHECK(fd >= 0 && log >= 0);
	for (int i = 0; i < ROUNDS; i++) {
		snprintf(text, sizeof(text), "%d.%d\n", (int)(intptr_t)number, i);
		CHECK(write(fd, text, 4) == 4 && write(log, text, 4) == 4);
	}
	CHECK(!fsync(fd));
	close(log);
	close(fd);
	return NULL;
}

static void write_from_threads(void)
{
	pthread_t threads[TASKS];

	for (int i = 0; i < TASKS; i++)
		CHECK(!pthread_create(&threads[i], NULL, write_as_thread, (void *)(intptr_t)i));
	for (int i = 0; i < TASKS; i++)
		CHECK(!pthread_join(threads[i], NULL));
}

static void write_from_processes(void)
{
	int fd = make("together", "");
	pid_t pids[TASKS];

	for (int i = 0; i < TASKS; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		/* One position for all: nothing is written over. */
		for (int k = 0; k < ROUNDS; k++)
			CHECK(write(fd, "line\n", 5) == 5);
		write_as_thread((void *)(intptr_t)(TASKS + i));
		_exit(0); /* with descriptors open */
	}
	for (int i = 0; i < TASKS; i++)
		await(pids[i]);
	CHECK(lseek(fd, 0, SEEK_CUR) == 5 * TASKS * ROUNDS);
	close(fd);
}

static void start_programs(void)
{
	char *arguments[] = {self, (char *)"child", (char *)"spawned", NULL}, *nothing[] = {NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid = vfork();

	if (!pid) {
		execl(self, self, "child", "vforked", (char *)NULL);
		_exit(1);
	}
	await(pid);
	expect("vforked", "child");
	CHECK(!posix_spawn_file_actions_init(&actions));
	CHECK(!posix_spawn_file_actions_addopen(
		&actions, STDOUT_FILENO, "spawned output", O_WRONLY | O_CREAT, 0644));
	CHECK(!posix_spawn(&pid, self, &actions, NULL, arguments, nothing));
	posix_spawn_file_actions_destroy(&actions);
	await(pid);
	expect("spawned output", "output");
	pid = fork();
	if (!pid) {
		/* An open file that is closed by exec, and one that is not. */
		int fd = make("kept", "ke"), last = open("kept", O_WRONLY | O_TRUNC | O_CLOEXEC);

		CHECK(last >= 0 && write(last, "lo", 2) == 2 && dup2(fd, 77) == 77);
		close(fd);
		execl(self, self, "child", "executed", "77", (char *)NULL);
		_exit(1);
	}
	await(pid);
	expect("kept", "lopt");
}

static int be_child(int count, char **arguments)
{
	int fd = make(arguments[2], "child");

	if (!strcmp(arguments[2], "spawned"))
		CHECK(write(STDOUT_FILENO, "output", 6) == 6);
	if (count > 3)
		CHECK(write(atoi(arguments[3]), "pt", 2) == 2);
	CHECK(!fsync(fd));
	return 0; /* nothing is closed */
}

static void close_in_every_way(void)
{
	int fd = make("closed", "old"), other = make("closed2", "other");

	close(fd);
	fd = open("closed", O_WRONLY | O_TRUNC);
	CHECK(fd >= 0 && write(fd, "new", 3) == 3);
	CHECK(dup2(other, fd) == fd && write(fd, "!", 1) == 1);
	CHECK(dup3(fd, 99, O_CLOEXEC) == 99 && dup2(99, 99) == 99 && dup2(123, 99) < 0);
	CHECK(!syscall(SYS_close_range, 99, 99, 0) || errno == ENOSYS);
	close(fd);
	close(other);
	expect("closed", "new");
	expect("closed2", "other!");
}

static void ask_for_what_is_refused(void)
{
	char parameters[256] = {0};
	int fd = make("clone", ""), from = open("closed", O_RDONLY);

	if (is_recorded) {
		CHECK(syscall(SYS_io_uring_setup, 4, parameters) < 0 && errno == ENOSYS);
		CHECK(syscall(SYS_io_setup, 1, parameters) < 0 && errno == ENOSYS);
		CHECK(ioctl(fd, FICLONE, from) < 0 && errno == EOPNOTSUPP);
		CHECK(renameat2(AT_FDCWD, "clone", AT_FDCWD, "clone2", RENAME_WHITEOUT) < 0 &&
			errno == EINVAL);
	}
	close(from);
	close(fd);
}

int main(int count, char **arguments)
{
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	CHECK(length > 0);
	if (count > 2 && !strcmp(arguments[1], "child"))
		return be_child(count, arguments);
	is_recorded = count > 1 && !strcmp(arguments[1], "recorded");
	write_in_every_way();
	share_positions();
	copy_between_descriptors();
	allocate();
	sync_in_every_way();
	change_names();
	make_nodes();
	make_without_a_name();
	use_a_moved_directory();
	write_what_has_no_name();
	change_attributes();
	store_through_mappings();
	close_in_every_way();
	ask_for_what_is_refused();
	write_from_threads();
	write_from_processes();
	start_programs();
	return 0;
}
