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
	free(recording->output);
	for (size_t i = 0; i < recording->outside_count; i++)
		free(recording->outside[i]);
	free(recording->outside);
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
	recording->events[recording->count] = *event;
	if (event->kind == EVENT_OP)
		recording->events[recording->count].output_bytes = recording->output_bytes;
	recording->count++;
	return 0;
}

static bool names_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool ops_equal(const struct op *a, const struct op *b)
{
	return a->kind == b->kind && a->point == b->point && a->object == b->object &&
	       a->directory == b->directory && names_equal(a->name, b->name) &&
	       a->new_directory == b->new_directory && names_equal(a->new_name, b->new_name) &&
	       a->offset == b->offset && a->size_bytes == b->size_bytes && a->lock == b->lock &&
	       a->is_last == b->is_last && a->is_hole == b->is_hole &&
	       a->keeps_size == b->keeps_size && a->strike.action == b->strike.action &&
	       a->strike.error == b->strike.error && a->strike.bytes == b->strike.bytes &&
	       a->effect == b->effect && a->result == b->result;
}

bool recordings_equal(const struct recording *a, const struct recording *b)
{
	/* What was written is compared through the trees. */
	if (a->count != b->count || a->ending != b->ending || a->worker != b->worker ||
		a->fired != b->fired ||
		!XXH128_isEqual(tree_hash(a->initial), tree_hash(b->initial)) ||
		!XXH128_isEqual(tree_hash(a->final), tree_hash(b->final)))
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct event *left = &a->events[i], *right = &b->events[i];

		if (left->kind != right->kind || left->worker != right->worker ||
			left->txn != right->txn || left->error != right->error ||
			(left->kind == EVENT_OP && !ops_equal(&left->op, &right->op)))
			return false;
	}
	return true;
}

bool recordings_have_same_shape(
	const struct recording *a, const struct recording *b, bool with_names)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct event *left = &a->events[i], *right = &b->events[i];

		if (left->kind != right->kind || left->op.kind != right->op.kind ||
			left->op.object != right->op.object ||
			left->op.directory != right->op.directory ||
			left->op.size_bytes != right->op.size_bytes ||
			(left->op.effect < 0) != (right->op.effect < 0) ||
			(with_names &&
				(!names_equal(left->op.name, right->op.name) ||
					!names_equal(left->op.new_name, right->op.new_name))))
			return false;
	}
	return true;
}

/* Whatever their order. */
static uint64_t sum_of_names(const struct recording *recording)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < recording->count; i++) {
		const struct op *op = &recording->events[i].op;

		sum += op->name ? XXH3_64bits(op->name, strlen(op->name)) : 0;
		sum += op->new_name ? 3 * XXH3_64bits(op->new_name, strlen(op->new_name)) : 0;
	}
	return sum;
}

bool recordings_have_same_names(const struct recording *a, const struct recording *b)
{
	return sum_of_names(a) == sum_of_names(b);
}
