/*
 * Method: one table of rules, which libseccomp compiles to BPF through a memory file, and which
 * filter_ask() reads itself. Limit: x86-64.
 */
#include "harness/filter.h"

#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* To install one takes a millisecond. */
enum { PATIENCE_MS = 1000 };

/* Since Linux 6.6. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
/* Since Linux 6.13, 6.15 and 6.17. */
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif
#ifndef SYS_file_getattr
#define SYS_file_getattr 468
#define SYS_file_setattr 469
#endif

/* Whose calls a rule is for. */
enum scope {
	ALL,
	OURS = 1,     /* workers of the house: not FILTER_PROGRAM */
	LOOKS = 2,    /* FILTER_LOOKS */
	PROGRAM = 4,  /* FILTER_PROGRAM */
	READERS = 8,  /* whose reads are asked for */
	BLIND = 16,   /* whose reads are not */
	CHANGES = 32, /* who changes owners, times and attributes where it matters */
	NO_LOOKS = 64,
	PATHS = 128, /* FILTER_PATHS */
};

/* All rules of a call have the same answer, or no arguments in common. */
struct rule {
	long number;
	enum scope scope; /* in all of these */
	int answer;
	enum { ANY, MASK_IS, AT_LEAST } test;
	unsigned argument;
	uint64_t mask, value;
};

/* Of an argument of 32 bits the kernel looks at nothing else. */
static const uint64_t WORD = 0xffffffff;

#define STOPS(call)                                                                                \
	{                                                                                          \
		SYS_##call, ALL, FILTER_STOP, ANY, 0, 0, 0                                         \
	}
#define STOPS_FOR(call, scope)                                                                     \
	{                                                                                          \
		SYS_##call, scope, FILTER_STOP, ANY, 0, 0, 0                                       \
	}
#define STOPS_IF(call, scope, argument, mask, value)                                               \
	{                                                                                          \
		SYS_##call, scope, FILTER_STOP, MASK_IS, argument, mask, value                     \
	}
#define FAILS(call, error)                                                                         \
	{                                                                                          \
		SYS_##call, ALL, -(error), ANY, 0, 0, 0                                            \
	}
#define FAILS_FOR(call, error, scope)                                                              \
	{                                                                                          \
		SYS_##call, scope, -(error), ANY, 0, 0, 0                                          \
	}
#define FAILS_IF(call, error, argument, mask, value)                                               \
	{                                                                                          \
		SYS_##call, ALL, -(error), MASK_IS, argument, mask, value                          \
	}

/* An open that may make, empty or write a file. */
#define OPENS_TO_WRITE(call, flags)                                                                \
	STOPS_IF(call, BLIND, flags, O_CREAT, O_CREAT),                                            \
		STOPS_IF(call, BLIND, flags, O_TRUNC, O_TRUNC),                                    \
		STOPS_IF(call, BLIND, flags, O_WRONLY, O_WRONLY),                                  \
		STOPS_IF(call, BLIND, flags, O_RDWR, O_RDWR),                                      \
		STOPS_IF(call, BLIND, flags, O_TMPFILE & ~O_DIRECTORY, O_TMPFILE & ~O_DIRECTORY)

enum { FALLOCATE_KNOWN = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE };

