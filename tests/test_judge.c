/*
 * Every rule of the judge, kept and broken. A history is told by hand; the store is one file of
 * words that the reader, the recovery and the next update of the strategy below obey:
 *   2 2/1          transaction 2, whole, in member 0 or 1
 *   torn2 empty piece junk   a record that is damaged
 *   read-error read-crash read-exit recover-error recover-crash
 *   next-refused next-missing next-destroys next-damages   what the next update does
 *   number2        a counter's number; next-twice: the next update adds one twice
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/io.h"
#include "harness/judge.h"
#include "tests/scratch.h"

enum { TXNS = 3, BASE_BYTES = 64 };

static struct workspace workspace = {.data_fd = -1, .probe_fd = -1};
static struct subject subject;
static struct prober *prober;
static struct recording recording;
static struct tree *now;

/* ---- the strategy ---- */

static struct buffer words;

static bool has_word(const char *word)
{
	const char *at = words.data ? strstr(words.data, word) : NULL;

	return at && (at == words.data || at[-1] == ' ') &&
	       (!at[strlen(word)] || at[strlen(word)] == ' ');
}

static int read_words(void)
{
	int err;

	words.size_bytes = 0;
	err = io_read_file("words", &words);
	return err ? err : buffer_add(&words, "", 1);
}

static int add_record(struct view *view, const char *word)
{
	bool is_torn = !strncmp(word, "torn", 4);
	unsigned member = strchr(word, '/') ? (unsigned)atoi(strchr(word, '/') + 1) : 0;
	struct txn txn;
	int err;

	if (!strncmp(word, "number", 6)) {
		view_set_number(view, strtoull(word + 6, NULL, 10));
		return 0;
	}
	if (!strcmp(word, "empty"))
		return view_add(view, 0, "", 0);
	if (!strcmp(word, "piece"))
		return view_add(view, 0, "txn 0", 5);
	if (!strcmp(word, "junk"))
		return view_add(view, 0, "not a transaction", 17);
	if (!is_torn && (*word < '0' || *word > '9'))
		return 0;
	if (txn_init(&txn, (uint64_t)atoi(word + 4 * is_torn), BASE_BYTES))
		return -ENOMEM;
	err = view_add(view, member, txn.records[member].bytes,
		txn.records[member].size_bytes - 9 * is_torn);
	txn_release(&txn);
	return err;
}

static void die(void)
{
	signal(SIGABRT, SIG_DFL);
	abort();
}

static int read_view(struct view *view)
{
	char *rest, *word;
	int err = read_words();

	if (err)
		return err;
	if (has_word("read-error"))
		return -EIO;
	if (has_word("read-crash"))
		die();
	if (has_word("read-exit"))
		_exit(0);
	rest = words.data;
	while (!err && (word = strsep(&rest, " ")))
		err = add_record(view, word);
	return err;
}

static int update(const struct txn *txn)
{
	char text[512];
	int err = read_words();
	FILE *file;

	if (err)
		return err;
	if (has_word("next-refused"))
		return -EACCES;
	if (has_word("next-missing"))
		return 0;
	if (!strncmp(words.data, "number", 6))
		snprintf(text, sizeof(text), "number%d",
			has_word("next-destroys")
				? 0
				: atoi(words.data + 6) + 1 + has_word("next-twice"));
	else
		snprintf(text, sizeof(text), "%s %d %d/1 %d/2%s",
			has_word("next-destroys") ? "" : words.data, (int)txn->id, (int)txn->id,
			(int)txn->id, has_word("next-damages") ? " junk" : "");
	file = fopen("words", "w");
	if (!file)
		return -errno;
	fputs(text, file);
	return fclose(file) ? -errno : 0;
}

static int recover(void)
{
	int err = read_words();

	if (has_word("recover-crash"))
		die();
	return err ? err : has_word("recover-error") ? -ENOTDIR : 0;
}

static struct strategy strategy = {.name = "test",
	.store = STORE_LOG,
	.residue = "tmp.?",
	.update = update,
	.read = read_view,
	.recover = recover};

