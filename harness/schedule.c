/* A list of bytes, its JSON form in runs, and the scheduler that follows it. */
#include "harness/schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CHOICES = TRACE_MAX_OPS };

int schedule_init(
	struct schedule *schedule, const unsigned char *choices, size_t count, unsigned preemptions)
{
	*schedule = (struct schedule){.preemptions = preemptions};
	/* The last worker goes on by itself. */
	while (count > 1 && choices[count - 1] == choices[count - 2])
		count--;
	if (!count)
		return 0;
	schedule->choices = malloc(count);
	if (!schedule->choices)
		return -ENOMEM;
	memcpy(schedule->choices, choices, count);
	schedule->count = count;
	return 0;
}

void schedule_release(struct schedule *schedule)
{
	free(schedule->choices);
	*schedule = (struct schedule){0};
}

json_t *schedule_to_json(const struct schedule *schedule)
{
	json_t *json = json_array();

	for (size_t i = 0, end; i < schedule->count; i = end) {
		for (end = i;
			end < schedule->count && schedule->choices[end] == schedule->choices[i];)
			end++;
		json_array_append_new(json,
			json_pack("[i, I]", (int)schedule->choices[i], (json_int_t)(end - i)));
	}
	return json;
}

int schedule_from_json(json_t *json, struct schedule *schedule)
{
	unsigned char *choices = malloc(MAX_CHOICES);
	size_t count = 0, i;
	json_t *run;
	int err = choices ? 0 : -ENOMEM;

	*schedule = (struct schedule){0};
	if (!err && !json_is_array(json))
		err = -EPROTO;
	json_array_foreach(json, i, run)
	{
		json_int_t worker = -1, turns = -1;

		if (err)
			break;
		if (json_unpack(run, "[I, I!]", &worker, &turns) || worker < 0 ||
			worker >= TRACE_MAX_WORKERS || turns < 1 ||
			turns > (json_int_t)(MAX_CHOICES - count)) {
			err = -EPROTO;
			break;
		}
		memset(choices + count, (int)worker, (size_t)turns);
		count += (size_t)turns;
	}
	if (!err)
		err = schedule_init(schedule, choices, count, 0);
	free(choices);
	return err;
}

static int follow(void *context, unsigned enabled)
{
	struct schedule_follower *follower = context;
	const struct schedule *schedule = follower->schedule;

	if (follower->next < schedule->count)
		follower->last = schedule->choices[follower->next];
	else if (!(enabled >> follower->last & 1))
		follower->last = (unsigned)__builtin_ctz(enabled);
	follower->next++;
	return enabled >> follower->last & 1 ? (int)follower->last : -EPROTO;
}

static int ignore_footprint(void *context, const struct footprint *footprint)
{
	(void)context;
	(void)footprint;
	return 0;
}

static int ignore_waiting(void *context, unsigned worker, const struct footprint *footprint)
{
	(void)worker;
	return ignore_footprint(context, footprint);
}

void schedule_follow(struct schedule_follower *follower, const struct schedule *schedule)
{
	*follower = (struct schedule_follower){.schedule = schedule,
		.scheduler = {.choose = follow,
			.went = ignore_footprint,
			.waits = ignore_waiting,
			.context = follower}};
}
