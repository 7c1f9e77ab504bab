/* What the oracle leaves out: what the user ignores, and what varies between two clean runs. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/oracle_private.h"
#include "harness/tree_assemble.h"

/* ---- paths ---- */

/* '/' is less than every other byte: "a/b" comes before "a-b". */
static int rank_of(char letter)
{
	return !letter ? 0 : letter == '/' ? 1 : (unsigned char)letter + 1;
}

int oracle_compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return rank_of(*a) - rank_of(*b);
}

/* Whether a glob names this path, which has no '/' at its end. "./" before a glob and '/' after it
 * are what shells complete. */
static bool glob_matches(const char *glob, const char *path)
{
	const char *slash = strrchr(path, '/');
	char plain[PATH_MAX];
	size_t length;

	while (!strncmp(glob, "./", 2))
		glob += 2;
	length = strlen(glob);
	while (length > 1 && glob[length - 1] == '/')
		length--;
	if (length >= sizeof(plain))
		return false;
	memcpy(plain, glob, length);
	plain[length] = 0;
	return !fnmatch(plain, path, FNM_PATHNAME) ||
	       (slash && !fnmatch(plain, slash + 1, FNM_PATHNAME));
}

static int compare_varying(const void *key, const void *item)
{
	return oracle_compare_paths(key, ((const struct varying *)item)->path);
}

static const struct varying *find_varying(const struct varying_list *list, const char *path)
{
	return list && list->count ? bsearch(path, list->items, list->count, sizeof(*list->items),
					     compare_varying)
	                           : NULL;
}

static bool is_left_out_itself(const struct oracle_rules *rules, const char *path)
{
	const struct varying *varying = find_varying(rules->varying, path);

	for (size_t i = 0; i < rules->ignored_count; i++) {
		if (glob_matches(rules->ignored[i], path))
			return true;
	}
	return varying && varying->how == VARIES_WHOLLY;
}

bool rules_leave_out(const struct oracle_rules *rules, const char *path)
{
	char part[PATH_MAX];
	size_t length = strlen(path);

	if (!rules->ignored_count && !(rules->varying && rules->varying->count))
		return false;
	if (length >= sizeof(part))
		return is_left_out_itself(rules, path);
	for (size_t i = 1; i <= length; i++) {
		if (path[i] && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (is_left_out_itself(rules, part))
			return true;
	}
	return false;
}

bool oracle_ignores(const struct oracle_rules *rules, const char *path)
{
	return rules_leave_out(rules, path);
}

bool rules_vary(const struct oracle_rules *rules, const char *path)
{
	const struct varying *varying = find_varying(rules->varying, path);

	return varying && varying->how == VARIES_CONTENTS;
}

/* ---- two runs ---- */

enum fill fill_of(const struct tree *tree, uint32_t object)
{
	static const uint8_t zeros[TREE_PAGE_BYTES];
	uint64_t size_bytes = tree_file_bytes(tree, object);

	for (uint64_t i = 0; i * TREE_PAGE_BYTES < size_bytes; i++) {
		if (memcmp(tree_page(tree, object, i), zeros, sizeof(zeros)))
			return FILL_BYTES;
	}
	return size_bytes ? FILL_ZEROS : FILL_EMPTY;
}

/* The walk through one tree of one run, and the same moment of the other. */
struct comparison {
	const struct tree *tree, *other;
	const struct oracle_rules *rules;
	struct varying_list *list;
	bool is_final;
	char below[PATH_MAX]; /* a directory that the other has not */
	int err;
};

/* Adds a path, or makes what is known of it worse. */
static int note_varying(struct varying_list *list, const struct varying *fresh)
{
	struct varying *known = (struct varying *)find_varying(list, fresh->path);
	size_t at = list->count;

	if (known) {
		known->how = fresh->how > known->how ? fresh->how : known->how;
		known->is_final |= fresh->is_final;
		known->is_name |= fresh->is_name;
		return 0;
	}
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 16;
		struct varying *items = realloc(list->items, capacity * sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	while (at && oracle_compare_paths(list->items[at - 1].path, fresh->path) > 0)
		at--;
	memmove(list->items + at + 1, list->items + at, (list->count - at) * sizeof(*list->items));
	list->items[at] = *fresh;
	list->items[at].path = strdup(fresh->path);
	list->count++;
	return list->items[at].path ? 0 : -ENOMEM;
}

/* False: nothing about this name varies. */
static bool compare_objects(const struct comparison *walk, uint32_t a, uint32_t b, enum varies *how)
{
	enum object_type type = tree_object_type(walk->tree, a);

	*how = VARIES_WHOLLY;
	if (type != tree_object_type(walk->other, b))
		return true;
	if (type == OBJECT_SYMLINK) {
		*how = VARIES_CONTENTS;
		return strcmp(tree_target(walk->tree, a), tree_target(walk->other, b)) != 0;
	}
	if (type != OBJECT_FILE ||
		XXH128_isEqual(tree_file_hash(walk->tree, a), tree_file_hash(walk->other, b)))
		return false;
	if (fill_of(walk->tree, a) == fill_of(walk->other, b))
		*how = VARIES_CONTENTS;
	return true;
}

static void compare_name(void *context, const char *path, uint32_t object)
{
	struct comparison *walk = context;
	size_t length = strlen(walk->below);
	uint32_t other;
	struct varying varying = {.path = (char *)path, .is_final = walk->is_final};

	if (walk->err || (length && !strncmp(path, walk->below, length) && path[length] == '/') ||
		rules_leave_out(walk->rules, path))
		return;
	other = tree_find(walk->other, path);
	varying.is_name = other == UINT32_MAX;
	if (varying.is_name)
		varying.how = VARIES_WHOLLY;
	else if (!compare_objects(walk, object, other, &varying.how))
		return;
	if (varying.how == VARIES_WHOLLY &&
		tree_object_type(walk->tree, object) == OBJECT_DIRECTORY)
		snprintf(walk->below, sizeof(walk->below), "%s", path);
	walk->err = note_varying(walk->list, &varying);
}

int oracle_compare_runs(struct tree *const *a, struct tree *const *b, size_t count,
	const struct oracle_rules *rules, struct varying_list *list)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		struct comparison walk = {.tree = a[i],
			.other = b[i],
			/* `list` grows meanwhile, and is no rule yet. */
			.rules = &(struct oracle_rules){.ignored = rules->ignored,
				.ignored_count = rules->ignored_count},
			.list = list,
			.is_final = i + 1 == count};

		tree_walk(a[i], compare_name, &walk);
		err = walk.err;
		walk.tree = b[i];
		walk.other = a[i];
		if (!err)
			tree_walk(b[i], compare_name, &walk);
		err = walk.err;
	}
	return err;
}

void varying_list_release(struct varying_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].path);
	free(list->items);
	*list = (struct varying_list){0};
}

void varying_say(const struct varying *varying, char *text, size_t text_size)
{
	if (varying->is_name)
		snprintf(text, text_size, "%s is there in one run and not in the next%s",
			varying->path, varying->is_final ? "" : ", while the program runs");
	else if (varying->how == VARIES_WHOLLY)
		snprintf(text, text_size, "what %s is differs from run to run", varying->path);
	else
		snprintf(text, text_size, "contents of %s differ from run to run", varying->path);
}
