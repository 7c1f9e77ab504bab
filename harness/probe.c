/*
 * Method: a state is put where the reader looks by changing what stands there, and a process that
 * stays alive recovers and reads it. Answers are kept by the hash of the tree.
 *
 * Two things must not become a verdict: a reader that is not what a new process would be, and a
 * directory that is not the state. So a crash or a hang counts only if a new process came to it, an
 * error only if a new process has come to the same one in some state before; and now and then the
 * directory is read back before the reader sees it.
 */
#include "harness/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/probe_private.h"

/* States; reading one back costs about as much as probing it. */
enum { CHECK_INTERVAL = 64 };

enum { MAX_FAILURES = 64 };

/* A way to fail: how each step ended. */
struct failure {
	struct step steps[STEP_COUNT];
};

struct prober {
	const struct subject *subject;
	int directory_fd; /* borrowed */
	struct reader reader;
	struct memory memory;
	uint32_t epoch; /* of the count going on */
	uint64_t states, unique_states;
	uint64_t placed; /* states put into the directory */
	unsigned failure_count;
	struct failure failures[MAX_FAILURES]; /* those that new processes have come to */
};

uint64_t prober_life_txn(const struct subject *subject)
{
	return subject->workload.txns + 1;
}

struct prober *prober_new(const struct subject *subject, const struct workspace *workspace)
{
	struct prober *prober = calloc(1, sizeof(*prober));

	if (!prober)
		return NULL;
	prober->subject = subject;
	prober->directory_fd = workspace->probe_fd;
	if (probe_reader_init(&prober->reader, subject, workspace) ||
		probe_memory_init(&prober->memory)) {
		prober_free(prober);
		return NULL;
	}
	return prober;
}

void prober_free(struct prober *prober)
{
	if (!prober)
		return;
	probe_reader_release(&prober->reader);
	probe_memory_release(&prober->memory);
	free(prober);
}

/* ---- the state on disk ---- */

static int check_placed(const struct prober *prober, const struct tree *tree)
{
	struct tree *found = NULL;
	int err = tree_load(prober->directory_fd, &found, NULL);

	if (!err && !XXH128_isEqual(tree_hash(tree), tree_hash(found))) {
		fprintf(stderr, "%s: the state put before the reader is not the one asked about:\n",
			prober->subject->strategy->name);
		tree_print_difference(tree, found, stderr);
		err = -EPROTO;
	}
	tree_unref(found);
	return err;
}

static int place(struct prober *prober, const struct tree *tree)
{
	int err = prober->placed ? tree_store_over(tree, prober->directory_fd) : -EAGAIN;

	/* At first, so that answers do not depend on who used the directory before; and when
	 * something stands there that cannot be changed into the state. */
	if (err) {
		err = tree_wipe(prober->directory_fd);
		if (!err)
			err = tree_store(tree, prober->directory_fd);
	}
	if (!err && prober->placed++ % CHECK_INTERVAL == 0)
		err = check_placed(prober, tree);
	return err;
}

/* ---- asking ---- */

static bool has_ended_in(const struct report *report, enum step_end end)
{
	for (int i = 0; i < STEP_COUNT; i++) {
		if (report->steps[i].end == end)
			return true;
	}
	return false;
}

static bool has_failed_before(const struct prober *prober)
{
	const struct report *report = prober->reader.report;

	for (unsigned i = 0; i < prober->failure_count; i++) {
		if (!memcmp(prober->failures[i].steps, report->steps, sizeof(report->steps)))
			return true;
	}
	return false;
}

static bool is_believed(struct prober *prober, bool was_new, unsigned hangs)
{
	const struct report *report = prober->reader.report;

	if (has_ended_in(report, STEP_HANG))
		return hangs > 1;
	if (has_ended_in(report, STEP_CRASH))
		return was_new;
	if (!has_ended_in(report, STEP_ERROR) || has_failed_before(prober))
		return true;
	if (was_new && prober->failure_count < MAX_FAILURES)
		memcpy(prober->failures[prober->failure_count++].steps, report->steps,
			sizeof(report->steps));
	return was_new;
}

static int ask_reader(struct prober *prober, const struct tree *tree, enum probe_depth depth)
{
	unsigned hangs = 0;
	bool was_new;
	int err;

	for (;;) {
		err = place(prober, tree);
		if (!err)
			err = probe_reader_run(&prober->reader, depth, &was_new);
		if (err)
			return err;
		/* A hang is believed only if it happens again, on the same state. */
		hangs += has_ended_in(prober->reader.report, STEP_HANG);
		if (is_believed(prober, was_new, hangs))
			return 0;
		probe_reader_end(&prober->reader);
	}
}

/* Nothing is injected here, so a hook that finds no space has found the host's disk full. */
static int check_host(const struct prober *prober)
{
	for (int i = 0; i < STEP_COUNT; i++) {
		const struct step *step = &prober->reader.report->steps[i];

		if (step->end != STEP_ERROR ||
			(step->detail != -ENOSPC && step->detail != -EDQUOT &&
				step->detail != -EROFS))
			continue;
		fprintf(stderr, "%s: a reader or update failed with %s: is the disk full?\n",
			prober->subject->strategy->name, strerrorname_np(-step->detail));
		return -EREMOTEIO;
	}
	return 0;
}

int prober_ask(struct prober *prober, const struct tree *tree, enum probe_depth depth,
	const struct probe **probe)
{
	struct answer *answer = probe_memory_find(&prober->memory, tree);
	int err;

	if (!answer)
		return -ENOMEM;
	prober->states++;
	prober->unique_states += answer->epoch != prober->epoch;
	answer->epoch = prober->epoch;
	*probe = probe_memory_get(&prober->memory, answer, depth);
	if (*probe)
		return 0;
	err = ask_reader(prober, tree, depth);
	if (!err)
		err = check_host(prober);
	if (!err)
		err = probe_memory_keep(&prober->memory, answer, prober->reader.report);
	if (err)
		return err;
	*probe = probe_memory_get(&prober->memory, answer, depth);
	return 0;
}

void prober_start_count(struct prober *prober)
{
	prober->epoch++;
	prober->states = prober->unique_states = 0;
}

void prober_count(const struct prober *prober, uint64_t *states, uint64_t *unique_states)
{
	*states = prober->states;
	*unique_states = prober->unique_states;
}
