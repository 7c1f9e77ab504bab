/* Every strategy does its job when nothing goes wrong: an update that was acknowledged is there,
 * whole, after everything before it, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "harness/plugins.h"
#include "harness/store.h"
#include "tests/scratch.h"

enum { UPDATES = 6 };

static struct view view;

static unsigned members_of(const struct strategy *strategy)
{
	return strategy->store == STORE_TREE ? TXN_MEMBERS : 1;
}

/* The view is transactions 0 to `last`, each once in each member, in order but for a spool; a
 * counter's is their number, but for the first one. */
static void assert_view(const struct strategy *strategy, uint64_t last)
{
	unsigned members = members_of(strategy);
	uint64_t next_ids[TXN_MEMBERS] = {0};

	view_init(&view, TXN_DEFAULT_BYTES);
	assert_int_equal(strategy->read(&view), 0);
	assert_int_equal(view.has_number, strategy->store == STORE_COUNTER);
	if (view.has_number) {
		assert_true(view.number == last);
		assert_int_equal(view.count, 0);
		return;
	}
	assert_int_equal(view.count, (last + 1) * members);
	for (uint64_t id = 0; id <= last; id++)
		assert_true(view_has(&view, id, members));
	if (strategy->store == STORE_SPOOL)
		return;
	for (size_t i = 0; i < view.count; i++)
		assert_int_equal(view.entries[i].id, next_ids[view.entries[i].member]++);
}

static void set_up(const struct strategy *strategy)
{
	struct txn first;

	assert_int_equal(txn_init(&first, 0, TXN_DEFAULT_BYTES), 0);
	assert_int_equal(strategy->setup(&first), 0);
	txn_release(&first);
	assert_view(strategy, 0);
}

static int update(const struct strategy *strategy, uint64_t id)
{
	struct txn txn;

	assert_int_equal(txn_init(&txn, id, TXN_DEFAULT_BYTES), 0);

	int err = strategy->update(&txn);

	txn_release(&txn);
	return err;
}

static void test_strategy__updates_are_there_when_acknowledged(void **state)
{
	const struct strategy *strategy = *state;
	bool is_refused = !strcmp(strategy->name, "generation-symlink-naive");

	set_up(strategy);
	for (uint64_t id = 1; id <= UPDATES; id++) {
		assert_int_equal(update(strategy, id), is_refused ? -EEXIST : 0);
		assert_view(strategy, is_refused ? 0 : id);
	}
	if (strategy->recover) {
		assert_int_equal(strategy->recover(), 0);
		assert_view(strategy, UPDATES);
	}
}

static const struct strategy *find(const char *name)
{
	for (size_t i = 0; i < strategy_count; i++)
		if (!strcmp(strategies[i]->name, name))
			return strategies[i];
	fail_msg("no strategy %s", name);
	return NULL;
}

static void append_bytes(const char *path, const char *bytes, size_t size_bytes)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	assert_true(fd >= 0);
	assert_int_equal(io_write_all(fd, bytes, size_bytes), 0);
	assert_int_equal(io_close(fd), 0);
}

static void tear_tail_and_update(const char *name, uint64_t id)
{
	const struct strategy *strategy = find(name);

	append_bytes(LOG_PATH, "txn 00000", 9);
	assert_int_equal(update(strategy, id), 0);
}

static void test_strategy__a_torn_tail_is_repaired(void **state)
{
	static const char *const NAMES[] = {"append-crc-repair", "append-crc-fsync",
		"append-lock-crc-fsync", "append-crc-odsync", "append-compact"};
	uint64_t id = 0;

	(void)state;
	set_up(find(NAMES[0]));
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		tear_tail_and_update(NAMES[i], ++id);
		assert_view(find(NAMES[i]), id);
	}
}

static void test_strategy__the_articles_append_is_glued_to_a_torn_tail(void **state)
{
	const struct strategy *strategy = find("append-crc");

	(void)state;
	set_up(strategy);
	tear_tail_and_update("append-crc", 1);
	assert_view(strategy, 0);
}

static void test_strategy__the_articles_reader_loses_a_padded_checksum(void **state)
{
	const struct strategy *strategy = find("append-crc");
	uint64_t id = 0;
	bool is_padded = false;

	(void)state;
	while (!is_padded) {
		struct buffer line = {0};
		struct txn txn;

		assert_int_equal(txn_init(&txn, ++id, TXN_DEFAULT_BYTES), 0);
		assert_int_equal(log_crc_add(&line, &txn), 0);
		is_padded = line.data[line.size_bytes - 9] == ' ';
		buffer_release(&line);
		txn_release(&txn);
	}
	set_up(strategy);
	assert_int_equal(update(strategy, id), 0);
	assert_view(strategy, 0);
}

