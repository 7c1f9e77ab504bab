/*
 * Step three: judge. Compares what a reader sees with what the driver knows was started,
 * acknowledged and refused. The rules are those of docs/verdicts.md.
 */
#ifndef TORNWRITE_JUDGE_H
#define TORNWRITE_JUDGE_H

#include "harness/probe.h"
#include "harness/recording.h"

enum property { ATOMICITY, CONSISTENCY, ISOLATION, DURABILITY, PROPERTY_COUNT };

extern const char *const property_names[PROPERTY_COUNT];

enum { FINDING_TEXT_BYTES = 200 };

/* One property as one recording shows it. */
struct finding {
	bool is_violated;
	char text[FINDING_TEXT_BYTES]; /* what is seen: "the file is empty" */
};

/* Of isolation, from the weakest: what Adya (1999) and strict serializability add to each other. */
enum isolation_level {
	LEVEL_NONE,
	LEVEL_READ_UNCOMMITTED,
	LEVEL_READ_COMMITTED,
	LEVEL_SNAPSHOT,
	LEVEL_SERIALIZABLE,
	LEVEL_STRICT,
};

extern const char *const level_names[];

struct judgement {
	struct finding findings[PROPERTY_COUNT];
	enum isolation_level level; /* several workers: the strongest that was not refuted */
	unsigned acknowledged;      /* updates that were, transaction 0 not counted */
	unsigned residue;           /* files left behind at the end that strategy->residue names */
};

/* What the driver knew when a crash came. */
struct history;

/* After the first `count` events of a recording. NULL: out of memory. Pair with history_free(). */
struct history *history_new(
	const struct subject *subject, const struct recording *recording, size_t count);
void history_free(struct history *history);

/* Judges what is found after a crash (PROBE_LIFE) against what was known before it. Findings that
 * are violated already stay. */
void judge_crash(const struct subject *subject, const struct history *history,
	const struct probe *probe, struct judgement *judgement);

/* Judges every state that the recording shows: after each refused update as a running program
 * sees it, after each acknowledgement less what a failed sync lost, and at the end as the next
 * process sees it. Returns 0 or -errno: the harness failed. */
int judge_recording(const struct subject *subject, struct prober *prober,
	const struct recording *recording, struct judgement *judgement);

/* Judges a run of several workers: the final state, as the next process finds it, and what each
 * reader saw. `readings` has one for each reader. Returns 0 or -errno: the harness failed. */
int judge_crew(const struct subject *subject, const struct crew *crew, struct prober *prober,
	const struct recording *recording, const struct reading *readings,
	struct judgement *judgement);

#endif
