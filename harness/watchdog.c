/* An interval timer that ticks ten times in the time-out; ten ticks without a touch are too many,
 * and thirty without an advance.
 * After that it goes on killing, in case the first signal came before the pid was stored. */
#include "harness/watchdog.h"

#include <signal.h>
#include <stddef.h>
#include <sys/time.h>

enum { TICKS = 10, STILL_TICKS = 30 };

static volatile pid_t watched;
static volatile sig_atomic_t has_bitten, idle_ticks, still_ticks;

static void tick(int number)
{
	bool is_late;

	(void)number;
	is_late = idle_ticks++ >= TICKS;
	is_late |= still_ticks++ >= STILL_TICKS;
	if (watched <= 0 || !is_late)
		return;
	has_bitten = 1;
	kill(watched, SIGKILL);
}

static void set_timer(unsigned interval_ms)
{
	struct timeval interval = {interval_ms / 1000, (interval_ms % 1000) * 1000};
	struct itimerval timer = {interval, interval};

	setitimer(ITIMER_REAL, &timer, NULL);
}

void watchdog_start(pid_t pid, unsigned timeout_ms)
{
	struct sigaction action = {.sa_handler = tick};

	sigaction(SIGALRM, &action, NULL);
	has_bitten = 0;
	idle_ticks = still_ticks = 0;
	watched = pid;
	set_timer(timeout_ms / TICKS);
}

void watchdog_turn(pid_t pid)
{
	idle_ticks = 0;
	watched = pid;
}

void watchdog_touch(void)
{
	idle_ticks = 0;
}

void watchdog_advance(void)
{
	still_ticks = 0;
}

bool watchdog_has_bitten(void)
{
	return has_bitten;
}

bool watchdog_stop(void)
{
	watched = 0;
	set_timer(0);
	return has_bitten;
}