static const struct rule rules[] = {
	/* ---- opens and descriptors ---- */
	STOPS_FOR(open, READERS),
	OPENS_TO_WRITE(open, 1),
	STOPS_FOR(openat, READERS),
	OPENS_TO_WRITE(openat, 2),
	STOPS(openat2),
	STOPS(creat),
	STOPS(close),
	STOPS(dup2),
	STOPS(dup3),
	/* Only root may, and none of the paths that are followed would lead there. */
	FAILS(open_by_handle_at, EPERM),

	/* ---- data ---- */
	STOPS_FOR(read, READERS),
	STOPS_FOR(pread64, READERS),
	STOPS_FOR(readv, READERS),
	STOPS_FOR(preadv, READERS),
	STOPS_FOR(preadv2, READERS),
	STOPS(write),
	STOPS(pwrite64),
	STOPS(writev),
	STOPS(pwritev),
	STOPS(pwritev2),
	STOPS(sendfile),
	STOPS(splice),
	STOPS(copy_file_range),
	STOPS(truncate),
	STOPS(ftruncate),
	STOPS_IF(fallocate, ALL, 1, WORD & ~(uint64_t)FALLOCATE_KNOWN, 0),
	/* What moves the bytes behind it is not followed. Programs do without: not all file systems
         * can. The same goes for sharing blocks. */
	FAILS_IF(fallocate, EOPNOTSUPP, 1, FALLOC_FL_NO_HIDE_STALE, FALLOC_FL_NO_HIDE_STALE),
	FAILS_IF(fallocate, EOPNOTSUPP, 1, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_COLLAPSE_RANGE),
	FAILS_IF(fallocate, EOPNOTSUPP, 1, FALLOC_FL_INSERT_RANGE, FALLOC_FL_INSERT_RANGE),
	FAILS_IF(fallocate, EOPNOTSUPP, 1, FALLOC_FL_UNSHARE_RANGE, FALLOC_FL_UNSHARE_RANGE),
	FAILS_IF(fallocate, EOPNOTSUPP, 1, 0x80, 0x80), /* WRITE_ZEROES, Linux 6.17 */
	FAILS_IF(ioctl, EOPNOTSUPP, 1, WORD, FICLONE),
	FAILS_IF(ioctl, EOPNOTSUPP, 1, WORD, FICLONERANGE),
	FAILS_IF(ioctl, EOPNOTSUPP, 1, WORD, FIDEDUPERANGE),
	/* Calls that the recorder cannot follow, and that every program can do without. */
	FAILS(io_uring_setup, ENOSYS),
	FAILS(io_setup, ENOSYS),

	/* ---- syncs and locks ---- */
	STOPS(fsync),
	STOPS(fdatasync),
	STOPS(sync),
	STOPS(syncfs),
	STOPS(msync),
	STOPS_FOR(sync_file_range, PROGRAM),
	STOPS(flock),
	STOPS_IF(fcntl, LOOKS, 1, WORD, F_GETLK),
	STOPS_IF(fcntl, LOOKS, 1, WORD, F_SETLK),
	STOPS_IF(fcntl, LOOKS, 1, WORD, F_SETLKW),
	STOPS_IF(fcntl, LOOKS, 1, WORD, F_OFD_GETLK),
	STOPS_IF(fcntl, LOOKS, 1, WORD, F_OFD_SETLK),
	STOPS_IF(fcntl, LOOKS, 1, WORD, F_OFD_SETLKW),

	/* ---- names ---- */
	STOPS(rename),
	STOPS(renameat),
	STOPS_IF(renameat2, ALL, 4, RENAME_WHITEOUT, 0),
	FAILS_IF(renameat2, EINVAL, 4, RENAME_WHITEOUT, RENAME_WHITEOUT),
	STOPS(link),
	STOPS(linkat),
	STOPS(unlink),
	STOPS(unlinkat),
	STOPS(mkdir),
	STOPS(mkdirat),
	STOPS(rmdir),
	STOPS(symlink),
	STOPS(symlinkat),
	STOPS(mknod),
	STOPS(mknodat),

	/* ---- modes, owners, times, attributes ---- */
	STOPS(chmod),
	STOPS(fchmod),
	STOPS(fchmodat),
	STOPS(fchmodat2),
	STOPS_FOR(chown, CHANGES),
	STOPS_FOR(lchown, CHANGES),
	STOPS_FOR(fchown, CHANGES),
	STOPS_FOR(fchownat, CHANGES),
	STOPS_FOR(utime, CHANGES),
	STOPS_FOR(utimes, CHANGES),
	STOPS_FOR(futimesat, CHANGES),
	STOPS_FOR(utimensat, CHANGES),
	STOPS_FOR(setxattr, CHANGES),
	STOPS_FOR(lsetxattr, CHANGES),
	STOPS_FOR(fsetxattr, CHANGES),
	STOPS_FOR(removexattr, CHANGES),
	STOPS_FOR(lremovexattr, CHANGES),
	STOPS_FOR(fremovexattr, CHANGES),

	/* ---- where one of several workers may see what another did ---- */
	STOPS_FOR(stat, LOOKS),
	STOPS_FOR(lstat, LOOKS),
	STOPS_FOR(fstat, LOOKS),
	STOPS_FOR(newfstatat, LOOKS),
	STOPS_FOR(statx, LOOKS),
	STOPS_FOR(access, LOOKS),
	STOPS_FOR(faccessat, LOOKS),
	STOPS_FOR(faccessat2, LOOKS),
	STOPS_FOR(readlink, LOOKS),
	STOPS_FOR(readlinkat, LOOKS),
	STOPS_FOR(getdents, LOOKS),
	STOPS_FOR(getdents64, LOOKS),
	STOPS_FOR(chdir, LOOKS),
	STOPS_FOR(getxattr, LOOKS),
	STOPS_FOR(lgetxattr, LOOKS),
	STOPS_FOR(fgetxattr, LOOKS),
	STOPS_FOR(listxattr, LOOKS),
	STOPS_FOR(llistxattr, LOOKS),
	STOPS_FOR(flistxattr, LOOKS),
	STOPS_FOR(statfs, LOOKS),
	STOPS_FOR(fstatfs, LOOKS),
	/* The end of a file, or its holes; other positions are nobody else's business. */
	{SYS_lseek, LOOKS, FILTER_STOP, AT_LEAST, 2, 0, SEEK_END},
	/* Or let it go first. With nothing to wait for the last ones are ways to sleep. */
	STOPS_FOR(nanosleep, OURS | LOOKS),
	STOPS_FOR(clock_nanosleep, OURS | LOOKS),
	STOPS_FOR(sched_yield, OURS | LOOKS),
	STOPS_IF(poll, OURS | LOOKS, 1, WORD, 0),
	STOPS_IF(ppoll, OURS | LOOKS, 1, WORD, 0),
	STOPS_IF(select, OURS | LOOKS, 0, WORD, 0),
	STOPS_IF(pselect6, OURS | LOOKS, 0, WORD, 0),

	/* ---- other ways to follow a path: see trace_paths.c ---- */
	STOPS_FOR(execve, PATHS),
	STOPS_FOR(execveat, PATHS),
	STOPS_FOR(inotify_add_watch, PATHS),
	STOPS_FOR(fanotify_mark, PATHS),
	STOPS_FOR(name_to_handle_at, PATHS),
	/* Paths then lead elsewhere. */
	STOPS_FOR(chroot, PATHS),
	STOPS_FOR(pivot_root, PATHS),
	STOPS_FOR(mount, PATHS),
	STOPS_FOR(umount2, PATHS),
	STOPS_FOR(move_mount, PATHS),
	STOPS_FOR(open_tree, PATHS),
	STOPS_FOR(mount_setattr, PATHS),
	STOPS_FOR(setns, PATHS),
	/* Somebody else may look for it, or have looked. */
	STOPS_FOR(connect, PATHS),
	STOPS_FOR(bind, PATHS),
	{SYS_sendto, PATHS, FILTER_STOP, AT_LEAST, 4, 0, 1}, /* with an address */
	STOPS_FOR(sendmsg, PATHS),
	STOPS_FOR(sendmmsg, PATHS),
	STOPS_FOR(shmget, PATHS),
	STOPS_FOR(msgget, PATHS),
	STOPS_FOR(semget, PATHS),
	STOPS_FOR(mq_open, PATHS),
	STOPS_FOR(quotactl, PATHS),
	/* A file that is a disk, too. */
	STOPS_IF(ioctl, PATHS, 1, WORD, LOOP_SET_FD),
	STOPS_IF(ioctl, PATHS, 1, WORD, LOOP_CHANGE_FD),
	STOPS_IF(ioctl, PATHS, 1, WORD, LOOP_CONFIGURE),
	STOPS_FOR(bpf, PATHS),
	/* So new that all who use them can do without. */
	FAILS_FOR(setxattrat, ENOSYS, PATHS),
	FAILS_FOR(getxattrat, ENOSYS, PATHS),
	FAILS_FOR(listxattrat, ENOSYS, PATHS),
	FAILS_FOR(removexattrat, ENOSYS, PATHS),
	FAILS_FOR(open_tree_attr, ENOSYS, PATHS),
	FAILS_FOR(file_getattr, ENOSYS, PATHS),
	FAILS_FOR(file_setattr, ENOSYS, PATHS),

	/* ---- mappings ---- */
	/* Shared mappings of files: their stores are seen by comparing. Where reads are looked at,
         * also private ones of several workers: to load from them is to read. */
	STOPS_IF(mmap, LOOKS, 3, MAP_ANONYMOUS, 0),
	STOPS_IF(mmap, NO_LOOKS, 3, MAP_SHARED | MAP_ANONYMOUS, MAP_SHARED),

	/* ---- what differs from run to run: see fake.h ---- */
	STOPS_FOR(clock_gettime, OURS),
	/* How long something took is not written into files. */
	STOPS_IF(clock_gettime, PROGRAM, 0, WORD, CLOCK_REALTIME),
	STOPS_IF(clock_gettime, PROGRAM, 0, WORD, CLOCK_REALTIME_COARSE),
	STOPS_IF(clock_gettime, PROGRAM, 0, WORD, CLOCK_TAI),
	/* But mkstemp(3) makes names of it, and a schedule can be repeated only with the same. */
	STOPS_IF(clock_gettime, PROGRAM | LOOKS, 0, WORD, CLOCK_MONOTONIC),
	STOPS_IF(clock_gettime, PROGRAM | LOOKS, 0, WORD, CLOCK_MONOTONIC_RAW),
	STOPS_IF(clock_gettime, PROGRAM | LOOKS, 0, WORD, CLOCK_MONOTONIC_COARSE),
	STOPS_IF(clock_gettime, PROGRAM | LOOKS, 0, WORD, CLOCK_BOOTTIME),
	STOPS(gettimeofday),
	STOPS(time),
	STOPS(getrandom),
	/* A program has a namespace of its own instead. */
	STOPS_FOR(getpid, OURS),
	STOPS_FOR(kill, OURS),
	STOPS_FOR(tgkill, OURS),
	STOPS_FOR(pidfd_open, OURS),

	/* ---- for the tracer ---- */
	STOPS_IF(prctl, ALL, 0, WORD, FILTER_MARK),
	/* Who traces cannot be traced: to be said. */
	STOPS_FOR(ptrace, PROGRAM),
};

