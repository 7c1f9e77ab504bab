/*
 * tornwrite replay: runs the plan of a witness again, shows every operation with the fault marked,
 * what a reader saw before and sees after, and what was expected.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cmd_replay.h"
#include "harness/commands.h"
#include "harness/concurrent.h"
#include "harness/explain.h"
#include "harness/interrupt.h"
#include "harness/machine.h"
#include "harness/options.h"
#include "harness/plugins.h"
#include "harness/power.h"
#include "harness/probe.h"
#include "harness/sandbox.h"
#include "harness/witness.h"
#include "harness/workspace.h"

static const struct argp_option argp_options[] = {
	{"keep", 'k', "DIR", 0, "leave the files as they are found in DIR, which must not exist",
		0},
	{"dir", 'd', "DIR", 0, "work in a fresh directory inside DIR", 0},
	{0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct replay_options *options = state->input;

	switch (key) {
	case 'k':
		options->keep = argument;
		return 0;
	case 'd':
		options->directory = argument;
		return 0;
	case ARGP_KEY_ARG:
		if (options->witness)
			options_fail("one witness at a time");
		options->witness = argument;
		return 0;
	case ARGP_KEY_NO_ARGS:
		options_fail("which witness? A file that 'tornwrite run' wrote, as in: tornwrite "
			     "replay witness/append-enospc-atomicity.json");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct strategy *find_strategy(const char *name)
{
	for (size_t i = 0; i < strategy_count; i++) {
		if (!strcmp(strategies[i]->name, name))
			return strategies[i];
	}
	return NULL;
}

const struct fault *replay_find_fault(const char *name)
{
	for (size_t i = 0; i < fault_count; i++) {
		if (!strcmp(faults[i]->name, name))
			return faults[i];
	}
	return NULL;
}

const struct model *replay_find_model(const char *name)
{
	for (size_t i = 0; i < model_count; i++) {
		if (!strcmp(models[i]->name, name))
			return models[i];
	}
	return NULL;
}

/* Of power cuts: the model, and the fault before the cut. Returns the name of the fault. */
static const char *make_cut(struct replay *replay)
{
	const struct result *witness = &replay->witness;
	const char *after = power_name_fault(witness->fault);

	if (!witness->model)
		return witness->fault;
	replay->model = replay_find_model(witness->model);
	if (!replay->model)
		options_fail("%s: there is no model '%s'", replay->options.witness, witness->model);
	if (!witness->cut.micro_ops ||
		(!strcmp(witness->fault, "recovery") && !witness->recovery_cut.micro_ops))
		options_fail("%s: the witness has no power cut", replay->options.witness);
	if (!after && strcmp(witness->fault, "power") && strcmp(witness->fault, "recovery") &&
		strcmp(witness->fault, "concurrent-power"))
		options_fail("%s: '%s' is no power cut, and the witness has a model",
			replay->options.witness, witness->fault);
	return after ? after : "none";
}

/* Of several workers. Returns the name of the fault in one of them. */
static const char *make_crew(struct replay *replay, const char *fault)
{
	const struct result *witness = &replay->witness;
	const char *in_one = concurrent_name_fault(fault);

	if (strncmp(witness->fault, "concurrent", strlen("concurrent")))
		return fault;
	if (!witness->workers || witness->workers + witness->readers > TRACE_MAX_WORKERS ||
		witness->workload.txns % witness->workers)
		options_fail("%s: the witness has no workers", replay->options.witness);
	if (!witness->schedule.count)
		options_fail("%s: the witness has no schedule", replay->options.witness);
	replay->crew = (struct crew){.writers = witness->workers,
		.readers = witness->readers,
		.is_naive = witness->is_naive,
		.is_crashed = replay->model != NULL};
	return in_one && !replay->model ? in_one : "none";
}