/* ---- telling a history ---- */

static void tell(struct event event)
{
	assert_int_equal(recording_add(&recording, &event), 0);
}

static void start(uint64_t txn)
{
	tell((struct event){.kind = EVENT_START, .txn = txn});
}

static void acknowledge(uint64_t txn)
{
	tell((struct event){.kind = EVENT_ACK, .txn = txn});
}

static void refuse(uint64_t txn)
{
	tell((struct event){.kind = EVENT_REFUSE, .txn = txn, .error = -ENOSPC});
}

static void perform(struct op op)
{
	assert_int_equal(tree_apply(&now, &op), 0);
	tell((struct event){.kind = EVENT_OP, .op = op});
}

static void make_file(const char *name)
{
	perform((struct op){.kind = OP_OPEN,
		.object = tree_object_count(now),
		.name = strdup(name),
		.mode = 0644,
		.is_creating = true});
}

/* The store becomes these words, in one operation each for the size and the contents. */
static void become(const char *text)
{
	size_t size = strlen(text);

	perform((struct op){.kind = OP_TRUNCATE, .object = 1, .size_bytes = size});
	perform((struct op){.kind = OP_WRITE,
		.object = 1,
		.size_bytes = size,
		.effect = (int64_t)size,
		.result = (int64_t)size,
		.data = (uint8_t *)strdup(text)});
}

static void sync_store(int result)
{
	perform((struct op){.kind = OP_FSYNC, .object = 1, .effect = result, .result = result});
}

/* Each test begins with transaction 0 in a store of this kind. */
static void begin(enum store store)
{
	struct tree *initial = tree_new();
	struct op make = {
		.kind = OP_OPEN, .object = 1, .name = (char *)"words", .is_creating = true};
	struct op fill = {.kind = OP_WRITE, .object = 1, .data = (uint8_t *)"0"};

	strategy.store = store;
	make.mode = 0644;
	fill.effect = 1;
	if (store == STORE_TREE) {
		fill.data = (uint8_t *)"0 0/1 0/2";
		fill.effect = 9;
	}
	if (store == STORE_COUNTER) {
		fill.data = (uint8_t *)"number0";
		fill.effect = 7;
	}
	assert_int_equal(tree_apply(&initial, &make), 0);
	assert_int_equal(tree_apply(&initial, &fill), 0);
	recording_release(&recording);
	recording_init(&recording, initial);
	tree_unref(now);
	now = initial;
}

/* ---- the verdict ---- */

static struct judgement judge(void)
{
	struct judgement judgement;

	tree_unref(recording.final);
	recording.final = tree_ref(now);
	assert_int_equal(judge_recording(&subject, prober, &recording, &judgement), 0);
	assert_false(judgement.findings[ISOLATION].is_violated);
	return judgement;
}

static void assert_finding(const struct finding *finding, const char *expected)
{
	assert_string_equal(finding->is_violated ? finding->text : "kept", expected);
}

static const char kept[] = "kept";

static void assert_judged(const char *atomicity, const char *consistency, const char *durability)
{
	struct judgement judgement = judge();

	assert_finding(&judgement.findings[ATOMICITY], atomicity);
	assert_finding(&judgement.findings[CONSISTENCY], consistency);
	assert_finding(&judgement.findings[DURABILITY], durability);
}

/* One update, in doubt, after which the store is this. */
static void assert_in_doubt(enum store store, const char *text, const char *atomicity,
	const char *consistency, const char *durability)
{
	begin(store);
	start(1);
	become(text);
	assert_judged(atomicity, consistency, durability);
}

/* ---- rules ---- */

static void test_judge__what_was_acknowledged_and_is_there_is_fine(void **state)
{
	static const enum store stores[] = {STORE_DOCUMENT, STORE_LOG, STORE_SPOOL};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct judgement judgement;

		begin(stores[i]);
		start(1);
		become("0 1");
		acknowledge(1);
		start(2);
		become("0 1 2");
		acknowledge(2);
		judgement = judge();
		assert_int_equal(judgement.acknowledged, 2);
		assert_judged(kept, kept, kept);
	}
}

