/*
 * Method: the paths of all legal trees stand in one list in the order of a walk, each with the
 * versions that it goes through. Asking walks the tree and the list side by side; a version that
 * is not the one found adds one to the distance of all legal trees that have it. So the work
 * grows with names and changes, and not with legal trees times names.
 */
#include "harness/oracle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/oracle_private.h"
#include "harness/tree_assemble.h"

/* ---- what a path has ---- */

bool contents_equal(const struct content *a, const struct content *b)
{
	return a->type == b->type && XXH128_isEqual(a->hash, b->hash);
}

static struct content content_of(const struct tree *tree, uint32_t object, bool varies)
{
	struct content content = {.type = tree_object_type(tree, object)};

	if (content.type == OBJECT_FILE && varies)
		content.hash.low64 = fill_of(tree, object);
	else if (content.type == OBJECT_FILE)
		content.hash = tree_file_hash(tree, object);
	else if (content.type == OBJECT_SYMLINK && !varies)
		content.hash =
			XXH3_128bits(tree_target(tree, object), strlen(tree_target(tree, object)));
	return content;
}

size_t version_at(const struct compared *path, size_t index)
{
	size_t low = 0, high = path->count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (path->versions[middle].since <= index)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* ---- the legal trees ---- */

/* New names of one tree, in order. */
struct gathering {
	struct oracle *oracle;
	size_t cursor; /* in oracle->paths */
	struct compared *fresh;
	size_t count, capacity;
	int err;
};

static void gather_name(void *context, const char *path, uint32_t object)
{
	struct gathering *gathering = context;
	struct oracle *oracle = gathering->oracle;
	int order = 1;

	(void)object;
	while (gathering->cursor < oracle->path_count &&
		(order = oracle_compare_paths(oracle->paths[gathering->cursor].path, path)) < 0)
		gathering->cursor++;
	if (gathering->err || (gathering->cursor < oracle->path_count && !order) ||
		rules_leave_out(&oracle->rules, path))
		return;
	if (gathering->count == gathering->capacity) {
		size_t capacity = gathering->capacity ? 2 * gathering->capacity : 64;
		struct compared *fresh =
			realloc(gathering->fresh, capacity * sizeof(struct compared));

		if (!fresh) {
			gathering->err = -ENOMEM;
			return;
		}
		gathering->fresh = fresh;
		gathering->capacity = capacity;
	}
	gathering->fresh[gathering->count] =
		(struct compared){.path = strdup(path), .varies = rules_vary(&oracle->rules, path)};
	if (!gathering->fresh[gathering->count++].path)
		gathering->err = -ENOMEM;
}

/* Merges the new paths into the list, from its end. */
static int merge_paths(struct oracle *oracle, const struct gathering *gathering)
{
	size_t old = oracle->path_count, fresh = gathering->count, all = old + fresh;
	struct compared *paths;

	if (!fresh)
		return 0;
	paths = realloc(oracle->paths, all * sizeof(*paths));
	if (!paths)
		return -ENOMEM;
	oracle->paths = paths;
	oracle->path_count = all;
	while (fresh) {
		if (old && oracle_compare_paths(
				   paths[old - 1].path, gathering->fresh[fresh - 1].path) > 0)
			paths[--all] = paths[--old];
		else
			paths[--all] = gathering->fresh[--fresh];
	}
	return 0;
}

static int gather_paths(struct oracle *oracle, const struct tree *tree)
{
	struct gathering gathering = {.oracle = oracle};
	int err;

	tree_walk(tree, gather_name, &gathering);
	err = gathering.err;
	if (!err)
		err = merge_paths(oracle, &gathering);
	for (size_t i = 0; err && i < gathering.count; i++)
		free(gathering.fresh[i].path);
	free(gathering.fresh);
	return err;
}

static int add_version(struct compared *path, const struct version *version)
{
	if (path->count &&
		contents_equal(&path->versions[path->count - 1].content, &version->content))
		return 0;
	if (path->count == path->capacity) {
		size_t capacity = path->capacity ? 2 * path->capacity : 2;
		struct version *versions = realloc(path->versions, capacity * sizeof(*versions));

		if (!versions)
			return -ENOMEM;
		path->versions = versions;
		path->capacity = capacity;
	}
	path->versions[path->count++] = *version;
	return 0;
}

/* ---- one tree ---- */

struct look {
	struct oracle *oracle;
	size_t cursor;
	int err;
	size_t passed;            /* bytes of `directory` */
	char directory[PATH_MAX]; /* is left out, with all that is below */
};

static int add_residue(struct opinion *opinion, const char *path)
{
	size_t size = strlen(path) + 1;

	if (opinion->residue_bytes + size > opinion->residue_capacity) {
		size_t capacity = 2 * (opinion->residue_bytes + size);
		char *residue = realloc(opinion->residue, capacity);

		if (!residue)
			return -ENOMEM;
		opinion->residue = residue;
		opinion->residue_capacity = capacity;
	}
	memcpy(opinion->residue + opinion->residue_bytes, path, size);
	opinion->residue_bytes += size;
	opinion->residue_count++;
	return 0;
}

/* What the legal trees do not have is residue, unless it is left out. */
static int look_at_stranger(struct look *look, const char *path, uint32_t object)
{
	struct oracle *oracle = look->oracle;

	if (look->passed && !strncmp(path, look->directory, look->passed))
		return 0;
	if (!rules_leave_out(&oracle->rules, path))
		return add_residue(&oracle->opinion, path);
	if (tree_object_type(oracle->tree, object) == OBJECT_DIRECTORY)
		look->passed =
			(size_t)snprintf(look->directory, sizeof(look->directory), "%s/", path);
	return 0;
}

static void look_at_name(void *context, const char *path, uint32_t object)
{
	struct look *look = context;
	struct oracle *oracle = look->oracle;
	int order = 1;

	while (look->cursor < oracle->path_count &&
		(order = oracle_compare_paths(oracle->paths[look->cursor].path, path)) < 0)
		look->cursor++;
	if (look->cursor < oracle->path_count && !order) {
		oracle->found[look->cursor] =
			content_of(oracle->tree, object, oracle->paths[look->cursor].varies);
		oracle->objects[look->cursor] = object;
	} else if (!look->err) {
		look->err = look_at_stranger(look, path, object);
	}
}

/* Fills in found[] and objects[], and the residue of the opinion. */
static int look_at_tree(struct oracle *oracle, const struct tree *tree)
{
	struct look look = {.oracle = oracle};

	oracle->tree = tree;
	oracle->opinion.residue_count = oracle->opinion.residue_bytes = 0;
	memset(oracle->found, 0, oracle->path_count * sizeof(*oracle->found));
	tree_walk(tree, look_at_name, &look);
	return look.err;
}

static int add_versions(struct oracle *oracle, size_t index)
{
	int err = look_at_tree(oracle, oracle->legal[index]);

	for (size_t i = 0; !err && i < oracle->path_count; i++) {
		struct version version = {
			.since = index, .object = oracle->objects[i], .content = oracle->found[i]};

		err = add_version(&oracle->paths[i], &version);
	}
	return err;
}

int oracle_new(struct oracle **out, struct tree *const *legal, size_t count,
	const struct oracle_rules *rules)
{
	struct oracle *oracle = calloc(1, sizeof(*oracle));
	int err = 0;

	*out = NULL;
	if (!oracle)
		return -ENOMEM;
	oracle->rules = *rules;
	oracle->legal = calloc(count, sizeof(struct tree *));
	oracle->distances = calloc(count + 1, sizeof(*oracle->distances));
	if (!oracle->legal || !oracle->distances)
		err = -ENOMEM;
	for (; !err && oracle->count < count; oracle->count++)
		oracle->legal[oracle->count] = tree_ref(legal[oracle->count]);
	for (size_t i = 0; !err && i < count; i++)
		err = gather_paths(oracle, legal[i]);
	/* One more, for an empty list is no reason to fail. */
	oracle->found = calloc(oracle->path_count + 1, sizeof(*oracle->found));
	oracle->objects = calloc(oracle->path_count + 1, sizeof(*oracle->objects));
	if (!oracle->found || !oracle->objects)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < count; i++)
		err = add_versions(oracle, i);
	if (err)
		oracle_free(oracle);
	else
		*out = oracle;
	return err;
}

