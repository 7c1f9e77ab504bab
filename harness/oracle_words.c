/* How a tree differs from a legal one, in words. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/oracle_private.h"
#include "harness/tree_assemble.h"

enum { WORDS_BYTES = 160, MAX_NAMED = 2 };

static const char *const kind_words[DIFFERENCE_KINDS] = {
	[DIFFERS_EMPTY] = "is empty",
	[DIFFERS_TRUNCATED] = "is truncated",
	[DIFFERS_ZERO_FILLED] = "has zeros",
	[DIFFERS_MIXED] = "is a mix",
	[DIFFERS_FOREIGN] = "has foreign contents",
	[DIFFERS_MISSING] = "is missing",
	[DIFFERS_TYPE] = "has another type",
};

/* ---- one path ---- */

static const char *type_name(enum object_type type)
{
	return type == OBJECT_FILE        ? "a file"
	       : type == OBJECT_DIRECTORY ? "a directory"
	       : type == OBJECT_SYMLINK   ? "a symbolic link"
	                                  : "something else";
}

/* The versions of a path that are files: that of the expected state and its neighbours first.
 * Returns how many, *near of them near; `views` has room for all. */
static size_t file_versions(const struct oracle *oracle, const struct compared *path,
	size_t expected, struct file_view *views, size_t *near)
{
	size_t middle = version_at(path, expected), count = 0;

	*near = 0;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < path->count; i++) {
			/* The expected one comes first. */
			size_t k = round || i > middle ? i : middle - i;
			const struct version *version = &path->versions[k];
			bool is_near = k + 1 >= middle && k <= middle + 1;

			if (is_near != !round || version->content.type != OBJECT_FILE)
				continue;
			views[count++] =
				(struct file_view){oracle->legal[version->since], version->object};
			*near += is_near;
		}
	}
	if (!*near && count)
		*near = 1;
	return count;
}

static enum difference_kind describe_varying(enum fill fill, char *words, size_t words_size)
{
	snprintf(words, words_size, "%s",
		fill == FILL_EMPTY   ? "is empty"
		: fill == FILL_ZEROS ? "is nothing but zeros"
				     : "has contents where it should have none");
	return fill == FILL_EMPTY   ? DIFFERS_EMPTY
	       : fill == FILL_ZEROS ? DIFFERS_ZERO_FILLED
	                            : DIFFERS_FOREIGN;
}

/* A path whose contents are those of no legal tree. */
static int describe_path(const struct oracle *oracle, size_t number, size_t expected,
	enum difference_kind *kind, char *words, size_t words_size)
{
	const struct compared *path = &oracle->paths[number];
	const struct content *found = &oracle->found[number];
	const struct file_view file = {oracle->tree, oracle->objects[number]};
	enum object_type type = path->versions[version_at(path, expected)].content.type;
	bool is_type_known = false;
	struct file_view *views;
	size_t count, near;

	if (found->type == OBJECT_NONE) {
		*kind = DIFFERS_MISSING;
		snprintf(words, words_size, "is missing");
		return 0;
	}
	for (size_t i = 0; i < path->count; i++) {
		is_type_known |= path->versions[i].content.type == found->type;
		if (type == OBJECT_NONE)
			type = path->versions[i].content.type;
	}
	if (!is_type_known) {
		*kind = DIFFERS_TYPE;
		snprintf(words, words_size, "is %s where %s should be", type_name(found->type),
			type_name(type));
		return 0;
	}
	if (found->type != OBJECT_FILE) {
		*kind = DIFFERS_FOREIGN;
		snprintf(words, words_size, "points elsewhere");
		return 0;
	}
	if (path->varies) {
		*kind = describe_varying((enum fill)found->hash.low64, words, words_size);
		return 0;
	}
	views = malloc(path->count * sizeof(*views));
	if (!views)
		return -ENOMEM;
	count = file_versions(oracle, path, expected, views, &near);
	*kind = describe_file(&file, views, count, near, words, words_size);
	free(views);
	return 0;
}

