/* What all ways to search share: the schedule of the run that goes on, and counts. */
#include "harness/explore_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

void *explore_grow(void *items, size_t count, size_t *capacity, size_t size_bytes)
{
	size_t more = *capacity ? *capacity * 2 : FIRST_CAPACITY;
	void *grown;

	if (count < *capacity)
		return items;
	grown = reallocarray(items, more, size_bytes);
	if (grown)
		*capacity = more;
	return grown;
}

unsigned explore_default(const struct explorer *explorer, unsigned workers)
{
	unsigned previous = explorer->length ? explorer->schedule[explorer->length - 1] : 0;

	return workers >> previous & 1 ? previous : (unsigned)__builtin_ctz(workers);
}

/* Steele, Lea, Flood, 2014. */
uint64_t explore_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

struct explorer *explorer_new(const struct explore_options *options)
{
	static const struct explore_search *const searches[] = {
		[EXPLORE_ALL] = &explore_stack,
		[EXPLORE_REDUCED] = &explore_stack,
		[EXPLORE_PREEMPTIONS] = &explore_by_level,
		[EXPLORE_RANDOM] = &explore_at_random,
	};
	struct explorer *explorer = calloc(1, sizeof(*explorer));

	assert(options->workers > 0 && options->workers <= EXPLORE_MAX_WORKERS);
	if (!explorer)
		return NULL;
	explorer->options = *options;
	explorer->search = searches[options->order];
	explorer->count.preemptions = -1;
	return explorer;
}

void explorer_free(struct explorer *explorer)
{
	if (!explorer)
		return;
	explorer->search->release(explorer);
	free(explorer->schedule);
	free(explorer);
}

int explorer_begin(struct explorer *explorer)
{
	int result;

	assert(!explorer->is_running);
	result = explorer->is_finished ? 0 : explorer->search->begin(explorer);
	explorer->is_finished = !result;
	if (result <= 0)
		return result;
	explorer->begun++;
	explorer->length = 0;
	explorer->preemptions = 0;
	explorer->is_running = true;
	explorer->is_choice_open = explorer->is_given_up = false;
	return 1;
}

int explorer_choose(struct explorer *explorer, unsigned enabled)
{
	unsigned previous = explorer->length ? explorer->schedule[explorer->length - 1] : 0;
	unsigned char *schedule;
	int worker;

	assert(explorer->is_running && !explorer->is_choice_open && !explorer->is_given_up);
	assert(enabled && !(enabled >> explorer->options.workers));
	schedule = explore_grow(
		explorer->schedule, explorer->length, &explorer->capacity, sizeof(*schedule));
	if (!schedule)
		return -ENOMEM;
	explorer->schedule = schedule;
	worker = explorer->search->choose(explorer, enabled);
	if (worker == -EAGAIN)
		explorer->is_given_up = true;
	if (worker < 0)
		return worker;
	if (explorer->length && (unsigned)worker != previous && enabled >> previous & 1)
		explorer->preemptions++;
	schedule[explorer->length++] = (unsigned char)worker;
	explorer->is_choice_open = true;
	return worker;
}

int explorer_went(struct explorer *explorer, const struct footprint *footprint)
{
	int err;

	assert(explorer->is_running && explorer->is_choice_open);
	err = explorer->search->went(explorer, footprint);
	/* After an error it stays open, so that the run can only be ended. */
	explorer->is_choice_open = err;
	return err;
}

int explorer_waits(struct explorer *explorer, unsigned worker, const struct footprint *footprint)
{
	assert(explorer->is_running && !explorer->is_choice_open);
	assert(worker < explorer->options.workers);
	if (explorer->search->waits)
		explorer->search->waits(explorer, worker, footprint);
	return 0;
}

int explorer_end(struct explorer *explorer, bool is_complete)
{
	int err;

	assert(explorer->is_running);
	assert(!is_complete || !explorer->is_choice_open);
	assert(!is_complete || !explorer->is_given_up);
	err = explorer->search->end(explorer, is_complete);
	explorer->is_running = false;
	if (explorer->count.longest < explorer->length)
		explorer->count.longest = explorer->length;
	if (explorer->is_given_up)
		explorer->count.given_up++;
	else if (is_complete && !err)
		explorer->count.runs++;
	else
		explorer->is_aborted = true;
	return err;
}

const unsigned char *explorer_schedule(const struct explorer *explorer, size_t *length)
{
	*length = explorer->length;
	return explorer->schedule;
}

unsigned explorer_preemptions(const struct explorer *explorer)
{
	return explorer->preemptions;
}

void explorer_count(const struct explorer *explorer, struct explore_count *count)
{
	*count = explorer->count;
	count->is_exhaustive = explorer->is_finished && !explorer->is_aborted && !explorer->is_cut;
}
