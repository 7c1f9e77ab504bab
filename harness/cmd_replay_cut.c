/* A power cut, shown: every operation with what became of it, the files, and what is read. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "harness/cmd_replay.h"
#include "harness/explain.h"
#include "harness/explain_cut.h"
#include "harness/judge.h"
#include "harness/power.h"

struct marking {
	const struct micro_ops *ops;
	const struct cut *cut;
};

static const char *mark_of(void *context, size_t event)
{
	static const char *const words[] = {
		[MARK_NONE] = "",
		[MARK_PERSISTED] = "persisted",
		[MARK_LOST] = "LOST",
		[MARK_TORN] = "TORN",
		[MARK_AFTER] = "",
	};
	const struct marking *marking = context;

	return words[explain_mark(marking->ops, marking->cut, event)];
}

/* The operations up to the cut, and of torn ones what is lost. */
void replay_print_cut(const struct micro_ops *ops, const struct cut *cut)
{
	const struct recording *recording = ops->recording;
	struct marking marking = {ops, cut};
	char text[160];
	bool is_done = cut->event >= recording->count;

	replay_print_events(
		recording, is_done ? cut->event : cut->event + 1, mark_of, &marking, NULL);
	printf("  === power cut ===\n");
	if (cut->event + 1 < recording->count)
		printf("  (%zu more event%s never reached)\n", recording->count - cut->event - 1,
			recording->count - cut->event > 2 ? "s were" : " was");
	for (size_t i = 0; i < recording->count && i <= cut->event; i++) {
		if (explain_mark(ops, cut, i) != MARK_TORN)
			continue;
		explain_torn(ops, cut, i, text, sizeof(text));
		printf("torn: of ");
		explain_op(recording, i, stdout);
		printf(": %s lost\n", text);
	}
}

static void print_file(void *context, const char *path, uint32_t object)
{
	const struct tree *tree = context;

	switch (tree_object_type(tree, object)) {
	case OBJECT_FILE:
		printf("  %s: %" PRIu64 " bytes\n", path, tree_file_bytes(tree, object));
		break;
	case OBJECT_SYMLINK:
		printf("  %s -> %s\n", path, tree_target(tree, object));
		break;
	default:
		printf("  %s/\n", path);
	}
}

void replay_print_files(struct tree *tree)
{
	printf("\nfiles:\n");
	tree_walk(tree, print_file, tree);
	putchar('\n');
}

static int show_verdict(struct replay *replay, const char *cause, bool *is_violated)
{
	const struct result *witness = &replay->witness;
	struct judgement judgement = {0};
	struct history *history =
		history_new(&replay->subject, &replay->recording, witness->cut.event);
	const struct probe *probe;
	int err = history ? prober_ask(replay->prober, replay->found, PROBE_LIFE, &probe) : -ENOMEM;

	if (!err) {
		judge_crash(&replay->subject, history, probe, &judgement);
		putchar('\n');
		for (int i = 0; i < PROPERTY_COUNT; i++) {
			if (judgement.findings[i].is_violated)
				printf("%s violated: %s: %s\n", property_names[i], cause,
					judgement.findings[i].text);
		}
		*is_violated = judgement.findings[witness->property].is_violated;
		if (!*is_violated)
			printf("%s is not violated this time: the witness says \"%s\"\n",
				property_names[witness->property],
				witness->detail ? witness->detail : "");
	}
	history_free(history);
	return err;
}

int replay_say_stale(const struct micro_ops *ops, const struct cut *cut)
{
	if (ops->count != cut->micro_ops)
		fprintf(stderr,
			"error: the run is not the one of the witness (%zu micro-operations, not "
			"%zu): another version of tornwrite, or of a library?\n",
			ops->count, cut->micro_ops);
	else
		fputs("error: the witness has a cut that this run does not have: was it edited?\n",
			stderr);
	return -ESTALE;
}

/* What recovery does with the files, cut again: replaces replay->found. */
static int cut_recovery(
	struct replay *replay, const struct micro_ops *base_ops, char cause[POWER_CAUSE_BYTES])
{
	struct sweep_options options = {.seed = replay->witness.seed};
	struct sweep sweep = {.subject = &replay->subject,
		.prober = replay->prober,
		.workspace = &replay->workspace,
		.filter = &replay->filter,
		.options = &options};
	const struct cut *cut = &replay->witness.recovery_cut;
	struct recording recording = {0};
	struct micro_ops ops = {0};
	struct tree *tree = NULL;
	int err = power_record_recovery(&sweep, replay->found, &recording);

	if (!err)
		err = micro_ops_init(&ops, &recording, replay->model, cut->tear);
	if (!err)
		err = cut_tree(cut, &ops, &tree);
	if (err == -EPROTO)
		err = replay_say_stale(&ops, cut);
	if (!err) {
		printf("\nrecovery:\n");
		replay_print_cut(&ops, cut);
		power_explain(&replay->plan, base_ops, &replay->witness.cut, &ops, cut, cause);
		tree_unref(replay->found);
		replay->found = tree;
	}
	micro_ops_release(&ops);
	recording_release(&recording);
	return err;
}

int replay_cut(struct replay *replay, bool *is_violated)
{
	const struct cut *cut = &replay->witness.cut;
	struct micro_ops ops;
	char cause[POWER_CAUSE_BYTES];
	int err = micro_ops_init(&ops, &replay->recording, replay->model, cut->tear);

	if (!err)
		err = cut_tree(cut, &ops, &replay->found);
	if (err == -EPROTO)
		err = replay_say_stale(&ops, cut);
	if (err)
		goto out;
	replay_print_cut(&ops, cut);
	power_explain(&replay->plan, &ops, cut, NULL, NULL, cause);
	if (replay->witness.recovery_cut.micro_ops)
		err = cut_recovery(replay, &ops, cause);
	if (err)
		goto out;
	replay_print_files(replay->found);
	replay_print_expected(&replay->recording, cut->event);
	err = replay_print_found(replay, replay->found);
	if (!err)
		err = show_verdict(replay, cause, is_violated);
out:
	micro_ops_release(&ops);
	return err;
}
