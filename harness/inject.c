/*
 * Method: decide() works out what the plan does to this operation, then libfiu is asked; its
 * external callback for the point fires if and only if there is a decision. Short reads and writes
 * are asked under NAME/reduce, as libfiu's own preload library does.
 */
#include "harness/inject.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fiu-control.h>
#include <fiu.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/suggest.h"

static struct {
	const struct plan *plan;
	bool is_external; /* the callbacks are in place, not a scenario's commands */
	uint64_t blocks_at_start, most_blocks;
	uint64_t chances; /* met so far in this run */
	bool has_struck;
	enum point_id struck_point;
	bool last_was_struck[POINT_COUNT];
	unsigned fired;
	struct strike decision; /* for the operation being asked about */
} state;

static char reduce_names[POINT_COUNT][64];

static bool is_short(const struct strike *strike)
{
	return strike->action == STRIKE_SHORT;
}

static int answer(const char *name, int *failnum, void **failinfo, unsigned *flags)
{
	size_t length = strlen(name);
	bool asks_for_short = length > 7 && !strcmp(name + length - 7, "/reduce");

	(void)flags;
	if (state.decision.action == STRIKE_NONE || is_short(&state.decision) != asks_for_short)
		return 0;
	*failnum = state.decision.action;
	*failinfo = (void *)(intptr_t)state.decision.error;
	return 1;
}

int inject_init(void)
{
	for (int i = 0; i < POINT_COUNT; i++)
		snprintf(reduce_names[i], sizeof(reduce_names[i]), "%s/reduce", points[i].name);
	return fiu_init(0) ? -EIO : 0;
}

/* Exact names only: a callback for a wildcard is given the wildcard and not the point. */
static void set_external(bool on)
{
	if (state.is_external == on)
		return;
	for (int i = 0; i < POINT_FAULTS; i++) {
		if (on)
			fiu_enable_external(points[i].name, 1, NULL, 0, answer);
		else
			fiu_disable(points[i].name);
		if (!point_has_reduce((enum point_id)i))
			continue;
		if (on)
			fiu_enable_external(reduce_names[i], 1, NULL, 0, answer);
		else
			fiu_disable(reduce_names[i]);
	}
	state.is_external = on;
}

/* The value of name= in a libfiu command, in `name`. */
static bool command_name(const char *command, char *name, size_t size)
{
	const char *at = strstr(command, "name=");
	size_t length;

	if (!at)
		return false;
	at += 5;
	length = strcspn(at, ", \t\n");
	if (!length || length >= size)
		return false;
	memcpy(name, at, length);
	name[length] = 0;
	return true;
}

static int run_commands(const char *commands, bool enable)
{
	char *copy = strdup(commands), *rest = copy, *line, *why, name[128];
	int err = copy ? 0 : -ENOMEM;

	while (!err && (line = strsep(&rest, "\n"))) {
		if (!*line)
			continue;
		if (enable && fiu_rc_string(line, &why))
			err = -EINVAL;
		if (!enable && command_name(line, name, sizeof(name)))
			fiu_disable(name);
	}
	free(copy);
	return err;
}

void inject_end(void)
{
	if (state.plan->commands)
		run_commands(state.plan->commands, false);
	state.plan = NULL;
}

int inject_begin(const struct plan *plan, uint64_t blocks_used)
{
	int err;

	assert(!state.plan);
	state.plan = plan;
	state.blocks_at_start = state.most_blocks = blocks_used;
	state.chances = 0;
	state.has_struck = false;
	state.fired = 0;
	memset(state.last_was_struck, 0, sizeof(state.last_was_struck));
	set_external(!plan->commands);
	if (!plan->commands)
		return 0;
	fiu_set_prng_seed((unsigned)(plan->seed ^ plan->seed >> 32));
	err = run_commands(plan->commands, true);
	if (err)
		inject_end();
	return err;
}

static bool goes_on(const struct op *op, enum fault_repeat repeat)
{
	switch (repeat) {
	case REPEAT_SAME_POINT:
		return op->point == state.struck_point;
	case REPEAT_NEXT:
		return state.fired < 2;
	case REPEAT_ALTERNATE:
		return op->point == state.struck_point && !state.last_was_struck[op->point];
	case REPEAT_EVERYWHERE:
		return true;
	default:
		return false;
	}
}

