/* What all recordings have in common: the directory before, and what is checked after. */
#include <errno.h>
#include <string.h>

#include "harness/record_private.h"

static bool hashes_equal(const struct tree *a, const struct tree *b)
{
	return XXH128_isEqual(tree_hash(a), tree_hash(b));
}

/* Makes the data directory the initial tree, and learns its inodes. */
int record_restore(const char *name, const struct tree *wanted, int directory_fd,
	struct tree **tree, struct inode_map **inodes)
{
	int err = tree_wipe(directory_fd);

	*inodes = inode_map_new();
	if (!err && !*inodes)
		err = -ENOMEM;
	if (!err)
		err = tree_store(wanted, directory_fd);
	if (!err)
		err = tree_load(directory_fd, tree, *inodes);
	if (!err && !hashes_equal(*tree, wanted)) {
		fprintf(stderr, "%s: the data directory could not be restored:\n", name);
		tree_print_difference(wanted, *tree, stderr);
		err = -EPROTO;
	}
	return err;
}

int record_check_replay(const char *name, struct recording *recording, int directory_fd)
{
	struct tree_notes notes;
	struct tree *found = NULL;
	int err = tree_load_noting(directory_fd, &found, NULL, &notes);

	if (!err && notes.special_count)
		recording->notes |= NOTE_SPECIAL;
	if (!err && !hashes_equal(recording->final, found)) {
		fprintf(stderr, "%s: the recording does not replay to the files on disk:\n", name);
		tree_print_difference(recording->final, found, stderr);
		err = -EPROTO;
	}
	tree_unref(found);
	return err;
}

/* Errors that only the host can be blamed for when nobody injected them. */
static bool is_host_error(int64_t error)
{
	switch (-error) {
	case ENOSPC:
	case EDQUOT:
	case EIO:
	case EROFS:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return true;
	default:
		return false;
	}
}

/* A real shortage would be judged as if the strategy had done something wrong. */
int record_check_host(const char *name, const struct recording *recording)
{
	bool is_struck = false;

	for (size_t i = 0; i < recording->count; i++) {
		const struct event *event = &recording->events[i];
		int64_t error = event->kind == EVENT_OP       ? event->op.effect
		                : event->kind == EVENT_REFUSE ? event->error
		                                              : 0;

		if (event->kind == EVENT_OP && event->op.strike.action != STRIKE_NONE)
			is_struck = true;
		/* After a strike the strategy may report whatever it likes. */
		if (!is_host_error(error) || (is_struck && event->kind == EVENT_REFUSE) ||
			(event->kind == EVENT_OP && event->op.strike.action != STRIKE_NONE))
			continue;
		fprintf(stderr,
			"%s: %s failed with %s, and nobody injected it: is the disk full?\n", name,
			event->kind == EVENT_OP ? points[event->op.point].call : "an update",
			strerrorname_np((int)-error));
		return -EREMOTEIO;
	}
	return 0;
}