static void forget_differences(struct opinion *opinion)
{
	for (size_t i = 0; i < opinion->difference_count; i++) {
		free(opinion->differences[i].text);
		free(opinion->differences[i].key);
	}
	opinion->difference_count = 0;
}

void oracle_free(struct oracle *oracle)
{
	if (!oracle)
		return;
	for (size_t i = 0; i < oracle->count; i++)
		tree_unref(oracle->legal[i]);
	for (size_t i = 0; i < oracle->path_count; i++) {
		free(oracle->paths[i].path);
		free(oracle->paths[i].versions);
	}
	forget_differences(&oracle->opinion);
	free(oracle->opinion.differences);
	free(oracle->opinion.residue);
	free(oracle->legal);
	free(oracle->paths);
	free(oracle->found);
	free(oracle->objects);
	free(oracle->distances);
	free(oracle);
}

/* ---- asking ---- */

/* How many paths differ from each legal tree. What is added at one place and taken away at a later
 * one wraps around meanwhile, and the sums are right. */
static void measure_distances(struct oracle *oracle)
{
	size_t *distances = oracle->distances, sum = 0;

	memset(distances, 0, (oracle->count + 1) * sizeof(*distances));
	for (size_t i = 0; i < oracle->path_count; i++) {
		const struct compared *path = &oracle->paths[i];

		for (size_t k = 0; k < path->count; k++) {
			if (contents_equal(&path->versions[k].content, &oracle->found[i]))
				continue;
			distances[path->versions[k].since]++;
			distances[k + 1 < path->count ? path->versions[k + 1].since
						      : oracle->count]--;
		}
	}
	for (size_t i = 0; i < oracle->count; i++)
		distances[i] = sum += distances[i];
}

