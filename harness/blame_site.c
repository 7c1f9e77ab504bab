/*
 * Sites: what is lost, in words that do not depend on how often a program does the same.
 *
 * A new file is named by what it will be: its own name may be random, and the number of the call
 * that made it tells nothing. So a program that replaces a file a hundred times does so at one
 * site.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/blame_private.h"

enum { MAX_TOLD = 3, NAME_BYTES = 160 };

/* ---- names ---- */

static bool is_success(const struct event *event)
{
	return event->kind == EVENT_OP && event->op.effect >= 0;
}

/* A name in a directory, which itself is named as it was at the start. */
static void say_path(const struct recording *recording, uint32_t directory, const char *name,
	char *text, size_t text_size)
{
	char path[PATH_MAX];

	if (directory != TREE_ROOT && directory < tree_object_count(recording->initial) &&
		tree_path(recording->initial, directory, path, sizeof(path)))
		snprintf(text, text_size, "%.100s/%.80s", path, name);
	else
		snprintf(text, text_size, "%.80s", name);
}

/* The rename or link that gave the object its name, up to `event`; with `is_later` the first that
 * will. NULL: none. */
static const struct op *find_naming(const struct recording *recording, size_t event, bool is_later)
{
	const struct op *found = NULL;

	for (size_t i = is_later ? event + 1 : 0; i < recording->count; i++) {
		const struct op *op = &recording->events[i].op;

		if (!is_later && i > event)
			break;
		if (!is_success(&recording->events[i]) || !op->new_name ||
			op->object != recording->events[event].op.object)
			continue;
		found = op;
		if (is_later)
			break;
	}
	return found;
}

/* The call that made the object, if its name was not taken away later. */
static const struct op *find_maker(const struct recording *recording, uint32_t object)
{
	const struct op *maker = NULL;

	for (size_t i = 0; i < recording->count; i++) {
		const struct op *op = &recording->events[i].op;

		if (!is_success(&recording->events[i]) || op->object != object || !op->name)
			continue;
		if (op->kind == OP_UNLINK || op->kind == OP_RMDIR)
			maker = NULL;
		else if (!maker)
			maker = op;
	}
	return maker;
}

void blame_op_name(const struct recording *recording, size_t event, char *text, size_t text_size)
{
	const struct op *op = &recording->events[event].op, *naming, *maker;
	const char *call = op->kind == OP_EXCHANGE ? "exchange" : points[op->point].call;
	const char *is_new = "";
	char path[PATH_MAX] = "a temporary file";

	if (op->object == UINT32_MAX) {
		snprintf(text, text_size, "%s", call);
		return;
	}
	if ((naming = find_naming(recording, event, false))) {
		say_path(recording, naming->new_directory, naming->new_name, path, sizeof(path));
	} else if (op->object == TREE_ROOT) {
		snprintf(path, sizeof(path), "the directory");
	} else if (op->object < tree_object_count(recording->initial) &&
		   tree_path(recording->initial, op->object, path, sizeof(path))) {
		/* The path is filled in. */
	} else if ((naming = find_naming(recording, event, true))) {
		is_new = "new ";
		say_path(recording, naming->new_directory, naming->new_name, path, sizeof(path));
	} else if ((maker = find_maker(recording, op->object))) {
		say_path(recording, maker->directory, maker->name, path, sizeof(path));
	}
	snprintf(text, text_size, "%s (%s%.120s)", call, is_new, path);
}

/* Kept, for thousands of states lose the same operations. NULL: out of memory. */
static const char *name_of(struct blame *blame, size_t event)
{
	char text[NAME_BYTES];

	if (!blame->names[event]) {
		blame_op_name(blame->ops->recording, event, text, sizeof(text));
		blame->names[event] = strdup(text);
	}
	return blame->names[event];
}

void blame_forget_names(struct blame *blame)
{
	for (size_t i = 0; i < blame->name_count; i++)
		free(blame->names[i]);
	free(blame->names);
	blame->names = NULL;
	blame->name_count = 0;
}

int blame_recording(struct blame *blame, const struct micro_ops *ops)
{
	blame_forget_names(blame);
	blame->names = calloc(ops->recording->count + 1, sizeof(char *));
	if (!blame->names)
		return -ENOMEM;
	blame->name_count = ops->recording->count;
	blame->ops = ops;
	return 0;
}

/* ---- losses ---- */

static unsigned share_of(unsigned all, unsigned lost, unsigned some_bit, unsigned all_bit)
{
	return !lost ? 0 : lost < all ? some_bit : some_bit | all_bit;
}

/* What is lost of the operation of micro-operation lost[*index]. *index goes on to the next one's.
 */
