/* What is wrong with one state: asks the oracle or the checker, and turns answers into flaws. */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/check_private.h"

unsigned check_acks_at(const struct recording *recording, size_t count)
{
	unsigned acks = 0;

	for (size_t i = 0; i < count && i < recording->count; i++)
		acks += recording->events[i].kind == EVENT_ACK;
	return acks;
}

size_t check_output_at(const struct recording *recording, size_t count)
{
	if (count >= recording->count)
		return recording->output_bytes;
	return count ? recording->events[count - 1].output_bytes : 0;
}

int check_find_acks(
	const struct recording *recording, size_t count, struct acks *acks, size_t **ends)
{
	*acks = (struct acks){
		.output = recording->output, .output_bytes = check_output_at(recording, count)};
	*ends = calloc(check_acks_at(recording, count) + 1UL, sizeof(**ends));
	if (!*ends)
		return -ENOMEM;
	for (size_t i = 0; i < count && i < recording->count; i++) {
		if (recording->events[i].kind == EVENT_ACK)
			(*ends)[++acks->count] = recording->events[i].output_bytes;
	}
	acks->ends = *ends;
	return 0;
}

static struct flaw *add_flaw(struct flaws *flaws, enum property property)
{
	struct flaw *flaw;

	flaws->is_legal = false;
	if (flaws->count == MAX_FLAWS)
		return NULL;
	flaw = &flaws->items[flaws->count++];
	*flaw = (struct flaw){.property = property};
	return flaw;
}

/* A text less its numbers and hashes, which differ from state to state. */
static void make_key(const char *text, char key[120])
{
	enum { HASH_DIGITS = 7 };
	size_t length = 0;

	while (*text && length < 118) {
		size_t digits = strspn(text, "0123456789"), hex = strspn(text, "0123456789abcdef");

		if (hex >= HASH_DIGITS || digits) {
			key[length++] = 'N';
			text += hex >= HASH_DIGITS ? hex : digits;
		} else {
			key[length++] = *text++;
		}
	}
	key[length] = 0;
}

static void add_lost(struct flaws *flaws, unsigned acked, unsigned legal_for, const char *how)
{
	struct flaw *flaw = add_flaw(flaws, DURABILITY);

	if (!flaw)
		return;
	flaw->legal_for = legal_for;
	if (acked == 1)
		snprintf(flaw->text, sizeof(flaw->text), "the acknowledged update is lost%s%s",
			how && *how ? ": " : "", how ? how : "");
	else
		snprintf(flaw->text, sizeof(flaw->text),
			"%u of %u acknowledged updates %s lost%s%s", acked - legal_for, acked,
			acked - legal_for == 1 ? "is" : "are", how && *how ? ": " : "",
			how ? how : "");
	snprintf(flaw->key, sizeof(flaw->key), "acknowledged updates are lost");
}

/* ---- the automatic oracle ---- */

static void add_differences(struct flaws *flaws, const struct opinion *opinion)
{
	for (size_t i = 0; i < opinion->difference_count; i++) {
		const struct difference *difference = &opinion->differences[i];
		struct flaw *flaw = add_flaw(flaws, ATOMICITY);

		if (!flaw)
			return;
		snprintf(flaw->text, sizeof(flaw->text), "%s", difference->text);
		snprintf(flaw->key, sizeof(flaw->key), "%s", difference->key);
	}
}

/* `is_own`: of the clean run, in which the update that may be on its way is the next one. */
static int ask_oracle(struct oracle *oracle, const struct tree *tree, unsigned acked, bool is_own,
	struct flaws *flaws)
{
	const struct opinion *opinion;
	unsigned last = acked;
	int err = oracle_ask(oracle, tree, acked, &opinion);

	if (err)
		return err;
	flaws->residue = (unsigned)opinion->residue_count;
	if (opinion->first == SIZE_MAX) {
		add_differences(flaws, opinion);
		return 0;
	}
	if (oracle_equals(oracle, acked, is_own ? acked + 1 : SIZE_MAX))
		return 0;
	while (last && !oracle_equals(oracle, last - 1, last - 1))
		last--;
	err = oracle_ask_for(oracle, tree, acked, &opinion);
	if (err)
		return err;
	/* Like a state that comes much later only. */
	if (!last)
		add_differences(flaws, opinion);
	else
		add_lost(flaws, acked, last - 1,
			opinion->difference_count ? opinion->differences[0].text : NULL);
	return 0;
}

