/* What every process that we fork does first. */
#ifndef TORNWRITE_CHILD_H
#define TORNWRITE_CHILD_H

#include <sys/types.h>

/* The calling child is killed when `parent`, who forked it, dies; at once if that has happened. */
void child_die_with(pid_t parent);

/* For a child that runs a strategy: the same, and it has the signal dispositions and the umask of a
 * fresh process, and is where it should be. Returns 0 or -errno. */
int child_enter(pid_t parent, int directory_fd);

#endif