static void test_strategy__a_stale_lock_blocks_lockfile_rename(void **state)
{
	const struct strategy *strategy = find("lockfile-rename");

	(void)state;
	set_up(strategy);
	assert_int_equal(io_create_synced(DOCUMENT_PATH ".lock", "", 0), 0);
	assert_int_equal(update(strategy, 1), -EBUSY);
	assert_view(strategy, 0);
}

static void test_strategy__two_slots_fall_back_on_the_older_one(void **state)
{
	const struct strategy *strategy = find("two-slots");
	int fd;

	(void)state;
	set_up(strategy);
	assert_int_equal(update(strategy, 1), 0);
	fd = open("doc.slots", O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(io_pwrite_all(fd, "?", 1, 96 * 1024 + 5000), 0);
	assert_int_equal(io_close(fd), 0);
	assert_view(strategy, 0);
	assert_int_equal(update(strategy, 1), 0);
	assert_view(strategy, 1);
}

static void test_strategy__two_slots_refuse_what_does_not_fit(void **state)
{
	const struct strategy *strategy = find("two-slots");
	uint64_t id = 0;
	int err;

	(void)state;
	set_up(strategy);
	do
		err = update(strategy, ++id);
	while (!err);
	assert_int_equal(err, -EFBIG);
	assert_view(strategy, id - 1);
}

static void test_strategy__a_damaged_journal_is_ignored_and_removed(void **state)
{
	const struct strategy *strategy = find("undo-journal");

	(void)state;
	set_up(strategy);
	assert_int_equal(io_create_synced(DOCUMENT_PATH ".journal", "twundo1", 8), 0);
	assert_view(strategy, 0);
	assert_int_equal(strategy->recover(), 0);
	assert_int_equal(access(DOCUMENT_PATH ".journal", F_OK), -1);
	assert_view(strategy, 0);
}

static void set_number(const char *text)
{
	int fd = open(COUNTER_PATH, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(io_close(fd), 0);
}

static void assert_number(const char *text)
{
	struct buffer found = {0};

	assert_int_equal(io_read_file(COUNTER_PATH, &found), 0);
	assert_int_equal(found.size_bytes, strlen(text));
	assert_memory_equal(found.data, text, strlen(text));
	buffer_release(&found);
}

static const char *const counters[] = {
	"counter", "counter-lock", "counter-replace-lock", "counter-replace-lock-naive"};

static void test_strategy__counters_rewrite_the_whole_number(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		const struct strategy *strategy = find(counters[i]);

		unlink(COUNTER_PATH);
		set_up(strategy);
		set_number("9\n");
		assert_int_equal(update(strategy, 1), 0);
		assert_number("10\n");
		/* What is left of a longer text would be read as a part of the number. */
		set_number("0000008");
		assert_int_equal(update(strategy, 2), 0);
		assert_number("9\n");
	}
}

static void test_strategy__counters_do_not_go_on_from_an_empty_file(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		const struct strategy *strategy = find(counters[i]);

		unlink(COUNTER_PATH);
		set_up(strategy);
		set_number("");
		assert_int_equal(update(strategy, 1), -EUCLEAN);
		assert_number("");
	}
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(test_strategy__a_torn_tail_is_repaired),
		IN_SCRATCH(test_strategy__the_articles_append_is_glued_to_a_torn_tail),
		IN_SCRATCH(test_strategy__the_articles_reader_loses_a_padded_checksum),
		IN_SCRATCH(test_strategy__a_stale_lock_blocks_lockfile_rename),
		IN_SCRATCH(test_strategy__two_slots_fall_back_on_the_older_one),
		IN_SCRATCH(test_strategy__two_slots_refuse_what_does_not_fit),
		IN_SCRATCH(test_strategy__a_damaged_journal_is_ignored_and_removed),
		IN_SCRATCH(test_strategy__counters_rewrite_the_whole_number),
		IN_SCRATCH(test_strategy__counters_do_not_go_on_from_an_empty_file),
	};
	struct CMUnitTest *each = calloc(strategy_count, sizeof(*each));
	int failures;

	if (!each)
		return 1;
	for (size_t i = 0; i < strategy_count; i++) {
		each[i] = (struct CMUnitTest)IN_SCRATCH(
			test_strategy__updates_are_there_when_acknowledged);
		each[i].name = strategies[i]->name;
		each[i].initial_state = (void *)strategies[i];
	}
	failures = _cmocka_run_group_tests("strategies", each, strategy_count, NULL, NULL);
	failures += cmocka_run_group_tests(tests, NULL, NULL);
	free(each);
	return failures;
}