/* ---- the checker ---- */

static void add_answer(struct flaws *flaws, const struct acks *acks, const struct answer *answer)
{
	struct flaw *flaw;

	switch (answer->kind) {
	case ANSWER_LEGAL:
		return;
	case ANSWER_OLDER:
		add_lost(flaws, acks->count, answer->legal_for, answer->text);
		return;
	case ANSWER_BROKEN:
		flaw = add_flaw(flaws, ATOMICITY);
		if (flaw)
			snprintf(flaw->text, sizeof(flaw->text), "the checker says: %.180s",
				answer->text);
		break;
	default:
		flaw = add_flaw(flaws, CONSISTENCY);
		if (flaw)
			snprintf(flaw->text, sizeof(flaw->text), "the checker %s%s%.150s",
				answer->kind == ANSWER_HANGS ? "hangs" : "crashes",
				answer->text[0] ? ": " : "", answer->text);
	}
	if (flaw)
		make_key(flaw->text, flaw->key);
}

static int ask_checker(struct check *check, const struct tree *tree, const struct acks *acks,
	struct flaws *flaws, char message[CHECK_MESSAGE_BYTES])
{
	int looks = check->looks ? check_looks_ask(check->looks, tree, acks) : LOOKS_UNKNOWN;
	struct answer answer;
	int err;

	if (looks < 0 || looks == LOOKS_LEGAL)
		return looks < 0 ? looks : 0;
	err = check->looks ? check_looks_let(check->looks, check->checker, tree, acks, &answer)
	                   : checker_ask(check->checker, tree, acks, &answer);
	if (err) {
		snprintf(message, CHECK_MESSAGE_BYTES, "the checker: %s", answer.text);
		return err;
	}
	if (looks == LOOKS_PROVE && answer.kind != ANSWER_LEGAL)
		check_looks_refute(check->looks);
	add_answer(flaws, acks, &answer);
	return 0;
}

/* ---- how many there are ---- */

static int compare_hashes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(XXH128_hash_t));
}

static int note_seen(struct check *check, const struct tree *tree)
{
	XXH128_hash_t hash = tree_hash(tree), *copy;
	void **found;

	if (tfind(&hash, &check->seen, compare_hashes))
		return 0;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = hash;
	found = tsearch(copy, &check->seen, compare_hashes);
	check->seen_count += found != NULL;
	if (!found)
		free(copy);
	return found ? 0 : -ENOMEM;
}

void check_forget(struct check *check)
{
	tdestroy(check->seen, free);
	check->seen = NULL;
	check->seen_count = 0;
}

int check_state_by(struct check *check, struct oracle *oracle, const struct tree *tree,
	const struct acks *acks, struct flaws *flaws, char message[CHECK_MESSAGE_BYTES])
{
	int err = note_seen(check, tree);

	*flaws = (struct flaws){.is_legal = true};
	if (err)
		return err;
	if (!oracle)
		return ask_checker(check, tree, acks, flaws, message);
	return ask_oracle(oracle, tree, acks->count, oracle == check->own, flaws);
}

int check_state(struct check *check, const struct tree *tree, const struct acks *acks, bool is_own,
	struct flaws *flaws, char message[CHECK_MESSAGE_BYTES])
{
	int err = check_state_by(
		check, is_own ? check->own : check->other, tree, acks, flaws, message);

	return err || is_own ? err : check_forgive_chance(check, tree, acks, flaws, message);
}

int check_find(struct check *check, const struct recording *recording, size_t count,
	const struct tree *tree, struct check_finding findings[CHECK_MAX_FINDINGS],
	char message[CHECK_MESSAGE_BYTES])
{
	struct flaws flaws = {0};
	struct acks acks;
	size_t *ends;
	int err = check_find_acks(recording, count, &acks, &ends);

	if (!err && !check->own && !check->checker)
		err = check_make_judge(check);
	if (!err)
		err = check_state(check, tree, &acks, recording == &check->clean, &flaws, message);
	for (unsigned i = 0; !err && i < flaws.count; i++) {
		findings[i].property = flaws.items[i].property;
		memcpy(findings[i].text, flaws.items[i].text, sizeof(findings[i].text));
	}
	free(ends);
	return err ? err : (int)flaws.count;
}
