/*
 * Which branches a run shows to be worth running.
 *
 * Method: backtracking (Flanagan and Godefroid, POPL 2005), but at all operations that race with
 * the new one and not only at the last, for what it waited for may be another. With sleep sets that
 * alone loses schedules: the worker to go back for may be asleep where no branch has what is
 * wanted. See is_begun(). Limits: a worker may only begin or cease to wait because of an operation
 * that its own conflicts with. Polling as in tests/random_program.h breaks that, and nothing was
 * seen to be lost; but there is no proof.
 */
#include "harness/explore_private.h"

#include <string.h>

/* The new operation, and what is known of it when the nodes from the last to some other were seen.
 * An operation comes before another one in every run that is like this one when it is of the same
 * worker or conflicts with it, and by way of others. */
struct race {
	unsigned worker;
	const struct footprint *footprint;
	uint64_t touched;
	uint32_t clock[EXPLORE_MAX_WORKERS]; /* what comes before it, as in struct explore_node */
	uint32_t past[EXPLORE_MAX_WORKERS];  /* what comes before the worker's previous one */
	const struct explore_node *next[EXPLORE_MAX_WORKERS]; /* by worker: the first of the seen */
};

static void join(uint32_t *clock, const uint32_t *other)
{
	for (int i = 0; i < EXPLORE_MAX_WORKERS; i++) {
		if (clock[i] < other[i])
			clock[i] = other[i];
	}
}

static bool is_before(const struct explore_node *node, const uint32_t *clock)
{
	return clock[node->worker] > node->before[node->worker];
}

/* The worker is asleep at `node`: an earlier branch began with its operation. Whether all orders in
 * which the new operation comes before the node's belong to that branch. */
static bool is_begun(const struct race *race, const struct explore_node *node)
{
	/* Not if something else comes before it in these orders, too. */
	for (unsigned i = 0; i < EXPLORE_MAX_WORKERS; i++) {
		const struct explore_node *next = race->next[i];

		if (i != node->worker && next && is_before(next, race->clock) &&
			!is_before(node, next->clock))
			return false;
	}
	/* Nor if what was written in between made it another operation. */
	return footprints_equal(race->footprint, node->footprints[race->worker]);
}

static void ask_for_other_order(const struct race *race, struct explore_node *node)
{
	unsigned self = 1U << race->worker, asked = self;

	/* Nobody knows who is to begin. */
	if (!(node->enabled & self) || (node->asleep & self && !is_begun(race, node)))
		asked = node->enabled;
	node->backtrack |= (uint8_t)(asked & ~(unsigned)node->asleep);
}

/* By kind and object a bit, so that most pairs that do not conflict are told apart at once. */
static uint64_t find_touched(const struct footprint *footprint)
{
	uint64_t touched = 0;

	for (unsigned i = 0; i < footprint->count; i++) {
		const struct piece *piece = &footprint->pieces[i];

		if (piece->kind == PIECE_EVERYTHING)
			return UINT64_MAX;
		touched |= UINT64_C(1) << (piece->object * 10 + piece->kind) % 64;
	}
	return touched;
}

/* Whether all that was made before `node` comes before the worker's previous operation. */
static bool is_all_past(const struct race *race, const struct explore_node *node)
{
	for (unsigned i = 0; i < EXPLORE_MAX_WORKERS; i++) {
		if (race->past[i] < node->before[i])
			return false;
	}
	return true;
}

static void find_races(struct race *race, struct explore_node *nodes, size_t count)
{
	race->touched = find_touched(race->footprint);
	for (size_t i = count; i-- > 0;) {
		struct explore_node *node = &nodes[i];
		const struct footprint *footprint = node->footprints[node->worker];

		if (node->worker == race->worker) {
			if (!race->next[race->worker]) {
				memcpy(race->past, node->clock, sizeof(race->past));
				join(race->clock, node->clock);
			}
		} else if (is_before(node, race->past)) {
			if (is_all_past(race, node))
				return;
		} else if (node->touched & race->touched &&
			   footprints_conflict(race->footprint, footprint)) {
			ask_for_other_order(race, node);
			join(race->clock, node->clock);
		}
		race->next[node->worker] = node;
	}
}

void explore_races(struct explore_node *nodes, size_t count)
{
	struct explore_node *last = &nodes[count - 1];
	struct race race = {.worker = last->worker, .footprint = last->footprints[last->worker]};

	find_races(&race, nodes, count - 1);
	last->touched = race.touched;
	race.clock[last->worker] = last->before[last->worker] + 1;
	memcpy(last->clock, race.clock, sizeof(last->clock));
}

void explore_races_of_waiting(struct explore_node *nodes, size_t count, unsigned worker,
	const struct footprint *footprint)
{
	struct race race = {.worker = worker, .footprint = footprint};

	find_races(&race, nodes, count);
}
