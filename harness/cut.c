/* A chosen crash: from a set of bits to a list that can be kept, and back to a tree. */
#include "harness/cut.h"

#include <errno.h>
#include <stdlib.h>

#include "harness/crash_state.h"
#include "harness/epoch.h"

int cut_init(struct cut *cut, const struct micro_ops *ops, size_t event, const uint64_t *lost)
{
	*cut = (struct cut){.event = event, .micro_ops = ops->count, .tear = ops->tear};
	cut->lost = malloc((ops->count + 1) * sizeof(*cut->lost));
	if (!cut->lost)
		return -ENOMEM;
	for (size_t i = 0; i < ops->count && ops->items[i].event <= event; i++) {
		if (bits_has(lost, i))
			cut->lost[cut->lost_count++] = (uint32_t)i;
	}
	return 0;
}

void cut_release(struct cut *cut)
{
	free(cut->lost);
	*cut = (struct cut){0};
}

int cut_tree(const struct cut *cut, struct micro_ops *ops, struct tree **tree)
{
	struct crash_builder *builder = crash_builder_new(ops);
	uint64_t *lost = calloc(bits_words(ops->count), sizeof(*lost));
	uint32_t *values = calloc(ops->cell_count + 1UL, sizeof(*values));
	size_t end = 0;
	int err = builder && lost && values ? 0 : -ENOMEM;

	*tree = NULL;
	if (cut->micro_ops != ops->count || cut->event > ops->recording->count)
		err = -EPROTO;
	while (!err && end < ops->count && ops->items[end].event <= cut->event)
		end++;
	for (size_t i = 0; !err && i < cut->lost_count; i++) {
		if (cut->lost[i] >= end || (i && cut->lost[i] <= cut->lost[i - 1]))
			err = -EPROTO;
		else
			bits_add(lost, cut->lost[i]);
	}
	if (!err)
		err = crash_state_apply(ops, end, lost, values);
	if (!err)
		err = crash_state_tidy(builder, values, NULL);
	if (!err)
		*tree = crash_state_tree(builder, values);
	free(values);
	free(lost);
	crash_builder_free(builder);
	return err ? err : *tree ? 0 : -ENOMEM;
}
