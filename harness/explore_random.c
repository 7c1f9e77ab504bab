/*
 * EXPLORE_RANDOM (PCT: Burckhardt et al., ASPLOS 2010). Each run gives the workers priorities in a
 * random order; of those that can, the highest goes. At depth - 1 random choices the one that was
 * about to go gets the lowest of all. A bug that needs `depth` choices in a certain order shows in
 * a run of n workers and k choices with a probability of at least 1 / (n * k^(depth - 1)).
 */
#include "harness/explore_private.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_GUESS = 64 }; /* choices in a run */

static unsigned count_changes(const struct explorer *explorer)
{
	return explorer->options.depth ? explorer->options.depth - 1 : 0;
}

static int random_begin(struct explorer *explorer)
{
	struct explore_priorities *priorities = &explorer->of.priorities;
	uint64_t choices = explorer->count.longest ? explorer->count.longest : FIRST_GUESS;
	uint64_t run = explorer->begun, random = explore_next(&run) ^ explorer->options.seed;
	unsigned changes = count_changes(explorer);

	explorer->is_cut = true;
	if (explorer->begun == explorer->options.random_runs)
		return 0;
	if (!priorities->changes)
		priorities->changes = calloc(changes + 1, sizeof(*priorities->changes));
	if (!priorities->changes)
		return -ENOMEM;
	priorities->lowest = 0;
	for (unsigned i = 0; i < explorer->options.workers; i++) {
		unsigned other = (unsigned)(explore_next(&random) % (i + 1));

		priorities->of[i] = priorities->of[other];
		priorities->of[other] = (int)i;
	}
	for (unsigned i = 0; i < changes; i++)
		priorities->changes[i] = 1 + explore_next(&random) % choices;
	return 1;
}

static unsigned highest(const struct explore_priorities *priorities, unsigned workers)
{
	unsigned best = (unsigned)__builtin_ctz(workers);

	for (unsigned i = best + 1; workers >> i; i++) {
		if (workers >> i & 1 && priorities->of[i] > priorities->of[best])
			best = i;
	}
	return best;
}

static int random_choose(struct explorer *explorer, unsigned enabled)
{
	struct explore_priorities *priorities = &explorer->of.priorities;
	unsigned changes = count_changes(explorer);

	for (unsigned i = 0; i < changes; i++) {
		if (priorities->changes[i] == explorer->length + 1)
			priorities->of[highest(priorities, enabled)] = --priorities->lowest;
	}
	return (int)highest(priorities, enabled);
}

static int random_went(struct explorer *explorer, const struct footprint *footprint)
{
	(void)explorer;
	(void)footprint;
	return 0;
}

static int random_end(struct explorer *explorer, bool is_complete)
{
	(void)explorer;
	(void)is_complete;
	return 0;
}

static void random_release(struct explorer *explorer)
{
	free(explorer->of.priorities.changes);
}

const struct explore_search explore_at_random = {
	.begin = random_begin,
	.choose = random_choose,
	.went = random_went,
	.end = random_end,
	.release = random_release,
};
