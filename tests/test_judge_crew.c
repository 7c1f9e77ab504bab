/*
 * What the judge says of several workers. A history is told by hand, and so is what readers saw;
 * the store is one file of words that the strategy below obeys: "2" is transaction 2, "torn2" a
 * part of it, "junk" no transaction, "2/1" what it is in member 1 of a tree.
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
#include "tests/make_recording.h"
#include "tests/scratch.h"

enum { WRITERS = 2, READERS = 2, TXNS = 4, BASE_BYTES = 64 };

static struct workspace workspace = {.data_fd = -1, .probe_fd = -1};
static struct subject subject;
static struct prober *prober;
static struct making making;
static uint32_t store_file;
static struct reading readings[READERS];
static struct crew crew;

/* ---- the strategy ---- */

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
	if (!strcmp(word, "junk"))
		return view_add(view, 0, "not a transaction", 17);
	if (!*word)
		return 0;
	if (txn_init(&txn, (uint64_t)atoi(word + 4 * is_torn), BASE_BYTES))
		return -ENOMEM;
	err = view_add(view, member, txn.records[member].bytes,
		txn.records[member].size_bytes - 9 * is_torn);
	txn_release(&txn);
	return err;
}

static int add_records(struct view *view, const char *text)
{
	char words[256], *rest = words, *word;
	int err = 0;

	snprintf(words, sizeof(words), "%s", text);
	while (!err && (word = strsep(&rest, " ")))
		err = add_record(view, word);
	return err;
}

static int read_words(struct buffer *words)
{
	int err = io_read_file("words", words);

	return err ? err : buffer_add(words, "", 1);
}

static int read_view(struct view *view)
{
	struct buffer words = {0};
	int err = read_words(&words);

	if (!err)
		err = add_records(view, words.data);
	buffer_release(&words);
	return err;
}

static int update(const struct txn *txn)
{
	struct buffer words = {0};
	int err = read_words(&words);
	FILE *file = err ? NULL : fopen("words", "w");

	if (!file)
		return err ? err : -errno;
	if (!strncmp(words.data, "number", 6))
		fprintf(file, "number%d", atoi(words.data + 6) + 1);
	else
		fprintf(file, "%s %d", words.data, (int)txn->id);
	for (int member = 1; member < TXN_MEMBERS && strchr(words.data, '/'); member++)
		fprintf(file, " %d/%d", (int)txn->id, member);
	buffer_release(&words);
	return fclose(file) ? -errno : 0;
}

static struct strategy strategy = {.name = "test", .update = update, .read = read_view};

/* ---- telling a history ---- */

static void begin(enum store store)
{
	strategy.store = store;
	make_end(&making);
	make_begin(&making);
	store_file = make_file(&making, "words");
	make_settle(&making);
	crew = (struct crew){.writers = WRITERS};
	for (int i = 0; i < READERS; i++) {
		readings[i].error = 0;
		view_init(&readings[i].view, BASE_BYTES);
	}
}

static void tell(unsigned worker, enum event_kind kind, uint64_t txn, int error)
{
	struct event event = {.kind = kind, .worker = worker, .txn = txn, .error = error};

	assert_int_equal(recording_add(&making.recording, &event), 0);
}

static void start(uint64_t txn)
{
	tell(txn > TXNS / WRITERS, EVENT_START, txn, 0);
}

static void acknowledge(uint64_t txn)
{
	tell(txn > TXNS / WRITERS, EVENT_ACK, txn, 0);
}

static void refuse(uint64_t txn)
{
	tell(txn > TXNS / WRITERS, EVENT_REFUSE, txn, -EBUSY);
}

/* One whole update. */
static void commit(uint64_t txn)
{
	start(txn);
	acknowledge(txn);
}

/* A reader begins. */
static void look(unsigned reader)
{
	crew.readers = reader + 1 > crew.readers ? reader + 1 : crew.readers;
	tell(WRITERS + reader, EVENT_LOOK, reader, 0);
}

/* It has read this. */
static void see(unsigned reader, const char *text)
{
	assert_int_equal(add_records(&readings[reader].view, text), 0);
	tell(WRITERS + reader, EVENT_SEEN, reader, 0);
}

static void fail_to_see(unsigned reader, int error)
{
	readings[reader].error = error;
	tell(WRITERS + reader, EVENT_SEEN, reader, error);
}

/* ---- the verdict ---- */

/* In the end the store holds these words. */
static struct judgement judge(const char *final)
{
	struct judgement judgement;
	struct op op = make_op(OP_WRITE, store_file);

