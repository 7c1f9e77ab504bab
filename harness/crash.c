/* The exact walk. See crash.h. */
#include "harness/crash.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "harness/crash_private.h"

/* Where the exact walk gives up: bytes of all nodes at one place, and node visits in all. */
enum { DEFAULT_BYTES = 192 << 20, TICKS = 256 };
static const uint64_t WORK_LIMIT = 40000000;
static const uint64_t STATE_LIMIT = 150000; /* of one epoch: each is read by a strategy */
/* Where the exact walk is too much: in all epochs together, and at least in each. */
enum { BOUNDED_STATES = 10000, BOUNDED_LEAST = 300 };

/* Nodes of one size: this head, then the cells, then two sets of micro-operations: those that may
 * no longer be taken, and those that are lost. */
struct node {
	uint64_t hash;
	double sets;
	size_t birth;
	uint32_t lost_count;
};

struct level {
	uint8_t *nodes; /* owned */
	size_t count, capacity;
	uint32_t *table; /* owned; hash table of numbers plus one */
	size_t table_size;
};

struct walk {
	struct crash_run *run;
	const struct epoch *epoch;
	size_t node_bytes, key_bytes, cells_at, blocked_at, lost_at;
	struct level now, next;
	uint8_t *scratch; /* owned; one node */
	size_t max_nodes;
};

static struct node *node_at(const struct walk *walk, const struct level *level, size_t i)
{
	return (struct node *)(void *)(level->nodes + i * walk->node_bytes);
}

static uint32_t *cells_of(const struct walk *walk, struct node *node)
{
	return (uint32_t *)(void *)((uint8_t *)node + walk->cells_at);
}

static uint64_t *blocked_of(const struct walk *walk, struct node *node)
{
	return (uint64_t *)(void *)((uint8_t *)node + walk->blocked_at);
}

static uint64_t *lost_of(const struct walk *walk, struct node *node)
{
	return (uint64_t *)(void *)((uint8_t *)node + walk->lost_at);
}

/* ---- levels ---- */

static int rehash(struct walk *walk, struct level *level)
{
	size_t size = level->table_size ? level->table_size * 2 : 1024;
	uint32_t *table = calloc(size, sizeof(*table));

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < level->count; i++) {
		size_t at = node_at(walk, level, i)->hash & (size - 1);

		while (table[at])
			at = (at + 1) & (size - 1);
		table[at] = (uint32_t)i + 1;
	}
	free(level->table);
	level->table = table;
	level->table_size = size;
	return 0;
}

static int grow_level(struct walk *walk, struct level *level)
{
	size_t capacity = level->capacity * 2 + 256;
	uint8_t *nodes;

	if (level->count < level->capacity)
		return 0;
	nodes = realloc(level->nodes, capacity * walk->node_bytes);
	if (!nodes)
		return -ENOMEM;
	level->nodes = nodes;
	level->capacity = capacity;
	return 0;
}

/* Of two ways to the same node the one that loses less is kept. */
static void merge(struct walk *walk, struct node *known, struct node *node)
{
	known->sets += node->sets;
	if (node->birth < known->birth)
		known->birth = node->birth;
	if (node->lost_count >= known->lost_count)
		return;
	known->lost_count = node->lost_count;
	memcpy(lost_of(walk, known), lost_of(walk, node), walk->run->words * sizeof(uint64_t));
}

static int insert(struct walk *walk, struct level *level, struct node *node)
{
	size_t at;
	int err = grow_level(walk, level);

	if (!err && level->count * 2 >= level->table_size)
		err = rehash(walk, level);
	if (err)
		return err;
	node->hash = XXH3_64bits((uint8_t *)node + walk->cells_at, walk->key_bytes);
	for (at = node->hash & (level->table_size - 1); level->table[at];
		at = (at + 1) & (level->table_size - 1)) {
		struct node *known = node_at(walk, level, level->table[at] - 1);

		if (known->hash == node->hash &&
			!memcmp((uint8_t *)known + walk->cells_at, (uint8_t *)node + walk->cells_at,
				walk->key_bytes)) {
			merge(walk, known, node);
			return 0;
		}
	}
	memcpy(node_at(walk, level, level->count), node, walk->node_bytes);
	level->table[at] = (uint32_t)++level->count;
	return 0;
}

