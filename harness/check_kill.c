/*
 * Kills: what the operating system was told before the process died stays. So the states are the
 * beginnings of the clean run, with a write cut where pages meet, and nobody need be killed for
 * them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/check_private.h"
#include "harness/explain.h"

static bool is_over(struct stage_run *run)
{
	run->incomplete = sweep_reason_to_stop(&run->sweep, run->evidence.states);
	return run->incomplete != NULL;
}

/* "write (f.txt)": the same of every write to the file. */
static void name_site(const struct recording *recording, size_t event, char *site, size_t size)
{
	char name[160];
	const char *number, *rest;

	explain_op_name(recording, event, name, sizeof(name));
	number = strstr(name, " #");
	rest = number ? strchr(number + 1, ' ') : NULL;
	snprintf(site, size, "%.*s%s", number ? (int)(number - name) : (int)strlen(name), name,
		rest ? rest : "");
}

/* The operation whose effects the state shows last. */
static size_t last_op(const struct recording *recording, size_t count)
{
	while (count-- > 0) {
		const struct event *event = &recording->events[count];

		if (event->kind == EVENT_OP && op_is_change(&event->op) && event->op.effect >= 0)
			return count;
	}
	return SIZE_MAX;
}

static void describe(const struct recording *recording, size_t killed_at, uint64_t bytes,
	char *text, size_t text_size)
{
	char name[160];
	size_t last = last_op(recording, killed_at);

	if (bytes) {
		explain_op_name(recording, killed_at, name, sizeof(name));
		snprintf(text, text_size, "killed in %s after %llu of %llu bytes", name,
			(unsigned long long)bytes,
			(unsigned long long)recording->events[killed_at].op.effect);
	} else if (killed_at && recording->events[killed_at - 1].kind == EVENT_ACK) {
		snprintf(text, text_size, "killed after acknowledgement %llu",
			(unsigned long long)recording->events[killed_at - 1].txn);
	} else if (last == SIZE_MAX) {
		snprintf(text, text_size, "killed before anything was done");
	} else {
		explain_op_name(recording, last, name, sizeof(name));
		snprintf(text, text_size, "killed after %s", name);
	}
}

static int add_cause(
	struct stage_run *run, const struct flaw *flaw, size_t killed_at, uint64_t bytes)
{
	const struct recording *recording = &run->check->clean;
	struct causes *causes = &run->causes[flaw->property];
	size_t last = bytes ? killed_at : last_op(recording, killed_at);
	char site[200] = "the beginning", text[420], when[200];

	if (last != SIZE_MAX)
		name_site(recording, last, site, sizeof(site));
	for (size_t i = 0; i < causes->count; i++) {
		if (strcmp(causes->items[i].difference, flaw->key) ||
			strcmp(causes->items[i].site, site))
			continue;
		causes->items[i].count++;
		return 0;
	}
	describe(recording, killed_at, bytes, when, sizeof(when));
	snprintf(text, sizeof(text), "%s: %s", when, flaw->text);
	return causes_add(causes, &(struct cause){.site = strdup(site),
					  .difference = strdup(flaw->key),
					  .detail = strdup(text),
					  .count = 1,
					  .killed_at = killed_at,
					  .killed_bytes = bytes});
}

/* Dead after the first `killed_at` events, and so many bytes of the next. */
static int visit(struct stage_run *run, struct tree *tree, size_t killed_at, uint64_t bytes)
{
	struct acks acks = run->check->acks;
	struct flaws flaws;
	int err;

	if (is_over(run))
		return 0;
	run->evidence.states++;
	acks.count = check_acks_at(&run->check->clean, killed_at);
	acks.output_bytes = check_output_at(&run->check->clean, killed_at);
	run->has_acked |= acks.count > 0;
	err = check_state(run->check, tree, &acks, true, &flaws, run->message);
	if (!err && flaws.residue > run->evidence.residue)
		run->evidence.residue = flaws.residue;
	for (unsigned i = 0; !err && i < flaws.count; i++)
		err = add_cause(run, &flaws.items[i], killed_at, bytes);
	return err;
}

/* A write can be cut where pages meet. */
static int visit_cuts(struct stage_run *run, struct tree *tree, size_t event)
{
	struct op op = run->check->clean.events[event].op;
	uint64_t start = (uint64_t)op.offset, whole = (uint64_t)op.effect;
	int err = 0;

	if (op.kind != OP_WRITE || op.effect <= 0)
		return 0;
	for (uint64_t end = (start / TREE_PAGE_BYTES + 1) * TREE_PAGE_BYTES;
		!err && end < start + whole && !run->incomplete; end += TREE_PAGE_BYTES) {
		struct tree *cut = tree_ref(tree);

		op.effect = (int64_t)(end - start);
		err = tree_apply(&cut, &op);
		if (!err)
			err = visit(run, cut, event, end - start);
		tree_unref(cut);
	}
	return err;
}

int check_run_kill(struct stage_run *run)
{
	const struct recording *recording = &run->check->clean;
	struct tree *tree = tree_ref(recording->initial);
	int err = visit(run, tree, 0, 0);

	for (size_t i = 0; !err && i < recording->count && !run->incomplete; i++) {
		const struct event *event = &recording->events[i];

		if (event->kind == EVENT_OP) {
			err = visit_cuts(run, tree, i);
			if (!err)
				err = tree_apply(&tree, &event->op);
		}
		if (!err && (event->kind == EVENT_ACK ||
				    (event->kind == EVENT_OP && op_is_change(&event->op) &&
					    event->op.effect >= 0)))
			err = visit(run, tree, i + 1, 0);
	}
	run->evidence.fired = run->evidence.states;
	run->evidence.runs = 1;
	tree_unref(tree);
	return err;
}

int check_killed(const struct check *check, size_t event, uint64_t bytes, struct tree **tree)
{
	const struct recording *recording = &check->clean;
	int err = 0;

	*tree = tree_ref(recording->initial);
	if (event > recording->count || (bytes && event == recording->count))
		err = -EPROTO;
	for (size_t i = 0; !err && i < event; i++) {
		if (recording->events[i].kind == EVENT_OP)
			err = tree_apply(tree, &recording->events[i].op);
	}
	if (!err && bytes) {
		struct op op = recording->events[event].op;

		if (recording->events[event].kind != EVENT_OP || op.kind != OP_WRITE ||
			op.effect < 0 || bytes > (uint64_t)op.effect)
			return -EPROTO;
		op.effect = (int64_t)bytes;
		err = tree_apply(tree, &op);
	}
	return err;
}