	op.data = (uint8_t *) final;
	op.size_bytes = strlen(final);
	op.effect = op.result = (int64_t)op.size_bytes;
	make_truncate(&making, store_file, 0);
	make_add(&making, op);
	tree_unref(making.recording.final);
	making.recording.final = tree_ref(making.now);
	assert_int_equal(
		judge_crew(&subject, &crew, prober, &making.recording, readings, &judgement), 0);
	return judgement;
}

static void assert_finding(const struct finding *finding, const char *expected)
{
	assert_string_equal(finding->is_violated ? finding->text : "kept", expected);
}

static const char kept[] = "kept";

static void assert_judged(const char *final, enum isolation_level level, const char *atomicity,
	const char *consistency, const char *isolation)
{
	struct judgement judgement = judge(final);

	assert_finding(&judgement.findings[ATOMICITY], atomicity);
	assert_finding(&judgement.findings[CONSISTENCY], consistency);
	assert_finding(&judgement.findings[ISOLATION], isolation);
	assert_finding(&judgement.findings[DURABILITY], kept);
	assert_string_equal(level_names[judgement.level], level_names[level]);
}

static void assert_fine(const char *final)
{
	assert_judged(final, LEVEL_STRICT, kept, kept, kept);
}

static void assert_not_isolated(
	const char *final, enum isolation_level level, const char *isolation)
{
	assert_judged(final, level, kept, kept, isolation);
}

static const enum store lists[] = {STORE_DOCUMENT, STORE_LOG, STORE_SPOOL};
enum { LISTS = 3 };

/* ---- what is there in the end ---- */

static void test_judge_crew__what_was_acknowledged_is_there_in_any_order(void **state)
{
	static const char *const finals[] = {"0 1 3", "0 3 1"};

	(void)state;
	for (int i = 0; i < LISTS; i++) {
		for (int order = 0; order < 2; order++) {
			begin(lists[i]);
			start(1);
			start(3);
			acknowledge(3);
			acknowledge(1);
			assert_int_equal(judge(finals[order]).acknowledged, 2);
			assert_fine(finals[order]);
		}
	}
}

static void test_judge_crew__an_acknowledged_update_that_is_gone_is_lost(void **state)
{
	(void)state;
	for (int i = 0; i < LISTS; i++) {
		begin(lists[i]);
		start(1);
		start(3);
		acknowledge(3);
		acknowledge(1);
		assert_not_isolated("0 1", LEVEL_READ_COMMITTED,
			"lost update (G-single): 1 acknowledged transaction gone");
		assert_not_isolated("0", LEVEL_READ_COMMITTED,
			"lost update (G-single): 2 acknowledged transactions gone");
	}
}

static void test_judge_crew__what_is_there_twice_is_a_duplicate(void **state)
{
	(void)state;
	for (int i = 0; i < LISTS; i++) {
		begin(lists[i]);
		commit(1);
		assert_not_isolated("0 1 1", LEVEL_READ_COMMITTED,
			"duplicate (G-single): transaction 1 is there twice");
	}
}

static void test_judge_crew__two_in_one_record_are_a_write_cycle(void **state)
{
	(void)state;
	begin(STORE_LOG);
	commit(1);
	start(3);
	assert_not_isolated("0 1 torn3", LEVEL_NONE,
		"write cycle (G0): transaction 3 is there in part (988 of 997 bytes)");
	assert_not_isolated("0 1 junk", LEVEL_NONE,
		"write cycle (G0): 17 bytes that belong to no transaction are read as one");
}

static void test_judge_crew__what_was_refused_is_not_there(void **state)
{
	(void)state;
	for (int i = 0; i < LISTS; i++) {
		begin(lists[i]);
		start(1);
		refuse(1);
		assert_fine("0");
		assert_int_equal(judge("0").acknowledged, 0);
		assert_judged("0 1", LEVEL_STRICT, "update 1 reported an error but is visible",
			kept, kept);
	}
}

static void test_judge_crew__what_is_in_doubt_may_be_there(void **state)
{
	(void)state;
	for (int i = 0; i < LISTS; i++) {
		begin(lists[i]);
		commit(1);
		start(3);
		assert_fine("0 1");
		assert_fine("0 1 3");
	}
}

static void test_judge_crew__the_order_is_that_of_real_time_where_there_is_one(void **state)
{
	(void)state;
	for (int i = 0; i < LISTS; i++) {
		begin(lists[i]);
		commit(3);
		commit(1);
		assert_fine("0 3 1");
		if (lists[i] == STORE_SPOOL)
			assert_fine("0 1 3");
		else
			assert_not_isolated("0 1 3", LEVEL_SERIALIZABLE,
				"real time violated: transaction 1 stands before 3");
	}
	/* The next one began before the first was over. */
	begin(STORE_LOG);
	start(3);
	start(1);
	acknowledge(3);
	acknowledge(1);
	assert_fine("0 1 3");
}