static void clear_level(struct level *level)
{
	level->count = 0;
	if (level->table)
		memset(level->table, 0, level->table_size * sizeof(*level->table));
}

/* ---- one micro-operation ---- */

static int take(struct walk *walk, size_t item, struct node *node, const struct future *future)
{
	struct crash_run *run = walk->run;
	int err = micro_ops_apply(run->ops, item, cells_of(walk, node));

	bits_remove(blocked_of(walk, node), item);
	if (!err && future)
		err = crash_state_tidy(run->builder, cells_of(walk, node), future);
	return err;
}

static int lose(struct walk *walk, size_t item, struct node *node, const struct future *future)
{
	struct crash_run *run = walk->run;
	uint64_t *blocked = blocked_of(walk, node);
	const uint64_t *after = crash_after(run, item);

	if (!after)
		return -ENOMEM;
	/* What a sync has promised is there, whatever it overtakes; what was issued after the
	 * crash is nobody's business. */
	for (size_t i = item / 64; i < run->words && !bits_has(walk->epoch->adrift, item); i++)
		blocked[i] |= after[i] & run->open[i];
	bits_remove(blocked, item);
	bits_add(lost_of(walk, node), item);
	node->lost_count++;
	return future ? crash_state_tidy(run->builder, cells_of(walk, node), future) : 0;
}

static int split(struct walk *walk, size_t item, const struct future *future)
{
	bool is_required = bits_has(walk->epoch->required, item);
	struct node *scratch = (struct node *)(void *)walk->scratch;
	int err = 0;

	clear_level(&walk->next);
	for (size_t i = 0; !err && i < walk->now.count; i++) {
		struct node *node = node_at(walk, &walk->now, i);

		if (is_required || !bits_has(blocked_of(walk, node), item)) {
			memcpy(scratch, node, walk->node_bytes);
			/* What was promised was issued before the epoch began. */
			if (scratch->birth < walk->run->ops->items[item].event)
				scratch->birth = walk->run->ops->items[item].event;
			err = take(walk, item, scratch, future);
			if (!err)
				err = insert(walk, &walk->next, scratch);
		}
		if (!err && !is_required) {
			memcpy(scratch, node, walk->node_bytes);
			err = lose(walk, item, scratch, future);
			if (!err)
				err = insert(walk, &walk->next, scratch);
		}
		if (walk->next.count > walk->max_nodes)
			return -E2BIG;
	}
	walk->run->work += walk->now.count;
	if (walk->run->work > WORK_LIMIT)
		return -E2BIG;
	struct level other = walk->now;
	walk->now = walk->next;
	walk->next = other;
	return err;
}

/* Only names and sizes hide anything. */
static bool may_hide(const struct micro_op *item)
{
	return item->kind == MICRO_NAME || item->kind == MICRO_SIZE || item->is_whole;
}

static int step(struct walk *walk, size_t item)
{
	struct crash_run *run = walk->run;
	struct future future = {0};
	int err = 0;

	/* Before the first choice there is one node, and nothing to merge. */
	if (may_hide(&run->ops->items[item]) && walk->now.count > 1) {
		err = future_init(&future, run->ops, item + 1, walk->epoch->end);
		if (!err)
			err = split(walk, item, &future);
		future_release(&future);
		return err;
	}
	return split(walk, item, NULL);
}

/* ---- one epoch ---- */

