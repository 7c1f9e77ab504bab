/* PDEATHSIG, with the race that its manual page leaves to the reader. */
#include "harness/child.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

void child_die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have died before that. Seen from a pid namespace of our own it has no number. */
	if (getppid() != parent && getppid() != 0)
		_exit(1);
}

int child_enter(pid_t parent, int directory_fd)
{
	sigset_t none;

	child_die_with(parent);
	/* The driver's handlers would run in the child, and interrupt its calls. */
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	return fchdir(directory_fd) ? -errno : 0;
}
