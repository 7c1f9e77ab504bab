/* An interval timer whose handler sends SIGKILL. It repeats, in case the first one came before
 * the pid was stored. */
#include "harness/watchdog.h"

#include <signal.h>
#include <stddef.h>
#include <sys/time.h>

static volatile pid_t watched;
static volatile sig_atomic_t has_bitten;

static void bite(int number)
{
	(void)number;
	if (watched > 0) {
		has_bitten = 1;
		kill(watched, SIGKILL);
	}
}

static void set_timer(unsigned timeout_ms)
{
	struct timeval interval = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
	struct itimerval timer = {interval, interval};

	setitimer(ITIMER_REAL, &timer, NULL);
}

void watchdog_start(pid_t pid, unsigned timeout_ms)
{
	struct sigaction action = {.sa_handler = bite};

	sigaction(SIGALRM, &action, NULL);
	has_bitten = 0;
	watched = pid;
	set_timer(timeout_ms);
}

bool watchdog_stop(void)
{
	watched = 0;
	set_timer(0);
	return has_bitten;
}