static unsigned scope_of(unsigned options)
{
	bool is_program = options & FILTER_PROGRAM;
	bool reads = !is_program || options & (FILTER_LOOKS | FILTER_READS);

	return (is_program ? PROGRAM : OURS) | (options & FILTER_LOOKS ? LOOKS : NO_LOOKS) |
	       (reads ? READERS : BLIND) |
	       (options & (FILTER_PROGRAM | FILTER_LOOKS) ? CHANGES : 0) |
	       (options & FILTER_PATHS ? PATHS : 0);
}

static int add_rule(scmp_filter_ctx context, const struct rule *rule)
{
	uint32_t action = rule->answer == FILTER_STOP ? SCMP_ACT_TRACE(0)
	                                              : SCMP_ACT_ERRNO((uint32_t)-rule->answer);
	struct scmp_arg_cmp compare = {.arg = rule->argument, .op = SCMP_CMP_GE};

	if (rule->test == ANY)
		return seccomp_rule_add(context, action, (int)rule->number, 0);
	compare.datum_a = rule->value;
	if (rule->test == MASK_IS) {
		compare.op = SCMP_CMP_MASKED_EQ;
		compare.datum_a = rule->mask;
		compare.datum_b = rule->value;
	}
	return seccomp_rule_add_array(context, action, (int)rule->number, 1, &compare);
}