static void test_judge__in_doubt_is_fine_either_way(void **state)
{
	(void)state;
	for (int store = STORE_DOCUMENT; store <= STORE_SPOOL; store++) {
		assert_in_doubt((enum store)store, "0", kept, kept, kept);
		assert_in_doubt((enum store)store, "0 1", kept, kept, kept);
	}
	assert_in_doubt(STORE_TREE, "0 0/1 0/2", kept, kept, kept);
	assert_in_doubt(STORE_TREE, "0 1 0/1 1/1 0/2 1/2", kept, kept, kept);
}

static void test_judge__a_torn_record_is_not_atomic(void **state)
{
	(void)state;
	assert_in_doubt(STORE_LOG, "0 torn1", "transaction 1 is there in part (366 of 375 bytes)",
		kept, kept);
	assert_in_doubt(STORE_LOG, "0 empty", "an empty record is there", kept, kept);
	assert_in_doubt(
		STORE_LOG, "0 piece", "a piece of a transaction is there (5 bytes)", kept, kept);
}

static void test_judge__garbage_is_not_consistent(void **state)
{
	(void)state;
	assert_in_doubt(STORE_LOG, "0 junk", kept,
		"17 bytes that belong to no transaction are read as one", kept);
}

static void test_judge__an_empty_document_is_neither_old_nor_new(void **state)
{
	(void)state;
	assert_in_doubt(STORE_DOCUMENT, "nothing", "the file is empty", kept,
		"1 acknowledged transaction gone");
	/* A log has no such rule. */
	assert_in_doubt(STORE_LOG, "nothing", kept, kept, "1 acknowledged transaction gone");
}

static void test_judge__a_document_with_a_hole_was_never_a_whole(void **state)
{
	static const char neither[] = "neither the state before the update nor the one after";

	(void)state;
	begin(STORE_DOCUMENT);
	start(1);
	acknowledge(1);
	start(2);
	acknowledge(2);
	become("0 2");
	assert_judged(neither, kept, "1 acknowledged transaction gone");
	/* An older state is whole, but not durable. */
	become("0");
	assert_judged(kept, kept, "2 acknowledged transactions gone");
	/* What is in doubt comes after all that was acknowledged. */
	start(3);
	become("0 3");
	assert_judged(neither, kept, "2 acknowledged transactions gone");
}

static void test_judge__a_log_with_a_hole_has_lost_something(void **state)
{
	(void)state;
	begin(STORE_LOG);
	start(1);
	acknowledge(1);
	start(2);
	become("0 2");
	acknowledge(2);
	assert_judged(kept, kept, "1 acknowledged transaction gone");
}

static void test_judge__a_refused_update_must_not_be_visible(void **state)
{
	(void)state;
	begin(STORE_LOG);
	start(1);
	refuse(1);
	assert_judged(kept, kept, kept);
	begin(STORE_LOG);
	start(1);
	become("0 1");
	refuse(1);
	assert_judged("update 1 reported an error but is visible", kept, kept);
	/* Also when the next update hides it again. */
	start(2);
	become("0 2");
	acknowledge(2);
	assert_judged("update 1 reported an error but is visible", kept, kept);
}

static void test_judge__damage_is_seen_while_the_program_still_runs(void **state)
{
	(void)state;
	begin(STORE_LOG);
	start(1);
	become("0 torn1");
	refuse(1);
	become("0");
	assert_judged("transaction 1 is there in part (366 of 375 bytes)", kept, kept);
}

static void test_judge__an_acknowledged_update_that_is_gone_is_not_durable(void **state)
{
	(void)state;
	begin(STORE_LOG);
	start(1);
	acknowledge(1);
	assert_judged(kept, kept, "1 acknowledged transaction gone");
	assert_in_doubt(STORE_SPOOL, "1", kept, kept, "1 acknowledged transaction gone");
}

