/* The states of a clean run that are legal, and whether all of what it did is among them. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "harness/check_private.h"

bool check_has_stores(const struct check *check)
{
	const struct recording *clean = &check->clean;
	const struct oracle_rules rules = {
		.ignored = check->options->ignored, .ignored_count = check->options->ignored_count};
	struct tree *tree = tree_ref(clean->initial);
	char path[PATH_MAX];
	bool has_any = false, has_seen = false;

	for (size_t i = 0; !has_any && i < clean->count; i++) {
		const struct op *op = &clean->events[i].op;

		if (clean->events[i].kind != EVENT_OP)
			continue;
		has_seen |= op->kind == OP_STORE;
		if (op->kind == OP_STORE)
			has_any = !tree_path(tree, op->object, path, sizeof(path)) ||
			          !oracle_ignores(&rules, path);
		if (tree_apply(&tree, op))
			break;
	}
	tree_unref(tree);
	return has_any || (!has_seen && clean->notes & NOTE_MAPPED);
}

int check_find_legal(const struct recording *recording, struct tree ***legal, size_t *count)
{
	unsigned acks = check_acks_at(recording, recording->count);
	struct tree *tree = tree_ref(recording->initial);
	int err = 0;

	*count = 0;
	*legal = calloc(acks + 2UL, sizeof(**legal));
	if (!*legal) {
		tree_unref(tree);
		return -ENOMEM;
	}
	(*legal)[(*count)++] = tree_ref(tree);
	for (size_t i = 0; !err && i < recording->count; i++) {
		if (recording->events[i].kind == EVENT_OP)
			err = tree_apply(&tree, &recording->events[i].op);
		else if (recording->events[i].kind == EVENT_ACK)
			(*legal)[(*count)++] = tree_ref(tree);
	}
	(*legal)[(*count)++] = tree;
	return err;
}

void check_free_legal(struct tree **legal, size_t count)
{
	for (size_t i = 0; legal && i < count; i++)
		tree_unref(legal[i]);
	free(legal);
}

int check_compare_legal(const struct check *check, struct tree *const *legal, size_t count,
	const struct oracle_rules *rules, struct varying_list *list)
{
	struct tree *mine[2] = {check->legal[0], check->legal[check->legal_count - 1]};
	struct tree *others[2] = {legal[0], legal[count - 1]};

	return count == check->legal_count
	               ? oracle_compare_runs(check->legal, legal, count, rules, list)
	               : oracle_compare_runs(mine, others, 2, rules, list);
}
