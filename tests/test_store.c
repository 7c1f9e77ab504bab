/* What the stores' readers make of whole and of damaged files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "harness/store.h"
#include "tests/scratch.h"

enum { BASE_BYTES = 64 };

static struct view view;

static void make_txn(struct txn *txn, uint64_t id)
{
	assert_int_equal(txn_init(txn, id, BASE_BYTES), 0);
}

static void write_file(const char *path, const char *bytes, size_t size_bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);

	assert_true(fd >= 0);
	assert_int_equal(io_write_all(fd, bytes, size_bytes), 0);
	assert_int_equal(io_close(fd), 0);
}

static void add_crc_line(struct buffer *log, uint64_t id)
{
	struct txn txn;

	make_txn(&txn, id);
	assert_int_equal(log_crc_add(log, &txn), 0);
	txn_release(&txn);
}

static void set_up(int (*setup)(const struct txn *first))
{
	struct txn first;

	make_txn(&first, 0);
	assert_int_equal(setup(&first), 0);
	txn_release(&first);
	view_init(&view, BASE_BYTES);
}

static void assert_view_is_first(unsigned members)
{
	assert_int_equal(view.count, members);
	assert_true(view_has(&view, 0, members));
}

static void test_document__setup_makes_what_is_read(void **state)
{
	(void)state;
	set_up(document_setup);
	assert_int_equal(document_read(&view), 0);
	assert_view_is_first(1);
}

static void test_document__a_missing_file_is_an_error(void **state)
{
	(void)state;
	view_init(&view, BASE_BYTES);
	assert_int_equal(document_read(&view), -ENOENT);
	assert_int_equal(log_read(&view), -ENOENT);
	assert_int_equal(log_crc_read(&view), -ENOENT);
	assert_int_equal(spool_read(&view), -ENOENT);
	assert_int_equal(generation_read(&view), -ENOENT);
	assert_int_equal(database_read(&view), -ENOENT);
	assert_int_equal(counter_read(&view), -ENOENT);
	assert_int_equal(view.count, 0);
}

static void test_document__an_empty_file_has_no_records(void **state)
{
	(void)state;
	view_init(&view, BASE_BYTES);
	write_file(DOCUMENT_PATH, "", 0);
	assert_int_equal(document_read(&view), 0);
	assert_int_equal(view.count, 0);
}

static void test_document__empty_and_unfinished_lines_are_records(void **state)
{
	(void)state;
	set_up(document_setup);
	write_file(DOCUMENT_PATH, "\n\ntxn 00", 8);
	assert_int_equal(document_read(&view), 0);
	assert_int_equal(view.count, 4);
	assert_int_equal(view.entries[0].match, TXN_INTACT);
	assert_int_equal(view.entries[1].size_bytes, 0);
	assert_int_not_equal(view.entries[1].match, TXN_INTACT);
	assert_int_equal(view.entries[3].match, TXN_TORN);
	assert_int_equal(view.entries[3].size_bytes, 6);
}

static void test_log__setup_makes_what_is_read(void **state)
{
	(void)state;
	set_up(log_setup);
	assert_int_equal(log_read(&view), 0);
	assert_view_is_first(1);
}

static void test_log_crc__setup_makes_what_is_read(void **state)
{
	(void)state;
	set_up(log_crc_setup);
	assert_int_equal(log_crc_read(&view), 0);
	assert_view_is_first(1);
}

static void test_log_crc__a_line_is_as_in_the_article(void **state)
{
	static const char RECORD[] = "{\"timestamp\": 1373396987.258189, "
				     "\"value\": 0.9360123151217828}";
	struct buffer log = {0};
	struct txn txn = {.records[0] = {(char *)RECORD, sizeof(RECORD) - 1}};

	(void)state;
	assert_int_equal(log_crc_add(&log, &txn), 0);
	assert_int_equal(log.size_bytes, sizeof(RECORD) - 1 + 10);
	assert_memory_equal(log.data + sizeof(RECORD) - 1, " 9495b87a\n", 10);
	buffer_release(&log);
}

static void test_log_crc__a_padded_checksum_is_valid(void **state)
{
	bool is_met = false;

	(void)state;
	for (uint64_t id = 0; id < 200; id++) {
		struct buffer log = {0};

		add_crc_line(&log, id);
		is_met |= log.data[log.size_bytes - 9] == ' ';
		assert_int_equal(log_crc_record_bytes(log.data, log.size_bytes - 1),
			txn_record_bytes(id, 0, BASE_BYTES));
		buffer_release(&log);
	}
	assert_true(is_met);
}

static void test_log_crc__no_damaged_line_is_valid(void **state)
{
	struct buffer log = {0};

	(void)state;
	add_crc_line(&log, 1);
	for (size_t cut = 0; cut < log.size_bytes - 1; cut++)
		assert_int_equal(log_crc_record_bytes(log.data, cut), -1);
	for (size_t i = 0; i < log.size_bytes - 1; i++) {
		log.data[i] ^= 1;
		assert_int_equal(log_crc_record_bytes(log.data, log.size_bytes - 1), -1);
		log.data[i] ^= 1;
	}
	buffer_release(&log);
}

static void test_log_crc__damaged_and_unfinished_lines_are_dropped(void **state)
{
	struct buffer log = {0};

	(void)state;
	set_up(log_crc_setup);
	add_crc_line(&log, 1);
	write_file(LOG_PATH, "\ngarbage\n", 9);
	write_file(LOG_PATH, log.data, log.size_bytes);
	write_file(LOG_PATH, log.data, log.size_bytes - 1);
	assert_int_equal(log_crc_read(&view), 0);
	assert_int_equal(view.count, 2);
	assert_true(view_has(&view, 0, 1));
	assert_true(view_has(&view, 1, 1));
	buffer_release(&log);
}

static void test_log_crc__a_torn_tail_begins_after_the_last_intact_line(void **state)
{
	struct buffer log = {0};
	size_t intact_bytes;

	(void)state;
	assert_int_equal(log_crc_intact_bytes(&log), 0);
	assert_int_equal(buffer_add(&log, "garbage\n", 8), 0);
	assert_int_equal(log_crc_intact_bytes(&log), 0);
	add_crc_line(&log, 1);
	intact_bytes = log.size_bytes;
	assert_int_equal(log_crc_intact_bytes(&log), intact_bytes);
	assert_int_equal(buffer_add(&log, "more garbage\n", 13), 0);
	assert_int_equal(log_crc_intact_bytes(&log), intact_bytes);
	/* A line without its newline is not finished, whatever its checksum says. */
	add_crc_line(&log, 2);
	log.size_bytes--;
	assert_int_equal(log_crc_intact_bytes(&log), intact_bytes);
	buffer_release(&log);
}

