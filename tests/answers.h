/*
 * All that a model allows of a recording, in words: for tests that know the answers. Included after
 * cmocka.h; what fails is the test. Recordings are so short that the harness is exact.
 */
#ifndef TORNWRITE_TESTS_ANSWERS_H
#define TORNWRITE_TESTS_ANSWERS_H

#include "harness/crash.h"
#include "tests/make_recording.h"

enum { ANSWERS_MAX = 8192, ANSWERS_TEXT_BYTES = 240, ANSWERS_POINTS = 64 };

/* One directory tree: names, and of files the contents, each run of equal bytes as a letter ('.'
 * is zero, '?' garbage) and its length; "d/" is a directory. */
struct answer {
	XXH128_hash_t hash;
	uint64_t points; /* at which the crash may leave it; a bit each */
	char text[ANSWERS_TEXT_BYTES];
};

struct answers {
	size_t count;
	struct answer *items; /* owned */
	size_t end;           /* the last crash point */
	uint64_t after_ack;   /* crash points with the first acknowledgement before them */
	bool has_text;
	struct crash_coverage coverage;
};

struct answers_text {
	char *to;
	size_t length;
	const struct tree *tree;
};

__attribute__((format(printf, 2, 3))) static inline void answers_add_text(
	struct answers_text *text, const char *format, ...)
{
	va_list list;
	int count;

	va_start(list, format);
	count = vsnprintf(text->to + text->length, ANSWERS_TEXT_BYTES - text->length, format, list);
	va_end(list);
	text->length += (size_t)count;
	/* Random recordings may have more than anybody wants to read. */
	if (text->length >= ANSWERS_TEXT_BYTES)
		text->length = ANSWERS_TEXT_BYTES - 1;
}

static inline char answers_letter(uint8_t byte)
{
	return byte == 0 ? '.' : byte == 0xa5 ? '?' : (char)byte;
}

static inline void answers_describe_contents(struct answers_text *text, uint32_t file)
{
	uint64_t size_bytes = tree_file_bytes(text->tree, file), run = 0;
	uint8_t page[TREE_PAGE_BYTES];
	char letter[2] = "";

	for (uint64_t i = 0; i < size_bytes; i++) {
		if (i % TREE_PAGE_BYTES == 0)
			tree_read_page(text->tree, file, i / TREE_PAGE_BYTES, page);
		if (run && answers_letter(page[i % TREE_PAGE_BYTES]) != letter[0]) {
			answers_add_text(text, "%s%llu", letter, (unsigned long long)run);
			run = 0;
		}
		letter[0] = answers_letter(page[i % TREE_PAGE_BYTES]);
		run++;
	}
	if (run)
		answers_add_text(text, "%s%llu", letter, (unsigned long long)run);
}

static inline void answers_describe_name(void *context, const char *path, uint32_t object)
{
	struct answers_text *text = context;

	answers_add_text(text, "%s%s", text->length ? " " : "", path);
	if (tree_object_type(text->tree, object) == OBJECT_DIRECTORY)
		answers_add_text(text, "/");
	else
		answers_add_text(text, "=");
	answers_describe_contents(text, object);
}

static inline int answers_note(void *context, const struct crash_state *state)
{
	struct answers *answers = context;
	XXH128_hash_t hash = tree_hash(state->tree);
	struct answer *answer = NULL;

	for (size_t i = 0; i < answers->count && !answer; i++) {
		if (XXH128_isEqual(answers->items[i].hash, hash))
			answer = &answers->items[i];
	}
	if (!answer) {
		struct answers_text text = {.tree = state->tree};

		assert_in_range(answers->count, 0, ANSWERS_MAX - 1);
		answer = &answers->items[answers->count++];
		*answer = (struct answer){.hash = hash};
		text.to = answer->text;
		if (answers->has_text)
			tree_walk(state->tree, answers_describe_name, &text);
	}
	for (size_t i = state->birth; i <= state->event; i++)
		answer->points |= (uint64_t)1 << i;
	return 0;
}

/* Pair with answers_release(). */
static inline void answers_init(struct answers *answers, const struct recording *recording,
	const struct model *model, enum tear tear, bool has_text)
{
	const struct crash_limits limits = {0};
	struct micro_ops ops;

	*answers = (struct answers){.end = recording->count, .has_text = has_text};
	assert_in_range(recording->count, 0, ANSWERS_POINTS - 1);
	for (size_t i = 0; i < recording->count && !answers->after_ack; i++) {
		if (recording->events[i].kind == EVENT_ACK)
			answers->after_ack = ~(uint64_t)0 << (i + 1);
	}
	answers->items = malloc(ANSWERS_MAX * sizeof(*answers->items));
	assert_non_null(answers->items);
	assert_int_equal(micro_ops_init(&ops, recording, model, tear), 0);
	assert_int_equal(crash_each(&ops, &limits, answers_note, answers, &answers->coverage), 0);
	assert_true(answers->coverage.is_exact);
	micro_ops_release(&ops);
}

static inline void answers_release(struct answers *answers)
{
	free(answers->items);
}

static inline const struct answer *answers_find(const struct answers *answers, XXH128_hash_t hash)
{
	for (size_t i = 0; i < answers->count; i++) {
		if (XXH128_isEqual(answers->items[i].hash, hash))
			return &answers->items[i];
	}
	return NULL;
}

#endif