/* ---- whole files of different updates ---- */

/* Some of the paths that are all old, or all new. */
struct side {
	bool is_new;
	size_t count;
	const char *names[MAX_NAMED];
	const char *what; /* of the first: "is gone" */
	bool is_alike;    /* it is that of all */
	const char *last; /* what lies below it goes without saying */
};

static bool is_below(const char *path, const char *directory)
{
	size_t length = directory ? strlen(directory) : 0;

	return length && !strncmp(path, directory, length) && path[length] == '/';
}

/* `other` is what the path has in the state that the side is not from. */
static void add_to_side(struct side *side, const char *path, const struct content *found,
	const struct content *other)
{
	const char *what = found->type == OBJECT_NONE   ? side->is_new ? "gone" : "not there yet"
	                   : other->type == OBJECT_NONE ? side->is_new ? "there" : "still there"
	                   : side->is_new               ? "new"
	                                                : "old";

	if (is_below(path, side->last))
		return;
	side->last = path;
	if (!side->count) {
		side->what = what;
		side->is_alike = true;
	}
	side->is_alike &= what == side->what;
	if (side->count < MAX_NAMED)
		side->names[side->count] = path;
	side->count++;
}

/* "a.txt and b.txt are new". Owned by the caller; NULL: out of memory. */
static char *say_side(const struct side *side)
{
	const char *what = side->is_alike ? side->what : side->is_new ? "as after" : "as before";
	char *text;
	int length;

	if (side->count > MAX_NAMED)
		length = asprintf(&text, "%s, %s and %zu more are %s", side->names[0],
			side->names[1], side->count - MAX_NAMED, what);
	else if (side->count == MAX_NAMED)
		length = asprintf(&text, "%s and %s are %s", side->names[0], side->names[1], what);
	else
		length = asprintf(&text, "%s is %s", side->names[0], what);
	return length < 0 ? NULL : text;
}

/* The version of the path that was found, the one nearest to the expected state. SIZE_MAX: none. */
static size_t found_version(const struct oracle *oracle, size_t number, size_t expected)
{
	const struct compared *path = &oracle->paths[number];
	size_t middle = version_at(path, expected), best = SIZE_MAX, best_away = SIZE_MAX;

	for (size_t i = 0; i < path->count; i++) {
		size_t away = i > middle ? i - middle : middle - i;

		if (away <= best_away &&
			contents_equal(&path->versions[i].content, &oracle->found[number])) {
			best = i;
			best_away = away;
		}
	}
	return best;
}

/* The legal tree nearest to the expected one that has this version. */
static size_t moment_of(const struct compared *path, size_t version, size_t expected)
{
	if (path->versions[version].since > expected)
		return path->versions[version].since;
	return version + 1 < path->count && path->versions[version + 1].since <= expected
	               ? path->versions[version + 1].since - 1
	               : expected;
}

static int add_difference(
	struct opinion *opinion, enum difference_kind kind, const char *path, char *text, char *key)
{
	if (opinion->difference_count == opinion->difference_capacity) {
		size_t capacity =
			opinion->difference_capacity ? 2 * opinion->difference_capacity : 4;
		struct difference *differences =
			realloc(opinion->differences, capacity * sizeof(*differences));

		if (!differences)
			goto fail;
		opinion->differences = differences;
		opinion->difference_capacity = capacity;
	}
	if (!text || !key)
		goto fail;
	opinion->differences[opinion->difference_count++] =
		(struct difference){.kind = kind, .path = path, .text = text, .key = key};
	return 0;
fail:
	free(text);
	free(key);
	return -ENOMEM;
}

/* Two sides in a sentence; sides without names are not told. */
static char *join_sides(const struct side *fresh, const struct side *old, const char *why)
{
	char *a = fresh->count ? say_side(fresh) : NULL, *b = old->count ? say_side(old) : NULL;
	char *text = NULL;

	if ((a || !fresh->count) && (b || !old->count) &&
		asprintf(&text, "%s%s%s%s", a ? a : "", a && b ? " and " : "", b ? b : "", why) < 0)
		text = NULL;
	free(a);
	free(b);
	return text;
}