static void test_judge_crew__a_number_counts_what_took_place(void **state)
{
	(void)state;
	begin(STORE_COUNTER);
	start(1);
	start(3);
	acknowledge(3);
	acknowledge(1);
	assert_fine("number2");
	assert_int_equal(judge("number1").findings[ISOLATION].is_violated, true);
	assert_int_equal(judge("number1").level, LEVEL_READ_COMMITTED);
	assert_true(judge("number3").findings[ISOLATION].is_violated);
}

/* ---- how it ended ---- */

static void test_judge_crew__a_deadlock_is_told_with_who_waits(void **state)
{
	(void)state;
	begin(STORE_LOG);
	making.recording.ending = ENDED_DEADLOCK;
	making.recording.worker = 1;
	assert_judged("0", LEVEL_STRICT, kept, "deadlock: worker 2 waits for ever",
		"deadlock: worker 2 waits for ever");
	crew.readers = 1;
	making.recording.worker = 2;
	assert_judged("0", LEVEL_STRICT, kept, "deadlock: reader 1 waits for ever",
		"deadlock: reader 1 waits for ever");
}

static void test_judge_crew__who_never_ends_or_dies_is_named(void **state)
{
	(void)state;
	begin(STORE_LOG);
	crew.readers = 1;
	making.recording.ending = ENDED_ENDLESS;
	assert_judged("0", LEVEL_STRICT, kept, "worker 1 never ends", kept);
	making.recording.ending = ENDED_HANG;
	making.recording.worker = 2;
	assert_judged("0", LEVEL_STRICT, kept, "reader 1 never ends", kept);
	making.recording.ending = ENDED_CRASH;
	making.recording.worker = 1;
	making.recording.status = SIGSEGV;
	assert_judged("0", LEVEL_STRICT, kept, "worker 2 dies from SIGSEGV", kept);
	making.recording.status = 3 << 8;
	assert_judged("0", LEVEL_STRICT, kept, "worker 2 exits with status 3", kept);
	/* What is there in the end is looked at all the same. */
	commit(1);
	assert_judged("0", LEVEL_READ_COMMITTED, kept, "worker 2 exits with status 3",
		"lost update (G-single): 1 acknowledged transaction gone");
}

/* ---- readers: false alarms ---- */

static void test_judge_crew__a_reader_may_see_what_is_on_its_way_or_not(void **state)
{
	static const char *const seen[] = {"0", "0 1", "0 3", "0 1 3", "0 3 1"};
	static const char *const finals[] = {"0 1 3", "0 1 3", "0 3 1", "0 1 3", "0 3 1"};

	(void)state;
	for (int i = 0; i < LISTS; i++) {
		for (int k = 0; k < 5; k++) {
			begin(lists[i]);
			start(1);
			start(3);
			look(0);
			see(0, seen[k]);
			acknowledge(1);
			acknowledge(3);
			assert_fine(finals[k]);
		}
	}
}

static void test_judge_crew__what_happens_while_it_reads_need_not_be_seen(void **state)
{
	static const char *const seen[] = {"0", "0 1", "0 1 3"};

	(void)state;
	for (int i = 0; i < LISTS; i++) {
		for (int k = 0; k < 3; k++) {
			begin(lists[i]);
			start(1);
			look(0);
			acknowledge(1);
			commit(3);
			see(0, seen[k]);
			assert_fine("0 1 3");
		}
	}
}

static void test_judge_crew__what_came_later_is_not_asked_of_a_reader(void **state)
{
	(void)state;
	for (int i = 0; i < LISTS; i++) {
		begin(lists[i]);
		look(0);
		see(0, "0");
		commit(1);
		look(1);
		see(1, "0 1");
		commit(3);
		assert_fine("0 1 3");
	}
}

static void test_judge_crew__a_reader_of_a_number_may_see_less_than_the_end(void **state)
{
	(void)state;
	begin(STORE_COUNTER);
	commit(1);
	start(3);
	look(0);
	see(0, "number1");
	look(1);
	see(1, "number2");
	acknowledge(3);
	assert_fine("number2");
}

static void test_judge_crew__a_reader_that_did_not_come_to_its_end_saw_nothing(void **state)
{
	(void)state;
	begin(STORE_LOG);
	commit(1);
	look(0);
	assert_fine("0 1");
}

