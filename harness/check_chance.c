/*
 * What a program writes may depend on the time, on random bytes or on its process id: a file's
 * name, or what is in it. In each run they are the same, but who makes an operation again after it
 * failed asks once more and gets others. Then the update is there, under another name.
 *
 * Method: one more clean run, on another day. What differs is left out by a second, lenient oracle;
 * what only the strict one finds is no flaw, and no proof that there is none.
 */
#include <errno.h>

#include "harness/check_private.h"

static bool is_needed(const struct check_options *options)
{
	bool is_needed = false;

	for (size_t i = 0; i < options->stage_count; i++)
		is_needed |= options->stages[i].kind == STAGE_FAULT ||
		             options->stages[i].kind == STAGE_CREW;
	/* A replay has no stages. */
	return !options->checker && (is_needed || !options->stage_count);
}

int check_find_chance(struct check *check)
{
	const struct check_options *options = check->options;
	const struct oracle_rules rules = {
		.ignored = options->ignored, .ignored_count = options->ignored_count};
	struct plan plan = {.seed = options->seed};
	struct recording recording;
	struct tree **legal = NULL;
	size_t count = 0;
	int err;

	if (!is_needed(options))
		return 0;
	check->program.is_elsewhen = true;
	err = check_record(check, &plan, &recording);
	check->program.is_elsewhen = false;
	if (!err)
		err = check_find_legal(&recording, &legal, &count);
	if (!err)
		err = check_compare_legal(check, legal, count, &rules, &check->chance);
	check_free_legal(legal, count);
	recording_release(&recording);
	return err;
}

/* Who came first may have been chance, too. */
int check_find_order(struct check *check)
{
	struct plan plan = {.seed = check->options->seed};
	struct recording recording;
	int err;

	if (check->is_unsteady || !check->clean.has_several)
		return 0;
	check->program.is_reversed = true;
	err = check_record(check, &plan, &recording);
	check->program.is_reversed = false;
	if (!err)
		check->is_unsteady = !recordings_have_same_shape(
			&check->clean, &recording, check->has_steady_names);
	recording_release(&recording);
	return err;
}

int check_forgive_chance(struct check *check, const struct tree *tree, const struct acks *acks,
	struct flaws *flaws, char message[CHECK_MESSAGE_BYTES])
{
	unsigned strict = flaws->count;
	int err;

	if (!strict || !check->lenient)
		return 0;
	err = check_state_by(check, check->lenient, tree, acks, flaws, message);
	flaws->is_chance = flaws->count < strict;
	return err;
}
