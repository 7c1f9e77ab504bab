/*
 * The filter as the kernel would run it, held against what filter_ask() says of the same call: the
 * program is interpreted here. Then the answers for calls that matter, one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "harness/filter.h"

enum { OPTIONS = 16, LAST_CALL = 480, ROUNDS = 60 };

static struct filter filters[OPTIONS]; /* by their options */

/* ---- the kernel's part ---- */

static uint32_t load(const struct seccomp_data *data, uint32_t offset)
{
	assert_true(offset % 4 == 0 && offset < sizeof(*data));
	return ((const uint32_t *)data)[offset / 4];
}

/* Only what the compiler of filters makes use of. */
static uint32_t run(const struct filter *filter, const struct seccomp_data *data)
{
	uint32_t accumulator = 0;

	for (size_t at = 0; at < filter->program.len; at++) {
		const struct sock_filter *step = &filter->program.filter[at];
		bool is_true = false;

		switch (step->code) {
		case BPF_RET | BPF_K:
			return step->k;
		case BPF_LD | BPF_W | BPF_ABS:
			accumulator = load(data, step->k);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			accumulator &= step->k;
			continue;
		case BPF_JMP | BPF_JA | BPF_K:
			at += step->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			is_true = accumulator == step->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			is_true = accumulator >= step->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			is_true = accumulator > step->k;
			break;
		default:
			fail_msg("instruction %#x is not known here", step->code);
		}
		at += is_true ? step->jt : step->jf;
	}
	fail_msg("the filter has no end");
	return 0;
}

static uint32_t run_call(const struct filter *filter, long number, const uint64_t args[6])
{
	struct seccomp_data data = {.nr = (int)number, .arch = AUDIT_ARCH_X86_64};

	for (int i = 0; i < 6; i++)
		data.args[i] = args[i];
	return run(filter, &data);
}

static uint32_t as_action(int answer)
{
	if (answer < 0)
		return SECCOMP_RET_ERRNO | (uint32_t)-answer;
	return answer == FILTER_STOP ? SECCOMP_RET_TRACE : SECCOMP_RET_ALLOW;
}

static void assert_same(const struct filter *filter, long number, const uint64_t args[6])
{
	uint32_t action = run_call(filter, number, args);
	int answer = filter_ask(filter, number, args);

	if (action != as_action(answer))
		fail_msg("call %ld (%#lx, %#lx, %#lx, %#lx, %#lx) with options %u: %#x, not %#x",
			number, args[0], args[1], args[2], args[3], args[4], filter->options,
			action, as_action(answer));
}

/* ---- the same in both ways ---- */

/* Values that rules are about, whole and in part, and what is next to them. */
static uint64_t some_value(uint64_t *state)
{
	static const uint64_t values[] = {0, 1, 2, 3, 4, 8, 16, 32, 64, 128, F_GETLK, F_SETLK,
		F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, O_CREAT, O_TRUNC, O_TMPFILE,
		O_DIRECTORY, FICLONE, FICLONERANGE, FIDEDUPERANGE, FILTER_MARK, CLOCK_TAI,
		CLOCK_REALTIME_COARSE, MAP_ANONYMOUS};
	uint64_t dice = (*state = *state * 6364136223846793005u + 1442695040888963407u) >> 33;
	uint64_t value = values[dice % (sizeof(values) / sizeof(*values))];

	if (dice >> 8 & 1)
		value |= values[(dice >> 9) % (sizeof(values) / sizeof(*values))];
	/* In what the kernel does not look at of an int. */
	if ((dice >> 16 & 7) == 0)
		value |= (uint64_t)0x7fff1234 << 32;
	if ((dice >> 19 & 15) == 0)
		value += 1;
	return value;
}

static void test_filter__what_is_asked_is_what_the_kernel_does(void **state)
{
	uint64_t chance = 1, args[6];

	(void)state;
	for (unsigned options = 0; options < OPTIONS; options++) {
		for (long number = 0; number < LAST_CALL; number++) {
			for (int i = 0; i < ROUNDS; i++) {
				for (int k = 0; k < 6; k++)
					args[k] = some_value(&chance);
				assert_same(&filters[options], number, args);
				assert_same(&filters[options], number | __X32_SYSCALL_BIT, args);
			}
		}
	}
}

