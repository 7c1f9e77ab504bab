/* What oracle.c, oracle_rules.c, oracle_file.c and oracle_words.c share. Nobody else includes it.
 */
#ifndef TORNWRITE_ORACLE_PRIVATE_H
#define TORNWRITE_ORACLE_PRIVATE_H

#include <limits.h>

#include "harness/oracle.h"

/* What counts of a path. OBJECT_NONE: it is not there. */
struct content {
	enum object_type type;
	XXH128_hash_t hash; /* of bytes, or a link's target; where contents vary: enum fill */
};

/* How a file whose contents vary is filled. */
enum fill { FILL_EMPTY, FILL_ZEROS, FILL_BYTES };

/* A path from legal tree `since` on, up to the next version. */
struct version {
	size_t since;
	uint32_t object; /* in that tree */
	struct content content;
};

struct compared {
	char *path; /* owned */
	bool varies;
	struct version *versions; /* owned; the first is since 0 */
	size_t count, capacity;
};

struct oracle {
	struct oracle_rules rules;
	struct tree **legal; /* owned, references held */
	size_t count;
	struct compared *paths; /* owned, in order */
	size_t path_count, path_capacity;

	/* Of the tree that was asked about last. */
	const struct tree *tree;
	struct content *found; /* owned; by path */
	uint32_t *objects;     /* owned; by path */
	/* Owned; by legal tree: how many paths differ from it. One more than there are trees. */
	size_t *distances;
	struct opinion opinion;
};

/* A file in some tree. */
struct file_view {
	const struct tree *tree;
	uint32_t object;
};

/* Whether a path is ignored, or varies wholly, or lies below one that does. */
bool rules_leave_out(const struct oracle_rules *rules, const char *path);
/* Whether its contents vary. */
bool rules_vary(const struct oracle_rules *rules, const char *path);

enum fill fill_of(const struct tree *tree, uint32_t object);
bool contents_equal(const struct content *a, const struct content *b);

/* The version of a path in a legal tree. */
size_t version_at(const struct compared *path, size_t index);

/* Tells how a file whose contents no version has differs from them: in `words` what follows its
 * name. The first `near` versions are the likely ones. */
enum difference_kind describe_file(const struct file_view *found, const struct file_view *versions,
	size_t count, size_t near, char *words, size_t words_size);

/* Fills in the differences between the tree and legal tree `expected`. Returns 0 or -ENOMEM. */
int describe_differences(struct oracle *oracle, size_t expected);

#endif