static void strike_with(
	const struct fault *fault, const struct op *op, uint64_t chance, struct strike *strike)
{
	if (fault->strike) {
		fault->strike(op, state.plan->variant, chance, strike);
	} else {
		strike->action = STRIKE_ERROR;
		strike->error = fault->error;
	}
}

static void decide(const struct op *op, uint64_t blocks_used, struct strike *strike)
{
	const struct plan *plan = state.plan;
	const struct fault *fault = plan->fault;
	enum fault_repeat repeat;
	unsigned chances;

	memset(strike, 0, sizeof(*strike));
	if (!fault || fault->is_real)
		return;
	repeat = fault_variant(fault, plan->variant)->repeat;
	chances = fault->chances(op, plan->variant);
	if (!chances)
		return;
	if (fault_is_budget(repeat)) {
		uint64_t limit = state.blocks_at_start + plan->n - 1;

		/* Shrinking: what was in use once is never free again. */
		if (repeat == REPEAT_SHRINKING)
			blocks_used = state.most_blocks;
		strike_with(fault, op, blocks_used < limit ? limit - blocks_used : 0, strike);
		return;
	}
	if (state.has_struck) {
		if (goes_on(op, repeat))
			strike_with(fault, op, 0, strike);
		return;
	}
	if (plan->n <= state.chances + chances)
		strike_with(fault, op, plan->n - 1 - state.chances, strike);
	state.chances += chances;
}

void inject_ask(const struct op *op, uint64_t blocks_used, struct strike *strike)
{
	int failnum;

	assert(state.plan);
	if (op->point >= POINT_FAULTS) {
		memset(strike, 0, sizeof(*strike));
		return;
	}
	if (blocks_used > state.most_blocks)
		state.most_blocks = blocks_used;
	decide(op, blocks_used, &state.decision);
	memset(strike, 0, sizeof(*strike));

	failnum = fiu_fail(points[op->point].name);
	if (failnum && state.is_external) {
		*strike = state.decision;
		strike->action = (enum strike_action)failnum;
		strike->error = (int)(intptr_t)fiu_failinfo();
	} else if (failnum) {
		strike->action = STRIKE_ERROR;
		strike->error = (int)(intptr_t)fiu_failinfo();
		if (!strike->error)
			strike->error = EIO;
	} else if (point_has_reduce(op->point) && op->size_bytes > 1 &&
		   fiu_fail(reduce_names[op->point])) {
		*strike = state.decision;
		strike->action = STRIKE_SHORT;
		if (!state.is_external)
			strike->bytes = op->size_bytes / 2;
	}
	/* A call that cannot be undone by not making it: the descriptor is gone either way. */
	if (strike->action == STRIKE_ERROR && op->kind == OP_CLOSE)
		strike->action = STRIKE_LATE_ERROR;

	state.last_was_struck[op->point] = strike->action != STRIKE_NONE;
	if (strike->action != STRIKE_NONE) {
		state.fired++;
		if (!state.has_struck) {
			state.has_struck = true;
			state.struck_point = op->point;
		}
	}
}

bool inject_has_budget(void)
{
	const struct plan *plan = state.plan;

	return plan->fault && fault_is_budget(fault_variant(plan->fault, plan->variant)->repeat);
}

unsigned inject_fired(void)
{
	return state.fired;
}

/* ---- libfiu's command language ---- */

static bool point_exists(const char *name)
{
	const char *star = strchr(name, '*');

	if (!star)
		return point_find(name) >= 0;
	/* libfiu knows a wildcard only at the end of a name. */
	if (star[1])
		return false;
	for (int i = 0; i < POINT_FAULTS; i++) {
		if (!fnmatch(name, points[i].name, 0) || !fnmatch(name, reduce_names[i], 0))
			return true;
	}
	return false;
}

static const char *nearest_point(const char *name)
{
	const char *names[POINT_FAULTS];

	for (int i = 0; i < POINT_FAULTS; i++)
		names[i] = points[i].name;
	return suggest(name, names, POINT_FAULTS);
}

