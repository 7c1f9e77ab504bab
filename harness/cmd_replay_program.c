/* The witness of a program that is not ours: it is run again, and what befell it is shown. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cmd_check.h"
#include "harness/cmd_replay.h"
#include "harness/explain.h"
#include "harness/explain_cut.h"
#include "harness/interrupt.h"
#include "harness/options.h"

struct program_replay {
	struct replay *replay;
	struct check_options options;
	struct check *check;
	const struct recording *recording; /* of the clean run, or replay->recording */
	size_t count;                      /* events before the crash */
	char cause[420];
	char message[CHECK_MESSAGE_BYTES];
};

/* ---- what befell it ---- */

static bool is_crew(const struct program_replay *program)
{
	return !strcmp(program->replay->witness.fault, "concurrent");
}

static int rebuild_kill(struct program_replay *program)
{
	struct replay *replay = program->replay;
	const struct result *witness = &replay->witness;
	int err = check_killed(
		program->check, witness->killed_at, witness->killed_bytes, &replay->found);

	if (err) {
		fputs("error: the run is not the one of the witness: it has no such place\n",
			stderr);
		return -ESTALE;
	}
	program->count = witness->killed_at;
	replay_print_events(program->recording, program->count, NULL, NULL, NULL);
	if (witness->killed_bytes) {
		printf("  ");
		explain_op(program->recording, program->count, stdout);
		printf("   <== killed after %" PRIu64 " bytes\n", witness->killed_bytes);
	} else {
		printf("  === killed ===\n");
	}
	if (program->count < program->recording->count)
		printf("  (%zu more events were never reached)\n",
			program->recording->count - program->count);
	snprintf(program->cause, sizeof(program->cause), "killed");
	return 0;
}

static int rebuild_cut(struct program_replay *program)
{
	struct replay *replay = program->replay;
	const struct cut *cut = &replay->witness.cut;
	struct micro_ops ops;
	int err = micro_ops_init(&ops, program->recording, replay->model, cut->tear);

	if (!err)
		err = cut_tree(cut, &ops, &replay->found);
	if (err == -EPROTO)
		err = replay_say_stale(&ops, cut);
	if (!err) {
		replay_print_cut(&ops, cut);
		explain_cut(&ops, cut, program->cause, sizeof(program->cause));
	}
	program->count = cut->event;
	micro_ops_release(&ops);
	return err;
}

static int rebuild_fault(struct program_replay *program)
{
	struct replay *replay = program->replay;
	int err = check_record(program->check, &replay->plan, &replay->recording);

	if (err)
		return err;
	program->recording = &replay->recording;
	program->count = replay->recording.count;
	replay->found = tree_ref(replay->recording.final);
	replay_print_events(program->recording, SIZE_MAX, NULL, NULL, NULL);
	explain_cause(program->recording, &replay->plan, program->cause, sizeof(program->cause));
	if (!replay->recording.fired) {
		fputs("error: the run is not the one of the witness: the fault does not fire\n",
			stderr);
		return -ESTALE;
	}
	return 0;
}

static int rebuild_crew(struct program_replay *program)
{
	struct replay *replay = program->replay;
	const struct result *witness = &replay->witness;
	int err = check_rerun_crew(
		program->check, witness->workers, &witness->schedule, &replay->recording);

	if (err == -EPROTO) {
		fputs("error: the run is not the one of the witness: it has no such schedule\n",
			stderr);
		return -ESTALE;
	}
	if (err)
		return err;
	program->recording = &replay->recording;
	program->count = replay->recording.count;
	replay->found = tree_ref(replay->recording.final);
	replay_print_lanes(witness->workers, 0);
	replay_print_events(program->recording, SIZE_MAX, NULL, NULL, NULL);
	explain_schedule(
		program->recording, witness->workers, program->cause, sizeof(program->cause));
	return 0;
}

/* ---- the verdict ---- */

static int print_findings(struct program_replay *program, const struct tree *tree,
	const char *remark, bool *is_violated)
{
	struct check_finding findings[CHECK_MAX_FINDINGS];
	int count = is_crew(program)
	                    ? check_find_crew(program->check, program->replay->witness.workers,
				      program->recording, findings, program->message)
	                    : check_find(program->check, program->recording, program->count, tree,
				      findings, program->message);

	for (int i = 0; i < count; i++) {
		printf("%s violated: %s%s: %s\n", property_names[findings[i].property],
			program->cause, remark, findings[i].text);
		*is_violated |= findings[i].property == program->replay->witness.property;
	}
	if (count < 0 && *program->message)
		fprintf(stderr, "error: %s\n", program->message);
	return count < 0 ? count : 0;
}

