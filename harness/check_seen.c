/*
 * Method: a way from the top of a decision tree to an end is one run. A run of several processes
 * at once may make its looks in another order the next time: then it begins a decision tree of its
 * own, up to MAX_ORDERS. Whichever is found, its end holds for all that agrees with the way to it.
 */
#include "harness/check_seen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ORDERS = 8 };

/* Number of a node; there is none. */
static const uint32_t nothing = UINT32_MAX;

struct branch {
	XXH128_hash_t sight;
	uint32_t next;
};

/* A look, or an end. */
struct node {
	struct look look; /* path NULL: an end */
	bool is_legal;
	struct branch *branches; /* owned */
	size_t count, capacity;
};

struct question {
	XXH128_hash_t key;
	uint32_t orders[MAX_ORDERS];
	unsigned order_count;
};

struct check_seen {
	struct question *questions; /* owned; one for each number of acks: they are few */
	size_t question_count;
	struct node *nodes; /* owned; of all decision trees */
	uint32_t count, capacity;
};

/* ---- looks ---- */

static int copy_look(const struct look *look, struct look *copy)
{
	*copy = *look;
	copy->path = strdup(look->path);
	return copy->path ? 0 : -ENOMEM;
}

static XXH128_hash_t look_at(
	const struct tree *tree, const uint32_t *name_counts, const struct look *look)
{
	uint32_t object = tree_find(tree, look->path);

	return look->kind == LOOK_BYTES
	               ? tree_bytes_hash(tree, object, look->start, look->end)
	               : tree_sight(tree, object, name_counts, look->kind == LOOK_LIST);
}

int look_list_add(struct look_list *list, const struct look *look)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity * 2 + 32;
		struct look *items = realloc(list->items, capacity * sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	return copy_look(look, &list->items[list->count++]);
}

void look_list_release(struct look_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].path);
	free(list->items);
	*list = (struct look_list){0};
}

/* ---- nodes ---- */

/* `look` NULL: an end. */
static int add_node(
	struct check_seen *seen, const struct look *look, bool is_legal, uint32_t *number)
{
	struct node node = {.is_legal = is_legal};

	if (seen->count == seen->capacity) {
		uint32_t capacity = seen->capacity * 2 + 256;
		struct node *nodes = realloc(seen->nodes, capacity * sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		seen->nodes = nodes;
		seen->capacity = capacity;
	}
	if (look && copy_look(look, &node.look))
		return -ENOMEM;
	*number = seen->count;
	seen->nodes[seen->count++] = node;
	return 0;
}

static uint32_t follow(const struct node *node, XXH128_hash_t sight)
{
	for (size_t i = 0; i < node->count; i++) {
		if (XXH128_isEqual(node->branches[i].sight, sight))
			return node->branches[i].next;
	}
	return nothing;
}

static int add_branch(struct node *node, XXH128_hash_t sight, uint32_t next)
{
	if (node->count == node->capacity) {
		size_t capacity = node->capacity * 2 + 1;
		struct branch *branches = realloc(node->branches, capacity * sizeof(*branches));

		if (!branches)
			return -ENOMEM;
		node->branches = branches;
		node->capacity = capacity;
	}
	node->branches[node->count++] = (struct branch){sight, next};
	return 0;
}

static bool is_same(const struct node *node, const struct look *look)
{
	if (!node->look.path || !look)
		return !node->look.path && !look;
	return node->look.kind == look->kind && node->look.start == look->start &&
	       node->look.end == look->end && !strcmp(node->look.path, look->path);
}

/* ---- questions ---- */

struct check_seen *check_seen_new(void)
{
	return calloc(1, sizeof(struct check_seen));
}

void check_seen_free(struct check_seen *seen)
{
	if (!seen)
		return;
	for (uint32_t i = 0; i < seen->count; i++) {
		free(seen->nodes[i].look.path);
		free(seen->nodes[i].branches);
	}
	free(seen->nodes);
	free(seen->questions);
	free(seen);
}

static struct question *find_question(const struct check_seen *seen, XXH128_hash_t key)
{
	for (size_t i = 0; i < seen->question_count; i++) {
		if (XXH128_isEqual(seen->questions[i].key, key))
			return &seen->questions[i];
	}
	return NULL;
}

static struct question *make_question(struct check_seen *seen, XXH128_hash_t key)
{
	struct question *found = find_question(seen, key), *more;

	if (found)
		return found;
	more = realloc(seen->questions, (seen->question_count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	seen->questions = more;
	more += seen->question_count++;
	*more = (struct question){.key = key};
	return more;
}

static const struct node *find_end(const struct check_seen *seen, uint32_t number,
	const struct tree *tree, const uint32_t *name_counts)
{
	while (number != nothing) {
		const struct node *node = &seen->nodes[number];

		if (!node->look.path)
			return node;
		number = follow(node, look_at(tree, name_counts, &node->look));
	}
	return NULL;
}

enum check_seen_answer check_seen_find(const struct check_seen *seen, XXH128_hash_t key,
	const struct tree *tree, const uint32_t *name_counts)
{
	const struct question *question = find_question(seen, key);

	for (unsigned i = 0; question && i < question->order_count; i++) {
		const struct node *end = find_end(seen, question->orders[i], tree, name_counts);

		if (end)
			return end->is_legal ? SEEN_LEGAL : SEEN_OTHER;
	}
	return SEEN_NOTHING;
}

/* ---- remembering ---- */

/* A new way on from a node, or, nothing, from the top: from the look `first` to the end. */
static int add_way(struct check_seen *seen, uint32_t from, size_t first, const struct tree *tree,
	const uint32_t *name_counts, const struct look_list *looks, bool is_legal, uint32_t *top)
{
	uint32_t number;
	int err = 0;

	for (size_t i = first; !err && i <= looks->count; i++) {
		err = add_node(seen, i < looks->count ? &looks->items[i] : NULL, is_legal, &number);
		if (!err && from == nothing)
			*top = number;
		else if (!err)
			err = add_branch(&seen->nodes[from],
				look_at(tree, name_counts, &looks->items[i - 1]), number);
		from = number;
	}
	return err;
}

/* Adds the run to one decision tree. -EEXIST: it makes another look where it should be the same. */
static int add_to(struct check_seen *seen, uint32_t number, const struct tree *tree,
	const uint32_t *name_counts, const struct look_list *looks, bool is_legal)
{
	for (size_t i = 0;; i++) {
		const struct node *node = &seen->nodes[number];
		uint32_t next;

		if (!is_same(node, i < looks->count ? &looks->items[i] : NULL))
			return -EEXIST;
		if (!node->look.path)
			return node->is_legal == is_legal ? 0 : -EEXIST;
		next = follow(node, look_at(tree, name_counts, &node->look));
		if (next == nothing)
			return add_way(
				seen, number, i + 1, tree, name_counts, looks, is_legal, NULL);
		number = next;
	}
}

int check_seen_add(struct check_seen *seen, XXH128_hash_t key, const struct tree *tree,
	const uint32_t *name_counts, const struct look_list *looks, bool is_legal)
{
	struct question *question = make_question(seen, key);
	uint32_t top = nothing;
	int err = -EEXIST;

	if (!question)
		return -ENOMEM;
	for (unsigned i = 0; err == -EEXIST && i < question->order_count; i++)
		err = add_to(seen, question->orders[i], tree, name_counts, looks, is_legal);
	if (err != -EEXIST || question->order_count == MAX_ORDERS)
		return err;
	err = add_way(seen, nothing, 0, tree, name_counts, looks, is_legal, &top);
	if (!err)
		question->orders[question->order_count++] = top;
	return err;
}