/* How many of the updates between two legal trees change anything. */
static size_t count_updates(const struct oracle *oracle, size_t a, size_t b)
{
	size_t count = 0;

	for (size_t i = (a < b ? a : b) + 1; i <= (a < b ? b : a); i++)
		count += oracle_sees(oracle, i);
	return count;
}

/* What is as expected, and is not so in the tree that the others are from. */
static void fill_other_side(
	const struct oracle *oracle, size_t expected, size_t moment, struct side *side)
{
	for (size_t i = 0; i < oracle->path_count; i++) {
		const struct compared *path = &oracle->paths[i];
		const struct content *other = &path->versions[version_at(path, moment)].content;

		if (contents_equal(&path->versions[version_at(path, expected)].content,
			    &oracle->found[i]) &&
			!contents_equal(other, &oracle->found[i]))
			add_to_side(side, path->path, &oracle->found[i], other);
	}
}

/* Paths that are as in some legal tree, but not in the expected one. */
static int describe_split(struct oracle *oracle, size_t expected)
{
	struct side fresh = {.is_new = true}, old = {.is_new = false};
	size_t moment = SIZE_MAX, away;
	enum difference_kind kind = DIFFERS_SPLIT;
	const char *path, *why;
	char *text, *key;

	for (size_t i = 0; i < oracle->path_count; i++) {
		const struct compared *compared = &oracle->paths[i];
		size_t version = found_version(oracle, i, expected);
		size_t expected_version = version_at(compared, expected);

		if (version == SIZE_MAX ||
			contents_equal(
				&compared->versions[expected_version].content, &oracle->found[i]))
			continue;
		if (moment == SIZE_MAX)
			moment = moment_of(compared, version, expected);
		add_to_side(version > expected_version ? &fresh : &old, compared->path,
			&oracle->found[i], &compared->versions[expected_version].content);
	}
	if (moment == SIZE_MAX)
		return 0;
	path = old.count ? old.names[0] : fresh.names[0];
	away = fresh.count && old.count ? 2 : count_updates(oracle, moment, expected);
	if (!fresh.count)
		fill_other_side(oracle, expected, moment, &fresh);
	else if (!old.count)
		fill_other_side(oracle, expected, moment, &old);
	if (!fresh.count || !old.count)
		kind = fresh.count ? DIFFERS_NEW : DIFFERS_OLD;
	why = kind != DIFFERS_SPLIT ? ""
	      : away == 1           ? ": two updates where there should be one"
	                            : ": a later update without an earlier one";
	text = join_sides(&fresh, &old, why);
	/* Each side by its first name, for the others may be any of many. */
	fresh.count = fresh.count > 0;
	old.count = old.count > 0;
	fresh.is_alike = old.is_alike = true;
	key = join_sides(&fresh, &old, "");
	return add_difference(&oracle->opinion, kind, path, text, key);
}

int describe_differences(struct oracle *oracle, size_t expected)
{
	const char *missing = NULL; /* what lies below it is missing, too */
	int err = 0;

	for (size_t i = 0; !err && i < oracle->path_count; i++) {
		const char *path = oracle->paths[i].path;
		enum difference_kind kind;
		char words[WORDS_BYTES], *text, *key;

		if (found_version(oracle, i, expected) != SIZE_MAX || is_below(path, missing))
			continue;
		err = describe_path(oracle, i, expected, &kind, words, sizeof(words));
		if (err)
			break;
		if (kind == DIFFERS_MISSING || kind == DIFFERS_TYPE)
			missing = path;
		if (asprintf(&text, "%s %s", path, words) < 0)
			text = NULL;
		if (asprintf(&key, "%s %s", path, kind_words[kind]) < 0)
			key = NULL;
		err = add_difference(&oracle->opinion, kind, path, text, key);
	}
	return err ? err : describe_split(oracle, expected);
}