/* ---- readers ---- */

static void test_judge_crew__what_was_refused_is_an_aborted_read(void **state)
{
	static const char aborted[] =
		"aborted read (G1a): update 1 reported an error but is visible";

	(void)state;
	for (int i = 0; i < LISTS; i++) {
		/* Before it was refused, ... */
		begin(lists[i]);
		start(1);
		look(0);
		see(0, "0 1");
		refuse(1);
		assert_not_isolated("0", LEVEL_READ_UNCOMMITTED, aborted);
		/* ... while, and after. */
		begin(lists[i]);
		start(1);
		look(0);
		refuse(1);
		see(0, "0 1");
		assert_not_isolated("0", LEVEL_READ_UNCOMMITTED, aborted);
		begin(lists[i]);
		start(1);
		refuse(1);
		look(0);
		see(0, "0 1");
		assert_not_isolated("0", LEVEL_READ_UNCOMMITTED, aborted);
	}
}

static void test_judge_crew__a_record_in_part_is_a_torn_read(void **state)
{
	(void)state;
	for (int i = 0; i < LISTS; i++) {
		begin(lists[i]);
		start(1);
		look(0);
		see(0, "0 torn1");
		acknowledge(1);
		assert_judged("0 1", LEVEL_READ_UNCOMMITTED,
			"torn read (G1b): transaction 1 is there in part (366 of 375 bytes)", kept,
			kept);
	}
}

static void test_judge_crew__an_empty_document_is_an_intermediate_read(void **state)
{
	(void)state;
	begin(STORE_DOCUMENT);
	start(1);
	look(0);
	see(0, "");
	acknowledge(1);
	assert_judged("0 1", LEVEL_READ_UNCOMMITTED, "intermediate read (G1b): the file is empty",
		kept, kept);
}

static void test_judge_crew__what_cannot_be_read_is_an_intermediate_read(void **state)
{
	(void)state;
	for (int i = 0; i < LISTS; i++) {
		begin(lists[i]);
		start(1);
		look(0);
		fail_to_see(0, -ENOENT);
		acknowledge(1);
		assert_judged("0 1", LEVEL_READ_UNCOMMITTED,
			"intermediate read (G1b): nothing can be read: the reader fails: ENOENT",
			"the reader fails: ENOENT", kept);
	}
}

static void test_judge_crew__what_was_acknowledged_before_it_began_must_be_seen(void **state)
{
	(void)state;
	for (int i = 0; i < LISTS; i++) {
		begin(lists[i]);
		commit(1);
		look(0);
		see(0, "0");
		assert_not_isolated("0 1", LEVEL_SERIALIZABLE,
			"stale read, real time violated: 1 acknowledged transaction gone");
		/* A later one that sees it is no excuse. */
		look(1);
		see(1, "0 1");
		assert_not_isolated("0 1", LEVEL_SERIALIZABLE,
			"stale read, real time violated: 1 acknowledged transaction gone");
	}
	begin(STORE_COUNTER);
	commit(1);
	look(0);
	see(0, "number0");
	assert_int_equal(judge("number1").level, LEVEL_SERIALIZABLE);
}

static void test_judge_crew__every_reader_is_judged(void **state)
{
	(void)state;
	begin(STORE_LOG);
	commit(1);
	look(0);
	see(0, "0 1");
	look(1);
	see(1, "0");
	assert_int_equal(judge("0 1").level, LEVEL_SERIALIZABLE);
}

static void test_judge_crew__what_had_not_begun_cannot_be_seen(void **state)
{
	(void)state;
	begin(STORE_LOG);
	look(0);
	see(0, "0 1");
	commit(1);
	assert_judged("0 1", LEVEL_READ_UNCOMMITTED,
		"torn read (G1b): transaction 1 is there, but never began", kept, kept);
}

static void test_judge_crew__a_reader_that_sees_something_twice(void **state)
{
	(void)state;
	begin(STORE_SPOOL);
	commit(1);
	look(0);
	see(0, "0 1 1");
	assert_not_isolated(
		"0 1", LEVEL_READ_COMMITTED, "duplicate (G-single): transaction 1 is there twice");
}

static void test_judge_crew__readers_and_the_end_agree_about_the_order(void **state)
{
	(void)state;
	for (int i = 0; i < LISTS; i++) {
		struct judgement judgement;

		begin(lists[i]);
		start(1);
		start(3);
		look(0);
		see(0, "0 3 1");
		acknowledge(1);
		acknowledge(3);
		judgement = judge("0 1 3");
		assert_int_equal(
			judgement.findings[ISOLATION].is_violated, lists[i] != STORE_SPOOL);
		assert_int_equal(judgement.level,
			lists[i] == STORE_SPOOL ? LEVEL_STRICT : LEVEL_SERIALIZABLE);
	}
}

