/* replace-lock-fsync-dir's twin: the clean-up removes the document and not the temporary file.
 * */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/store.h"

static int unlink_document(const char *path)
{
	(void)path;
	return unlink(DOCUMENT_PATH);
}

#define unlink unlink_document
#define strategy_replace_lock_fsync_dir replace_lock_fsync_dir_removes_original
#include "strategies/replace_lock_fsync_dir.c"

const struct strategy strategy_replace_lock_fsync_dir_removes = {
	.name = "replace-lock-fsync-dir-removes",
	.summary = "write-replace whose clean-up removes the wrong file",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_lock_fsync_dir_update,
	.read = document_read,
};
