/*
 * Method: the child writes what it finds into shared memory and notes there which step it is in,
 * so that a crash or a hang can be told by step. Answers are kept by the hash of the tree.
 */
#include "harness/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/child.h"
#include "harness/watchdog.h"

enum { STEP_COUNT = 4 };

/* What a child reports. */
struct report {
	int current; /* the step it is in; STEP_COUNT: all done */
	struct step steps[STEP_COUNT];
	struct view view, after;
};

/* What is known about one tree. */
struct answer {
	XXH128_hash_t hash;
	unsigned epoch; /* when it was last asked about */
	bool is_known[PROBE_DEPTHS];
	struct probe probes[PROBE_DEPTHS];
};

struct prober {
	const struct subject *subject;
	const struct workspace *workspace;
	struct report *report; /* shared with the child */
	struct txn life;
	struct answer **answers; /* a hash table with linear probing; NULL: free */
	size_t count, capacity;  /* capacity is a power of two */
	unsigned epoch;          /* of the count going on */
	uint64_t states, unique_states;
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
	prober->workspace = workspace;
	prober->capacity = 256;
	prober->answers = calloc(prober->capacity, sizeof(*prober->answers));
	prober->report = mmap(NULL, sizeof(*prober->report), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!prober->answers || prober->report == MAP_FAILED ||
		txn_init(&prober->life, prober_life_txn(subject), subject->workload.base_bytes)) {
		prober_free(prober);
		return NULL;
	}
	return prober;
}

void prober_free(struct prober *prober)
{
	if (!prober)
		return;
	for (size_t i = 0; prober->answers && i < prober->capacity; i++) {
		if (!prober->answers[i])
			continue;
		for (int depth = 0; depth < PROBE_DEPTHS; depth++) {
			free(prober->answers[i]->probes[depth].view);
			free(prober->answers[i]->probes[depth].after);
		}
		free(prober->answers[i]);
	}
	free(prober->answers);
	if (prober->report && prober->report != MAP_FAILED)
		munmap(prober->report, sizeof(*prober->report));
	txn_release(&prober->life);
	free(prober);
}

/* ---- in the child ---- */

static bool run_step(struct report *report, int number, int err)
{
	report->steps[number] = (struct step){err ? STEP_ERROR : STEP_OK, err};
	report->current = number + 1;
	return !err;
}

static _Noreturn void run_child(const struct prober *prober, pid_t parent, enum probe_depth depth)
{
	const struct strategy *strategy = prober->subject->strategy;
	struct report *report = prober->report;
	bool goes_on = true;

	if (child_enter(parent, prober->workspace->probe_fd))
		_exit(1);
	/* A failed recovery is no reason not to look: the reader may cope. */
	if (depth == PROBE_LIFE && strategy->recover)
		run_step(report, 0, strategy->recover());
	report->current = 1;
	goes_on = run_step(report, 1, strategy->read(&report->view));
	if (depth == PROBE_LIFE) {
		/* A store that cannot be read may still take an update and be mended by it. */
		goes_on = run_step(report, 2, strategy->update(&prober->life));
		if (goes_on)
			run_step(report, 3, strategy->read(&report->after));
	}
	report->current = STEP_COUNT;
	_exit(0);
}

/* ---- in the parent ---- */

static void note_death(struct report *report, int status, bool was_late)
{
	struct step *step;

	if (report->current >= STEP_COUNT)
		return;
	step = &report->steps[report->current];
	if (was_late)
		*step = (struct step){STEP_HANG, 0};
	else
		*step = (struct step){STEP_CRASH, WIFSIGNALED(status) ? WTERMSIG(status) : 0};
}

static int run_probe(struct prober *prober, enum probe_depth depth)
{
	struct report *report = prober->report;
	pid_t parent = getpid(), pid;
	bool was_late;
	int status;

	report->current = 0;
	memset(report->steps, 0, sizeof(report->steps));
	view_init(&report->view, prober->subject->workload.base_bytes);
	view_init(&report->after, prober->subject->workload.base_bytes);
	pid = fork();
	if (!pid)
		run_child(prober, parent, depth);
	if (pid < 0)
		return -errno;
	watchdog_start(pid, RECORD_TIMEOUT_MS);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			watchdog_stop();
			return -errno;
		}
	}
	was_late = watchdog_stop();
	note_death(report, status, was_late);
	return 0;
}