/* ---- answers that matter ---- */

static int ask(unsigned options, long number, int argument, uint64_t value)
{
	uint64_t args[6] = {0};

	args[argument] = value;
	assert_same(&filters[options], number, args);
	return filter_ask(&filters[options], number, args);
}

static void test_filter__a_program_stops_where_it_may_change_files(void **state)
{
	static const long stops[] = {SYS_write, SYS_pwritev2, SYS_sendfile, SYS_splice,
		SYS_copy_file_range, SYS_fallocate, SYS_creat, SYS_openat2, SYS_close, SYS_dup2,
		SYS_dup3, SYS_renameat2, SYS_mknod, SYS_mknodat, SYS_fchmod, 452, SYS_fchown,
		SYS_utimensat, SYS_fsetxattr, SYS_lremovexattr, SYS_sync_file_range, SYS_msync,
		SYS_ptrace, SYS_getrandom, SYS_flock};
	static const long passes[] = {SYS_read, SYS_pread64, SYS_getpid, SYS_kill, SYS_tgkill,
		SYS_pidfd_open, SYS_nanosleep, SYS_poll, SYS_select, SYS_fstat, SYS_munmap,
		SYS_mprotect, SYS_fork, SYS_fcntl};

	(void)state;
	for (size_t i = 0; i < sizeof(stops) / sizeof(*stops); i++)
		assert_int_equal(ask(FILTER_PROGRAM, stops[i], 0, 0), FILTER_STOP);
	for (size_t i = 0; i < sizeof(passes) / sizeof(*passes); i++)
		assert_int_equal(ask(FILTER_PROGRAM, passes[i], 0, 0), FILTER_PASS);
	assert_int_equal(ask(FILTER_PROGRAM, SYS_mmap, 3, MAP_SHARED), FILTER_STOP);
	assert_int_equal(ask(FILTER_PROGRAM, SYS_mmap, 3, MAP_SHARED_VALIDATE), FILTER_STOP);
	assert_int_equal(ask(FILTER_PROGRAM, SYS_mmap, 3, MAP_PRIVATE), FILTER_PASS);
	assert_int_equal(ask(FILTER_PROGRAM, SYS_mmap, 3, MAP_SHARED | MAP_ANONYMOUS), FILTER_PASS);
}

static void test_filter__a_programs_opens_that_only_read_do_not_stop(void **state)
{
	static const uint64_t changing[] = {
		O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_TMPFILE, O_WRONLY | O_APPEND | O_CLOEXEC};

	(void)state;
	for (size_t i = 0; i < sizeof(changing) / sizeof(*changing); i++) {
		assert_int_equal(ask(FILTER_PROGRAM, SYS_open, 1, changing[i]), FILTER_STOP);
		assert_int_equal(ask(FILTER_PROGRAM, SYS_openat, 2, changing[i]), FILTER_STOP);
	}
	assert_int_equal(ask(FILTER_PROGRAM, SYS_open, 1, O_DIRECTORY | O_CLOEXEC), FILTER_PASS);
	assert_int_equal(ask(FILTER_PROGRAM, SYS_openat, 2, O_PATH | O_NOFOLLOW), FILTER_PASS);
	assert_int_equal(ask(FILTER_PROGRAM | FILTER_READS, SYS_openat, 2, O_CLOEXEC), FILTER_STOP);
	assert_int_equal(ask(FILTER_PROGRAM | FILTER_LOOKS, SYS_open, 1, 0), FILTER_STOP);
	assert_int_equal(ask(FILTER_PROGRAM | FILTER_READS, SYS_read, 0, 0), FILTER_STOP);
	assert_int_equal(ask(FILTER_PROGRAM | FILTER_LOOKS, SYS_preadv2, 0, 0), FILTER_STOP);
	assert_int_equal(ask(0, SYS_openat, 2, O_CLOEXEC), FILTER_STOP);
	assert_int_equal(ask(0, SYS_read, 0, 0), FILTER_STOP);
}

