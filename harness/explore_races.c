/*
 * Which branches a run shows to be worth running.
 *
 * Method: source sets (Abdulla, Aronis, Jonsson, Sagonas, POPL 2014). Where the new operation
 * conflicts with an earlier one and nothing holds the two in that order, one of those who could
 * begin the other order (an initial) is to be run at the node of the earlier one. Their proof wants
 * two things that do not hold here: that nobody is blocked, and that what an operation looks at
 * does not depend on what others wrote before. ask_for_other_order() says what that costs.
 */
#include "harness/explore_private.h"

#include <string.h>

/* The new operation, and what is known once the nodes from the last down to some were seen. */
struct race {
	unsigned worker;
	const struct footprint *footprint;
	bool is_waiting;                      /* it was not made */
	uint32_t clock[EXPLORE_MAX_WORKERS];  /* what comes before it */
	uint32_t past[EXPLORE_MAX_WORKERS];   /* what comes before the worker's previous one */
	const struct explore_node *next[EXPLORE_MAX_WORKERS]; /* by worker: the first that was seen */
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

/* Whether only what was made before `node` comes before the operation of a later node. */
static bool could_go(const struct explore_node *later, const struct explore_node *node)
{
	for (unsigned i = 0; i < EXPLORE_MAX_WORKERS; i++) {
		if (i != later->worker && later->clock[i] > node->before[i])
			return false;
	}
	return true;
}

/* Who made something after `node` that comes before the new operation and could go at `node`. */
static unsigned find_initials(const struct race *race, const struct explore_node *node)
{
	unsigned workers = 0;

	for (unsigned i = 0; i < EXPLORE_MAX_WORKERS; i++) {
		const struct explore_node *next = race->next[i];

		if (i != node->worker && next && is_before(next, race->clock) &&
			could_go(next, node))
			workers |= 1U << i;
	}
	return workers;
}

static void ask_for_other_order(const struct race *race, struct explore_node *node)
{
	unsigned self = 1U << race->worker, awake = node->enabled & ~(unsigned)node->asleep;
	unsigned initials = find_initials(race, node), asked = awake;
	bool is_direct = !race->is_waiting && !is_before(node, race->clock);

	/* An initial that is asleep will do: it begins runs that an earlier branch had. */
	if (is_direct && initials & (node->backtrack | node->asleep))
		return;
	if (is_direct && initials & awake) {
		asked = initials & self ? self : initials & -initials;
	} else if (awake & self) {
		asked = self;
	} else if (node->asleep & self) {
		/* It was run, unless what others did in between made it another operation. */
		if (initials & self)
			return;
		if (!initials &&
			footprints_equal(race->footprint, node->footprints[race->worker]))
			return;
	}
	node->backtrack |= (uint8_t)asked;
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
		} else if (footprints_conflict(race->footprint, footprint)) {
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
	race.clock[last->worker] = last->before[last->worker] + 1;
	memcpy(last->clock, race.clock, sizeof(last->clock));
}

void explore_races_of_waiting(struct explore_node *nodes, size_t count, unsigned worker,
	const struct footprint *footprint)
{
	struct race race = {.worker = worker, .footprint = footprint, .is_waiting = true};

	find_races(&race, nodes, count);
}