static struct view *copy_view(const struct view *view, const struct step *step)
{
	size_t count = step->end == STEP_OK ? view->count : 0;
	size_t size = offsetof(struct view, entries) + count * sizeof(view->entries[0]);
	struct view *copy = malloc(size);

	if (copy) {
		memcpy(copy, view, size);
		copy->count = count;
	}
	return copy;
}

static struct answer **find_answer(struct answer **answers, size_t capacity, XXH128_hash_t hash)
{
	size_t i = hash.low64 & (capacity - 1);

	while (answers[i] && !XXH128_isEqual(answers[i]->hash, hash))
		i = (i + 1) & (capacity - 1);
	return &answers[i];
}

static int grow_table(struct prober *prober)
{
	size_t capacity = prober->capacity * 2;
	struct answer **answers;

	if (prober->count * 2 < prober->capacity)
		return 0;
	answers = calloc(capacity, sizeof(*answers));
	if (!answers)
		return -ENOMEM;
	for (size_t i = 0; i < prober->capacity; i++) {
		struct answer *answer = prober->answers[i];

		if (answer)
			*find_answer(answers, capacity, answer->hash) = answer;
	}
	free(prober->answers);
	prober->answers = answers;
	prober->capacity = capacity;
	return 0;
}

/* What is known about the tree, perhaps nothing yet. NULL: out of memory. */
static struct answer *answer_for(struct prober *prober, const struct tree *tree)
{
	XXH128_hash_t hash = tree_hash(tree);
	struct answer **slot;

	if (grow_table(prober))
		return NULL;
	slot = find_answer(prober->answers, prober->capacity, hash);
	if (!*slot) {
		*slot = calloc(1, sizeof(**slot));
		if (!*slot)
			return NULL;
		(*slot)->hash = hash;
		prober->count++;
	}
	return *slot;
}

static bool has_hung(const struct report *report)
{
	for (int i = 0; i < STEP_COUNT; i++) {
		if (report->steps[i].end == STEP_HANG)
			return true;
	}
	return false;
}

static int run_again(struct prober *prober, const struct tree *tree, enum probe_depth depth)
{
	int err = tree_wipe(prober->workspace->probe_fd);

	if (!err)
		err = tree_store(tree, prober->workspace->probe_fd);
	return err ? err : run_probe(prober, depth);
}

/* Nothing is injected here, so a hook that finds no space has found the host's disk full. */
static int check_host(const struct prober *prober)
{
	for (int i = 0; i < STEP_COUNT; i++) {
		const struct step *step = &prober->report->steps[i];

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
	struct answer *answer = answer_for(prober, tree);
	const struct report *report = prober->report;
	int err;

	if (!answer)
		return -ENOMEM;
	prober->states++;
	prober->unique_states += answer->epoch != prober->epoch;
	answer->epoch = prober->epoch;
	*probe = &answer->probes[depth];
	if (answer->is_known[depth])
		return 0;
	err = tree_wipe(prober->workspace->probe_fd);
	if (!err)
		err = tree_store(tree, prober->workspace->probe_fd);
	if (!err)
		err = run_probe(prober, depth);
	/* Believed only if it happens again, on the same state. */
	if (!err && has_hung(report))
		err = run_again(prober, tree, depth);
	if (!err)
		err = check_host(prober);
	if (err)
		return err;
	answer->probes[depth] = (struct probe){report->steps[0], report->steps[1], report->steps[2],
		report->steps[3], copy_view(&report->view, &report->steps[1]),
		copy_view(&report->after, &report->steps[3])};
	if (!(*probe)->view || !(*probe)->after)
		return -ENOMEM;
	answer->is_known[depth] = true;
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