static void test_filter__clocks_of_a_program(void **state)
{
	(void)state;
	assert_int_equal(ask(FILTER_PROGRAM, SYS_clock_gettime, 0, CLOCK_REALTIME), FILTER_STOP);
	assert_int_equal(
		ask(FILTER_PROGRAM, SYS_clock_gettime, 0, CLOCK_REALTIME_COARSE), FILTER_STOP);
	assert_int_equal(ask(FILTER_PROGRAM, SYS_clock_gettime, 0, CLOCK_TAI), FILTER_STOP);
	assert_int_equal(ask(FILTER_PROGRAM, SYS_clock_gettime, 0, CLOCK_MONOTONIC), FILTER_PASS);
	assert_int_equal(ask(0, SYS_clock_gettime, 0, CLOCK_MONOTONIC), FILTER_STOP);
	assert_int_equal(ask(FILTER_PROGRAM, SYS_gettimeofday, 0, 0), FILTER_STOP);
	assert_int_equal(ask(FILTER_PROGRAM, SYS_time, 0, 0), FILTER_STOP);
}

static void test_filter__workers_of_the_house(void **state)
{
	(void)state;
	assert_int_equal(ask(0, SYS_getpid, 0, 0), FILTER_STOP);
	assert_int_equal(ask(0, SYS_kill, 0, 0), FILTER_STOP);
	assert_int_equal(ask(0, SYS_fchown, 0, 0), FILTER_PASS);
	assert_int_equal(ask(FILTER_LOOKS, SYS_fchown, 0, 0), FILTER_STOP);
	assert_int_equal(ask(0, SYS_stat, 0, 0), FILTER_PASS);
	assert_int_equal(ask(FILTER_LOOKS, SYS_stat, 0, 0), FILTER_STOP);
	assert_int_equal(ask(0, SYS_nanosleep, 0, 0), FILTER_PASS);
	assert_int_equal(ask(FILTER_LOOKS, SYS_nanosleep, 0, 0), FILTER_STOP);
	assert_int_equal(ask(FILTER_LOOKS, SYS_poll, 1, 0), FILTER_STOP);
	assert_int_equal(ask(FILTER_LOOKS, SYS_poll, 1, 1), FILTER_PASS);
	assert_int_equal(ask(FILTER_LOOKS, SYS_lseek, 2, SEEK_HOLE), FILTER_STOP);
	assert_int_equal(ask(FILTER_LOOKS, SYS_lseek, 2, SEEK_SET), FILTER_PASS);
	assert_int_equal(ask(0, SYS_fcntl, 1, F_SETLKW), FILTER_PASS);
	assert_int_equal(ask(FILTER_LOOKS, SYS_fcntl, 1, F_SETLKW), FILTER_STOP);
	/* Other bits than those of an int change nothing. */
	assert_int_equal(
		ask(FILTER_LOOKS, SYS_fcntl, 1, F_SETLKW | (uint64_t)1 << 40), FILTER_STOP);
	assert_int_equal(ask(0, SYS_prctl, 0, FILTER_MARK), FILTER_STOP);
	assert_int_equal(ask(0, SYS_mmap, 3, MAP_PRIVATE), FILTER_PASS);
	assert_int_equal(ask(FILTER_LOOKS, SYS_mmap, 3, MAP_PRIVATE), FILTER_STOP);
}