static void test_judge_crew__files_that_must_agree_are_a_fractured_read(void **state)
{
	(void)state;
	begin(STORE_TREE);
	start(1);
	look(0);
	see(0, "0 1 0/1 0/2");
	acknowledge(1);
	assert_judged("0 1 0/1 1/1 0/2 1/2", LEVEL_READ_COMMITTED,
		"fractured read: transaction 1 is in 1 of 3 files that must agree",
		"the files do not agree: transaction 1 is in 1 of 3", kept);
	begin(STORE_TREE);
	start(1);
	look(0);
	see(0, "0 1 0/1 1/1 0/2 1/2");
	acknowledge(1);
	assert_fine("0 1 0/1 1/1 0/2 1/2");
}

static void test_judge_crew__the_weakest_of_several_levels_is_told(void **state)
{
	(void)state;
	begin(STORE_LOG);
	commit(1);
	look(0);
	see(0, "0");
	look(1);
	see(1, "0 1 torn3");
	assert_int_equal(judge("0 1").level, LEVEL_READ_UNCOMMITTED);
	assert_int_equal(judge("0 torn1").level, LEVEL_NONE);
}

static void test_judge_crew__levels_have_names(void **state)
{
	static const char *const names[] = {"none", "read uncommitted", "read committed",
		"snapshot", "serializable", "strict serializable"};

	(void)state;
	for (int level = LEVEL_NONE; level <= LEVEL_STRICT; level++)
		assert_string_equal(level_names[level], names[level]);
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
	make_begin(&making);
	return err || !prober ? 1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge_crew__what_was_acknowledged_is_there_in_any_order),
		cmocka_unit_test(test_judge_crew__an_acknowledged_update_that_is_gone_is_lost),
		cmocka_unit_test(test_judge_crew__what_is_there_twice_is_a_duplicate),
		cmocka_unit_test(test_judge_crew__two_in_one_record_are_a_write_cycle),
		cmocka_unit_test(test_judge_crew__what_was_refused_is_not_there),
		cmocka_unit_test(test_judge_crew__what_is_in_doubt_may_be_there),
		cmocka_unit_test(
			test_judge_crew__the_order_is_that_of_real_time_where_there_is_one),
		cmocka_unit_test(test_judge_crew__a_number_counts_what_took_place),
		cmocka_unit_test(test_judge_crew__a_deadlock_is_told_with_who_waits),
		cmocka_unit_test(test_judge_crew__who_never_ends_or_dies_is_named),
		cmocka_unit_test(test_judge_crew__a_reader_may_see_what_is_on_its_way_or_not),
		cmocka_unit_test(test_judge_crew__what_happens_while_it_reads_need_not_be_seen),
		cmocka_unit_test(test_judge_crew__what_came_later_is_not_asked_of_a_reader),
		cmocka_unit_test(test_judge_crew__a_reader_of_a_number_may_see_less_than_the_end),
		cmocka_unit_test(
			test_judge_crew__a_reader_that_did_not_come_to_its_end_saw_nothing),
		cmocka_unit_test(test_judge_crew__what_was_refused_is_an_aborted_read),
		cmocka_unit_test(test_judge_crew__a_record_in_part_is_a_torn_read),
		cmocka_unit_test(test_judge_crew__an_empty_document_is_an_intermediate_read),
		cmocka_unit_test(test_judge_crew__what_cannot_be_read_is_an_intermediate_read),
		cmocka_unit_test(
			test_judge_crew__what_was_acknowledged_before_it_began_must_be_seen),
		cmocka_unit_test(test_judge_crew__every_reader_is_judged),
		cmocka_unit_test(test_judge_crew__what_had_not_begun_cannot_be_seen),
		cmocka_unit_test(test_judge_crew__a_reader_that_sees_something_twice),
		cmocka_unit_test(test_judge_crew__readers_and_the_end_agree_about_the_order),
		cmocka_unit_test(test_judge_crew__files_that_must_agree_are_a_fractured_read),
		cmocka_unit_test(test_judge_crew__the_weakest_of_several_levels_is_told),
		cmocka_unit_test(test_judge_crew__levels_have_names),
	};
	int failures = prepare();

	if (!failures)
		failures = cmocka_run_group_tests(tests, NULL, NULL);
	make_end(&making);
	prober_free(prober);
	workspace_release(&workspace);
	scratch_leave(NULL);
	return failures;
}
