/*
 * Which branches a run shows to be worth running.
 *
 * Method: source sets (Abdulla, Aronis, Jonsson, Sagonas, POPL 2014). Two operations race when they
 * conflict and nothing in between holds them in their order. For the other order the earlier one's
 * node gets a branch for an initial, which is a worker with whom it may begin. Sets of backtracking
 * (Flanagan and Godefroid, POPL 2005) lose schedules here when sleep sets are used with them.
 * Limits: the proof knows no waiting, and no operation that looks at other things because of what
 * was written before. Where these come in, more branches are asked for: see the two comments below.
 */
#include "harness/explore_private.h"

#include <string.h>

/* The new operation, and what is known of it when the nodes from the last to some other were seen.
 */
struct race {
	unsigned worker;
	const struct footprint *footprint;
	uint64_t touched;
	bool is_waiting;                     /* it was not made */
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

/* Whether nothing that was made from `node` on comes before an operation with this clock. */
static bool could_go_at(const struct explore_node *node, unsigned worker, const uint32_t *clock)
{
	for (unsigned i = 0; i < EXPLORE_MAX_WORKERS; i++) {
		if (i != worker && clock[i] > node->before[i])
			return false;
	}
	return true;
}

/* Whether the branch that a worker sleeps for, and not this one, is where the orders belong in
 * which the new operation comes before that of `node`. */
static bool is_begun(const struct race *race, const struct explore_node *node)
{
	const struct explore_node *next = race->next[race->worker];

	if (next)
		return could_go_at(node, race->worker, next->clock);
	return could_go_at(node, race->worker, race->clock) &&
	       footprints_equal(race->footprint, node->footprints[race->worker]);
}

static void ask_for_other_order(const struct race *race, struct explore_node *node)
{
	unsigned self = 1U << race->worker, asked = self;

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

		if (node->worker == race->worker) {
			if (!race->next[race->worker]) {
				memcpy(race->past, node->clock, sizeof(race->past));
				join(race->clock, node->clock);
			}
		} else if (is_before(node, race->past)) {
			if (is_all_past(race, node))
				return;
		} else if (node->touched & race->touched &&
			   footprints_conflict(race->footprint, node->footprints[node->worker])) {
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
	struct race race = {.worker = worker, .footprint = footprint, .is_waiting = true};

	find_races(&race, nodes, count);
}
