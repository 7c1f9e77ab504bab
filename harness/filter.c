/* The list of calls that stop, and its compilation to BPF through a memory file. */
#include "harness/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* To install one takes a millisecond. */
enum { PATIENCE_MS = 1000 };

static const int traced_calls[] = {
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(creat),
	SCMP_SYS(close),
	SCMP_SYS(read),
	SCMP_SYS(pread64),
	SCMP_SYS(readv),
	SCMP_SYS(preadv),
	SCMP_SYS(preadv2),
	SCMP_SYS(write),
	SCMP_SYS(pwrite64),
	SCMP_SYS(writev),
	SCMP_SYS(pwritev),
	SCMP_SYS(pwritev2),
	SCMP_SYS(truncate),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(sync),
	SCMP_SYS(syncfs),
	SCMP_SYS(flock),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(link),
	SCMP_SYS(linkat),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(rmdir),
	SCMP_SYS(symlink),
	SCMP_SYS(symlinkat),
	SCMP_SYS(chmod),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat),
	/* What differs from run to run: see fake.h. */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getpid),
	SCMP_SYS(kill),
	SCMP_SYS(tgkill),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(getrandom),
};

/* Where one of several workers may see what another did, or let it go first. */
static const int looking_calls[] = {
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents),
	SCMP_SYS(getdents64),
	SCMP_SYS(chdir),
	SCMP_SYS(utimensat),
	SCMP_SYS(utime),
	SCMP_SYS(utimes),
	SCMP_SYS(futimesat),
	SCMP_SYS(chown),
	SCMP_SYS(lchown),
	SCMP_SYS(fchown),
	SCMP_SYS(fchownat),
	SCMP_SYS(setxattr),
	SCMP_SYS(lsetxattr),
	SCMP_SYS(fsetxattr),
	SCMP_SYS(removexattr),
	SCMP_SYS(lremovexattr),
	SCMP_SYS(fremovexattr),
	SCMP_SYS(getxattr),
	SCMP_SYS(lgetxattr),
	SCMP_SYS(fgetxattr),
	SCMP_SYS(listxattr),
	SCMP_SYS(llistxattr),
	SCMP_SYS(flistxattr),
	SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),
	SCMP_SYS(mknod),
	SCMP_SYS(mknodat),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(sched_yield),
};

/* Calls that the recorder cannot follow, and that every program can do without. */
static const int missing_calls[] = {
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_setup),
	SCMP_SYS(copy_file_range),
};

static const int lock_commands[] = {
	F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW};

static int add_looks(scmp_filter_ctx context)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(looking_calls) / sizeof(*looking_calls); i++)
		err = seccomp_rule_add(context, SCMP_ACT_TRACE(0), looking_calls[i], 0);
	for (size_t i = 0; !err && i < sizeof(lock_commands) / sizeof(*lock_commands); i++)
		err = seccomp_rule_add(context, SCMP_ACT_TRACE(0), SCMP_SYS(fcntl), 1,
			SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)lock_commands[i]));
	/* The end of a file, or its holes; other positions are nobody else's business. */
	if (!err)
		err = seccomp_rule_add(context, SCMP_ACT_TRACE(0), SCMP_SYS(lseek), 1,
			SCMP_A2(SCMP_CMP_GE, SEEK_END));
	/* With nothing to wait for they are ways to sleep. */
	if (!err)
		err = seccomp_rule_add(
			context, SCMP_ACT_TRACE(0), SCMP_SYS(poll), 1, SCMP_A1(SCMP_CMP_EQ, 0));
	if (!err)
		err = seccomp_rule_add(
			context, SCMP_ACT_TRACE(0), SCMP_SYS(ppoll), 1, SCMP_A1(SCMP_CMP_EQ, 0));
	if (!err)
		err = seccomp_rule_add(
			context, SCMP_ACT_TRACE(0), SCMP_SYS(select), 1, SCMP_A0(SCMP_CMP_EQ, 0));
	if (!err)
		err = seccomp_rule_add(
			context, SCMP_ACT_TRACE(0), SCMP_SYS(pselect6), 1, SCMP_A0(SCMP_CMP_EQ, 0));
	return err;
}

static scmp_datum_t mapping_mask(bool has_looks)
{
	return has_looks ? MAP_ANONYMOUS : MAP_SHARED | MAP_ANONYMOUS;
}

static scmp_datum_t mapping_flags(bool has_looks)
{
	return has_looks ? 0 : MAP_SHARED;
}

