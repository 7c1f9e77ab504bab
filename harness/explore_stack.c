/*
 * EXPLORE_ALL and EXPLORE_REDUCED: depth first, by running again from the start. The stack holds
 * the choices of the run that goes on; the next run repeats it up to the last choice that has a
 * branch left. Reduced, branches are those that races ask for (explore_races.c), and those that
 * sleep are not run (sleep sets: Godefroid 1996; see struct explore_node).
 */
#include "harness/explore_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void release_node(struct explore_node *node)
{
	for (unsigned i = 0; i < EXPLORE_MAX_WORKERS; i++) {
		if (!(node->asleep >> i & 1))
			free(node->footprints[i]);
	}
}

static int stack_begin(struct explorer *explorer)
{
	struct explore_nodes *nodes = &explorer->of.nodes;

	if (!explorer->begun)
		return 1;
	while (nodes->count) {
		struct explore_node *node = &nodes->items[nodes->count - 1];
		unsigned left;

		node->done |= (uint8_t)(1U << node->worker);
		left = node->backtrack & ~node->done;
		if (left) {
			node->worker = (uint8_t)__builtin_ctz(left);
			return 1;
		}
		release_node(node);
		nodes->count--;
	}
	return 0;
}

/* Who sleeps on after the operation of the node before. */
static void inherit_sleep(struct explore_node *node, const struct explore_node *parent)
{
	const struct footprint *went = parent->footprints[parent->worker];

	for (unsigned i = 0; i < EXPLORE_MAX_WORKERS; i++) {
		struct footprint *footprint = parent->footprints[i];

		if ((parent->asleep | parent->done) >> i & 1 && footprint && i != parent->worker &&
			!footprints_conflict(footprint, went)) {
			node->asleep |= (uint8_t)(1U << i);
			node->footprints[i] = footprint;
		}
	}
}

static int push(struct explorer *explorer, unsigned enabled)
{
	struct explore_nodes *nodes = &explorer->of.nodes;
	struct explore_node node = {.enabled = (uint8_t)enabled}, *items;
	unsigned awake;

	if (nodes->count) {
		const struct explore_node *parent = &nodes->items[nodes->count - 1];

		memcpy(node.before, parent->before, sizeof(node.before));
		node.before[parent->worker]++;
		if (explorer->options.order == EXPLORE_REDUCED)
			inherit_sleep(&node, parent);
	}
	awake = enabled & ~(unsigned)node.asleep;
	if (!awake)
		return -EAGAIN;
	items = explore_grow(nodes->items, nodes->count, &nodes->capacity, sizeof(*items));
	if (!items)
		return -ENOMEM;
	nodes->items = items;
	node.worker = (uint8_t)explore_default(explorer, awake);
	node.backtrack =
		(uint8_t)(explorer->options.order == EXPLORE_ALL ? enabled : 1U << node.worker);
	items[nodes->count++] = node;
	return node.worker;
}

static int stack_choose(struct explorer *explorer, unsigned enabled)
{
	const struct explore_nodes *nodes = &explorer->of.nodes;

	if (explorer->length == nodes->count)
		return push(explorer, enabled);
	if (nodes->items[explorer->length].enabled != enabled)
		return -EPROTO;
	return nodes->items[explorer->length].worker;
}

static int stack_went(struct explorer *explorer, const struct footprint *footprint)
{
	struct explore_nodes *nodes = &explorer->of.nodes;
	struct explore_node *node = &nodes->items[explorer->length - 1];
	struct footprint **own = &node->footprints[node->worker];

	if (*own)
		return footprints_equal(*own, footprint) ? 0 : -EPROTO;
	*own = malloc(sizeof(**own));
	if (!*own)
		return -ENOMEM;
	**own = *footprint;
	if (explorer->options.order == EXPLORE_REDUCED)
		explore_races(nodes->items, explorer->length);
	return 0;
}

static void stack_waits(
	struct explorer *explorer, unsigned worker, const struct footprint *footprint)
{
	struct explore_nodes *nodes = &explorer->of.nodes;

	if (explorer->options.order == EXPLORE_REDUCED)
		explore_races_of_waiting(nodes->items, explorer->length, worker, footprint);
}

static int stack_end(struct explorer *explorer, bool is_complete)
{
	return is_complete && explorer->length < explorer->of.nodes.count ? -EPROTO : 0;
}

static void stack_release(struct explorer *explorer)
{
	struct explore_nodes *nodes = &explorer->of.nodes;

	while (nodes->count)
		release_node(&nodes->items[--nodes->count]);
	free(nodes->items);
}

const struct explore_search explore_stack = {
	.begin = stack_begin,
	.choose = stack_choose,
	.went = stack_went,
	.waits = stack_waits,
	.end = stack_end,
	.release = stack_release,
};