/* How far an index is from what may be there when `acknowledged` updates were: that many, or one
 * more. */
static size_t distance_in_time(size_t index, size_t acknowledged)
{
	return index < acknowledged       ? acknowledged - index
	       : index > acknowledged + 1 ? index - acknowledged - 1
	                                  : 0;
}

static void find_nearest(struct oracle *oracle, size_t acknowledged)
{
	struct opinion *opinion = &oracle->opinion;
	const size_t *distances = oracle->distances;

	opinion->first = opinion->last = SIZE_MAX;
	opinion->nearest = 0;
	for (size_t i = 0; i < oracle->count; i++) {
		size_t best = distances[opinion->nearest];

		if (!distances[i]) {
			opinion->last = i;
			if (opinion->first == SIZE_MAX)
				opinion->first = i;
		}
		if (distances[i] < best ||
			(distances[i] == best &&
				distance_in_time(i, acknowledged) <=
					distance_in_time(opinion->nearest, acknowledged)))
			opinion->nearest = i;
	}
}

static int ask(struct oracle *oracle, const struct tree *tree, size_t acknowledged)
{
	int err = look_at_tree(oracle, tree);

	forget_differences(&oracle->opinion);
	if (err)
		return err;
	measure_distances(oracle);
	find_nearest(oracle, acknowledged);
	return 0;
}

int oracle_ask(struct oracle *oracle, const struct tree *tree, size_t acknowledged,
	const struct opinion **opinion)
{
	int err = ask(oracle, tree, acknowledged);

	*opinion = &oracle->opinion;
	if (!err && oracle->opinion.first == SIZE_MAX)
		err = describe_differences(oracle, oracle->opinion.nearest);
	return err;
}

int oracle_ask_for(struct oracle *oracle, const struct tree *tree, size_t expected,
	const struct opinion **opinion)
{
	int err = ask(oracle, tree, expected);

	*opinion = &oracle->opinion;
	oracle->opinion.nearest = expected;
	return err ? err : describe_differences(oracle, expected);
}

bool oracle_equals(const struct oracle *oracle, size_t from, size_t to)
{
	for (size_t i = from; i <= to && i < oracle->count; i++) {
		if (!oracle->distances[i])
			return true;
	}
	return false;
}

bool oracle_sees(const struct oracle *oracle, size_t update)
{
	for (size_t i = 0; i < oracle->path_count; i++) {
		const struct compared *path = &oracle->paths[i];

		if (path->versions[version_at(path, update)].since == update)
			return true;
	}
	return false;
}

size_t oracle_path_count(const struct oracle *oracle)
{
	return oracle->path_count;
}
