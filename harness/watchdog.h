/*
 * Kills one child process that makes no progress. One at a time; uses SIGALRM.
 */
#ifndef TORNWRITE_WATCHDOG_H
#define TORNWRITE_WATCHDOG_H

#include <stdbool.h>
#include <sys/types.h>

/* From now on `pid` is killed when `timeout_ms` have passed without watchdog_touch(), or three
 * times as much without watchdog_advance(). */
void watchdog_start(pid_t pid, unsigned timeout_ms);

/* From now on it is this child that is watched, instead of the other. Cheap. */
void watchdog_turn(pid_t pid);

/* The child has done something; the time begins anew. Cheap. */
void watchdog_touch(void);

/* It has done something that counts: who only prints, again and again, does not come to an end. */
void watchdog_advance(void);

/* Whether it had to kill since watchdog_start(). */
bool watchdog_has_bitten(void);

/* Stops watching; call before the pid is reaped or right after. True: it had to be killed. */
bool watchdog_stop(void);

#endif