static int walk_init(struct walk *walk, struct crash_run *run, const struct epoch *epoch)
{
	size_t cells_bytes = (run->ops->cell_count * sizeof(uint32_t) + 7) / 8 * 8;
	size_t max_bytes = run->limits->max_bytes ? run->limits->max_bytes : DEFAULT_BYTES;
	struct node *first;

	*walk = (struct walk){.run = run, .epoch = epoch, .cells_at = sizeof(struct node)};
	walk->blocked_at = walk->cells_at + cells_bytes;
	walk->lost_at = walk->blocked_at + run->words * sizeof(uint64_t);
	walk->key_bytes = walk->lost_at - walk->cells_at;
	walk->node_bytes = walk->lost_at + run->words * sizeof(uint64_t);
	walk->max_nodes = max_bytes / 2 / (walk->node_bytes + 2 * sizeof(uint32_t));
	if (walk->max_nodes > STATE_LIMIT)
		walk->max_nodes = STATE_LIMIT;
	walk->scratch = calloc(1, walk->node_bytes);
	if (!walk->scratch)
		return -ENOMEM;
	first = (struct node *)(void *)walk->scratch;
	first->sets = 1;
	first->birth = epoch->start;
	micro_ops_base(run->ops, cells_of(walk, first));
	return insert(walk, &walk->now, first);
}

static void walk_release(struct walk *walk)
{
	free(walk->now.nodes);
	free(walk->now.table);
	free(walk->next.nodes);
	free(walk->next.table);
	free(walk->scratch);
}

static int compare_lost(const void *a, const void *b, void *context)
{
	const struct walk *walk = context;
	size_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	uint32_t x = node_at(walk, &walk->now, i)->lost_count;
	uint32_t y = node_at(walk, &walk->now, k)->lost_count;

	/* Nodes are in a fixed order: that of the walk. */
	return x < y ? -1 : x > y ? 1 : i < k ? -1 : i > k;
}

static int hand_out_all(struct walk *walk)
{
	struct crash_run *run = walk->run;
	uint32_t *order = malloc((walk->now.count + 1) * sizeof(*order));
	int err = order ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < walk->now.count; i++)
		order[i] = (uint32_t)i;
	if (!err)
		qsort_r(order, walk->now.count, sizeof(*order), compare_lost, walk);
	for (size_t i = 0; !err && i < walk->now.count && !crash_is_over(run); i++) {
		struct node *node = node_at(walk, &walk->now, order[i]);

		run->coverage->sets += node->sets;
		/* For the sake of is_live: the cells are tidy already. */
		err = crash_state_tidy(run->builder, cells_of(walk, node), NULL);
		if (!err)
			err = crash_hand_out(run, walk->epoch, cells_of(walk, node),
				lost_of(walk, node), node->lost_count, node->birth);
	}
	free(order);
	return err;
}

/* Directories that are found twice, and cells that the last choices hid. */
static int tidy_all(struct walk *walk)
{
	struct node *scratch = (struct node *)(void *)walk->scratch;
	int err = 0;

	clear_level(&walk->next);
	for (size_t i = 0; !err && i < walk->now.count; i++) {
		memcpy(scratch, node_at(walk, &walk->now, i), walk->node_bytes);
		err = crash_state_tidy(walk->run->builder, cells_of(walk, scratch), NULL);
		if (!err)
			err = insert(walk, &walk->next, scratch);
	}
	struct level other = walk->now;
	walk->now = walk->next;
	walk->next = other;
	return err;
}

/* -E2BIG: too much, and nothing was handed out. */
static int walk_epoch(struct crash_run *run, const struct epoch *epoch)
{
	struct walk walk;
	int err = walk_init(&walk, run, epoch);

	for (size_t i = 0; !err && i < epoch->end; i++) {
		err = step(&walk, i);
		if (!err && crash_is_over(run))
			break;
	}
	if (!err && !run->coverage->is_cut)
		err = tidy_all(&walk);
	if (!err && !run->coverage->is_cut)
		err = hand_out_all(&walk);
	walk_release(&walk);
	return err;
}

/* ---- shared with crash_bounded.c ---- */

