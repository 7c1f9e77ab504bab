/* What judge.c and judge_*.c share. Nobody else includes it. */
#ifndef TORNWRITE_JUDGE_PRIVATE_H
#define TORNWRITE_JUDGE_PRIVATE_H

#include "harness/judge.h"

/* What the driver knows of a transaction. */
enum txn_state { TXN_NOT_STARTED, TXN_IN_DOUBT, TXN_ACKNOWLEDGED, TXN_REFUSED };

/* Places in the recording, from 1; SIZE_MAX: it did not. What was there from the start: 0, 0. */
struct txn_times {
	size_t began, ended; /* ended: acknowledged or refused */
};

/* What can be wrong. Of which property it is a violation depends on what happened. */
enum anomaly {
	ANOMALY_TORN,       /* a record in part */
	ANOMALY_REFUSED,    /* a refused update is there */
	ANOMALY_NOT_WHOLE,  /* neither the state before nor the one after */
	ANOMALY_IN_PART,    /* a transaction is in some of the files that must agree */
	ANOMALY_DISAGREE,   /* so the files do not */
	ANOMALY_UNREADABLE, /* nothing can be read */
	ANOMALY_FAILS,      /* a worker, reader or recovery fails, dies or hangs */
	ANOMALY_GARBAGE,    /* what nobody wrote */
	ANOMALY_TWICE,
	ANOMALY_ORDER,   /* the order contradicts real time */
	ANOMALY_MISSING, /* an acknowledged transaction is not there */
	ANOMALY_LIFE,    /* the next update does not do what it should */
	ANOMALY_NEVER_ENDS,
	ANOMALY_DEADLOCK,
	ANOMALY_COUNT,
};

struct anomaly_meaning {
	unsigned properties; /* a bit each */
	const char *name;    /* said before the text; NULL: nothing */
	enum isolation_level
		strongest; /* with a name: the strongest level that it does not refute */
};

struct judge {
	const struct subject *subject;
	struct prober *prober;
	struct judgement *judgement;
	const struct anomaly_meaning *meanings; /* by anomaly */
	unsigned members;
	uint64_t count;          /* of transactions, 0 included */
	enum txn_state *states;  /* by id; borrowed */
	struct txn_times *times; /* by id; borrowed */
	struct told_probe *told; /* room for judge_counter_tell() */
	unsigned seen;           /* anomalies of what is judged now, a bit each */
	bool wants_whole;        /* of what is damaged, what is missing proves nothing more */
};

struct history {
	uint64_t count;
	enum txn_state *states;  /* owned */
	struct txn_times *times; /* owned */
};

/* Nothing began but transaction 0, which is there. NULL: out of memory. */
struct history *history_alloc(uint64_t count);

/* Takes in one event of a recording, which must not be of a reader. */
void judge_note(
	enum txn_state *states, struct txn_times *times, const struct event *event, size_t index);

/* What an anomaly means after a crash, a failed call, or with one worker. */
extern const struct anomaly_meaning crash_meanings[ANOMALY_COUNT];

/* Notes an anomaly; the first violation of a property is the one that is told. */
__attribute__((format(printf, 3, 4))) void judge_violate(
	struct judge *judge, enum anomaly anomaly, const char *format, ...);

/* ---- one view (harness/judge_view.c) ---- */

/* Judges what was read. */
void judge_view(struct judge *judge, const struct probe *probe);
/* Judges recovery, and the update after it. */
void judge_life(struct judge *judge, const struct probe *probe);

bool judge_has(const struct view *view, uint64_t id, unsigned member);
const char *judge_plural(uint64_t count);

/* ---- the counter (harness/judge_counter.c) ---- */

/* Room for a probe whose numbers were told as transactions; large, and need not be initialised. */
struct told_probe {
	struct probe probe;
	struct view view, after;
};

/* A number says how many updates took place and not which. Tells it as the transactions that are
 * then taken to be there, so that one set of rules judges all stores. `states` are those of
 * transactions 0 to `count` - 1.
 *
 * Of n updates the acknowledged ones are there first, then those in doubt, then refused ones, then
 * those that never began, each in the order of ids: only a number that is too small has lost
 * something, and only one that is too large shows what must not be there.
 *
 * The next update adds one. If the number grows, that update is there, with everything that was
 * there before it; what it adds beyond one is damage.
 *
 * Returns `probe` itself if it has no number, else one that is valid as long as *told. */
const struct probe *judge_counter_tell(const struct probe *probe, const enum txn_state *states,
	uint64_t count, struct told_probe *told);

#endif
