/*
 * ./dev bench, power cuts. The naive way stands beside ours in one run, on the same recordings:
 * every legal set of micro-operations by itself, its tree written from scratch and read by a
 * process of its own, nothing merged.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/child.h"
#include "harness/crash.h"
#include "harness/crash_state.h"
#include "harness/judge.h"
#include "harness/plugins.h"
#include "harness/store.h"
#include "tests/bench.h"

enum { NAIVE_SAMPLE = 300, SMALL_STATES = 10000 };

/* One recording of a strategy, and what it takes to read its states. */
struct bench {
	struct lab *lab;
	struct subject subject;
	struct recording recording;
	struct prober *prober;
	uint64_t states;
	unsigned violated;
};

static const struct model *find_model(const char *name)
{
	for (size_t i = 0; i < model_count; i++) {
		if (!strcmp(models[i]->name, name))
			return models[i];
	}
	fail(name, -ENOENT);
}

static void bench_init(
	struct bench *bench, struct lab *lab, const char *name, unsigned txns, size_t bytes)
{
	struct workload workload = {txns, bytes};
	struct plan plan = {0};
	char message[512];

	*bench = (struct bench){.lab = lab};
	if (subject_init(&bench->subject, find(name), &workload, &lab->workspace, message,
		    sizeof(message)))
		fail(message, -EIO);
	if (record_run(&bench->subject, &plan, &lab->workspace, &lab->filter, &bench->recording))
		fail("record", -EIO);
}

static void bench_release(struct bench *bench)
{
	prober_free(bench->prober);
	recording_release(&bench->recording);
	subject_release(&bench->subject);
}

static void start_reading(struct bench *bench)
{
	prober_free(bench->prober);
	bench->prober = prober_new(&bench->subject, &bench->lab->workspace);
	if (!bench->prober)
		fail("prober", -ENOMEM);
}

/* ---- ours ---- */

static int read_and_judge(void *context, const struct crash_state *state)
{
	struct bench *bench = context;
	struct judgement judgement = {0};
	struct history *history = history_new(&bench->subject, &bench->recording, state->event);
	const struct probe *probe;
	int err = prober_ask(bench->prober, state->tree, PROBE_LIFE, &probe);

	if (!err && history) {
		judge_crash(&bench->subject, history, probe, &judgement);
		bench->violated += judgement.findings[ATOMICITY].is_violated;
	}
	history_free(history);
	return err;
}

static int count_only(void *context, const struct crash_state *state)
{
	struct bench *bench = context;

	(void)state;
	bench->states++;
	return 0;
}

static double time_crash(struct bench *bench, const char *model,
	int (*visit)(void *context, const struct crash_state *state),
	struct crash_coverage *coverage)
{
	struct crash_limits limits = {.seed = 1};
	struct micro_ops ops;
	double start = now();
	int err = micro_ops_init(&ops, &bench->recording, find_model(model), TEAR_PAGE);

	if (!err)
		err = crash_each(&ops, &limits, visit, bench, coverage);
	if (err)
		fail("crash", err);
	micro_ops_release(&ops);
	return now() - start;
}

static void measure_rate(struct lab *lab)
{
	static const struct {
		const char *name;
		unsigned txns;
		size_t bytes;
	} cases[] = {{"truncate-write", 10, 100}, {"truncate-write", 10, 600},
		{"append-crc", 7, 100}, {"append-crc", 6, 1500}, {"replace", 4, 600},
		{"spool-rename", 5, 600}, {"generation-symlink", 2, 1000}, {"sqlite", 2, 1000}};

	printf("\npower cuts under posix, every state generated, read and judged, median of %d:\n",
		ROUNDS);
	printf("  %-20s updates bytes  legal sets   states  generate s    all s  states/s\n",
		"strategy");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct crash_coverage coverage;
		double all[ROUNDS], generate[ROUNDS], seconds, alone;
		struct bench bench;

		bench_init(&bench, lab, cases[i].name, cases[i].txns, cases[i].bytes);
		for (int round = 0; round < ROUNDS; round++) {
			start_reading(&bench);
			generate[round] = time_crash(&bench, "posix", count_only, &coverage);
			all[round] = time_crash(&bench, "posix", read_and_judge, &coverage);
		}
		seconds = median(all);
		alone = median(generate);
		printf("  %-20s %7u %5zu  %10.4g %8llu %11.4f %8.3f %9.0f%s\n", cases[i].name,
			cases[i].txns, cases[i].bytes, coverage.sets,
			(unsigned long long)coverage.states, alone, seconds,
			(double)coverage.states / seconds, coverage.is_exact ? "" : "  (bounded)");
		bench_release(&bench);
	}
}

