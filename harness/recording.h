/*
 * A recording: the tree before, every operation, acknowledgement and injected fault in order, and
 * how it ended. It is what all later steps work on; none of them looks at the worker again.
 */
#ifndef TORNWRITE_RECORDING_H
#define TORNWRITE_RECORDING_H

#include "harness/op.h"
#include "harness/tree.h"

enum event_kind {
	EVENT_OP,
	EVENT_START,  /* the worker began transaction `txn` */
	EVENT_ACK,    /* it said that it is done */
	EVENT_REFUSE, /* it said that it did not take place, with `error` */
};

struct event {
	enum event_kind kind;
	struct op op;
	uint64_t txn;
	int error; /* -errno */
};

enum ending {
	ENDED_DONE,    /* the worker went through its workload */
	ENDED_STRUCK,  /* killed by an injected fault */
	ENDED_CRASH,   /* the worker's own fault: a signal or a non-zero exit status */
	ENDED_HANG,    /* made no operation until the time-out */
	ENDED_ENDLESS, /* made more operations than a run may have */
};

struct recording {
	struct tree *initial, *final; /* references held */
	struct event *events;         /* owned */
	size_t count, capacity;
	enum ending ending;
	int status;     /* ENDED_CRASH: as of waitpid(2) */
	unsigned fired; /* operations that a fault struck */
};

/* Takes a reference to the initial tree. Pair with recording_release(). */
void recording_init(struct recording *recording, struct tree *initial);
void recording_release(struct recording *recording);

/* Adds an event and takes over what its op owns. Returns 0 or -ENOMEM (the op is released). */
int recording_add(struct recording *recording, const struct event *event);

#endif