static unsigned parts_lost(const struct micro_ops *ops, const struct cut *cut, size_t *index)
{
	size_t event = ops->items[cut->lost[*index]].event, first = cut->lost[*index];
	unsigned data = 0, data_lost = 0, size = 0, size_lost = 0, all = 0, all_lost = 0, parts;

	while (first && ops->items[first - 1].event == event)
		first--;
	for (size_t i = first; i < ops->count && ops->items[i].event == event; i++) {
		bool is_lost = *index < cut->lost_count && cut->lost[*index] == i;

		all++;
		all_lost += is_lost;
		data += ops->items[i].kind == MICRO_DATA;
		data_lost += is_lost && ops->items[i].kind == MICRO_DATA;
		size += ops->items[i].kind == MICRO_SIZE;
		size_lost += is_lost && ops->items[i].kind == MICRO_SIZE;
		*index += is_lost;
	}
	parts = share_of(data, data_lost, LOST_DATA, LOST_ALL_DATA) |
	        share_of(size, size_lost, LOST_SIZE, LOST_ALL_SIZE);
	if (all == all_lost)
		parts |= LOST_WHOLE;
	return parts;
}

/* Adds what is lost of a call, which may be one of several at the same site. */
static int add_loss(struct site *site, const char *name, unsigned parts)
{
	size_t at = 0;
	char *copy;

	while (at < site->loss_count && strcmp(site->losses[at].name, name) < 0)
		at++;
	if (at < site->loss_count && !strcmp(site->losses[at].name, name)) {
		site->losses[at].parts |= parts;
		return 0;
	}
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	memmove(site->losses + at + 1, site->losses + at,
		(site->loss_count - at) * sizeof(*site->losses));
	site->losses[at] = (struct loss){.name = copy, .parts = parts};
	site->loss_count++;
	return 0;
}

/* "cut after NAME", of the operation of the last of `end` micro-operations. NULL: no memory. */
static char *moment_after(struct blame *blame, size_t end)
{
	const char *name;
	char *moment;

	if (!end)
		return strdup("cut before anything was done");
	name = name_of(blame, blame->ops->items[end - 1].event);
	return name && asprintf(&moment, "cut after %s", name) >= 0 ? moment : NULL;
}

/* The last operation of which something is on the disk, and the one before it. */
static int set_moments(struct site *site, struct blame *blame, const struct cut *cut)
{
	const struct micro_op *items = blame->ops->items;
	size_t end = 0, before, lost = cut->lost_count;

	while (end < blame->ops->count && items[end].event <= cut->event)
		end++;
	while (end && lost && cut->lost[lost - 1] == end - 1) {
		end--;
		lost--;
	}
	site->moment = moment_after(blame, end);
	before = end;
	while (before && items[before - 1].event == items[end - 1].event)
		before--;
	if (end)
		site->previous = moment_after(blame, before);
	return site->moment && (site->previous || !end) ? 0 : -ENOMEM;
}

int site_of_cut(struct site *site, struct blame *blame, const struct cut *cut)
{
	const struct micro_ops *ops = blame->ops;
	int err;

	*site = (struct site){0};
	err = set_moments(site, blame, cut);
	if (!err && cut->lost_count) {
		site->losses = malloc(cut->lost_count * sizeof(*site->losses));
		err = site->losses ? 0 : -ENOMEM;
	}
	for (size_t i = 0; !err && i < cut->lost_count;) {
		const char *name = name_of(blame, ops->items[cut->lost[i]].event);
		unsigned parts = parts_lost(ops, cut, &i);

		err = name ? add_loss(site, name, parts) : -ENOMEM;
	}
	return err;
}

void site_release(struct site *site)
{
	for (size_t i = 0; i < site->loss_count; i++)
		free(site->losses[i].name);
	free(site->losses);
	free(site->moment);
	free(site->previous);
	*site = (struct site){0};
}

/* ---- words ---- */

static void say_loss(const struct loss *loss, char *text, size_t text_size)
{
	const char *data = loss->parts & LOST_ALL_DATA ? "the data"
	                   : loss->parts & LOST_DATA   ? "a part of the data"
	                                               : "";
	const char *size = loss->parts & LOST_ALL_SIZE ? "the size"
	                   : loss->parts & LOST_SIZE   ? "a part of the size"
	                                               : "";

	if (loss->parts & LOST_WHOLE)
		snprintf(text, text_size, "%s", loss->name);
	else if (*data || *size)
		snprintf(text, text_size, "%s%s%s of %s", data, *data && *size ? " and " : "", size,
			loss->name);
	else
		snprintf(text, text_size, "a half of %s", loss->name);
}

void site_say(const struct site *site, char *text, size_t text_size)
{
	size_t length = 0;

	if (!site->loss_count) {
		snprintf(text, text_size, "%s", site->moment);
		return;
	}
	for (size_t i = 0; i < site->loss_count && i < MAX_TOLD; i++) {
		char loss[NAME_BYTES + 40];

		say_loss(&site->losses[i], loss, sizeof(loss));
		length += (size_t)snprintf(text + length, text_size - length, "%s%s",
			!i                         ? ""
			: i + 1 < site->loss_count ? ", "
						   : " and ",
			loss);
	}
	if (site->loss_count > MAX_TOLD)
		length += (size_t)snprintf(text + length, text_size - length, " and %zu more",
			site->loss_count - MAX_TOLD);
	snprintf(text + length, text_size - length,
		site->loss_count == 1 ? " is lost" : " are lost");
}
