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
	EVENT_LOOK,   /* a reader began to read; `txn` counts its readings from 0 */
	EVENT_SEEN,   /* it has read; `error` is its answer */
};

struct event {
	enum event_kind kind;
	struct op op;
	uint64_t txn;
	int error;       /* -errno */
	unsigned worker; /* from 0; readers come after writers */
	/* Of a program: how much it had printed before the operation began, or with the
	 * acknowledgement. */
	size_t output_bytes;
};

/* Of several workers the last of these that happened to one. */
enum ending {
	ENDED_DONE,     /* the worker went through its workload */
	ENDED_STRUCK,   /* killed by an injected fault */
	ENDED_CRASH,    /* the worker's own fault: a signal or a non-zero exit status */
	ENDED_HANG,     /* made no operation until the time-out */
	ENDED_ENDLESS,  /* made more operations than a run may have */
	ENDED_DEADLOCK, /* all workers wait for each other's locks */
};

/* What a program did that the recording does not hold, or not exactly. */
enum recording_note {
	NOTE_SETUID = 1,       /* ran a set-uid program, which has no privileges here */
	NOTE_PTRACE = 2,       /* wanted to trace another process, which it cannot */
	NOTE_LEFT_RUNNING = 4, /* left processes behind that had to be killed */
	NOTE_MAPPED = 8,       /* may have written through shared mappings: when is not known */
	NOTE_SPECIAL = 16,     /* made a device, fifo or socket, which is no part of a tree */
	NOTE_LOUD = 32,        /* printed so much that later acknowledgements were not read */
};

struct recording {
	struct tree *initial, *final; /* references held */
	struct event *events;         /* owned */
	size_t count, capacity;
	enum ending ending;
	int status;      /* ENDED_CRASH: as of waitpid(2) */
	unsigned worker; /* to whom it happened */
	unsigned fired;  /* operations that a fault struck */
	/* Of several workers. */
	/* They may have met elsewhere than in operations: in memory, by signals. With FILTER_PATHS:
	 * it may have learned of files in ways that the recording does not hold. */
	bool has_unseen;
	bool has_waiting; /* one that polled was not asked before something had changed */
	bool is_unfair;   /* ENDED_ENDLESS, though others could have gone on */
	/* Of a program. */
	bool has_several;    /* several tasks lived when one made an operation */
	unsigned notes;      /* of enum recording_note */
	char *output;        /* owned; what it printed on standard output, less what did not fit */
	size_t output_bytes; /* all of it; while it runs, what was read by now */
	char **outside;      /* owned; paths outside the data directory that it wrote to */
	size_t outside_count;
};

/* Takes a reference to the initial tree. Pair with recording_release(). */
void recording_init(struct recording *recording, struct tree *initial);
void recording_release(struct recording *recording);

/* Adds an event and takes over what its op owns. Returns 0 or -ENOMEM (the op is released). */
int recording_add(struct recording *recording, const struct event *event);

/* Whether two recordings tell the same: events, trees and end. */
bool recordings_equal(const struct recording *a, const struct recording *b);

/* Whether two runs made the same operations, whatever they wrote; `with_names`: on the same names.
 */
bool recordings_have_same_shape(
	const struct recording *a, const struct recording *b, bool with_names);

/* Whether they used the same names, in whatever order. */
bool recordings_have_same_names(const struct recording *a, const struct recording *b);

#endif
