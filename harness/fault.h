/*
 * The fault plug-in: one way the world goes wrong during a call. One file in faults/ is one fault,
 * and its table entry is `const struct fault fault_<file name>`.
 *
 * A fault only decides: it looks at an operation that is about to happen and says how it could
 * strike. The tracer performs, libfiu is asked before every operation, and the sweep counts.
 */
#ifndef TORNWRITE_FAULT_H
#define TORNWRITE_FAULT_H

#include "harness/op.h"
#include "harness/strategy.h"

/* How a fault goes on after it has struck once, and what the sweep counts. */
enum fault_repeat {
	REPEAT_NEVER,      /* one call fails */
	REPEAT_SAME_POINT, /* and every later call at the same point that it can strike */
	REPEAT_NEXT,       /* and the next call at any point that it can strike */
	REPEAT_ALTERNATE, /* as before, but a call right after a struck one goes through: a retry */
	REPEAT_EVERYWHERE, /* and every later call at any point that it can strike */
	REPEAT_BUDGET,     /* strikes whatever needs more blocks than are free */
	REPEAT_SHRINKING,  /* the same, but what is freed is taken by somebody else */
};

struct fault_variant {
	const char *name; /* as in a witness: "once" */
	enum fault_repeat repeat;
};

struct fault {
	const char *name; /* the file's name with '-' for '_' */
	const char *summary;
	enum survives class;

	/* Swept one after the other, each with N = 1, 2, ... until a run in which nothing fires.
	 * N is the Nth chance in the run; for a budget it is the free blocks plus one.
	 * variant_count 0 stands for "once" and "persistent", that is REPEAT_SAME_POINT. */
	const struct fault_variant *variants;
	unsigned variant_count;

	int error; /* errno, positive; what a call fails with when there is no `strike` hook */

	/* The file system itself runs full (a tmpfs of the size that the budget says): nothing
	 * is injected, the hooks are not called, and a fault has fired when a call reports ENOSPC
	 * or is short. */
	bool is_real;

	/* In how many ways this operation can be struck; 0: it cannot. Pure. */
	unsigned (*chances)(const struct op *op, unsigned variant);

	/* How the `chance`th way (from 0) looks; 0 is also what later calls get. For
	 * a budget `chance` is the number of free blocks, and STRIKE_NONE means that they
	 * suffice. Pure. NULL: the call fails with `error`. */
	void (*strike)(
		const struct op *op, unsigned variant, uint64_t chance, struct strike *strike);
};

/* Whether a variant is a budget of free blocks and not a chance in the run. */
bool fault_is_budget(enum fault_repeat repeat);

/* The fault's variants, the default ones included. */
unsigned fault_variant_count(const struct fault *fault);
const struct fault_variant *fault_variant(const struct fault *fault, unsigned variant);

#endif
