/* A fresh working directory for each test, removed afterwards also when the test failed: the setup
 * and teardown of cmocka. */
#ifndef TORNWRITE_TESTS_SCRATCH_H
#define TORNWRITE_TESTS_SCRATCH_H

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch_path[PATH_MAX];

static int scratch_enter(void **state)
{
	const char *parent = getenv("TMPDIR");

	(void)state;
	snprintf(scratch_path, sizeof(scratch_path), "%s/tornwrite-test.XXXXXX",
		parent ? parent : "/tmp");
	return mkdtemp(scratch_path) && !chdir(scratch_path) ? 0 : -1;
}

static int scratch_remove_entry(
	const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

/* A test may have made directories that nobody but root may change. */
static int scratch_open_entry(
	const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)walk;
	return type == FTW_D || type == FTW_DNR ? chmod(path, 0700) : 0;
}

static int scratch_leave(void **state)
{
	(void)state;
	if (chdir("/"))
		return -1;
	nftw(scratch_path, scratch_open_entry, 16, FTW_PHYS);
	return nftw(scratch_path, scratch_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
