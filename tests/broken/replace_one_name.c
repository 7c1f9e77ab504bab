/* replace's twin: all writers use one temporary name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/store.h"

static int make_temporary(char *name)
{
	memcpy(name + strlen(name) - 6, "shared", 6);
	return open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

#define mkstemp make_temporary
#define strategy_replace replace_one_name_original
#include "strategies/replace.c"

const struct strategy strategy_replace_one_name = {
	.name = "replace-one-name",
	.summary = "write-replace with one temporary name for all",
	.store = STORE_DOCUMENT,
	.setup = document_setup,
	.update = replace_update,
	.read = document_read,
};