static int add_rules(scmp_filter_ctx context, bool has_looks)
{
	int err = has_looks ? add_looks(context) : 0;

	for (size_t i = 0; !err && i < sizeof(traced_calls) / sizeof(*traced_calls); i++)
		err = seccomp_rule_add(context, SCMP_ACT_TRACE(0), traced_calls[i], 0);
	for (size_t i = 0; !err && i < sizeof(missing_calls) / sizeof(*missing_calls); i++)
		err = seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), missing_calls[i], 0);
	/* Shared mappings of files: their stores are seen by comparing. With looks also private
	 * ones, for to load from them is to read. */
	if (!err)
		err = seccomp_rule_add(context, SCMP_ACT_TRACE(0), SCMP_SYS(mmap), 1,
			SCMP_A3(SCMP_CMP_MASKED_EQ, mapping_mask(has_looks),
				mapping_flags(has_looks)));
	if (!err)
		err = seccomp_rule_add(context, SCMP_ACT_TRACE(0), SCMP_SYS(prctl), 1,
			SCMP_A0(SCMP_CMP_EQ, FILTER_MARK));
	/* A binary tree: a call that does not stop costs a few comparisons. */
	if (!err)
		err = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return err;
}

/* In a child: there is no way back. A kernel whose compiler of filters has come to a stop lets
 * nobody go who installs one, not even when killed; so the child is left alone if it takes too
 * long. */
static bool can_install(const struct filter *filter)
{
	static int known = -1; /* of this process and its children */
	const char *wish = getenv("TORNWRITE_SECCOMP");
	pid_t pid;
	int status;

	if (known < 0 && wish && !strcmp(wish, "0"))
		known = 0;
	if (known >= 0)
		return known;
	pid = fork();
	if (!pid) {
		/* If it stays it must keep nobody waiting for the end of a pipe. */
		close_range(0, ~0U, 0);
		_exit(filter_install(filter) != 0);
	}
	known = 0;
	for (int waited_ms = 0; pid > 0 && waited_ms < PATIENCE_MS; waited_ms += 5) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			known = WIFEXITED(status) && !WEXITSTATUS(status);
			pid = 0;
			break;
		}
		usleep(5000);
	}
	if (pid > 0)
		kill(pid, SIGKILL);
	if (!known)
		fputs("seccomp filters cannot be used here: every call is stopped, which takes "
		      "longer\n",
			stderr);
	return known;
}

int filter_init(struct filter *filter, bool has_looks)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
	int fd = memfd_create("filter", MFD_CLOEXEC);
	struct stat st;
	int err;

	memset(filter, 0, sizeof(*filter));
	filter->has_looks = has_looks;
	if (!context || fd < 0) {
		err = -ENOMEM;
		goto out;
	}
	err = add_rules(context, has_looks);
	if (!err)
		err = seccomp_export_bpf(context, fd);
	if (err)
		goto out;
	if (fstat(fd, &st)) {
		err = -errno;
		goto out;
	}
	filter->program.len = (unsigned short)((size_t)st.st_size / sizeof(struct sock_filter));
	filter->program.filter = malloc((size_t)st.st_size);
	if (!filter->program.filter)
		err = -ENOMEM;
	else if (pread(fd, filter->program.filter, (size_t)st.st_size, 0) != st.st_size)
		err = -EIO;
	if (!err)
		filter->is_unusable = !can_install(filter);
out:
	if (fd >= 0)
		close(fd);
	if (context)
		seccomp_release(context);
	if (err)
		filter_release(filter);
	return err;
}

void filter_release(struct filter *filter)
{
	free(filter->program.filter);
	memset(filter, 0, sizeof(*filter));
}

static bool is_in(long number, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (calls[i] == number)
			return true;
	}
	return false;
}

#define IS_IN(number, calls) is_in(number, calls, sizeof(calls) / sizeof(*(calls)))

static bool is_look(long number, const uint64_t args[6])
{
	switch (number) {
	case SYS_fcntl:
		return IS_IN((long)args[1], lock_commands);
	case SYS_lseek:
		return args[2] >= SEEK_END;
	case SYS_poll:
	case SYS_ppoll:
		return !args[1];
	case SYS_select:
	case SYS_pselect6:
		return !args[0];
	default:
		return IS_IN(number, looking_calls);
	}
}

enum filter_answer filter_ask(const struct filter *filter, long number, const uint64_t args[6])
{
	if (IS_IN(number, missing_calls))
		return FILTER_MISSING;
	if (number == SYS_mmap)
		return (args[3] & mapping_mask(filter->has_looks)) ==
		                       mapping_flags(filter->has_looks)
		               ? FILTER_STOP
		               : FILTER_PASS;
	if (number == SYS_prctl)
		return args[0] == FILTER_MARK ? FILTER_STOP : FILTER_PASS;
	if (filter->has_looks && is_look(number, args))
		return FILTER_STOP;
	return IS_IN(number, traced_calls) ? FILTER_STOP : FILTER_PASS;
}

int filter_install(const struct filter *filter)
{
	if (filter->is_unusable)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter->program))
		return -errno;
	return 0;
}