/* ---- small documents ---- */

/* One update of 100 bytes; each state is torn in another way. */
static double time_small(struct bench *bench)
{
	uint32_t object = tree_lookup(bench->recording.final, TREE_ROOT, DOCUMENT_PATH);
	double start;

	if (object == UINT32_MAX)
		object = tree_lookup(bench->recording.final, TREE_ROOT, LOG_PATH);
	start_reading(bench);
	start = now();
	for (uint64_t i = 0; i < SMALL_STATES; i++) {
		char text[16];
		struct op op = {.kind = OP_WRITE, .object = object, .offset = 40, .effect = 8};
		struct crash_state state = {
			.event = bench->recording.count, .tree = tree_ref(bench->recording.final)};

		snprintf(text, sizeof(text), "%08u", (unsigned)i);
		op.data = (uint8_t *)text;
		if (tree_apply(&state.tree, &op) || read_and_judge(bench, &state))
			fail("small", -EIO);
		tree_unref(state.tree);
	}
	return now() - start;
}

static void measure_small(struct lab *lab)
{
	static const char *const names[] = {"truncate-write", "append-crc", "replace"};

	printf("\nsmall documents, %d different torn states read and judged, median of %d:\n",
		SMALL_STATES, ROUNDS);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		double seconds[ROUNDS];
		struct bench bench;

		bench_init(&bench, lab, names[i], 1, 100);
		for (int round = 0; round < ROUNDS; round++)
			seconds[round] = time_small(&bench);
		printf("  %-20s %9.0f states/s\n", names[i], SMALL_STATES / median(seconds));
		bench_release(&bench);
	}
}

/* ---- the naive way ---- */

