/* What the files of `tornwrite replay` share. For cmd_replay*.c. */
#ifndef TORNWRITE_CMD_REPLAY_H
#define TORNWRITE_CMD_REPLAY_H

#include "harness/crew.h"
#include "harness/model.h"
#include "harness/probe.h"
#include "harness/result.h"
#include "harness/sweep.h"
#include "harness/workspace.h"

struct replay_options {
	const char *witness, *keep, *directory;
};

struct replay {
	struct replay_options options;
	struct result witness;
	struct plan plan;
	const struct model *model; /* NULL: no power cut */
	struct scratch scratch;
	struct workspace workspace;
	struct filter filter, crew_filter;
	struct crew crew;         /* writers 0: one worker */
	struct reading *readings; /* of the crew's readers; owned */
	struct subject subject;
	struct prober *prober;
	struct recording recording;
	struct tree *found; /* what the next process finds; reference held */
};

/* Events [0, end) of a recording, a line each, and a lane each worker where there are several;
 * `mark` says what stands before an operation, `notes` (an entry each event) what after it. NULL:
 * nothing. */
void replay_print_events(const struct recording *recording, size_t end,
	const char *(*mark)(void *context, size_t event), void *context, char *const *notes);

/* Events up to a power cut, and what became of each operation. */
void replay_print_cut(const struct micro_ops *ops, const struct cut *cut);

/* The names in a tree, with sizes. */
void replay_print_files(struct tree *tree);

/* Says that a cut does not fit the run that it should be of. Returns -ESTALE. */
int replay_say_stale(const struct micro_ops *ops, const struct cut *cut);

/* The heads of the lanes. */
void replay_print_lanes(unsigned writers, unsigned readers);

/* "expected: 0 1, with or without 2": by what was known after `count` events. */
void replay_print_expected(const struct recording *recording, size_t count);

/* The transactions of a view, file by file, and a newline. */
void replay_print_view(const struct view *view, unsigned members);

/* What a reader finds in a tree, and after one more update. */
int replay_print_found(struct replay *replay, struct tree *tree);

/* Runs the schedule of a witness and shows it, with the moment that breaks the property, unless
 * there is a power cut, which replay_cut() shows. Returns 0 or -errno; -ESTALE as below. */
int replay_crew(struct replay *replay, bool *is_violated);

/* The witness of a program that is not ours: all of the replay. Returns the exit status. */
int replay_program(struct replay *replay, json_t *program);

/* The plug-ins that a witness names; NULL: there is none of the name. */
const struct fault *replay_find_fault(const char *name);
const struct model *replay_find_model(const char *name);

/* Rebuilds the crash state of a witness and shows it: sets replay->found and says whether the
 * property is violated. Returns 0 or -errno; -ESTALE: the run is not the one of the witness, and
 * that was told. */
int replay_cut(struct replay *replay, bool *is_violated);

#endif