static void test_spool__setup_makes_what_is_read(void **state)
{
	(void)state;
	set_up(spool_setup);
	assert_int_equal(spool_read(&view), 0);
	assert_view_is_first(1);
}

static void test_spool__files_set_aside_are_ignored(void **state)
{
	(void)state;
	set_up(spool_setup);
	write_file(SPOOL_PATH "/0000000001.tmp", "txn", 3);
	assert_int_equal(spool_read(&view), 0);
	assert_view_is_first(1);
}

static void test_spool__an_empty_file_is_a_torn_record(void **state)
{
	(void)state;
	set_up(spool_setup);
	write_file(SPOOL_PATH "/0000000001", "", 0);
	assert_int_equal(spool_read(&view), 0);
	assert_int_equal(view.count, 2);
	assert_int_equal(view.entries[1].match, TXN_TORN);
}

static void test_spool__a_file_without_its_checksum_is_skipped(void **state)
{
	(void)state;
	set_up(spool_crc_setup);
	write_file(SPOOL_PATH "/0000000001", "txn 0000000001.0 abc", 20);
	write_file(SPOOL_PATH "/0000000002", "", 0);
	assert_int_equal(spool_read_directory(SPOOL_PATH, true, &view), 0);
	assert_view_is_first(1);
}

static void test_tree__setup_makes_what_is_read(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(mkdir("sub", 0777), 0);
	struct txn first;

	make_txn(&first, 0);
	assert_int_equal(tree_setup_directory("sub", &first), 0);
	txn_release(&first);
	view_init(&view, BASE_BYTES);
	fd = open("sub", O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	assert_int_equal(tree_read_directory(fd, &view), 0);
	assert_view_is_first(TXN_MEMBERS);
	assert_int_equal(unlink("sub/b.txt"), 0);
	assert_int_equal(tree_read_directory(fd, &view), -ENOENT);
	assert_int_equal(io_close(fd), 0);
}

static void test_generation__a_number_that_is_taken_is_skipped(void **state)
{
	char name[32];

	(void)state;
	set_up(generation_setup);
	assert_int_equal(mkdir("gen-0002", 0777), 0);
	assert_int_equal(generation_create(name), 0);
	assert_string_equal(name, "gen-0003");
	generation_remove(name);
	assert_int_equal(access(name, F_OK), -1);
	assert_int_equal(generation_read(&view), 0);
	assert_view_is_first(TXN_MEMBERS);
}

static void test_database__a_file_that_is_none_is_unclean(void **state)
{
	char garbage[4096];

	(void)state;
	memset(garbage, 'x', sizeof(garbage));
	view_init(&view, BASE_BYTES);
	write_file(DATABASE_PATH, garbage, sizeof(garbage));
	assert_int_equal(database_read(&view), -EUCLEAN);
}

static void test_database__an_empty_file_is_unclean(void **state)
{
	(void)state;
	view_init(&view, BASE_BYTES);
	write_file(DATABASE_PATH, "", 0);
	assert_int_equal(database_read(&view), -EUCLEAN);
}

static void set_counter(const char *bytes, size_t size_bytes)
{
	unlink(COUNTER_PATH);
	write_file(COUNTER_PATH, bytes, size_bytes);
	view_init(&view, BASE_BYTES);
}

static void assert_counts(const char *text, uint64_t number)
{
	set_counter(text, strlen(text));
	assert_int_equal(counter_read(&view), 0);
	assert_true(view.has_number);
	assert_true(view.number == number);
	assert_int_equal(view.count, 0);
}

static void assert_counts_nothing(const char *bytes, size_t size_bytes)
{
	struct buffer text = {0};

	set_counter(bytes, size_bytes);
	assert_int_equal(counter_read(&view), -EUCLEAN);
	assert_false(view.has_number);
	assert_int_equal(buffer_add(&text, bytes, size_bytes), 0);
	assert_int_equal(counter_add_one(&text), -EUCLEAN);
	assert_int_equal(text.size_bytes, size_bytes);
	buffer_release(&text);
}

static void assert_next(const char *number, const char *next)
{
	struct buffer text = {0};

	assert_int_equal(buffer_add(&text, number, strlen(number)), 0);
	assert_int_equal(counter_add_one(&text), 0);
	assert_int_equal(text.size_bytes, strlen(next));
	assert_memory_equal(text.data, next, strlen(next));
	buffer_release(&text);
}

static void test_counter__setup_makes_what_is_read(void **state)
{
	(void)state;
	set_up(counter_setup);
	assert_int_equal(counter_read(&view), 0);
	assert_true(view.has_number);
	assert_true(view.number == 0);
	assert_int_equal(view.count, 0);
}

static void test_counter__a_number_needs_no_newline(void **state)
{
	(void)state;
	assert_counts("7\n", 7);
	assert_counts("10", 10);
	assert_counts("1000000000000000000\n", 1000000000000000000);
}

static void test_counter__a_file_without_a_number_is_unclean(void **state)
{
	(void)state;
	assert_counts_nothing("", 0);
	assert_counts_nothing("\n", 1);
	assert_counts_nothing("\0\0", 2);
	assert_counts_nothing("1\0", 2);
	assert_counts_nothing("-1\n", 3);
	assert_counts_nothing("1x\n", 3);
	assert_counts_nothing("1\n\n", 3);
	assert_counts_nothing("1\n2\n", 4);
	assert_counts_nothing("18446744073709551615\n", 21);
}

static void test_counter__the_next_number_is_one_more(void **state)
{
	(void)state;
	assert_next("0\n", "1\n");
	assert_next("9", "10\n");
	assert_next("199\n", "200\n");
	assert_next("18446744073709551609\n", "18446744073709551610\n");
}

static void test_locked_open__holds_the_lock_until_it_is_closed(void **state)
{
	int fd = 0, other_fd;

	(void)state;
	assert_int_equal(locked_open("file", &fd), -ENOENT);
	assert_int_equal(fd, -1);
	write_file("file", "x", 1);
	assert_int_equal(locked_open("file", &fd), 0);
	other_fd = open("file", O_RDONLY);
	assert_true(other_fd >= 0);
	assert_int_equal(flock(other_fd, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(io_close(fd), 0);
	assert_int_equal(flock(other_fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(io_close(other_fd), 0);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(test_document__setup_makes_what_is_read),
		IN_SCRATCH(test_document__a_missing_file_is_an_error),
		IN_SCRATCH(test_document__an_empty_file_has_no_records),
		IN_SCRATCH(test_document__empty_and_unfinished_lines_are_records),
		IN_SCRATCH(test_log__setup_makes_what_is_read),
		IN_SCRATCH(test_log_crc__setup_makes_what_is_read),
		IN_SCRATCH(test_log_crc__a_line_is_as_in_the_article),
		IN_SCRATCH(test_log_crc__a_padded_checksum_is_valid),
		IN_SCRATCH(test_log_crc__no_damaged_line_is_valid),
		IN_SCRATCH(test_log_crc__damaged_and_unfinished_lines_are_dropped),
		IN_SCRATCH(test_log_crc__a_torn_tail_begins_after_the_last_intact_line),
		IN_SCRATCH(test_spool__setup_makes_what_is_read),
		IN_SCRATCH(test_spool__files_set_aside_are_ignored),
		IN_SCRATCH(test_spool__an_empty_file_is_a_torn_record),
		IN_SCRATCH(test_spool__a_file_without_its_checksum_is_skipped),
		IN_SCRATCH(test_tree__setup_makes_what_is_read),
		IN_SCRATCH(test_generation__a_number_that_is_taken_is_skipped),
		IN_SCRATCH(test_database__a_file_that_is_none_is_unclean),
		IN_SCRATCH(test_database__an_empty_file_is_unclean),
		IN_SCRATCH(test_counter__setup_makes_what_is_read),
		IN_SCRATCH(test_counter__a_number_needs_no_newline),
		IN_SCRATCH(test_counter__a_file_without_a_number_is_unclean),
		IN_SCRATCH(test_counter__the_next_number_is_one_more),
		IN_SCRATCH(test_locked_open__holds_the_lock_until_it_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
