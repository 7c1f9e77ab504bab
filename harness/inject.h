/*
 * The one place where libfiu is asked. Every operation of a worker is put to libfiu under the
 * exact name of its point; a plan answers through libfiu's external callback, a scenario's own
 * libfiu commands answer by themselves.
 */
#ifndef TORNWRITE_INJECT_H
#define TORNWRITE_INJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/fault.h"

/* One planned run: which fault, how and where. Everything needed to run it again. */
struct plan {
	const struct fault *fault; /* NULL: none, or `commands` */
	unsigned variant;
	uint64_t n; /* from 1: see struct fault */

	/* libfiu's command language, one command a line, checked by inject_check_command(). */
	const char *commands;
	uint64_t seed; /* of what is random in this run */
};

/* Calls fiu_init(). Once in the process that forks all others, before the first fork.
 * Returns 0 or -EIO. */
int inject_init(void);

/* Makes libfiu answer for this plan. `blocks_used` is what the store occupies at the start.
 * Returns 0, or -EINVAL when libfiu refuses a command. Pair with inject_end(). */
int inject_begin(const struct plan *plan, uint64_t blocks_used);

/* Ends what inject_begin() began; the plan is no longer looked at. */
void inject_end(void);

/* Asks about an operation that is about to happen. `blocks_used` is the space in use now (if
 * inject_has_budget()).  * strike->action is STRIKE_NONE when it may go through. */
void inject_ask(const struct op *op, uint64_t blocks_used, struct strike *strike);

/* Whether the plan is a budget, for which inject_ask() must know the space in use. */
bool inject_has_budget(void);

/* How often inject_ask() has struck since inject_begin(). */
unsigned inject_fired(void);

/* Checks one libfiu command and translates failinfo=ENOSPC to the number that libfiu wants.
 * Returns a new string in *translated (free it), or -EINVAL with a sentence for the user in
 * `message`: libfiu itself accepts misspelt names and turns unknown numbers into 0. */
int inject_check_command(
	const char *command, char **translated, char *message, size_t message_size);

#endif