static int show_verdict(struct program_replay *program, bool *is_violated)
{
	const struct replay *replay = program->replay;
	const struct result *witness = &replay->witness;
	enum ending ending = program->recording->ending;
	struct tree *left = NULL;
	int err;

	replay_print_files(replay->found);
	err = print_findings(program, replay->found, "", is_violated);
	if (!err && program->recording == &replay->recording && !is_crew(program)) {
		err = check_left(program->recording, &left);
		if (!err && left)
			err = print_findings(
				program, left, ", and later the power is cut", is_violated);
		if (ending == ENDED_HANG || ending == ENDED_ENDLESS ||
			(ending == ENDED_CRASH && program->recording->status & 0x7f)) {
			printf("consistency violated: %s: the program %s\n", program->cause,
				ending == ENDED_CRASH ? "dies of a signal" : "hangs");
			*is_violated |= witness->property == CONSISTENCY;
		}
	}
	tree_unref(left);
	if (!err && !*is_violated)
		printf("%s is not violated this time: the witness says \"%s\"\n",
			property_names[witness->property], witness->detail ? witness->detail : "");
	return err;
}

/* ---- the replay ---- */

static void take_witness(struct program_replay *program, json_t *json)
{
	struct replay *replay = program->replay;
	const char *path = replay->options.witness;
	const struct result *witness = &replay->witness;

	if (check_program_from_json(json, &program->options))
		options_fail("%s: the witness is incomplete", path);
	program->options.subject = witness->subject;
	program->options.scenario = witness->scenario;
	program->options.seed = witness->seed;
	if (witness->model && !(replay->model = replay_find_model(witness->model)))
		options_fail("%s: there is no model '%s'", path, witness->model);
	if (replay->model && !witness->cut.micro_ops)
		options_fail("%s: the witness has no power cut", path);
	if (is_crew(program) && (witness->workers < 2 || witness->workers > TRACE_MAX_WORKERS ||
					!witness->schedule.count))
		options_fail("%s: the witness has no schedule", path);
	if (replay->model || is_crew(program) || !strcmp(witness->fault, "kill"))
		return;
	replay->plan = (struct plan){.fault = replay_find_fault(witness->fault),
		.variant = witness->variant,
		.n = witness->n,
		.seed = witness->seed};
	if (!replay->plan.fault)
		options_fail("%s: there is no fault '%s'", path, witness->fault);
	if (!witness->n || witness->variant >= fault_variant_count(replay->plan.fault))
		options_fail("%s: the witness has no plan", path);
}

static int run(struct program_replay *program, int keep_fd, bool *is_violated)
{
	struct replay *replay = program->replay;
	int err;

	program->recording = check_clean(program->check);
	printf("%s under %s%s%s\n\noperations:\n", replay->witness.subject, replay->witness.fault,
		replay->model ? ", model " : "", replay->model ? replay->model->name : "");
	err = replay->model                            ? rebuild_cut(program)
	      : is_crew(program)                       ? rebuild_crew(program)
	      : !strcmp(replay->witness.fault, "kill") ? rebuild_kill(program)
	                                               : rebuild_fault(program);
	if (!err)
		err = show_verdict(program, is_violated);
	if (!err && keep_fd >= 0) {
		err = tree_store(replay->found, keep_fd);
		if (!err)
			printf("the files are in %s\n", replay->options.keep);
	}
	return err;
}

static int tell_end(enum check_end end, const char *message)
{
	fprintf(stderr, "%s%s\n", end == CHECK_UNABLE ? "" : "error: ",
		*message ? message : "this host does not allow it");
	return end == CHECK_REFUSED   ? EXIT_USAGE
	       : end == CHECK_NOTHING ? EXIT_NOTHING
	       : end == CHECK_UNABLE  ? EXIT_SKIPPED
	                              : EXIT_HARNESS;
}

int replay_program(struct replay *replay, json_t *json)
{
	static struct program_replay program;
	const char *keep = replay->options.keep;
	char message[PATH_MAX + 256];
	bool is_violated = false;
	int keep_fd = -1, err = 0, status = EXIT_HELD;
	enum check_end end;

	program.replay = replay;
	take_witness(&program, json);
	interrupt_catch();
	/* Before the sandbox covers anything. */
	if (keep && (mkdir(keep, 0777) ||
			    (keep_fd = open(keep, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0))
		options_fail("--keep %s: %s", keep, strerror(errno));
	if (inject_init() ||
		scratch_init(&replay->scratch, replay->options.directory, message, sizeof(message)))
		options_fail("%s", message);
	end = check_open(&program.check, &program.options, replay->scratch.path, program.message);
	if (end == CHECK_OK) {
		if (*program.message)
			fprintf(stderr, "%s\n", program.message);
		*program.message = 0;
		err = run(&program, keep_fd, &is_violated);
	} else {
		status = tell_end(end, program.message);
	}
	tree_unref(replay->found);
	recording_release(&replay->recording);
	check_close(program.check);
	scratch_release(&replay->scratch);
	result_release(&replay->witness);
	json_decref(json);
	if (keep_fd >= 0)
		close(keep_fd);
	if (interrupt_signal())
		return EXIT_SIGNAL + interrupt_signal();
	if (err && err != -ESTALE && !*program.message)
		fprintf(stderr, "error: replay: %s\n", strerror(-err));
	return err ? EXIT_HARNESS : is_violated ? EXIT_VIOLATED : status;
}