static const struct strategy *make_plan(struct replay *replay)
{
	const char *fault = make_crew(replay, make_cut(replay));
	const struct result *witness = &replay->witness;
	const struct strategy *strategy = find_strategy(witness->subject);
	const struct workload *workload = &witness->workload;

	if (!strategy)
		options_fail(
			"%s: there is no strategy '%s'", replay->options.witness, witness->subject);
	if (witness->recovery_cut.micro_ops && !strategy->recover)
		options_fail("%s: the strategy %s has no recovery", replay->options.witness,
			witness->subject);
	if (replay->crew.is_naive && !strategy->read_naive)
		options_fail("%s: the strategy %s has no readers that keep to no rule",
			replay->options.witness, witness->subject);
	if (!workload->txns || workload->txns > 1000 || workload->base_bytes < TXN_MIN_BYTES ||
		workload->base_bytes > TXN_MAX_BYTES)
		options_fail("%s: the witness has no workload", replay->options.witness);
	replay->plan = (struct plan){.variant = witness->variant,
		.n = witness->n,
		.seed = witness->seed,
		.commands = witness->commands,
		.fault = replay_find_fault(fault)};
	if (!replay->plan.fault && !witness->commands && strcmp(fault, "none"))
		options_fail("%s: there is no fault '%s'", replay->options.witness, fault);
	if (replay->plan.fault && replay->plan.variant >= fault_variant_count(replay->plan.fault))
		options_fail("%s: the fault %s has no variant %u", replay->options.witness, fault,
			replay->plan.variant);
	return strategy;
}

/* ---- showing ---- */

/* The tree when the update that was struck began. */
static int tree_before(const struct recording *recording, struct tree **tree)
{
	struct tree *now = tree_ref(recording->initial);
	int err = 0;

	*tree = tree_ref(now);
	for (size_t i = 0; !err && i < recording->count; i++) {
		const struct event *event = &recording->events[i];

		if (event->kind == EVENT_START) {
			tree_unref(*tree);
			*tree = tree_ref(now);
		}
		if (event->kind != EVENT_OP)
			continue;
		if (event->op.strike.action != STRIKE_NONE)
			break;
		err = tree_apply(&now, &event->op);
	}
	tree_unref(now);
	return err;
}

static void print_ending(const struct recording *recording)
{
	static const char *const endings[] = {
		[ENDED_DONE] = "ends",
		[ENDED_STRUCK] = "is killed",
		[ENDED_CRASH] = "crashes",
		[ENDED_HANG] = "hangs, and is killed",
		[ENDED_ENDLESS] = "goes on without end, and is killed",
	};

	printf("  the worker %s\n\n", endings[recording->ending]);
}

static int show_views(struct replay *replay)
{
	unsigned members = replay->subject.strategy->store == STORE_TREE ? TXN_MEMBERS : 1;
	const struct probe *probe;
	struct tree *before;
	int err = tree_before(&replay->recording, &before);

	if (!err)
		err = prober_ask(replay->prober, before, PROBE_READ, &probe);
	tree_unref(before);
	if (err)
		return err;
	printf("transactions before:");
	replay_print_view(probe->view, members);
	replay_print_expected(&replay->recording, replay->recording.count);
	return replay_print_found(replay, replay->found);
}

static int show_verdict(struct replay *replay, bool *is_violated)
{
	const struct result *witness = &replay->witness;
	struct judgement judgement;
	char cause[300];
	int err = judge_recording(&replay->subject, replay->prober, &replay->recording, &judgement);

	if (err)
		return err;
	explain_cause(&replay->recording, &replay->plan, cause, sizeof(cause));
	for (int property = 0; property < PROPERTY_COUNT; property++) {
		if (judgement.findings[property].is_violated)
			printf("%s violated: %s: %s\n", property_names[property], cause,
				judgement.findings[property].text);
	}
	*is_violated = judgement.findings[witness->property].is_violated;
	if (!*is_violated)
		printf("%s is not violated this time: the witness says \"%s\"\n",
			property_names[witness->property], witness->detail ? witness->detail : "");
	return 0;
}