const uint64_t *crash_after(struct crash_run *run, size_t item)
{
	uint64_t *row = run->after[item];

	if (row)
		return row;
	row = calloc(run->words, sizeof(*row));
	for (size_t later = item + 1; row && later < run->ops->count; later++) {
		if (micro_ops_orders(run->ops, item, later))
			bits_add(row, later);
	}
	run->after[item] = row;
	return row;
}

bool crash_is_over(struct crash_run *run)
{
	const struct crash_limits *limits = run->limits;
	struct crash_coverage *coverage = run->coverage;

	if (limits->max_states && coverage->states >= limits->max_states)
		coverage->is_cut = true;
	if (limits->is_over && !(run->tick++ % TICKS) && limits->is_over(limits->context))
		coverage->is_cut = true;
	return coverage->is_cut;
}

int crash_hand_out(struct crash_run *run, const struct epoch *epoch, const uint32_t *values,
	const uint64_t *lost, size_t lost_count, size_t birth)
{
	struct crash_state state = {.ops = run->ops,
		.event = epoch->event,
		.birth = birth,
		.start = epoch->start,
		.end = epoch->end,
		.lost = lost,
		.lost_count = lost_count,
		.tree = crash_state_tree(run->builder, values)};
	int err;

	if (!state.tree)
		return -ENOMEM;
	run->coverage->states++;
	err = run->visit(run->context, &state);
	tree_unref(state.tree);
	return err;
}

/* ---- all epochs ---- */

static size_t find_open(struct crash_run *run, const struct epoch *epoch)
{
	size_t count = 0;

	memset(run->open, 0, run->words * sizeof(*run->open));
	for (size_t i = 0; i < epoch->end; i++) {
		if (!bits_has(epoch->required, i)) {
			bits_add(run->open, i);
			count++;
		}
	}
	return count;
}

static int crash_epoch(struct crash_run *run, const struct epoch *epoch, uint64_t budget)
{
	struct crash_coverage *coverage = run->coverage;
	size_t width = find_open(run, epoch);
	int err = -E2BIG;

	if (width > coverage->widest)
		coverage->widest = width;
	if (!run->limits->is_bounded && run->work <= WORK_LIMIT)
		err = walk_epoch(run, epoch);
	if (!err && !coverage->is_cut)
		coverage->exact_epochs++;
	return err == -E2BIG ? crash_widen(run, epoch, budget) : err;
}

int crash_each(struct micro_ops *ops, const struct crash_limits *limits,
	int (*visit)(void *context, const struct crash_state *state), void *context,
	struct crash_coverage *coverage)
{
	struct crash_run run = {.ops = ops,
		.limits = limits,
		.visit = visit,
		.context = context,
		.coverage = coverage,
		.words = bits_words(ops->count),
		.builder = crash_builder_new(ops),
		.open = calloc(bits_words(ops->count), sizeof(*run.open)),
		.after = calloc(ops->count + 1, sizeof(*run.after))};
	struct epochs epochs = {0};
	int err = run.builder && run.open && run.after ? epochs_init(&epochs, ops) : -ENOMEM;
	uint64_t budget = limits->budget;

	*coverage = (struct crash_coverage){
		.epochs = (unsigned)epochs.count, .lost = UINT_MAX, .surviving = UINT_MAX};
	if (!err && !budget)
		budget = BOUNDED_STATES / epochs.count + BOUNDED_LEAST;
	for (size_t i = 0; !err && i < epochs.count && !coverage->is_cut; i++)
		err = crash_epoch(&run, &epochs.items[i], budget);
	coverage->is_exact = !coverage->is_cut && coverage->exact_epochs == epochs.count;
	for (size_t i = 0; run.after && i < ops->count; i++)
		free(run.after[i]);
	free(run.after);
	free(run.open);
	crash_builder_free(run.builder);
	epochs_release(&epochs);
	return err;
}

size_t crash_birth(const struct crash_state *state)
{
	size_t birth = state->start;

	for (size_t i = state->end; i-- > 0;) {
		if (bits_has(state->lost, i))
			continue;
		return state->ops->items[i].event > birth ? state->ops->items[i].event : birth;
	}
	return birth;
}