static void test_judge__order_counts_but_in_a_spool(void **state)
{
	static const enum store stores[] = {STORE_DOCUMENT, STORE_LOG, STORE_SPOOL};

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_in_doubt(stores[i], "1 0", kept,
			stores[i] == STORE_SPOOL ? kept : "transaction 1 stands before 0", kept);
}

static void test_judge__a_transaction_is_there_once(void **state)
{
	(void)state;
	assert_in_doubt(STORE_LOG, "0 1 1", kept, "transaction 1 is there twice", kept);
	assert_in_doubt(STORE_SPOOL, "1 0 1", kept, "transaction 1 is there twice", kept);
}

static void test_judge__a_transaction_that_never_began_is_not_there(void **state)
{
	(void)state;
	assert_in_doubt(STORE_LOG, "0 2", kept, "transaction 2 is there, but never began", kept);
	assert_in_doubt(
		STORE_LOG, "0 1 77", kept, "transaction 77 is there, but never began", kept);
}

static void test_judge__the_files_of_a_tree_must_agree(void **state)
{
	(void)state;
	assert_in_doubt(STORE_TREE, "0 1 0/1 0/2",
		"transaction 1 is in 1 of 3 files that must agree",
		"the files do not agree: transaction 1 is in 1 of 3", kept);
	assert_in_doubt(STORE_TREE, "0 0/1", "transaction 0 is in 2 of 3 files that must agree",
		"the files do not agree: transaction 0 is in 2 of 3",
		"1 acknowledged transaction gone");
	begin(STORE_TREE);
	start(1);
	become("0 1 0/1 1/1 0/2");
	acknowledge(1);
	assert_judged("transaction 1 is in 2 of 3 files that must agree",
		"the files do not agree: transaction 1 is in 2 of 3",
		"1 acknowledged transaction gone");
}

static void test_judge__a_reader_that_fails_is_not_consistent(void **state)
{
	(void)state;
	assert_in_doubt(STORE_LOG, "0 read-error", "nothing can be read: the reader fails: EIO",
		"the reader fails: EIO", "1 acknowledged transaction gone");
	assert_in_doubt(STORE_LOG, "0 read-crash",
		"nothing can be read: the reader crashes (SIGABRT)", "the reader crashes (SIGABRT)",
		"1 acknowledged transaction gone");
	assert_in_doubt(STORE_LOG, "0 read-exit", "nothing can be read: the reader exits",
		"the reader exits", "1 acknowledged transaction gone");
}

static void test_judge__a_recovery_that_fails_is_not_consistent(void **state)
{
	(void)state;
	assert_in_doubt(STORE_LOG, "0 recover-error", kept, "recovery fails: ENOTDIR", kept);
}

static void test_judge__a_recovery_that_crashes_is_told_as_such(void **state)
{
	struct judgement judgement;

	(void)state;
	begin(STORE_LOG);
	start(1);
	become("0 recover-crash");
	judgement = judge();
	assert_finding(&judgement.findings[CONSISTENCY], "recovery crashes (SIGABRT)");
}

static void test_judge__life_goes_on(void **state)
{
	(void)state;
	assert_in_doubt(STORE_LOG, "0 next-refused", kept, "the next update fails: EACCES", kept);
	assert_in_doubt(STORE_LOG, "0 next-missing", kept,
		"the next update is acknowledged but not there", kept);
	assert_in_doubt(
		STORE_LOG, "0 next-destroys", kept, "the next update destroys transaction 0", kept);
	assert_in_doubt(
		STORE_LOG, "0 next-damages", kept, "the next update leaves damage behind", kept);
	/* Damage that was there before is not the next update's doing. */
	assert_in_doubt(STORE_LOG, "0 torn1", "transaction 1 is there in part (366 of 375 bytes)",
		kept, kept);
}

static void assert_ending(enum ending ending, int status, const char *consistency)
{
	begin(STORE_LOG);
	start(1);
	recording.ending = ending;
	recording.status = status;
	assert_judged(kept, consistency, kept);
}

