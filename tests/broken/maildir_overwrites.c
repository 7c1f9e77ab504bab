/* maildir's twin: the name tells neither time nor process, and the message is renamed to it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "harness/store.h"

/* In place of the process: not 0 but for the first message. */
static long owner;

static long get_owner(void)
{
	return owner;
}

static int no_time(struct timeval *now, void *zone)
{
	(void)zone;
	*now = (struct timeval){0};
	return 0;
}

/* link(2) would refuse the name that is taken. */
#define link rename
#define getpid get_owner
#define gettimeofday no_time
#define strategy_maildir maildir_overwrites_original
#include "strategies/maildir.c"

static int maildir_overwrites_update(const struct txn *txn)
{
	owner = 1;
	return maildir_update(txn);
}

const struct strategy strategy_maildir_overwrites = {
	.name = "maildir-overwrites",
	.summary = "a maildir whose names are unique only within a process",
	.store = STORE_SPOOL,
	.setup = maildir_setup,
	.update = maildir_overwrites_update,
	.read = maildir_read,
};