static int add_rules(scmp_filter_ctx context, unsigned options)
{
	unsigned scope = scope_of(options);
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(rules) / sizeof(*rules); i++) {
		if (!(rules[i].scope & ~scope))
			err = add_rule(context, &rules[i]);
	}
	/* A binary tree: a call that does not stop costs a few comparisons. */
	if (!err)
		err = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return err;
}

/* What libseccomp does with calls that are not of x86-64 is to kill, also those of its own x32
 * form, which most kernels do not have and whose callers are ready for that. */
static const struct sock_filter prologue[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, __X32_SYSCALL_BIT, 0, 2),
	/* The number -1: a call that the tracer has answered. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
};

enum { PROLOGUE_COUNT = sizeof(prologue) / sizeof(*prologue) };

/* All jumps lead forward and are relative, so that what comes first changes none. */
static int read_program(int fd, struct sock_fprog *program)
{
	struct stat st;
	size_t size;

	if (fstat(fd, &st))
		return -errno;
	size = (size_t)st.st_size;
	program->filter = malloc(sizeof(prologue) + size);
	if (!program->filter)
		return -ENOMEM;
	memcpy(program->filter, prologue, sizeof(prologue));
	if (pread(fd, program->filter + PROLOGUE_COUNT, size, 0) != (ssize_t)size)
		return -EIO;
	program->len = (unsigned short)(PROLOGUE_COUNT + size / sizeof(struct sock_filter));
	return 0;
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

int filter_init(struct filter *filter, unsigned options)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
	int fd = memfd_create("filter", MFD_CLOEXEC);
	int err;

	*filter = (struct filter){.options = options, .has_looks = options & FILTER_LOOKS};
	err = context && fd >= 0 ? add_rules(context, options) : -ENOMEM;
	if (!err)
		err = seccomp_export_bpf(context, fd);
	if (!err)
		err = read_program(fd, &filter->program);
	if (!err)
		filter->is_unusable = !can_install(filter);
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

static bool matches(const struct rule *rule, const uint64_t args[6])
{
	switch (rule->test) {
	case MASK_IS:
		return (args[rule->argument] & rule->mask) == rule->value;
	case AT_LEAST:
		return args[rule->argument] >= rule->value;
	default:
		return true;
	}
}

int filter_ask(const struct filter *filter, long number, const uint64_t args[6])
{
	unsigned scope = scope_of(filter->options);

	if (number >= __X32_SYSCALL_BIT)
		return FILTER_MISSING;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (rules[i].number == number && !(rules[i].scope & ~scope) &&
			matches(&rules[i], args))
			return rules[i].answer;
	}
	return FILTER_PASS;
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