/* An errno name or a decimal number; 0: neither. */
static int parse_errno(const char *text)
{
	char *end;
	long number;

	if (isdigit((unsigned char)*text)) {
		number = strtol(text, &end, 10);
		return *end || number > 4095 ? 0 : (int)number;
	}
	for (int i = 1; i < 134; i++) {
		const char *name = strerrorname_np(i);

		if (name && !strcmp(name, text))
			return i;
	}
	return 0;
}

static int check_parameter(
	const char *key, const char *value, char *out, size_t size, char *message, size_t room)
{
	static const char *const keys[] = {"name", "probability", "failnum", "failinfo", "onetime"};
	char *end;
	double probability;

	snprintf(out, size, "%s%s%s", key, value ? "=" : "", value ? value : "");
	if (!strcmp(key, "onetime") && !value)
		return 0;
	if (!value || !*value) {
		snprintf(message, room, "'%s' needs a value", key);
		return -EINVAL;
	}
	if (!strcmp(key, "name")) {
		if (point_exists(value))
			return 0;
		snprintf(message, room, "there is no point '%s'; did you mean '%s'?", value,
			nearest_point(value));
		return -EINVAL;
	}
	if (!strcmp(key, "probability")) {
		probability = strtod(value, &end);
		if (!*end && probability >= 0 && probability <= 1)
			return 0;
		snprintf(message, room, "probability '%s' is not between 0 and 1", value);
		return -EINVAL;
	}
	if (!strcmp(key, "failinfo")) {
		if (parse_errno(value)) {
			snprintf(out, size, "failinfo=%d", parse_errno(value));
			return 0;
		}
		snprintf(message, room, "failinfo '%s' is neither an error's name nor a number",
			value);
		return -EINVAL;
	}
	if (!strcmp(key, "failnum")) {
		if (isdigit((unsigned char)*value) && parse_errno(value))
			return 0;
		snprintf(message, room, "failnum '%s' is not a number above 0", value);
		return -EINVAL;
	}
	snprintf(message, room, "libfiu has no parameter '%s'; did you mean '%s'?", key,
		suggest(key, keys, sizeof(keys) / sizeof(*keys)));
	return -EINVAL;
}

int inject_check_command(const char *command, char **translated, char *message, size_t room)
{
	static const char *const verbs[] = {"enable", "enable_random", "disable"};
	char *copy = strdup(command), *rest = copy, *verb, *parameter, name[128];
	bool is_verb = false;
	size_t length = 0, size = 2 * strlen(command) + 64;
	char *out = calloc(1, size);
	int err = 0;

	if (!copy || !out) {
		err = -ENOMEM;
		goto out;
	}
	verb = strsep(&rest, " \t");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		is_verb |= !strcmp(verb, verbs[i]);
	if (!is_verb) {
		snprintf(message, room, "libfiu has no command '%s'; did you mean '%s'?", verb,
			suggest(verb, verbs, sizeof(verbs) / sizeof(*verbs)));
		err = -EINVAL;
		goto out;
	}
	if (!command_name(command, name, sizeof(name))) {
		snprintf(message, room, "'%s' needs name=POINT", verb);
		err = -EINVAL;
		goto out;
	}
	/* libfiu takes both, and then does not do what they say. */
	if (!strcmp(verb, "enable_random") != (strstr(command, "probability=") != NULL)) {
		snprintf(message, room, "probability= goes with enable_random, and only with it");
		err = -EINVAL;
		goto out;
	}
	length = (size_t)snprintf(out, size, "%s ", verb);
	while (!err && (parameter = strsep(&rest, ", \t"))) {
		char *value = strchr(parameter, '='), checked[256];

		if (!*parameter)
			continue;
		if (value)
			*value++ = 0;
		err = check_parameter(parameter, value, checked, sizeof(checked), message, room);
		if (!err)
			length += (size_t)snprintf(out + length, size - length, "%s%s",
				out[length - 1] == ' ' ? "" : ",", checked);
	}
out:
	free(copy);
	if (err) {
		free(out);
		out = NULL;
	}
	*translated = out;
	return err;
}
