/*
 * The answers to probes, cheap enough for a million of them: 40 bytes a tree. Torn states are many
 * and what a reader sees in them is not, so that an answer is the number of an outcome.
 *
 * The table is not passed on to children: copying its page table would make fork(2) slow.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/probe_private.h"

enum { FIRST_ANSWERS = 1024, FIRST_OUTCOMES = 64 };

/* A probe and its views, in one piece. */
struct outcome {
	struct probe probe;
	uint64_t hash;
	_Alignas(struct view) unsigned char views[];
};

static struct answer *allocate_answers(size_t capacity)
{
	size_t size = capacity * sizeof(struct answer);
	struct answer *answers =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (answers == MAP_FAILED)
		return NULL;
	madvise(answers, size, MADV_DONTFORK); /* a child is none the worse for having it */
	return answers;
}

int probe_memory_init(struct memory *memory)
{
	*memory = (struct memory){.capacity = FIRST_ANSWERS, .outcome_capacity = FIRST_OUTCOMES};
	memory->answers = allocate_answers(memory->capacity);
	memory->outcomes = calloc(memory->outcome_capacity, sizeof(*memory->outcomes));
	memory->outcome_table =
		calloc((size_t)memory->outcome_capacity * 2, sizeof(*memory->outcome_table));
	return memory->answers && memory->outcomes && memory->outcome_table ? 0 : -ENOMEM;
}

void probe_memory_release(struct memory *memory)
{
	for (uint32_t i = 0; i < memory->outcome_count; i++)
		free(memory->outcomes[i]);
	free(memory->outcomes);
	free(memory->outcome_table);
	if (memory->answers)
		munmap(memory->answers, memory->capacity * sizeof(*memory->answers));
	*memory = (struct memory){0};
}

/* ---- answers ---- */

static struct answer *find_slot(struct answer *answers, size_t capacity, XXH128_hash_t hash)
{
	size_t i = hash.low64 & (capacity - 1);

	while (answers[i].is_used && !XXH128_isEqual(answers[i].hash, hash))
		i = (i + 1) & (capacity - 1);
	return &answers[i];
}

static int grow_answers(struct memory *memory)
{
	size_t capacity = memory->capacity * 2;
	struct answer *answers;

	if (memory->count * 4 < memory->capacity * 3)
		return 0;
	answers = allocate_answers(capacity);
	if (!answers)
		return -ENOMEM;
	for (size_t i = 0; i < memory->capacity; i++) {
		const struct answer *answer = &memory->answers[i];

		if (answer->is_used)
			*find_slot(answers, capacity, answer->hash) = *answer;
	}
	munmap(memory->answers, memory->capacity * sizeof(*memory->answers));
	memory->answers = answers;
	memory->capacity = capacity;
	return 0;
}

struct answer *probe_memory_find(struct memory *memory, const struct tree *tree)
{
	XXH128_hash_t hash = tree_hash(tree);
	struct answer *answer;

	if (grow_answers(memory))
		return NULL;
	answer = find_slot(memory->answers, memory->capacity, hash);
	if (!answer->is_used) {
		*answer = (struct answer){.hash = hash, .is_used = true};
		memory->count++;
	}
	return answer;
}

const struct probe *probe_memory_get(
	const struct memory *memory, const struct answer *answer, enum probe_depth depth)
{
	uint32_t number = answer->probes[depth];

	return number ? &memory->outcomes[number - 1]->probe : NULL;
}

/* ---- outcomes ---- */

static size_t view_bytes(size_t count)
{
	return offsetof(struct view, entries) + count * sizeof(struct view_entry);
}

/* Copies field by field: what lies between them would make equal views differ. */
static struct view *copy_view(
	unsigned char *place, const struct view *view, const struct step *step)
{
	struct view *copy = (struct view *)place;

	copy->base_bytes = view->base_bytes;
	copy->count = step->end == STEP_OK ? view->count : 0;
	copy->has_number = step->end == STEP_OK && view->has_number;
	copy->number = copy->has_number ? view->number : 0;
	for (size_t i = 0; i < copy->count; i++) {
		struct view_entry *entry = &copy->entries[i];

		entry->id = view->entries[i].id;
		entry->intact_bytes = view->entries[i].intact_bytes;
		entry->size_bytes = view->entries[i].size_bytes;
		entry->member = view->entries[i].member;
		entry->match = view->entries[i].match;
	}
	return copy;
}

static size_t seen_in(const struct report *report, int step)
{
	const struct view *view = step == 1 ? &report->view : &report->after;

	return report->steps[step].end == STEP_OK ? view->count : 0;
}

static size_t views_bytes(const struct outcome *outcome)
{
	return view_bytes(outcome->probe.view->count) + view_bytes(outcome->probe.after->count);
}

static struct outcome *make_outcome(const struct report *report)
{
	size_t first = view_bytes(seen_in(report, 1)), second = view_bytes(seen_in(report, 3));
	struct outcome *outcome = calloc(1, sizeof(*outcome) + first + second);
	const struct step *steps = report->steps;

	if (!outcome)
		return NULL;
	outcome->probe = (struct probe){.recover = steps[0],
		.read = steps[1],
		.update = steps[2],
		.reread = steps[3],
		.view = copy_view(outcome->views, &report->view, &steps[1]),
		.after = copy_view(outcome->views + first, &report->after, &steps[3])};
	outcome->hash = XXH3_64bits(outcome->views, first + second) ^
	                XXH3_64bits(steps, sizeof(report->steps));
	return outcome;
}

static bool are_equal(const struct outcome *a, const struct outcome *b)
{
	return a->hash == b->hash && !memcmp(&a->probe, &b->probe, offsetof(struct probe, view)) &&
	       views_bytes(a) == views_bytes(b) && !memcmp(a->views, b->views, views_bytes(a));
}

static uint32_t *find_outcome(
	struct memory *memory, uint32_t *table, size_t capacity, const struct outcome *outcome)
{
	size_t i = outcome->hash & (capacity - 1);

	while (table[i] && !are_equal(memory->outcomes[table[i] - 1], outcome))
		i = (i + 1) & (capacity - 1);
	return &table[i];
}

static int grow_outcomes(struct memory *memory)
{
	uint32_t capacity = memory->outcome_capacity * 2, *table;
	struct outcome **outcomes;

	if (memory->outcome_count < memory->outcome_capacity)
		return 0;
	outcomes = realloc(memory->outcomes, capacity * sizeof(struct outcome *));
	if (!outcomes)
		return -ENOMEM;
	memory->outcomes = outcomes;
	table = calloc((size_t)capacity * 2, sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (uint32_t i = 0; i < memory->outcome_count; i++)
		*find_outcome(memory, table, (size_t)capacity * 2, outcomes[i]) = i + 1;
	free(memory->outcome_table);
	memory->outcome_table = table;
	memory->outcome_capacity = capacity;
	return 0;
}

int probe_memory_keep(struct memory *memory, struct answer *answer, const struct report *report)
{
	struct outcome *outcome;
	uint32_t *slot;

	if (grow_outcomes(memory))
		return -ENOMEM;
	outcome = make_outcome(report);
	if (!outcome)
		return -ENOMEM;
	slot = find_outcome(
		memory, memory->outcome_table, (size_t)memory->outcome_capacity * 2, outcome);
	if (*slot) {
		free(outcome);
	} else {
		memory->outcomes[memory->outcome_count++] = outcome;
		*slot = memory->outcome_count;
	}
	answer->probes[report->depth] = *slot;
	return 0;
}