static void add_interrupted_calls(unsigned count)
{
	struct event event = {.kind = EVENT_OP,
		.op = {.kind = OP_LOCK,
			.point = POINT_FLOCK,
			.strike = {.action = STRIKE_ERROR, .error = EINTR},
			.effect = -EINTR,
			.result = -EINTR}};

	for (unsigned i = 0; i < count; i++)
		assert_int_equal(recording_add(&recording, &event), 0);
}

static void test_judge__a_hang_after_one_signal_is_the_strategys_own(void **state)
{
	(void)state;
	begin(STORE_LOG);
	start(1);
	add_interrupted_calls(1);
	recording.ending = ENDED_HANG;
	assert_judged(kept, "the update never ends", kept);
	begin(STORE_LOG);
	start(1);
	add_interrupted_calls(1);
	recording.ending = ENDED_ENDLESS;
	assert_judged(kept, "the update never ends", kept);
}

static void test_judge__a_signal_without_end_is_nobodys_fault(void **state)
{
	(void)state;
	begin(STORE_LOG);
	start(1);
	add_interrupted_calls(200);
	recording.ending = ENDED_ENDLESS;
	assert_judged(kept, kept, kept);
}

static void test_judge__how_the_worker_ends(void **state)
{
	(void)state;
	assert_ending(ENDED_DONE, 0, kept);
	assert_ending(ENDED_STRUCK, SIGKILL, kept);
	assert_ending(ENDED_HANG, SIGKILL, "the update never ends");
	assert_ending(ENDED_CRASH, SIGSEGV, "the worker dies from SIGSEGV");
	assert_ending(ENDED_CRASH, 3 << 8, "the worker exits with status 3");
}

static void test_judge__an_acknowledgement_after_a_failed_sync_is_not_durable(void **state)
{
	(void)state;
	begin(STORE_LOG);
	start(1);
	become("0 1");
	sync_store(-EIO);
	acknowledge(1);
	assert_judged(
		kept, kept, "after the failed sync a power cut takes 1 acknowledged transaction");
	/* Refused, or written and synced again before it is acknowledged, it is fine. */
	begin(STORE_LOG);
	start(1);
	become("0 1");
	sync_store(-EIO);
	become("0");
	refuse(1);
	start(2);
	become("0 2");
	sync_store(0);
	acknowledge(2);
	assert_judged(kept, kept, kept);
}

static void test_judge__residue_is_counted_and_not_judged(void **state)
{
	struct judgement judgement;

	(void)state;
	begin(STORE_LOG);
	judgement = judge();
	assert_int_equal(judgement.residue, 0);
	make_file("tmp.1");
	make_file("tmp.2");
	make_file("tmp.22");
	make_file("other");
	judgement = judge();
	assert_int_equal(judgement.residue, 2);
	assert_judged(kept, kept, kept);
}

static void test_judge__an_event_of_no_transaction_is_a_harness_error(void **state)
{
	struct judgement judgement;

	(void)state;
	begin(STORE_LOG);
	start(TXNS + 1);
	recording.final = tree_ref(now);
	assert_int_equal(judge_recording(&subject, prober, &recording, &judgement), -EPROTO);
}

static void test_judge__equal_states_are_read_once(void **state)
{
	uint64_t states, unique;

	(void)state;
	prober_start_count(prober);
	begin(STORE_LOG);
	for (uint64_t txn = 1; txn <= TXNS; txn++) {
		start(txn);
		become("0 7"); /* a state that no other test asks about */
		refuse(txn);
	}
	judge();
	prober_count(prober, &states, &unique);
	assert_int_equal(states, 2 * TXNS + 1); /* each refusal is read and lived through */
	assert_int_equal(unique, 1);
}

/* ---- counters ---- */

static void test_judge__a_number_counts_what_took_place(void **state)
{
	(void)state;
	assert_in_doubt(STORE_COUNTER, "number0", kept, kept, kept);
	assert_in_doubt(STORE_COUNTER, "number1", kept, kept, kept);
	begin(STORE_COUNTER);
	start(1);
	become("number1");
	acknowledge(1);
	start(2);
	become("number2");
	acknowledge(2);
	assert_judged(kept, kept, kept);
	/* One that was refused leaves the number alone. */
	start(3);
	refuse(3);
	assert_judged(kept, kept, kept);
}