static void test_filter__what_cannot_be_followed_is_refused(void **state)
{
	static const struct {
		long number;
		int argument;
		uint64_t value;
		int answer;
	} cases[] = {
		{SYS_io_uring_setup, 0, 0, -ENOSYS},
		{SYS_io_setup, 0, 0, -ENOSYS},
		{SYS_open_by_handle_at, 0, 0, -EPERM},
		{SYS_ioctl, 1, FICLONE, -EOPNOTSUPP},
		{SYS_ioctl, 1, FICLONERANGE, -EOPNOTSUPP},
		{SYS_ioctl, 1, FIDEDUPERANGE, -EOPNOTSUPP},
		{SYS_ioctl, 1, 0x5401, FILTER_PASS},
		{SYS_renameat2, 4, RENAME_WHITEOUT, -EINVAL},
		{SYS_renameat2, 4, RENAME_EXCHANGE, FILTER_STOP},
		{SYS_fallocate, 1, FALLOC_FL_COLLAPSE_RANGE, -EOPNOTSUPP},
		{SYS_fallocate, 1, FALLOC_FL_INSERT_RANGE, -EOPNOTSUPP},
		{SYS_fallocate, 1, FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_KEEP_SIZE, -EOPNOTSUPP},
		{SYS_fallocate, 1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FILTER_STOP},
		{SYS_fallocate, 1, FALLOC_FL_ZERO_RANGE, FILTER_STOP},
	};

	(void)state;
	for (unsigned options = 0; options < OPTIONS; options++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
			assert_int_equal(
				ask(options, cases[i].number, cases[i].argument, cases[i].value),
				cases[i].answer);
	}
}

static void test_filter__every_way_to_learn_of_a_file_stops(void **state)
{
	enum { ALL = FILTER_PROGRAM | FILTER_LOOKS | FILTER_READS | FILTER_PATHS };
	static const long calls[] = {SYS_execve, SYS_execveat, SYS_inotify_add_watch, SYS_connect,
		SYS_bind, SYS_sendmsg, SYS_chroot, SYS_mount, SYS_setns, SYS_shmget};

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		assert_int_equal(ask(ALL, calls[i], 0, 0), FILTER_STOP);
		assert_int_equal(ask(ALL & ~FILTER_PATHS, calls[i], 0, 0), FILTER_PASS);
	}
	assert_int_equal(ask(ALL, SYS_sendto, 4, 0x7fff00001000), FILTER_STOP);
	assert_int_equal(ask(ALL, SYS_sendto, 4, 0), FILTER_PASS);
	assert_int_equal(ask(ALL, SYS_ioctl, 1, LOOP_SET_FD), FILTER_STOP);
	assert_int_equal(ask(ALL, SYS_ioctl, 1, 0x5401), FILTER_PASS);
	/* The kernels' numbers of getxattrat and file_getattr. */
	assert_int_equal(ask(ALL, 464, 0, 0), -ENOSYS);
	assert_int_equal(ask(ALL, 468, 0, 0), -ENOSYS);
	assert_int_equal(ask(ALL & ~FILTER_PATHS, 468, 0, 0), FILTER_PASS);
}

static void test_filter__other_architectures(void **state)
{
	struct seccomp_data foreign = {.nr = SYS_write, .arch = AUDIT_ARCH_I386};
	uint64_t args[6] = {0};

	(void)state;
	assert_int_equal(run(&filters[FILTER_PROGRAM], &foreign), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(ask(FILTER_PROGRAM, SYS_write | __X32_SYSCALL_BIT, 0, 0), -ENOSYS);
	/* The tracer has answered the call itself. */
	assert_int_equal(run_call(&filters[FILTER_PROGRAM], -1, args), SECCOMP_RET_ALLOW);
	assert_int_equal(filter_ask(&filters[FILTER_PROGRAM], -1, args), FILTER_PASS);
}

static int make_filters(void **state)
{
	(void)state;
	for (unsigned i = 0; i < OPTIONS; i++) {
		if (filter_init(&filters[i], i))
			return -1;
	}
	return 0;
}

static int drop_filters(void **state)
{
	(void)state;
	for (unsigned i = 0; i < OPTIONS; i++)
		filter_release(&filters[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter__what_is_asked_is_what_the_kernel_does),
		cmocka_unit_test(test_filter__a_program_stops_where_it_may_change_files),
		cmocka_unit_test(test_filter__a_programs_opens_that_only_read_do_not_stop),
		cmocka_unit_test(test_filter__clocks_of_a_program),
		cmocka_unit_test(test_filter__workers_of_the_house),
		cmocka_unit_test(test_filter__what_cannot_be_followed_is_refused),
		cmocka_unit_test(test_filter__every_way_to_learn_of_a_file_stops),
		cmocka_unit_test(test_filter__other_architectures),
	};

	return cmocka_run_group_tests(tests, make_filters, drop_filters);
}