static void read_in_a_new_process(struct bench *bench, struct tree *tree, const struct txn *life)
{
	const struct strategy *strategy = bench->subject.strategy;
	pid_t parent = getpid(), pid;

	if (tree_wipe(bench->lab->workspace.probe_fd) ||
		tree_store(tree, bench->lab->workspace.probe_fd))
		fail("store", -EIO);
	pid = fork();
	if (!pid) {
		static struct view view;

		if (child_enter(parent, bench->lab->workspace.probe_fd))
			_exit(1);
		if (strategy->recover)
			strategy->recover();
		view_init(&view, bench->subject.workload.base_bytes);
		strategy->read(&view);
		strategy->update(life);
		view_init(&view, bench->subject.workload.base_bytes);
		strategy->read(&view);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* Seconds for one set, from a sample of random ones. */
static double time_naive_set(struct bench *bench)
{
	struct micro_ops ops;
	struct crash_builder *builder;
	struct txn life;
	uint64_t random = 1, *lost;
	uint32_t *values;
	double start;

	if (micro_ops_init(&ops, &bench->recording, find_model("posix"), TEAR_PAGE) ||
		txn_init(&life, prober_life_txn(&bench->subject),
			bench->subject.workload.base_bytes))
		fail("naive", -ENOMEM);
	builder = crash_builder_new(&ops);
	lost = calloc(bits_words(ops.count), sizeof(*lost));
	values = calloc(ops.cell_count + 1UL, sizeof(*values));
	start = now();
	for (int i = 0; i < NAIVE_SAMPLE; i++) {
		struct tree *tree;

		for (size_t k = 0; k < bits_words(ops.count); k++)
			lost[k] = random = random * 6364136223846793005 + 1442695040888963407;
		if (crash_state_apply(&ops, ops.count, lost, values) ||
			crash_state_tidy(builder, values, NULL))
			fail("naive", -ENOMEM);
		tree = crash_state_tree(builder, values);
		if (!tree)
			fail("naive", -ENOMEM);
		read_in_a_new_process(bench, tree, &life);
		tree_unref(tree);
	}
	start = now() - start;
	free(lost);
	free(values);
	crash_builder_free(builder);
	txn_release(&life);
	micro_ops_release(&ops);
	return start / NAIVE_SAMPLE;
}

static void measure_naive(struct lab *lab)
{
	static const struct {
		const char *name;
		size_t bytes;
	} cases[] = {{"append-crc", 9001}, {"truncate-write", 3000}, {"replace", 3000},
		{"truncate-write", 9001}};

	printf("\nthe naive way beside it (each legal set by itself, its tree written anew, a "
	       "process each;\nsampled: %d sets), two updates, median of %d:\n",
		NAIVE_SAMPLE, ROUNDS);
	printf("  %-20s bytes  legal sets   states  ours s  naive us a set   naive s    ratio\n",
		"strategy");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct crash_coverage coverage;
		double ours[ROUNDS], naive[ROUNDS], seconds, each;
		struct bench bench;

		bench_init(&bench, lab, cases[i].name, 2, cases[i].bytes);
		for (int round = 0; round < ROUNDS; round++) {
			start_reading(&bench);
			ours[round] = time_crash(&bench, "posix", read_and_judge, &coverage);
			naive[round] = time_naive_set(&bench);
		}
		seconds = median(ours);
		each = median(naive);
		printf("  %-20s %5zu  %10.4g %8llu %7.3f %15.0f %9.1f %8.0f\n", cases[i].name,
			cases[i].bytes, coverage.sets, (unsigned long long)coverage.states, seconds,
			each * 1e6, each * coverage.sets, each * coverage.sets / seconds);
		bench_release(&bench);
	}
}

/* ---- wide and long recordings ---- */

static long peak_kb(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* In a process of its own, so that the peak is its own. */
static void generate_alone(struct lab *lab, const char *name, unsigned txns, size_t bytes)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct crash_coverage coverage;
		struct bench bench;
		size_t ops = 0;
		double seconds;
		long before;

		bench_init(&bench, lab, name, txns, bytes);
		for (size_t i = 0; i < bench.recording.count; i++)
			ops += bench.recording.events[i].kind == EVENT_OP;
		before = peak_kb();
		seconds = time_crash(&bench, "posix", count_only, &coverage);
		printf("  %-16s %7u %5zu %9zu %11.4g %8llu %8.3f %9.1f  ", name, txns, ops,
			coverage.widest, coverage.sets, (unsigned long long)coverage.states,
			seconds, (double)(peak_kb() - before) / 1024);
		if (coverage.is_exact)
			printf("all\n");
		else
			printf("%u of %u epochs; else %u lost, %u left, %llu random\n",
				coverage.exact_epochs, coverage.epochs, coverage.lost,
				coverage.surviving, (unsigned long long)coverage.samples);
		bench_release(&bench);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail(name, -EIO);
}

static void measure_width(struct lab *lab)
{
	static const unsigned txns[] = {5, 10, 25, 50, 100, 250};

	printf("\ngenerating states under posix (nothing is read): time and memory\n");
	printf("  %-16s updates   ops undecided  legal sets   states        s MB of peak  "
	       "covered\n",
		"strategy");
	generate_alone(lab, "truncate-write", 6, 600);
	generate_alone(lab, "truncate-write", 10, 600);
	for (size_t i = 0; i < sizeof(txns) / sizeof(*txns); i++)
		generate_alone(lab, "spool-rename", txns[i], 600);
	for (size_t i = 0; i < sizeof(txns) / sizeof(*txns); i++)
		generate_alone(lab, "append-crc-fsync", txns[i], 600);
}

void measure_power(struct lab *lab)
{
	measure_small(lab);
	measure_rate(lab);
	measure_naive(lab);
	measure_width(lab);
}