static void test_judge__a_number_that_is_too_small_has_lost_updates(void **state)
{
	(void)state;
	begin(STORE_COUNTER);
	start(1);
	acknowledge(1);
	start(2);
	acknowledge(2);
	become("number1");
	assert_judged(kept, kept, "1 acknowledged transaction gone");
	become("number0");
	assert_judged(kept, kept, "2 acknowledged transactions gone");
	/* What is in doubt counts after all that was acknowledged. */
	start(3);
	become("number1");
	assert_judged(kept, kept, "1 acknowledged transaction gone");
	become("number2");
	assert_judged(kept, kept, kept);
	become("number3");
	assert_judged(kept, kept, kept);
}

static void test_judge__a_number_that_is_too_large_shows_a_refused_update(void **state)
{
	static const char visible[] = "update 1 reported an error but is visible";

	(void)state;
	begin(STORE_COUNTER);
	start(1);
	become("number1");
	refuse(1);
	assert_judged(visible, kept, kept);
	/* The ids are in order whatever happened to them: it is no reordering. */
	start(2);
	become("number2");
	acknowledge(2);
	assert_judged(visible, kept, kept);
	begin(STORE_COUNTER);
	start(1);
	refuse(1);
	start(2);
	become("number1");
	assert_judged(kept, kept, kept);
	become("number2");
	assert_judged(visible, kept, kept);
}

static void test_judge__a_number_that_is_larger_still_counts_what_never_began(void **state)
{
	(void)state;
	assert_in_doubt(
		STORE_COUNTER, "number2", kept, "transaction 2 is there, but never began", kept);
	assert_in_doubt(STORE_COUNTER, "number18446744073709551609", kept,
		"transaction 2 is there, but never began", kept);
	begin(STORE_COUNTER);
	for (uint64_t txn = 1; txn <= TXNS; txn++) {
		start(txn);
		acknowledge(txn);
	}
	become("number4");
	assert_judged(kept, "transaction 4 is there, but never began", kept);
}

static void test_judge__a_number_that_cannot_be_read_has_lost_everything(void **state)
{
	begin(STORE_COUNTER);
	(void)state;
	start(1);
	become("number1");
	acknowledge(1);
	become("read-error");
	assert_judged("nothing can be read: the reader fails: EIO", "the reader fails: EIO",
		"2 acknowledged transactions gone");
}

static void test_judge__a_number_goes_on_by_one(void **state)
{
	static const char missing[] = "the next update is acknowledged but not there";

	(void)state;
	assert_in_doubt(
		STORE_COUNTER, "number1 next-refused", kept, "the next update fails: EACCES", kept);
	assert_in_doubt(STORE_COUNTER, "number1 next-missing", kept, missing, kept);
	assert_in_doubt(STORE_COUNTER, "number1 next-destroys", kept, missing, kept);
	assert_in_doubt(STORE_COUNTER, "number1 next-twice", kept,
		"the next update leaves damage behind", kept);
	/* Also from a number that has lost something. */
	begin(STORE_COUNTER);
	start(1);
	acknowledge(1);
	assert_judged(kept, kept, "1 acknowledged transaction gone");
}

static void test_judge__a_failed_sync_loses_a_number(void **state)
{
	(void)state;
	begin(STORE_COUNTER);
	start(1);
	become("number1");
	sync_store(-EIO);
	acknowledge(1);
	assert_judged(
		kept, kept, "after the failed sync a power cut takes 1 acknowledged transaction");
}

static void test_judge__a_number_after_a_crash_is_held_against_what_was_known(void **state)
{
	(void)state;
	begin(STORE_COUNTER);
	start(1);
	acknowledge(1);
	start(2);
	acknowledge(2);
	become("number1");
	for (size_t count = 0; count <= 4; count++) {
		struct history *history = history_new(&subject, &recording, count);
		struct judgement judgement = {0};
		const struct probe *probe;

		assert_non_null(history);
		assert_int_equal(prober_ask(prober, now, PROBE_LIFE, &probe), 0);
		judge_crash(&subject, history, probe, &judgement);
		history_free(history);
		assert_finding(&judgement.findings[ATOMICITY], kept);
		assert_finding(&judgement.findings[CONSISTENCY],
			count ? kept : "transaction 1 is there, but never began");
		assert_finding(&judgement.findings[DURABILITY],
			count < 4 ? kept : "1 acknowledged transaction gone");
	}
}

