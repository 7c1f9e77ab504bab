/* One function a call. A clock goes on by a microsecond each time it is read. */
#include "harness/fake.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

enum { FAKE_PID = 4242, MAX_WORKERS = 8, NANOSECONDS_A_TICK = 1000, SINCE_BOOT = 1 };

static const time_t fake_start = 1767225600; /* 2026-01-01 */

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u); /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static int answer_with(const struct task *task, struct call *call, int64_t result)
{
	int err = machine_skip_call(task->pid, call, result);

	return err ? err : 1;
}

static int answer_random(
	struct fake *fake, const struct task *task, struct call *call, uint64_t at, uint64_t size)
{
	uint64_t bytes[32];

	/* A caller must be ready for fewer bytes than it asked for. */
	if (size > sizeof(bytes))
		size = sizeof(bytes);
	for (size_t i = 0; i < sizeof(bytes) / sizeof(*bytes); i++)
		bytes[i] = next_random(&fake->random);
	return answer_with(task, call, task_poke(task, at, bytes, size) ? -EFAULT : (int64_t)size);
}

uint64_t fake_real_time_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static void now(struct fake *fake, struct timespec *time)
{
	uint64_t real = fake->begun_us ? fake_real_time_us() - fake->begun_us : 0;
	uint64_t passed;

	if (real > FAKE_LAG_US && fake->ticks < real - FAKE_LAG_US)
		fake->ticks = real - FAKE_LAG_US;
	passed = ++fake->ticks * NANOSECONDS_A_TICK;
	time->tv_sec = fake_start + (time_t)(passed / 1000000000);
	time->tv_nsec = (long)(passed % 1000000000);
}

/* The clock goes on by what the sleep would have taken. */
static int answer_sleep(struct fake *fake, const struct task *task, struct call *call)
{
	bool is_clock = call->number == SYS_clock_nanosleep;
	uint64_t at = is_clock ? call->args[2] : call->args[0];
	struct timespec time = {0};
	int64_t passed;

	fake->has_slept = true;
	if (call->number == SYS_poll)
		time.tv_nsec = (int)call->args[2] > 0 ? (int)call->args[2] * 1000000L : 0;
	else if (call->number == SYS_ppoll)
		task_peek(task, call->args[2], &time, sizeof(time));
	else if (call->number == SYS_select || call->number == SYS_pselect6)
		task_peek(task, call->args[4], &time, sizeof(time));
	else if (call->number != SYS_sched_yield && task_peek(task, at, &time, sizeof(time)))
		return answer_with(task, call, -EFAULT);
	if (call->number == SYS_select)
		time.tv_nsec *= 1000; /* a struct timeval */
	passed = time.tv_sec * 1000000 + time.tv_nsec / 1000;
	/* Until then, and not so long. */
	if (is_clock && call->args[1] & TIMER_ABSTIME)
		passed -= fake_start * 1000000 + (int64_t)fake->ticks;
	fake->ticks += passed > 0 ? (uint64_t)passed : 0;
	return answer_with(task, call, 0);
}

static bool is_since_boot(uint64_t clock)
{
	switch ((clockid_t)clock) {
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		return true;
	default:
		return false;
	}
}

static int answer_time(struct fake *fake, const struct task *task, struct call *call)
{
	struct timespec time;
	struct timeval coarse;
	uint64_t at = call->number == SYS_clock_gettime ? call->args[1] : call->args[0];
	int err = 0;

	now(fake, &time);
	/* A time to wait for must not lie ahead of what the kernel thinks. */
	if (call->number == SYS_clock_gettime && task->is_program && is_since_boot(call->args[0]))
		time.tv_sec -= fake_start - SINCE_BOOT;
	coarse = (struct timeval){time.tv_sec, time.tv_nsec / 1000};
	if (call->number == SYS_clock_gettime)
		err = task_poke(task, at, &time, sizeof(time));
	else if (at && call->number == SYS_gettimeofday)
		err = task_poke(task, at, &coarse, sizeof(coarse));
	else if (at)
		err = task_poke(task, at, &time.tv_sec, sizeof(time.tv_sec));
	if (err)
		return answer_with(task, call, -EFAULT);
	return answer_with(task, call, call->number == SYS_time ? time.tv_sec : 0);
}

/* An id that no worker was told is nobody's, or somebody's who has no part in this. Another worker
 * is taken to be alive. */
static int answer_stranger(struct fake *fake, const struct task *task, struct call *call)
{
	uint64_t signal = call->number == SYS_tgkill ? call->args[2] : call->args[1];
	bool is_worker = call->args[0] >= FAKE_PID && call->args[0] < FAKE_PID + MAX_WORKERS;

	if (!is_worker)
		return answer_with(task, call, -ESRCH);
	fake->has_signalled = true;
	return answer_with(task, call, call->number == SYS_kill && !signal ? 0 : -EPERM);
}

int fake_answer(struct fake *fake, const struct task *task, struct call *call)
{
	int err;

	switch (call->number) {
	case SYS_getrandom:
		return answer_random(fake, task, call, call->args[0], call->args[1]);
	case SYS_read:
		if (!task_has_random_device(task, (int)call->args[0]))
			return 0;
		return answer_random(fake, task, call, call->args[1], call->args[2]);
	case SYS_clock_gettime:
	case SYS_gettimeofday:
	case SYS_time:
		return answer_time(fake, task, call);
	case SYS_nanosleep:
	case SYS_clock_nanosleep:
	case SYS_poll:
	case SYS_ppoll:
	case SYS_select:
	case SYS_pselect6:
	case SYS_sched_yield:
		return answer_sleep(fake, task, call);
	case SYS_getpid:
		return answer_with(task, call, FAKE_PID + fake->number);
	case SYS_kill:
	case SYS_tgkill:
	case SYS_pidfd_open:
		if (call->args[0] != (uint64_t)FAKE_PID + fake->number)
			return answer_stranger(fake, task, call);
		err = machine_set_argument(task->pid, call, 0, (uint64_t)task->pid);
		return err ? err : 1;
	default:
		return 0;
	}
}
