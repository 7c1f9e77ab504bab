/*
 * Kills one child process that does not end in time. One at a time; uses SIGALRM.
 */
#ifndef TORNWRITE_WATCHDOG_H
#define TORNWRITE_WATCHDOG_H

#include <stdbool.h>
#include <sys/types.h>

/* From now on `pid` is killed after `timeout_ms`. */
void watchdog_start(pid_t pid, unsigned timeout_ms);

/* Stops watching; call before the pid is reaped or right after. True: it had to be killed. */
bool watchdog_stop(void);

#endif
