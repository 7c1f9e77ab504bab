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
		printf(" (%u bytes of garbage)", entry->size_bytes);
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

void replay_print_events(const struct recording *recording, size_t end,
	const char *(*mark)(void *context, size_t event), void *context)
{
	for (size_t i = 0; i < recording->count && i < end; i++) {
		const struct event *event = &recording->events[i];

		switch (event->kind) {
		case EVENT_START:
			printf("  update %" PRIu64 " begins\n", event->txn);
			break;
		case EVENT_ACK:
			printf("  update %" PRIu64 " is acknowledged\n", event->txn);
			break;
		case EVENT_REFUSE:
			printf("  update %" PRIu64 " is refused: %s\n", event->txn,
				strerrorname_np(-event->error) ? strerrorname_np(-event->error)
							       : "unknown error");
			break;
		default:
			if (mark)
				printf("    %-10s ", mark(context, i));
			else
				printf("    ");
			explain_op(recording, i, stdout);
			putchar('\n');
		}
	}
}

void replay_print_expected(const struct recording *recording, size_t count)
{
	uint64_t in_doubt = 0;

	printf("expected: 0");
	for (size_t i = 0; i < recording->count && i < count; i++) {
		const struct event *event = &recording->events[i];

		if (event->kind == EVENT_ACK)
			printf(" %" PRIu64, event->txn);
		if (event->kind == EVENT_START)
			in_doubt = event->txn;
		else if (event->kind != EVENT_OP)
			in_doubt = 0;
	}
	if (in_doubt)
		printf(", with or without %" PRIu64, in_doubt);
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