static int keep_files(struct replay *replay)
{
	const char *path = replay->options.keep;
	int fd, err;

	if (!path)
		return 0;
	if (mkdir(path, 0777)) {
		fprintf(stderr, "error: --keep %s: %s\n", path, strerror(errno));
		return -errno;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = tree_store(replay->found, fd);
	close(fd);
	if (!err)
		printf("the files are in %s\n", path);
	return err;
}

/* ---- running ---- */

static int run_witness(struct replay *replay, const struct strategy *strategy, bool *is_violated)
{
	char message[PATH_MAX + 256];
	int err;

	if (replay->plan.fault && replay->plan.fault->is_real) {
		err = sandbox_enter();
		if (err)
			return -ENOTRECOVERABLE;
	}
	err = subject_init(&replay->subject, strategy, &replay->witness.workload,
		&replay->workspace, message, sizeof(message));
	if (err) {
		fprintf(stderr, "error: %s\n", message);
		return err;
	}
	replay->prober = prober_new(&replay->subject, &replay->workspace);
	if (!replay->prober)
		return -ENOMEM;
	printf("%s under %s%s%s\n\noperations:\n", strategy->name, replay->witness.fault,
		replay->model ? ", model " : "", replay->model ? replay->model->name : "");
	if (replay->crew.writers)
		err = replay_crew(replay, is_violated);
	else
		err = record_run(&replay->subject, &replay->plan, &replay->workspace,
			&replay->filter, &replay->recording);
	if (err)
		return err;
	if (replay->model) {
		err = replay_cut(replay, is_violated);
	} else if (!replay->crew.writers) {
		replay->found = tree_ref(replay->recording.final);
		replay_print_events(&replay->recording, SIZE_MAX, NULL, NULL, NULL);
		print_ending(&replay->recording);
		err = show_views(replay);
		putchar('\n');
		if (!err)
			err = show_verdict(replay, is_violated);
	}
	if (!err)
		err = keep_files(replay);
	return err;
}

int cmd_replay(int argc, char **argv)
{
	static const struct argp argp = {.options = argp_options,
		.parser = parse_option,
		.args_doc = "WITNESS",
		.doc = "Runs the plan of a witness again and shows what happens.\v"
		       "Exit status: 1 if the property is violated again, 0 if it is not, 2 usage, "
		       "3 the harness failed, 77 this host cannot run it."};
	static struct replay replay = {.workspace = {.data_fd = -1, .probe_fd = -1}};
	const struct strategy *strategy;
	bool is_violated = false;
	json_t *program;
	char message[PATH_MAX + 256];
	int err;

	options_parse(&argp, argc, argv, &replay.options);
	if (witness_read(replay.options.witness, &replay.witness, message, sizeof(message)))
		options_fail("%s", message);
	if (replay.options.keep && !access(replay.options.keep, F_OK))
		options_fail("--keep %s: exists already", replay.options.keep);
	program = witness_read_program(replay.options.witness);
	if (program)
		return replay_program(&replay, program);
	strategy = make_plan(&replay);
	interrupt_catch();
	if (scratch_init(&replay.scratch, replay.options.directory, message, sizeof(message)))
		options_fail("%s", message);
	machine_unmap_clock();
	err = inject_init();
	if (!err)
		err = filter_init(&replay.filter, 0);
	if (!err)
		err = filter_init(&replay.crew_filter, FILTER_LOOKS);
	if (!err)
		err = workspace_init(&replay.workspace, &replay.scratch, 0);
	if (!err)
		err = run_witness(&replay, strategy, &is_violated);
	tree_unref(replay.found);
	recording_release(&replay.recording);
	prober_free(replay.prober);
	subject_release(&replay.subject);
	workspace_release(&replay.workspace);
	filter_release(&replay.filter);
	filter_release(&replay.crew_filter);
	free(replay.readings);
	scratch_release(&replay.scratch);
	result_release(&replay.witness);
	if (interrupt_signal())
		return EXIT_SIGNAL + interrupt_signal();
	if (err == -ENOTRECOVERABLE)
		fputs("skipped: this host does not allow ptrace, or user namespaces\n", stderr);
	if (err == -ENOTRECOVERABLE)
		return EXIT_SKIPPED;
	/* ESTALE: replay_cut() has told it. */
	if (err && err != -ESTALE)
		fprintf(stderr, "error: replay: %s\n", strerror(-err));
	return err ? EXIT_HARNESS : is_violated ? EXIT_VIOLATED : EXIT_HELD;
}