static int prepare(void)
{
	struct scratch scratch = {.lock_fd = -1};
	struct workload workload = {TXNS, BASE_BYTES};
	int err = scratch_enter(NULL);

	strcpy(scratch.path, scratch_path);
	if (!err)
		err = workspace_init(&workspace, &scratch, 0);
	subject = (struct subject){.strategy = &strategy, .workload = workload};
	prober = prober_new(&subject, &workspace);
	return err || !prober ? 1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge__what_was_acknowledged_and_is_there_is_fine),
		cmocka_unit_test(test_judge__in_doubt_is_fine_either_way),
		cmocka_unit_test(test_judge__a_torn_record_is_not_atomic),
		cmocka_unit_test(test_judge__garbage_is_not_consistent),
		cmocka_unit_test(test_judge__an_empty_document_is_neither_old_nor_new),
		cmocka_unit_test(test_judge__a_document_with_a_hole_was_never_a_whole),
		cmocka_unit_test(test_judge__a_log_with_a_hole_has_lost_something),
		cmocka_unit_test(test_judge__a_refused_update_must_not_be_visible),
		cmocka_unit_test(test_judge__damage_is_seen_while_the_program_still_runs),
		cmocka_unit_test(test_judge__an_acknowledged_update_that_is_gone_is_not_durable),
		cmocka_unit_test(test_judge__order_counts_but_in_a_spool),
		cmocka_unit_test(test_judge__a_transaction_is_there_once),
		cmocka_unit_test(test_judge__a_transaction_that_never_began_is_not_there),
		cmocka_unit_test(test_judge__the_files_of_a_tree_must_agree),
		cmocka_unit_test(test_judge__a_reader_that_fails_is_not_consistent),
		cmocka_unit_test(test_judge__a_recovery_that_fails_is_not_consistent),
		cmocka_unit_test(test_judge__a_recovery_that_crashes_is_told_as_such),
		cmocka_unit_test(test_judge__life_goes_on),
		cmocka_unit_test(test_judge__a_hang_after_one_signal_is_the_strategys_own),
		cmocka_unit_test(test_judge__a_signal_without_end_is_nobodys_fault),
		cmocka_unit_test(test_judge__how_the_worker_ends),
		cmocka_unit_test(test_judge__an_acknowledgement_after_a_failed_sync_is_not_durable),
		cmocka_unit_test(test_judge__residue_is_counted_and_not_judged),
		cmocka_unit_test(test_judge__an_event_of_no_transaction_is_a_harness_error),
		cmocka_unit_test(test_judge__equal_states_are_read_once),
		cmocka_unit_test(test_judge__a_number_counts_what_took_place),
		cmocka_unit_test(test_judge__a_number_that_is_too_small_has_lost_updates),
		cmocka_unit_test(test_judge__a_number_that_is_too_large_shows_a_refused_update),
		cmocka_unit_test(test_judge__a_number_that_is_larger_still_counts_what_never_began),
		cmocka_unit_test(test_judge__a_number_that_cannot_be_read_has_lost_everything),
		cmocka_unit_test(test_judge__a_number_goes_on_by_one),
		cmocka_unit_test(test_judge__a_failed_sync_loses_a_number),
		cmocka_unit_test(test_judge__a_number_after_a_crash_is_held_against_what_was_known),
	};
	int failures = prepare();

	if (!failures)
		failures = cmocka_run_group_tests(tests, NULL, NULL);
	recording_release(&recording);
	tree_unref(now);
	prober_free(prober);
	buffer_release(&words);
	workspace_release(&workspace);
	scratch_leave(NULL);
	return failures;
}
