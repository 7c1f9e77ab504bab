/* A growing list of events with the trees at both ends. */
#include "harness/recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void recording_init(struct recording *recording, struct tree *initial)
{
	memset(recording, 0, sizeof(*recording));
	recording->initial = tree_ref(initial);
}

void recording_release(struct recording *recording)
{
	for (size_t i = 0; i < recording->count; i++)
		op_release(&recording->events[i].op);
	free(recording->events);
	tree_unref(recording->initial);
	tree_unref(recording->final);
	memset(recording, 0, sizeof(*recording));
}

int recording_add(struct recording *recording, const struct event *event)
{
	if (recording->count == recording->capacity) {
		size_t capacity = recording->capacity * 2 + 64;
		struct event *events = realloc(recording->events, capacity * sizeof(*events));

		if (!events) {
			struct op op = event->op;

			op_release(&op);
			return -ENOMEM;
		}
		recording->events = events;
		recording->capacity = capacity;
	}
	recording->events[recording->count++] = *event;
	return 0;
}
