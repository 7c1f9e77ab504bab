/* Contents are kept once; a table of their hashes finds them. */
#include "harness/micro_op_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_TABLE = 256, CLEARED_CACHE = 1024 };

struct unit {
	uint8_t *bytes; /* owned */
	uint64_t hash;
	struct page *page; /* owned; NULL: not made yet */
};

struct cleared {
	uint32_t number, start, result;
};

int pool_init(struct micro_ops *ops)
{
	uint8_t bytes[TEAR_PAGE] = {0};

	ops->pool_table_size = FIRST_TABLE;
	ops->pool_table = calloc(FIRST_TABLE, sizeof(*ops->pool_table));
	ops->cleared = calloc(CLEARED_CACHE, sizeof(*ops->cleared));
	if (!ops->pool_table || !ops->cleared)
		return -ENOMEM;
	return pool_number(ops, bytes) == UNIT_ZEROS ? 0 : -ENOMEM;
}

void pool_release(struct micro_ops *ops)
{
	for (uint32_t i = 0; i < ops->pool_count; i++) {
		free(ops->pool[i].bytes);
		tree_part_page_unref(ops->pool[i].page);
	}
	free(ops->pool);
	free(ops->pool_table);
	free(ops->cleared);
}

static uint32_t *find_slot(struct micro_ops *ops, uint64_t hash, const uint8_t *bytes)
{
	uint32_t i = (uint32_t)hash & (ops->pool_table_size - 1);

	while (ops->pool_table[i]) {
		const struct unit *unit = &ops->pool[ops->pool_table[i] - 1];

		if (unit->hash == hash && !memcmp(unit->bytes, bytes, ops->unit_bytes))
			break;
		i = (i + 1) & (ops->pool_table_size - 1);
	}
	return &ops->pool_table[i];
}

static int grow_table(struct micro_ops *ops)
{
	uint32_t size = ops->pool_table_size * 2;
	uint32_t *table = calloc(size, sizeof(*table));

	if (!table)
		return -ENOMEM;
	for (uint32_t i = 0; i < ops->pool_count; i++) {
		uint32_t at = (uint32_t)ops->pool[i].hash & (size - 1);

		while (table[at])
			at = (at + 1) & (size - 1);
		table[at] = i + 1;
	}
	free(ops->pool_table);
	ops->pool_table = table;
	ops->pool_table_size = size;
	return 0;
}

uint32_t pool_number(struct micro_ops *ops, const uint8_t *bytes)
{
	uint64_t hash = XXH3_64bits(bytes, ops->unit_bytes);
	uint32_t *slot = find_slot(ops, hash, bytes);

	if (*slot)
		return *slot - 1;
	if (ops->pool_count * 2 >= ops->pool_table_size) {
		if (grow_table(ops))
			return UINT32_MAX;
		slot = find_slot(ops, hash, bytes);
	}
	if (ops->pool_count == ops->pool_capacity) {
		uint32_t capacity = ops->pool_capacity * 2 + 64;
		struct unit *pool = realloc(ops->pool, capacity * sizeof(*pool));

		if (!pool)
			return UINT32_MAX;
		ops->pool = pool;
		ops->pool_capacity = capacity;
	}
	struct unit *unit = &ops->pool[ops->pool_count];

	*unit = (struct unit){malloc(ops->unit_bytes), hash, NULL};
	if (!unit->bytes)
		return UINT32_MAX;
	memcpy(unit->bytes, bytes, ops->unit_bytes);
	*slot = ++ops->pool_count;
	return *slot - 1;
}

static uint32_t compute(struct micro_ops *ops, const struct effect *effect, uint32_t from)
{
	uint8_t bytes[TEAR_PAGE];

	memcpy(bytes, ops->pool[from].bytes, ops->unit_bytes);
	if (effect->kind == EFFECT_WRITE)
		memcpy(bytes + effect->start, effect->data, effect->count);
	else
		memset(bytes + effect->start, 0, ops->unit_bytes - effect->start);
	return pool_number(ops, bytes);
}

uint32_t pool_change(struct micro_ops *ops, struct effect *effect, uint32_t from)
{
	uint32_t to;

	if (effect->kind == EFFECT_CLEAR && !effect->start)
		return UNIT_ZEROS;
	for (uint32_t i = 0; i < effect->memo_count; i++) {
		if (effect->memo_from[i] == from)
			return effect->memo_to[i];
	}
	to = compute(ops, effect, from);
	if (effect->memo_count < EFFECT_MEMO && to != UINT32_MAX) {
		effect->memo_from[effect->memo_count] = from;
		effect->memo_to[effect->memo_count++] = to;
	}
	return to;
}

uint32_t micro_ops_cleared(struct micro_ops *ops, uint32_t number, uint32_t start)
{
	struct effect clear = {.kind = EFFECT_CLEAR, .start = start};
	struct cleared *cached = &ops->cleared[(number * 31 + start) % CLEARED_CACHE];

	/* Zeros stay zeros, which makes an empty cache right. */
	if (number == UNIT_ZEROS || !start)
		return UNIT_ZEROS;
	if (cached->number != number || cached->start != start)
		*cached = (struct cleared){number, start, pool_change(ops, &clear, number)};
	return cached->result;
}

const uint8_t *micro_ops_unit(const struct micro_ops *ops, uint32_t number)
{
	return ops->pool[number].bytes;
}

struct page **micro_ops_unit_page(struct micro_ops *ops, uint32_t number)
{
	return &ops->pool[number].page;
}
