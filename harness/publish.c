/* Files, standard output, and the names of file systems. */
#include "harness/publish.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "harness/options.h"
#include "harness/plugins.h"

const char *publish_filesystem_name(const char *path)
{
	static const struct {
		long magic;
		const char *name;
	} known[] = {{0xef53, "ext4"}, {0x01021994, "tmpfs"}, {0x58465342, "xfs"},
		{0x9123683e, "btrfs"}, {0x794c7630, "overlayfs"}, {0x2fc12fc1, "zfs"},
		{0x6969, "nfs"}, {0x65735546, "fuse"}, {0xf2f52010, "f2fs"}};
	static char other[32];
	struct statfs st;

	if (statfs(path, &st))
		return "unknown";
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if ((long)st.f_type == known[i].magic)
			return known[i].name;
	}
	snprintf(other, sizeof(other), "0x%lx", (unsigned long)st.f_type);
	return other;
}

static const struct report *find_report(const char *name)
{
	for (size_t i = 0; i < report_count; i++) {
		if (!strcmp(reports[i]->name, name))
			return reports[i];
	}
	return NULL;
}

int publish_report(const struct report_input *input, const char *format, const char *path)
{
	FILE *stream = strcmp(path, "-") ? fopen(path, "w") : stdout;
	int err;

	if (!stream) {
		fprintf(stderr, "error: %s: %s\n", path, strerror(errno));
		return -EIO;
	}
	err = find_report(format)->write(input, stream);
	if (fflush(stream) || ferror(stream))
		err = -EIO;
	if (stream != stdout && fclose(stream))
		err = -EIO;
	if (err)
		fprintf(stderr, "error: %s: could not be written\n",
			strcmp(path, "-") ? path : "standard output");
	return err;
}

void publish_check_path(const char *option, const char *path)
{
	char directory[PATH_MAX], *slash;
	struct stat st;
	size_t length;

	if (!path || !strcmp(path, "-"))
		return;
	if (!*path)
		options_fail("--%s: the path is empty", option);
	if (!stat(path, &st)) {
		bool wants_directory = !strcmp(option, "witness-dir");

		if (S_ISDIR(st.st_mode) != wants_directory)
			options_fail("--%s %s: %s", option, path,
				wants_directory ? "not a directory" : "is a directory");
		if (access(path, wants_directory ? W_OK | X_OK : W_OK))
			options_fail("--%s %s: %s", option, path, strerror(errno));
		return;
	}
	if (snprintf(directory, sizeof(directory), "%s", path) >= (int)sizeof(directory))
		options_fail("--%s: the path is too long", option);
	for (length = strlen(directory); length > 1 && directory[length - 1] == '/';)
		directory[--length] = 0;
	slash = strrchr(directory, '/');
	if (slash)
		*slash = 0;
	if (access(!slash ? "." : slash == directory ? "/" : directory, W_OK | X_OK))
		options_fail("--%s %s: %s", option, path, strerror(errno));
}
