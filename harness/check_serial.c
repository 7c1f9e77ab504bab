/*
 * What several copies of the program leave that run one after the other: in each order, with the
 * clock, the random bytes and the process ids that they have when they run at once.
 *
 * Limits: of more than four copies not every order is tried. Where each acknowledges several
 * updates and the order matters, the updates of two may be mixed rightly: that is not decided.
 */
#include <errno.h>
#include <stdlib.h>

#include "harness/check_private.h"

enum { MAX_ORDERS = 24, ALL_ORDERS_OF = 4 };

/* One order. `lenient`: less what depends on chance; NULL: nothing does. */
struct order {
	struct oracle *strict, *lenient;
};

struct serial {
	struct check *check;
	unsigned workers, count;
	struct order orders[MAX_ORDERS];
	XXH128_hash_t final;
	bool is_ordered;  /* it matters who comes first */
	bool has_several; /* somebody acknowledges more than once */
};

/* ---- one order ---- */

struct turns {
	const unsigned char *order;
	unsigned workers;
};

static int choose(void *context, unsigned enabled)
{
	const struct turns *turns = context;

	for (unsigned i = 0; i < turns->workers; i++) {
		if (enabled & 1U << turns->order[i])
			return turns->order[i];
	}
	return -EPROTO;
}

static int went(void *context, const struct footprint *footprint)
{
	(void)context;
	(void)footprint;
	return 0;
}

static int waits(void *context, unsigned worker, const struct footprint *footprint)
{
	(void)context;
	(void)worker;
	(void)footprint;
	return 0;
}

static int make_oracles(struct serial *serial, struct tree *const *legal, size_t count)
{
	struct check *check = serial->check;
	struct order *order = &serial->orders[serial->count++];
	struct oracle_rules rules = {.ignored = check->options->ignored,
		.ignored_count = check->options->ignored_count,
		.varying = &check->varying};
	int err = oracle_new(&order->strict, legal, count, &rules);

	rules.varying = &check->chance;
	if (!err && check->chance.count)
		err = oracle_new(&order->lenient, legal, count, &rules);
	return err;
}

static int run_order(struct serial *serial, const unsigned char *order)
{
	struct check *check = serial->check;
	struct turns turns = {order, serial->workers};
	const struct trace_scheduler scheduler = {choose, went, waits, &turns};
	const struct plan plan = {.seed = check->options->seed};
	struct recording recording;
	struct tree **legal = NULL;
	size_t count = 0;
	int err = program_record_crew(&check->program, serial->workers, &plan, &scheduler,
		&check->crew_filter, &recording);

	if (!err)
		err = check_find_legal(&recording, &legal, &count);
	if (!err && serial->count)
		serial->is_ordered |= !XXH128_isEqual(serial->final, tree_hash(recording.final));
	if (!err) {
		serial->final = tree_hash(recording.final);
		serial->has_several |= check_acks_at(&recording, recording.count) > serial->workers;
		err = make_oracles(serial, legal, count);
	}
	check_free_legal(legal, count);
	recording_release(&recording);
	return err;
}

/* ---- all orders ---- */

static void swap(unsigned char *a, unsigned char *b)
{
	unsigned char kept = *a;

	*a = *b;
	*b = kept;
}

/* Those that begin with order[0 .. fixed). */
static int run_orders(struct serial *serial, unsigned char *order, unsigned fixed)
{
	int err = 0;

	if (fixed == serial->workers)
		return run_order(serial, order);
	for (unsigned i = fixed; !err && i < serial->workers; i++) {
		swap(&order[fixed], &order[i]);
		err = run_orders(serial, order,
			serial->workers > ALL_ORDERS_OF ? serial->workers : fixed + 1);
		swap(&order[fixed], &order[i]);
	}
	return err;
}

int serial_new(struct serial **out, struct check *check, unsigned workers)
{
	unsigned char order[TRACE_MAX_WORKERS];
	struct serial *serial = calloc(1, sizeof(*serial));

	*out = serial;
	if (!serial)
		return -ENOMEM;
	serial->check = check;
	serial->workers = workers;
	for (unsigned i = 0; i < workers; i++)
		order[i] = (unsigned char)i;
	return check->checker ? 0 : run_orders(serial, order, 0);
}

void serial_free(struct serial *serial)
{
	for (unsigned i = 0; serial && i < serial->count; i++) {
		oracle_free(serial->orders[i].strict);
		oracle_free(serial->orders[i].lenient);
	}
	free(serial);
}

/* Whether some order left this. Keeps the flaws of the first one otherwise. */
static int ask_orders(struct serial *serial, bool is_lenient, const struct tree *tree,
	const struct acks *acks, struct flaws *flaws, char message[CHECK_MESSAGE_BYTES])
{
	struct flaws first = {0};

	for (unsigned i = 0; i < serial->count; i++) {
		const struct order *order = &serial->orders[i];
		int err = check_state_by(serial->check, is_lenient ? order->lenient : order->strict,
			tree, acks, flaws, message);

		if (err || flaws->is_legal)
			return err;
		if (!i)
			first = *flaws;
	}
	*flaws = first;
	return 0;
}

int serial_ask(struct serial *serial, const struct tree *tree, const struct acks *acks,
	struct flaws *flaws, char message[CHECK_MESSAGE_BYTES])
{
	int err;

	if (serial->check->checker)
		return check_state_by(serial->check, NULL, tree, acks, flaws, message);
	err = ask_orders(serial, false, tree, acks, flaws, message);
	if (err || flaws->is_legal)
		return err;
	if (serial->is_ordered && (serial->has_several || serial->workers > ALL_ORDERS_OF))
		*flaws = (struct flaws){.is_legal = true, .is_chance = true};
	else if (serial->orders[0].lenient) {
		err = ask_orders(serial, true, tree, acks, flaws, message);
		flaws->is_chance = flaws->is_legal;
	}
	return err;
}
