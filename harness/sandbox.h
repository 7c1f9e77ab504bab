/*
 * A view of the files of our own: namespaces in which one directory is covered by another, so that
 * what a program does under a path never reaches what the user has there. All is gone with the
 * last process that is inside.
 */
#ifndef TORNWRITE_SANDBOX_H
#define TORNWRITE_SANDBOX_H

/* Moves the calling process into a mount namespace of its own, and into a user namespace unless it
 * may do without. Once; later calls do nothing. Returns 0, or -errno where that is not allowed
 * (or TORNWRITE_NAMESPACES is 0 in the environment): nothing has changed then. */
int sandbox_enter(void);

/* The same for a process that is inside and forked by another that is: what it covers from now on,
 * others do not see. Returns 0 or -errno. */
int sandbox_part(void);

/* Covers a directory with an empty one in memory. It is seen by whoever looks the path up from now
 * on. Returns 0 or -errno. */
int sandbox_cover(const char *directory);

/* Shows one file, or directory, at the path of another that exists. Returns 0 or -errno. */
int sandbox_show(const char *source, const char *path);

#endif
