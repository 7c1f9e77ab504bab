/* Printing for `tornwrite replay`: operations, views, expectations. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/cmd_replay.h"
#include "harness/explain.h"

static void print_entry(const struct view_entry *entry)
{
	if (entry->match == TXN_INTACT)
		printf(" %" PRIu64, entry->id);
	else if (entry->match == TXN_TORN && entry->id != UINT64_MAX)
		printf(" %" PRIu64 "(torn: %u bytes are right, then it differs or ends)", entry->id,
			entry->intact_bytes);
	else
		printf(entry->match == TXN_TORN ? entry->size_bytes ? " (a piece of %u bytes)"
		                                                    : " (an empty record)"
						: " (%u bytes of garbage)",
			entry->size_bytes);
}

void replay_print_view(const struct view *view, unsigned members)
{
	if (view->has_number) {
		printf(" the number %" PRIu64 "\n", view->number);
		return;
	}
	for (unsigned member = 0; member < members; member++) {
		size_t count = 0;

		if (members > 1)
			printf("%s file %u:", member ? ";" : "", member + 1);
		for (size_t i = 0; i < view->count; i++) {
			if (view->entries[i].member != member)
				continue;
			print_entry(&view->entries[i]);
			count++;
		}
		if (!count)
			printf(" nothing");
	}
	putchar('\n');
}

static void print_step(const char *what, const struct step *step)
{
	const char *error;

	switch (step->end) {
	case STEP_OK:
	case STEP_NOT_RUN:
		return;
	case STEP_ERROR:
		error = strerrorname_np(-step->detail);
		printf("  %s fails: %s\n", what, error ? error : "unknown error");
		return;
	case STEP_CRASH:
		printf("  %s crashes\n", what);
		return;
	default:
		printf("  %s hangs\n", what);
	}
}

enum { LANE_WIDTH = 44 };

static unsigned count_workers(const struct recording *recording)
{
	unsigned count = 1;

	for (size_t i = 0; i < recording->count; i++) {
		if (recording->events[i].worker >= count)
			count = recording->events[i].worker + 1;
	}
	return count;
}

static const char *error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "unknown error";
}

static void print_event(const struct recording *recording, size_t index, const struct tree *tree)
{
	const struct event *event = &recording->events[index];

	switch (event->kind) {
	case EVENT_START:
		printf("update %" PRIu64 " begins", event->txn);
		break;
	case EVENT_ACK:
		printf("update %" PRIu64 " is acknowledged", event->txn);
		break;
	case EVENT_REFUSE:
		printf("update %" PRIu64 " is refused: %s", event->txn, error_name(-event->error));
		break;
	case EVENT_LOOK:
		printf("reading begins");
		break;
	case EVENT_SEEN:
		printf("reading ends%s%s", event->error ? ": " : "",
			event->error ? error_name(-event->error) : "");
		break;
	default:
		explain_op(recording, index, stdout);
		if (tree && explain_is_ghost(tree, &event->op))
			printf(" (a ghost: no name leads to it)");
	}
}

void replay_print_events(const struct recording *recording, size_t end,
	const char *(*mark)(void *context, size_t event), void *context, char *const *notes)
{
	bool has_lanes = count_workers(recording) > 1;
	struct tree *tree = has_lanes ? tree_ref(recording->initial) : NULL;

	for (size_t i = 0; i < recording->count && i < end; i++) {
		const struct event *event = &recording->events[i];
		bool is_op = event->kind == EVENT_OP;

		printf("  %*s", has_lanes ? (int)event->worker * LANE_WIDTH : 0, "");
		if (is_op && mark)
			printf("  %-10s ", mark(context, i));
		else if (is_op)
			printf("  ");
		print_event(recording, i, tree);
		if (notes && notes[i])
			printf("   <== %s", notes[i]);
		putchar('\n');
		if (tree && is_op && tree_apply(&tree, &event->op))
			break;
	}
	tree_unref(tree);
}

void replay_print_lanes(unsigned writers, unsigned readers)
{
	char name[32];

	printf("  ");
	for (unsigned i = 0; i < writers + readers; i++) {
		explain_worker(i, writers, name);
		printf("%-*s", i + 1 < writers + readers ? LANE_WIDTH : 0, name);
	}
	putchar('\n');
}

static bool is_over(const struct recording *recording, size_t count, uint64_t txn)
{
	for (size_t i = 0; i < recording->count && i < count; i++) {
		const struct event *event = &recording->events[i];

		if ((event->kind == EVENT_ACK || event->kind == EVENT_REFUSE) && event->txn == txn)
			return true;
	}
	return false;
}

void replay_print_expected(const struct recording *recording, size_t count)
{
	bool has_any = false;

	printf("expected: 0");
	for (size_t i = 0; i < recording->count && i < count; i++) {
		if (recording->events[i].kind == EVENT_ACK)
			printf(" %" PRIu64, recording->events[i].txn);
	}
	for (size_t i = 0; i < recording->count && i < count; i++) {
		const struct event *event = &recording->events[i];

		if (event->kind != EVENT_START || is_over(recording, count, event->txn))
			continue;
		printf("%s %" PRIu64, has_any ? " or" : ", with or without", event->txn);
		has_any = true;
	}
	putchar('\n');
}

int replay_print_found(struct replay *replay, struct tree *tree)
{
	unsigned members = replay->subject.strategy->store == STORE_TREE ? TXN_MEMBERS : 1;
	const struct probe *probe;
	int err = prober_ask(replay->prober, tree, PROBE_LIFE, &probe);

	if (err)
		return err;
	print_step("recovery", &probe->recover);
	print_step("the reader", &probe->read);
	printf("transactions after:");
	replay_print_view(probe->view, members);
	print_step("one more update", &probe->update);
	print_step("the reader then", &probe->reread);
	if (probe->reread.end == STEP_OK) {
		printf("after one more update (%" PRIu64 "):", prober_life_txn(&replay->subject));
		replay_print_view(probe->after, members);
	}
	return 0;
}
