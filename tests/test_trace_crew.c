/*
 * Several workers under a schedule, seen through what is recorded. Worker n makes the calls of
 * programs[n]; a schedule is a string of their numbers. The data directory holds doc "hello
 * world\n", other, empty, d/ and e/, empty too, and ln, a symbolic link to doc.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/machine.h"
#include "harness/plugins.h"
#include "harness/record.h"
#include "harness/schedule.h"
#include "tests/scratch.h"

enum { WORKERS = 3, BASE_BYTES = TXN_MIN_BYTES };

static struct workspace workspace = {.data_fd = -1, .probe_fd = -1};
static struct filter filter;
static struct recording recording;
static struct reading readings[WORKERS];

/* What the workers tell that the recording does not. */
static volatile struct shared {
	unsigned owner;
	unsigned collisions;
	unsigned calls[WORKERS]; /* places in probed_calls */
	bool is_ready[WORKERS];
	int64_t results[WORKERS];
	int64_t seconds[WORKERS];
	pid_t pids[WORKERS];
	pid_t threads[WORKERS];
} * shared;

/* In a worker: a wrong result ends the update, and the line is what it is refused with. */
#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return -(1000 + __LINE__);                                                 \
	} while (0)

/* ---- the strategy ---- */

typedef int program(unsigned worker);

static program *programs[WORKERS];

static int set_up(const struct txn *first)
{
	int fd = open("doc", O_WRONLY | O_CREAT, 0644);

	(void)first;
	if (fd < 0 || write(fd, "hello world\n", 12) != 12 || close(fd))
		return -EIO;
	if (mkdir("d", 0755) || mkdir("e", 0755) || symlink("doc", "ln"))
		return -EIO;
	fd = open("other", O_WRONLY | O_CREAT, 0644);
	return fd < 0 || close(fd) ? -EIO : 0;
}

static int update(const struct txn *txn)
{
	/* Of cmocka and the sanitizers: a worker that crashes would go on with the next test. */
	static const int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGABRT};
	unsigned worker = (unsigned)txn->id - 1;

	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		signal(caught[i], SIG_DFL);
	shared->threads[worker] = (pid_t)syscall(SYS_gettid);
	return programs[worker](worker);
}

static int read_doc(struct view *view)
{
	char bytes[64];
	int fd = open("doc", O_RDONLY);
	ssize_t count = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

	if (count < 0)
		return -EIO;
	close(fd);
	return view_add(view, 0, bytes, (size_t)count);
}

static int read_nothing(struct view *view)
{
	(void)view;
	return open("missing", O_RDONLY) < 0 ? -errno : 0;
}

static struct strategy strategy = {.name = "test",
	.summary = "a test",
	.setup = set_up,
	.update = update,
	.read = read_doc,
	.read_naive = read_nothing};

/* ---- running a crew ---- */

static struct crew crew;
static struct plan plan;
static unsigned waits[WORKERS]; /* how often the scheduler was told that a worker waits */
static int (*interfere)(unsigned enabled); /* asked before the follower; -EAGAIN: ask that */
static void (*notice)(const struct footprint *footprint);
static struct schedule_follower follower;

static bool gives_up; /* when the list of choices is at its end */

static int choose(void *context, unsigned enabled)
{
	int chosen = interfere ? interfere(enabled) : -EAGAIN;

	(void)context;
	if (gives_up && follower.next >= follower.schedule->count)
		return -EAGAIN;
	return chosen != -EAGAIN ? chosen
	                         : follower.scheduler.choose(follower.scheduler.context, enabled);
}

static int note_went(void *context, const struct footprint *footprint)
{
	(void)context;
	if (notice)
		notice(footprint);
	return 0;
}

static int note_waits(void *context, unsigned worker, const struct footprint *footprint)
{
	(void)context;
	assert_true(worker < WORKERS);
	assert_int_not_equal(footprint->count, 0);
	waits[worker]++;
	return 0;
}

static int record(const char *choices)
{
	struct trace_scheduler scheduler = {choose, note_went, note_waits, NULL};
	struct workload workload = {crew.writers, BASE_BYTES};
	unsigned char numbers[64];
	size_t count = strlen(choices);
	/* Not schedule_init(): that would leave out the last choices. */
	struct schedule schedule = {numbers, count, 0};
	struct subject subject;
	char message[256];
	int err;

	for (size_t i = 0; i < count; i++)
		numbers[i] = (unsigned char)(choices[i] - '0');
	schedule_follow(&follower, &schedule);
	memset((void *)shared, 0, sizeof(*shared));
	memset(waits, 0, sizeof(waits));
	recording_release(&recording);
	assert_int_equal(
		subject_init(&subject, &strategy, &workload, &workspace, message, sizeof(message)),
		0);
	err = record_crew(
		&subject, &crew, &plan, &scheduler, &workspace, &filter, &recording, readings);
	subject_release(&subject);
	return err;
}

/* Two workers. */
static int record_two(program *first, program *second, const char *choices)
{
	/* cppcheck-suppress AssignmentAddressToInteger */
	programs[0] = first;
	/* cppcheck-suppress AssignmentAddressToInteger */
	programs[1] = second;
	crew = (struct crew){.writers = 2};
	return record(choices);
}

/* The recording, without closes: "0 start", "0 flock", "1 open = EEXIST". The caller frees it. */
static char *recording_text(void)
{
	static const char *const kinds[] = {[EVENT_START] = "start",
		[EVENT_ACK] = "ack",
		[EVENT_REFUSE] = "refuse",
		[EVENT_LOOK] = "look",
		[EVENT_SEEN] = "seen"};
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	for (size_t i = 0; i < recording.count; i++) {
		const struct event *event = &recording.events[i];
		bool is_op = event->kind == EVENT_OP;
		int64_t result = is_op ? event->op.result : event->error;

		if (is_op && event->op.kind == OP_CLOSE)
			continue;
		fprintf(stream, "%u %s", event->worker,
			is_op ? points[event->op.point].call : kinds[event->kind]);
		if (result <= -1000)
			fprintf(stream, " at line %d", -(int)result - 1000);
		else if (result < 0)
			fprintf(stream, " = %s", strerrorname_np((int)-result));
		fputc('\n', stream);
	}
	fclose(stream);
	return text;
}

static void assert_recorded(const char *expected)
{
	char *text = recording_text();

	assert_string_equal(text, expected);
	free(text);
}

static unsigned count_events(enum event_kind kind)
{
	unsigned count = 0;

	for (size_t i = 0; i < recording.count; i++)
		count += recording.events[i].kind == kind;
	return count;
}

static unsigned count_results(unsigned worker, enum point_id point, int64_t error)
{
	unsigned count = 0;

	for (size_t i = 0; i < recording.count; i++) {
		const struct event *event = &recording.events[i];

		count += event->kind == EVENT_OP && event->worker == worker &&
		         event->op.point == point &&
		         (error ? event->op.result == -error : event->op.result >= 0);
	}
	return count;
}

/* All went through their programs as these expect. */
static void assert_all_done(void)
{
	if (count_events(EVENT_REFUSE)) {
		char *text = recording_text();

		fputs(text, stderr);
		free(text);
	}
	assert_int_equal(count_events(EVENT_REFUSE), 0);
	assert_int_equal(recording.ending, ENDED_DONE);
	assert_int_equal(count_events(EVENT_ACK), crew.writers);
}

static void assert_nobody_is_left(void)
{
	for (unsigned i = 0; i < crew.writers; i++) {
		assert_int_not_equal(shared->threads[i], 0);
		assert_int_equal(kill(shared->threads[i], 0), -1);
		assert_int_equal(errno, ESRCH);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* ---- the order ---- */

/* Notices when anybody else goes on meanwhile. */
static void go_on_alone(unsigned worker)
{
	shared->owner = worker;
	for (int i = 0; i < 20000; i++)
		shared->collisions += shared->owner != worker;
}

static int write_three_times(unsigned worker)
{
	int fd = open(worker ? "other" : "doc", O_WRONLY);

	for (int i = 0; i < 3; i++) {
		go_on_alone(worker);
		EXPECT(pwrite(fd, "x", 1, 0) == 1);
	}
	go_on_alone(worker);
	EXPECT(!close(fd));
	return 0;
}

static void test_trace_crew__operations_come_in_the_order_of_the_schedule(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 1 << 8; bits++) {
		char choices[9] = "", found[9] = "";
		size_t count = 0;

		if (__builtin_popcount(bits) != 4)
			continue;
		for (int i = 0; i < 8; i++)
			choices[i] = (char)('0' + (bits >> i & 1));
		assert_int_equal(record_two(write_three_times, write_three_times, choices), 0);
		for (size_t i = 0; i < recording.count; i++) {
			const struct event *event = &recording.events[i];

			if (event->kind != EVENT_OP || event->op.kind == OP_CLOSE)
				continue;
			assert_true(count < 8);
			found[count++] = (char)('0' + event->worker);
		}
		assert_string_equal(found, choices);
		assert_all_done();
		assert_int_equal(shared->collisions, 0);
	}
}

static void test_trace_crew__transactions_begin_late_and_end_early(void **state)
{
	(void)state;
	assert_int_equal(record_two(write_three_times, write_three_times, "00010111"), 0);
	assert_recorded("0 start\n0 open\n0 pwrite\n0 pwrite\n"
			"1 start\n1 open\n"
			"0 pwrite\n0 ack\n"
			"1 pwrite\n1 pwrite\n1 pwrite\n1 ack\n");
}

static void test_trace_crew__without_a_choice_one_comes_after_the_other(void **state)
{
	(void)state;
	assert_int_equal(record_two(write_three_times, write_three_times, ""), 0);
	assert_recorded("0 start\n0 open\n0 pwrite\n0 pwrite\n0 pwrite\n0 ack\n"
			"1 start\n1 open\n1 pwrite\n1 pwrite\n1 pwrite\n1 ack\n");
	assert_int_equal(record_two(write_three_times, write_three_times, "1"), 0);
	assert_recorded("1 start\n1 open\n1 pwrite\n1 pwrite\n1 pwrite\n1 ack\n"
			"0 start\n0 open\n0 pwrite\n0 pwrite\n0 pwrite\n0 ack\n");
}

static void test_trace_crew__a_choice_that_cannot_be_made_is_no_run(void **state)
{
	(void)state;
	assert_int_equal(record_two(write_three_times, write_three_times, "05"), -EPROTO);
	assert_nobody_is_left();
	/* It has ended. */
	assert_int_equal(record_two(write_three_times, write_three_times, "000010"), -EPROTO);
	assert_nobody_is_left();
}

static int cancel(unsigned enabled)
{
	assert_int_equal(enabled, 3);
	return -ECANCELED;
}

static void test_trace_crew__a_scheduler_may_end_the_run(void **state)
{
	(void)state;
	interfere = cancel;
	assert_int_equal(record_two(write_three_times, write_three_times, ""), -ECANCELED);
	interfere = NULL;
	assert_nobody_is_left();
}

static int refuse(unsigned worker)
{
	EXPECT(!mkdir(worker ? "one" : "zero", 0755));
	return worker ? -ENOTTY : 0;
}

static void test_trace_crew__a_refusal_is_the_workers_own(void **state)
{
	(void)state;
	assert_int_equal(record_two(refuse, refuse, "10"), 0);
	assert_recorded("1 start\n1 mkdir\n1 refuse = ENOTTY\n0 start\n0 mkdir\n0 ack\n");
}

/* ---- readers ---- */

static int rewrite(unsigned worker)
{
	int fd = open("doc", O_WRONLY);

	(void)worker;
	EXPECT(ftruncate(fd, 0) == 0);
	EXPECT(write(fd, "bye\n", 4) == 4);
	return 0;
}

static void test_trace_crew__readers_see_what_is_there_at_their_turn(void **state)
{
	(void)state;
	programs[0] = rewrite;
	crew = (struct crew){.writers = 1, .readers = 2};
	assert_int_equal(record("1100220"), 0);
	assert_recorded("1 look\n1 open\n1 read\n1 seen\n"
			"0 start\n0 open\n0 ftruncate\n"
			"2 look\n2 open\n2 read\n2 seen\n"
			"0 write\n0 ack\n");
	assert_int_equal(readings[0].error, 0);
	assert_int_equal(readings[0].view.count, 1);
	assert_int_equal(readings[0].view.entries[0].size_bytes, 12);
	assert_int_equal(readings[1].view.count, 1);
	assert_int_equal(readings[1].view.entries[0].size_bytes, 0);
}

static void test_trace_crew__naive_readers_use_their_own_hook(void **state)
{
	(void)state;
	programs[0] = rewrite;
	crew = (struct crew){.writers = 1, .readers = 1, .is_naive = true};
	assert_int_equal(record("1"), 0);
	assert_int_equal(readings[0].error, -ENOENT);
	assert_int_equal(readings[0].view.count, 0);
	assert_recorded("1 look\n1 open = ENOENT\n1 seen = ENOENT\n"
			"0 start\n0 open\n0 ftruncate\n0 write\n0 ack\n");
}

/* ---- flock ---- */

static int lock_and_unlock(unsigned worker)
{
	int fd = open("doc", O_RDWR);

	(void)worker;
	EXPECT(!flock(fd, LOCK_EX));
	EXPECT(pwrite(fd, "x", 1, 0) == 1);
	EXPECT(!flock(fd, LOCK_UN));
	return access("other", F_OK);
}

static void test_trace_crew__flock_waits_for_an_unlock(void **state)
{
	(void)state;
	assert_int_equal(record_two(lock_and_unlock, lock_and_unlock, "0011"), -EPROTO);
	assert_nobody_is_left();
	assert_int_equal(record_two(lock_and_unlock, lock_and_unlock, "00101"), -EPROTO);
	assert_int_equal(record_two(lock_and_unlock, lock_and_unlock, "0010010"), 0);
	assert_recorded("0 start\n0 open\n0 flock\n"
			"1 start\n1 open\n"
			"0 pwrite\n0 flock\n"
			"1 flock\n"
			"0 access\n0 ack\n"
			"1 pwrite\n1 flock\n1 access\n1 ack\n");
	/* Whoever waits lets the other go on by itself. */
	assert_int_equal(record_two(lock_and_unlock, lock_and_unlock, "001"), 0);
	assert_recorded("0 start\n0 open\n0 flock\n"
			"1 start\n1 open\n"
			"0 pwrite\n0 flock\n0 access\n0 ack\n"
			"1 flock\n1 pwrite\n1 flock\n1 access\n1 ack\n");
}

/* Otherwise the other order of the lock would never be asked for. */
static void test_trace_crew__who_waits_is_told_when_a_run_is_given_up(void **state)
{
	(void)state;
	gives_up = true;
	assert_int_equal(record_two(lock_and_unlock, lock_and_unlock, "001"), -EAGAIN);
	assert_int_equal(waits[0], 0);
	assert_int_equal(waits[1], 1);
	assert_int_equal(record_two(lock_and_unlock, lock_and_unlock, "01"), -EAGAIN);
	assert_int_equal(waits[0] + waits[1], 0);
	gives_up = false;
	assert_nobody_is_left();
}

static int lock_and_close(unsigned worker)
{
	int fd = open("doc", O_RDWR);

	(void)worker;
	EXPECT(!flock(fd, LOCK_EX));
	EXPECT(!close(fd));
	return access("other", F_OK);
}

static void test_trace_crew__flock_waits_for_a_close(void **state)
{
	(void)state;
	assert_int_equal(record_two(lock_and_close, lock_and_close, "0011"), -EPROTO);
	/* open, flock; open; close; flock */
	assert_int_equal(record_two(lock_and_close, lock_and_close, "001010"), 0);
	assert_recorded("0 start\n0 open\n0 flock\n1 start\n1 open\n1 flock\n"
			"0 access\n0 ack\n1 access\n1 ack\n");
}

static int lock_and_exit(unsigned worker)
{
	int fd = open("doc", O_RDWR);

	(void)worker;
	EXPECT(!flock(fd, LOCK_EX));
	EXPECT(pwrite(fd, "x", 1, 0) == 1);
	return 0;
}

static void test_trace_crew__flock_waits_for_an_exit(void **state)
{
	(void)state;
	assert_int_equal(record_two(lock_and_exit, lock_and_exit, "0011"), -EPROTO);
	assert_int_equal(record_two(lock_and_exit, lock_and_exit, "00101"), 0);
	assert_recorded("0 start\n0 open\n0 flock\n1 start\n1 open\n0 pwrite\n0 ack\n"
			"1 flock\n1 pwrite\n1 ack\n");
	assert_all_done();
}

static const struct fault *fault_named(const char *name)
{
	for (size_t i = 0; i < fault_count; i++) {
		if (!strcmp(faults[i]->name, name))
			return faults[i];
	}
	fail_msg("there is no fault %s", name);
	return NULL;
}

static void test_trace_crew__flock_waits_for_the_end_of_who_is_killed(void **state)
{
	(void)state;
	/* Its flock, and then its pwrite. */
	plan = (struct plan){.fault = fault_named("kill"), .variant = 0, .n = 2};
	assert_int_equal(record_two(lock_and_exit, lock_and_exit, "00101"), 0);
	plan = (struct plan){0};
	assert_recorded("0 start\n0 open\n0 flock\n1 start\n1 open\n0 pwrite = EINTR\n"
			"1 flock\n1 pwrite\n1 ack\n");
	assert_int_equal(recording.ending, ENDED_STRUCK);
	assert_int_equal(recording.worker, 0);
	assert_int_equal(recording.fired, 1);
}

static int try_to_lock(unsigned worker)
{
	int fd = open("doc", O_RDWR);

	if (flock(fd, LOCK_EX | LOCK_NB))
		return -errno;
	return access(worker ? "doc" : "other", F_OK);
}

static void test_trace_crew__a_lock_that_does_not_wait_is_refused(void **state)
{
	(void)state;
	assert_int_equal(record_two(try_to_lock, try_to_lock, "0011"), 0);
	assert_recorded("0 start\n0 open\n0 flock\n1 start\n1 open\n1 flock = EAGAIN\n"
			"1 refuse = EAGAIN\n0 access\n0 ack\n");
	assert_int_equal(record_two(try_to_lock, try_to_lock, ""), 0);
	assert_all_done();
}

static int share(unsigned worker)
{
	int fd = open("doc", O_RDONLY);

	(void)worker;
	EXPECT(!flock(fd, LOCK_SH));
	EXPECT(!access("other", F_OK));
	EXPECT(!flock(fd, LOCK_UN));
	return 0;
}

static void test_trace_crew__shared_locks_coexist_and_keep_others_out(void **state)
{
	(void)state;
	programs[0] = programs[1] = share;
	programs[2] = lock_and_unlock;
	crew = (struct crew){.writers = 3};
	assert_int_equal(record("001122"), -EPROTO);
	assert_int_equal(record("00112002"), -EPROTO);
	assert_int_equal(record("0011200112"), 0);
	assert_recorded("0 start\n0 open\n0 flock\n1 start\n1 open\n1 flock\n2 start\n2 open\n"
			"0 access\n0 flock\n0 ack\n1 access\n1 flock\n1 ack\n"
			"2 flock\n2 pwrite\n2 flock\n2 access\n2 ack\n");
}

static int convert(unsigned worker)
{
	int fd = open("doc", O_RDWR);

	EXPECT(!flock(fd, LOCK_SH));
	EXPECT(!flock(fd, LOCK_EX));
	shared->owner = worker;
	EXPECT(pwrite(fd, "x", 1, 0) == 1);
	EXPECT(pwrite(fd, "y", 1, 0) == 1);
	EXPECT(shared->owner == worker);
	EXPECT(!flock(fd, LOCK_UN));
	return 0;
}

static void test_trace_crew__two_that_want_more_of_a_lock_do_not_stop_each_other(void **state)
{
	static const char *const schedules[] = {"0011", "00110", "00111", "001101", "001110"};

	(void)state;
	for (size_t i = 0; i < sizeof(schedules) / sizeof(*schedules); i++) {
		assert_int_equal(record_two(convert, convert, schedules[i]), 0);
		assert_all_done();
		assert_nobody_is_left();
	}
}

/* ---- fcntl ---- */

static int lock_bytes(int fd, int command, short type, off_t start, off_t length)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};

	return fcntl(fd, command, &lock);
}

static int lock_first_half(unsigned worker)
{
	int fd = open("doc", O_RDWR);

	(void)worker;
	EXPECT(!lock_bytes(fd, F_SETLKW, F_WRLCK, 0, 6));
	EXPECT(pwrite(fd, "x", 1, 0) == 1);
	EXPECT(!lock_bytes(fd, F_SETLKW, F_UNLCK, 0, 0));
	return 0;
}

static int lock_second_half(unsigned worker)
{
	int fd = open("doc", O_RDWR);

	(void)worker;
	EXPECT(!lock_bytes(fd, F_SETLKW, F_WRLCK, 6, 0));
	EXPECT(pwrite(fd, "y", 1, 6) == 1);
	EXPECT(!lock_bytes(fd, F_SETLKW, F_UNLCK, 0, 0));
	return 0;
}

static void test_trace_crew__locks_on_bytes_wait_where_they_overlap(void **state)
{
	(void)state;
	assert_int_equal(record_two(lock_first_half, lock_first_half, "0011"), -EPROTO);
	assert_int_equal(record_two(lock_first_half, lock_first_half, "00101"), -EPROTO);
	assert_int_equal(record_two(lock_first_half, lock_first_half, "001001"), 0);
	assert_recorded("0 start\n0 open\n0 fcntl\n1 start\n1 open\n0 pwrite\n0 fcntl\n0 ack\n"
			"1 fcntl\n1 pwrite\n1 fcntl\n1 ack\n");
	assert_int_equal(record_two(lock_first_half, lock_second_half, "0011"), 0);
	assert_recorded("0 start\n0 open\n0 fcntl\n1 start\n1 open\n1 fcntl\n1 pwrite\n1 fcntl\n"
			"1 ack\n0 pwrite\n0 fcntl\n0 ack\n");
}

static int lock_and_close_another(unsigned worker)
{
	int fd = open("doc", O_RDWR), again = open("doc", O_RDONLY);

	(void)worker;
	EXPECT(!lock_bytes(fd, F_SETLKW, F_WRLCK, 0, 0));
	EXPECT(!close(again));
	EXPECT(!access("other", F_OK));
	return 0;
}

static void test_trace_crew__closing_any_descriptor_of_a_file_unlocks_its_bytes(void **state)
{
	(void)state;
	assert_int_equal(record_two(lock_and_close_another, lock_first_half,
				 "000"
				 "11"),
		-EPROTO);
	assert_int_equal(record_two(lock_and_close_another, lock_first_half,
				 "000"
				 "1"
				 "0"
				 "1"),
		0);
	assert_all_done();
}

static int share_bytes(unsigned worker)
{
	int fd = open("doc", O_RDONLY);

	(void)worker;
	EXPECT(!lock_bytes(fd, F_SETLKW, F_RDLCK, 0, 0));
	EXPECT(!access("other", F_OK));
	return 0;
}

static void test_trace_crew__shared_locks_on_bytes_coexist(void **state)
{
	(void)state;
	assert_int_equal(record_two(share_bytes, share_bytes, "0011"), 0);
	assert_all_done();
	assert_int_equal(record_two(share_bytes, lock_second_half, "0011"), -EPROTO);
}

static int lock_description(unsigned worker)
{
	int fd = open("doc", O_RDWR);

	(void)worker;
	EXPECT(!lock_bytes(fd, F_OFD_SETLKW, F_WRLCK, 0, 0));
	EXPECT(pwrite(fd, "x", 1, 0) == 1);
	EXPECT(!lock_bytes(fd, F_OFD_SETLKW, F_UNLCK, 0, 0));
	return 0;
}

static void test_trace_crew__locks_of_descriptions_wait_too(void **state)
{
	(void)state;
	assert_int_equal(record_two(lock_description, lock_description, "0011"), -EPROTO);
	assert_int_equal(record_two(lock_description, lock_first_half, "0011"), -EPROTO);
	assert_int_equal(record_two(lock_description, lock_description, "001001"), 0);
	assert_all_done();
}

/* ---- deadlocks ---- */

static int lock_both(unsigned worker)
{
	int doc = open("doc", O_RDWR), other = open("other", O_RDWR);

	EXPECT(!flock(worker ? other : doc, LOCK_EX));
	EXPECT(!flock(worker ? doc : other, LOCK_EX));
	EXPECT(!access("doc", F_OK));
	return 0;
}

static void test_trace_crew__two_that_wait_for_each_other_are_a_deadlock(void **state)
{
	(void)state;
	assert_int_equal(record_two(lock_both, lock_both, "000111"), 0);
	assert_int_equal(recording.ending, ENDED_DEADLOCK);
	assert_recorded("0 start\n0 open\n0 open\n0 flock\n1 start\n1 open\n1 open\n1 flock\n");
	assert_int_equal(waits[0], 1);
	assert_int_equal(waits[1], 1);
	assert_nobody_is_left();
	assert_int_equal(record_two(lock_both, lock_both, "000011"), 0);
	assert_all_done();
	assert_int_equal(waits[0] + waits[1], 0);
}

static int lock_and_leave(unsigned worker)
{
	(void)worker;
	EXPECT(!flock(open("other", O_RDWR), LOCK_EX));
	return 0;
}

static void test_trace_crew__who_has_ended_does_not_wait(void **state)
{
	(void)state;
	programs[0] = programs[1] = lock_both;
	programs[2] = lock_and_leave;
	crew = (struct crew){.writers = 3};
	assert_int_equal(record("22"
				"000111"),
		0);
	assert_int_equal(recording.ending, ENDED_DEADLOCK);
	assert_int_equal(waits[0], 1);
	assert_int_equal(waits[1], 1);
	assert_int_equal(waits[2], 0);
	assert_true(recording.worker < 2);
}

static int lock_bytes_of_both(unsigned worker)
{
	int fd = open("doc", O_RDWR);

	EXPECT(!lock_bytes(fd, F_SETLKW, F_WRLCK, worker ? 6 : 0, 6));
	if (lock_bytes(fd, F_SETLKW, F_WRLCK, worker ? 0 : 6, 6))
		return -errno;
	EXPECT(pwrite(fd, "x", 1, 0) == 1);
	return 0;
}

static void test_trace_crew__of_two_that_wait_for_bytes_one_is_refused(void **state)
{
	(void)state;
	assert_int_equal(record_two(lock_bytes_of_both, lock_bytes_of_both, "0011"), 0);
	assert_int_equal(recording.ending, ENDED_DONE);
	assert_int_equal(
		count_results(0, POINT_FCNTL, EDEADLK) + count_results(1, POINT_FCNTL, EDEADLK), 1);
	assert_int_equal(count_events(EVENT_REFUSE), 1);
	assert_int_equal(count_events(EVENT_ACK), 1);
	assert_nobody_is_left();
}

/* ---- polling and time ---- */

enum { ATTEMPTS = 12 };

static void sleep_for(time_t seconds, long nanoseconds)
{
	struct timespec time = {seconds, nanoseconds};

	nanosleep(&time, NULL);
}

static int make_lock_file(void)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		int fd = open("lock", O_WRONLY | O_CREAT | O_EXCL, 0644);

		if (fd >= 0)
			return close(fd);
		if (errno != EEXIST)
			return -1;
		sleep_for(0, 1000000);
	}
	errno = EBUSY;
	return -1;
}

static int update_with_lock_file(unsigned worker)
{
	int fd;

	if (make_lock_file())
		return -errno;
	fd = open("doc", O_RDWR);
	for (int i = 0; i < 20; i++)
		EXPECT(pwrite(fd, worker ? "1" : "0", 1, i % 12) == 1);
	EXPECT(!unlink("lock"));
	return access("other", F_OK);
}

static void test_trace_crew__who_polls_is_not_asked_again_before_something_changed(void **state)
{
	(void)state;
	assert_int_equal(record_two(update_with_lock_file, update_with_lock_file, "01"), 0);
	assert_all_done();
	/* Only what it looks at matters: twenty writes do not. */
	assert_int_equal(count_results(1, POINT_OPEN, EEXIST), 1);
	assert_int_equal(record_two(update_with_lock_file, update_with_lock_file, "011"), -EPROTO);
}

static int leave_lock_file(unsigned worker)
{
	(void)worker;
	EXPECT(!make_lock_file());
	return access("other", F_OK);
}

static void test_trace_crew__who_polls_gives_up_when_nobody_else_can_go_on(void **state)
{
	(void)state;
	assert_int_equal(record_two(leave_lock_file, update_with_lock_file, ""), 0);
	assert_int_equal(recording.ending, ENDED_DONE);
	assert_int_equal(count_results(1, POINT_OPEN, EEXIST), ATTEMPTS);
	assert_int_equal(count_events(EVENT_REFUSE), 1);
	/* Also when it began to wait while the other was there. */
	assert_int_equal(record_two(leave_lock_file, update_with_lock_file, "01"), 0);
	assert_int_equal(count_results(1, POINT_OPEN, EEXIST), ATTEMPTS);
}

static int poll_for_flock(unsigned worker)
{
	int fd = open("doc", O_RDWR);

	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		EXPECT(i < ATTEMPTS);
		sleep_for(1, 0);
	}
	EXPECT(pwrite(fd, "x", 1, worker) == 1);
	EXPECT(!flock(fd, LOCK_UN));
	return 0;
}

static void test_trace_crew__who_polls_for_a_lock_is_asked_when_it_is_released(void **state)
{
	(void)state;
	assert_int_equal(record_two(poll_for_flock, poll_for_flock, "0011"), 0);
	assert_all_done();
	assert_int_equal(count_results(1, POINT_FLOCK, EAGAIN), 1);
	assert_int_equal(record_two(poll_for_flock, poll_for_flock, "00111"), -EPROTO);
}

static int sleep_long(unsigned worker)
{
	struct timespec before, after;

	EXPECT(!access("doc", F_OK));
	EXPECT(!clock_gettime(CLOCK_REALTIME, &before));
	sleep_for(100000, 0);
	EXPECT(!clock_gettime(CLOCK_REALTIME, &after));
	shared->seconds[worker] = after.tv_sec - before.tv_sec;
	EXPECT(!access("doc", F_OK));
	return 0;
}

static void test_trace_crew__sleeping_takes_no_time_but_the_clock_goes_on(void **state)
{
	(void)state;
	/* One that really slept would be a hang. */
	assert_int_equal(record_two(sleep_long, sleep_long, "01"), 0);
	assert_all_done();
	assert_in_range(shared->seconds[0], 100000, 100001);
	assert_in_range(shared->seconds[1], 100000, 100001);
}

/* ---- chance ---- */

static int make_temporary(unsigned worker)
{
	char name[] = "tmp.XXXXXX";
	int fd = mkstemp(name);

	shared->pids[worker] = getpid();
	EXPECT(fd >= 0);
	EXPECT(write(fd, name, sizeof(name)) == sizeof(name));
	EXPECT(!close(fd));
	return 0;
}

static void test_trace_crew__workers_have_ids_and_names_of_their_own(void **state)
{
	uint32_t made = 0;

	(void)state;
	assert_int_equal(record_two(make_temporary, make_temporary, "01"), 0);
	assert_all_done();
	assert_int_not_equal(shared->pids[0], shared->pids[1]);
	for (unsigned worker = 0; worker < 2; worker++)
		assert_int_equal(count_results(worker, POINT_OPEN, EEXIST), 0);
	for (size_t i = 0; i < recording.count; i++) {
		const struct event *event = &recording.events[i];

		made += event->kind == EVENT_OP && event->op.is_creating;
	}
	assert_int_equal(made, 2);
	assert_int_equal(
		tree_object_count(recording.final), tree_object_count(recording.initial) + 2);
}

static int do_a_bit_of_all(unsigned worker)
{
	struct timespec now;
	char line[64];
	int err = make_temporary(worker), fd;

	if (!err)
		err = convert(worker);
	if (!err)
		err = update_with_lock_file(worker);
	if (err)
		return err;
	clock_gettime(CLOCK_REALTIME, &now);
	fd = open("doc", O_WRONLY | O_APPEND);
	snprintf(line, sizeof(line), "%d %lld.%09ld\n", (int)getpid(), (long long)now.tv_sec,
		now.tv_nsec);
	EXPECT(write(fd, line, strlen(line)) == (ssize_t)strlen(line));
	return 0;
}

static void test_trace_crew__the_same_schedule_is_the_same_recording(void **state)
{
	static const char *const schedules[] = {"", "0110", "001100"};

	(void)state;
	for (size_t i = 0; i < sizeof(schedules) / sizeof(*schedules); i++) {
		struct recording first;

		assert_int_equal(record_two(do_a_bit_of_all, do_a_bit_of_all, schedules[i]), 0);
		assert_all_done();
		first = recording;
		memset(&recording, 0, sizeof(recording));
		for (int again = 0; again < 10; again++) {
			assert_int_equal(
				record_two(do_a_bit_of_all, do_a_bit_of_all, schedules[i]), 0);
			assert_true(recordings_equal(&recording, &first));
		}
		recording_release(&first);
	}
}

/* ---- what may change places ---- */

/* A call is made by each of two workers, in both orders, from the same state. If anything comes out
 * differently, the footprints of the two turns must conflict. */

static int doc, appending, directory; /* of a worker: descriptors that are open before */

static int64_t outcome(int64_t result)
{
	return result < 0 ? -errno : result;
}

static int64_t outcome_of_stat(int result, const struct stat *st)
{
	return result < 0 ? -errno
	                  : (int64_t)(st->st_mode * 10000u + st->st_nlink * 100 +
				      (S_ISREG(st->st_mode) ? (unsigned)st->st_size : 0));
}

static int64_t read_bytes(off_t offset, size_t size)
{
	unsigned char bytes[64] = {0};
	int64_t sum = pread(doc, bytes, size, offset);

	for (size_t i = 0; sum >= 0 && i < sizeof(bytes); i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

static int64_t list_names(int fd)
{
	char entries[2048];
	long count = syscall(SYS_getdents64, fd, entries, sizeof(entries));
	int64_t sum = count < 0 ? -errno : 0;

	for (long at = 0; at < count;) {
		const unsigned char *name = (unsigned char *)entries + at + 19;
		int64_t hash = 7;

		while (*name)
			hash = hash * 131 + *name++;
		sum += hash;
		at += *(unsigned short *)(entries + at + 16);
	}
	return sum;
}

static int64_t test_lock(short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
	int err = fcntl(doc, F_GETLK, &lock);

	return err ? -errno : lock.l_type;
}

static char letter; /* what this worker writes */

#define CALL(name, expression)                                                                     \
	static int64_t name(void)                                                                  \
	{                                                                                          \
		struct stat st;                                                                    \
		(void)st;                                                                          \
		return expression;                                                                 \
	}
CALL(read_the_beginning, read_bytes(0, 6))
CALL(read_the_rest, read_bytes(6, 50))
CALL(write_the_beginning, outcome(pwrite(doc, &letter, 1, 2)))
CALL(write_the_end, outcome(pwrite(doc, &letter, 1, 11)))
CALL(write_behind_the_end, outcome(pwrite(doc, &letter, 1, 20 + letter - 'a')))
CALL(append, outcome(write(appending, &letter, 1)))
CALL(shorten, outcome(ftruncate(doc, 5)))
CALL(lengthen, outcome(ftruncate(doc, 30)))
CALL(shorten_by_name, outcome(truncate("doc", 8)))
CALL(allocate, outcome(fallocate(doc, 0, 0, 25)))
CALL(open_what_is_not_there, open("new", O_RDONLY) < 0 ? -errno : 0)
CALL(open_deep, open("d/new", O_RDONLY) < 0 ? -errno : 0)
CALL(open_by_link, open("ln", O_RDONLY) < 0 ? -errno : 0)
CALL(open_by_name, open("doc", O_RDONLY) < 0 ? -errno : 0)
CALL(open_truncating, open("doc", O_WRONLY | O_TRUNC) < 0 ? -errno : 0)
CALL(create, open("new", O_WRONLY | O_CREAT, 0644) < 0 ? -errno : 0)
CALL(create_exclusively, open("new", O_WRONLY | O_CREAT | O_EXCL, 0600) < 0 ? -errno : 0)
CALL(create_deep, open("d/new", O_WRONLY | O_CREAT, 0644) < 0 ? -errno : 0)
CALL(create_in_directory, openat(directory, "new", O_WRONLY | O_CREAT, 0644) < 0 ? -errno : 0)
CALL(look_at_name, outcome_of_stat(stat("doc", &st), &st))
CALL(look_at_link, outcome_of_stat(stat("ln", &st), &st))
CALL(look_at_new, outcome_of_stat(stat("new", &st), &st))
CALL(look_deep, outcome_of_stat(stat("d/new", &st), &st))
CALL(look_at_descriptor, outcome_of_stat(fstat(doc, &st), &st))
CALL(look_at_directory, outcome_of_stat(fstat(directory, &st), &st))
CALL(ask_for_access, outcome(access("new", F_OK)))
CALL(seek_the_end, outcome(lseek(doc, 0, SEEK_END)))
CALL(list_directory, list_names(directory))
CALL(follow_link, outcome(readlink("ln", (char[8]){0}, 8)))
CALL(remove_name, outcome(unlink("doc")))
CALL(remove_new, outcome(unlink("new")))
CALL(remove_deep, outcome(unlink("d/new")))
CALL(remove_link, outcome(unlink("ln")))
CALL(rename_over, outcome(rename("doc", "other")))
CALL(rename_to_new, outcome(rename("other", "new")))
CALL(rename_new, outcome(rename("new", "doc")))
CALL(rename_over_link, outcome(rename("other", "ln")))
CALL(rename_directory, outcome(rename("d", "e")))
CALL(move_deep, outcome(rename("doc", "d/new")))
CALL(exchange, outcome(renameat2(AT_FDCWD, "doc", AT_FDCWD, "other", RENAME_EXCHANGE)))
CALL(make_directory, outcome(mkdir("new", 0755)))
CALL(remove_directory, outcome(rmdir("d")))
CALL(make_symlink, outcome(symlink("d", "new")))
CALL(make_link, outcome(link("doc", "new")))
CALL(change_mode, outcome(chmod("doc", letter == 'a' ? 0600 : 0640)))
CALL(sync_file, outcome(fsync(doc)))
CALL(try_shared_lock, outcome(flock(doc, LOCK_SH | LOCK_NB)))
CALL(try_lock, outcome(flock(doc, LOCK_EX | LOCK_NB)))
CALL(try_shared_bytes, outcome(lock_bytes(doc, F_SETLK, F_RDLCK, 0, 4)))
CALL(try_bytes, outcome(lock_bytes(doc, F_SETLK, F_WRLCK, 2, 4)))
CALL(test_for_shared_bytes, test_lock(F_RDLCK))
CALL(test_for_bytes, test_lock(F_WRLCK))
CALL(unlock, outcome(flock(doc, LOCK_UN)))
CALL(close_locked, outcome(close(doc)))
CALL(unlock_bytes, outcome(lock_bytes(doc, F_SETLK, F_UNLCK, 0, 0)))
CALL(share_all_bytes, outcome(lock_bytes(doc, F_SETLK, F_RDLCK, 0, 0)))
CALL(close_another, outcome(close(appending)))

static int nothing_before(void)
{
	return 0;
}

static int lock_before(void)
{
	return flock(doc, LOCK_EX | LOCK_NB);
}

static int share_before(void)
{
	return flock(doc, LOCK_SH | LOCK_NB);
}

static int lock_bytes_before(void)
{
	return lock_bytes(doc, F_SETLK, F_WRLCK, 0, 0);
}

static const struct probed_call {
	const char *name;
	int (*before)(void);
	int64_t (*make)(void);
} probed_calls[] = {
	{"read the beginning", nothing_before, read_the_beginning},
	{"read the rest", nothing_before, read_the_rest},
	{"write the beginning", nothing_before, write_the_beginning},
	{"write the end", nothing_before, write_the_end},
	{"write behind the end", nothing_before, write_behind_the_end},
	{"append", nothing_before, append},
	{"shorten", nothing_before, shorten},
	{"lengthen", nothing_before, lengthen},
	{"shorten by name", nothing_before, shorten_by_name},
	{"allocate", nothing_before, allocate},
	{"open what is not there", nothing_before, open_what_is_not_there},
	{"open deep", nothing_before, open_deep},
	{"open by link", nothing_before, open_by_link},
	{"open by name", nothing_before, open_by_name},
	{"open truncating", nothing_before, open_truncating},
	{"create", nothing_before, create},
	{"create exclusively", nothing_before, create_exclusively},
	{"create deep", nothing_before, create_deep},
	{"create in directory", nothing_before, create_in_directory},
	{"look at name", nothing_before, look_at_name},
	{"look at link", nothing_before, look_at_link},
	{"look at new", nothing_before, look_at_new},
	{"look deep", nothing_before, look_deep},
	{"look at descriptor", nothing_before, look_at_descriptor},
	{"look at directory", nothing_before, look_at_directory},
	{"ask for access", nothing_before, ask_for_access},
	{"seek the end", nothing_before, seek_the_end},
	{"list directory", nothing_before, list_directory},
	{"follow link", nothing_before, follow_link},
	{"remove name", nothing_before, remove_name},
	{"remove new", nothing_before, remove_new},
	{"remove deep", nothing_before, remove_deep},
	{"remove link", nothing_before, remove_link},
	{"rename over", nothing_before, rename_over},
	{"rename to new", nothing_before, rename_to_new},
	{"rename new", nothing_before, rename_new},
	{"rename over link", nothing_before, rename_over_link},
	{"rename directory", nothing_before, rename_directory},
	{"move deep", nothing_before, move_deep},
	{"exchange", nothing_before, exchange},
	{"make directory", nothing_before, make_directory},
	{"remove directory", nothing_before, remove_directory},
	{"make symlink", nothing_before, make_symlink},
	{"make link", nothing_before, make_link},
	{"change mode", nothing_before, change_mode},
	{"sync file", nothing_before, sync_file},
	{"try shared lock", nothing_before, try_shared_lock},
	{"try lock", nothing_before, try_lock},
	{"try shared bytes", nothing_before, try_shared_bytes},
	{"try bytes", nothing_before, try_bytes},
	{"test for shared bytes", nothing_before, test_for_shared_bytes},
	{"test for bytes", nothing_before, test_for_bytes},
	{"unlock after lock", lock_before, unlock},
	{"close after lock", lock_before, close_locked},
	{"share after lock", lock_before, try_shared_lock},
	{"unlock after share", share_before, unlock},
	{"lock after share", share_before, try_lock},
	{"unlock bytes after lock", lock_bytes_before, unlock_bytes},
	{"share bytes after lock", lock_bytes_before, share_all_bytes},
	{"close after locking bytes", lock_bytes_before, close_another},
};
enum { PROBED_CALLS = sizeof(probed_calls) / sizeof(*probed_calls) };

static int make_probed_call(unsigned worker)
{
	const struct probed_call *call = &probed_calls[shared->calls[worker]];

	letter = (char)('a' + worker);
	doc = open("doc", O_RDWR);
	appending = open("doc", O_WRONLY | O_APPEND);
	directory = open("d", O_RDONLY | O_DIRECTORY);
	if (call->before())
		return -EBUSY;
	shared->is_ready[worker] = true;
	shared->results[worker] = call->make();
	/* The turn ends here, and not with the worker. */
	access("barrier", F_OK);
	return 0;
}

static struct pair {
	unsigned first; /* worker */
	unsigned step;
	struct footprint footprints[2]; /* of the first, of the second */
} pair;

static int choose_of_pair(unsigned enabled)
{
	unsigned chosen;

	for (int worker = 0; worker < 2; worker++) {
		if (!shared->is_ready[worker])
			return enabled >> worker & 1 ? worker : -ECANCELED;
	}
	if (pair.step == 2)
		return -EAGAIN;
	chosen = pair.step++ ? !pair.first : pair.first;
	return enabled >> chosen & 1 ? (int)chosen : -ECANCELED;
}

static void notice_of_pair(const struct footprint *footprint)
{
	static unsigned noticed;

	if (!pair.step)
		noticed = 0;
	else if (noticed < 2)
		pair.footprints[noticed++] = *footprint;
}

struct outcome {
	bool is_possible;
	int64_t results[2];
	XXH128_hash_t hash;
	bool has_conflict;
};

static struct outcome record_pair(
	const struct subject *subject, unsigned a, unsigned b, unsigned first)
{
	static const struct trace_scheduler scheduler = {choose, note_went, note_waits, NULL};
	static const struct schedule nothing;
	struct outcome outcome = {0};
	int err;

	pair = (struct pair){.first = first};
	memset((void *)shared, 0, sizeof(*shared));
	shared->calls[0] = a;
	shared->calls[1] = b;
	schedule_follow(&follower, &nothing);
	recording_release(&recording);
	err = record_crew(
		subject, &crew, &plan, &scheduler, &workspace, &filter, &recording, readings);
	if (err == -ECANCELED)
		return outcome;
	assert_int_equal(err, 0);
	outcome = (struct outcome){.is_possible = shared->is_ready[0] && shared->is_ready[1],
		.results = {shared->results[0], shared->results[1]},
		.hash = tree_hash(recording.final),
		.has_conflict = footprints_conflict(&pair.footprints[0], &pair.footprints[1])};
	return outcome;
}

/* Whether a pair keeps to the rule. */
static bool may_change_places(const struct subject *subject, unsigned a, unsigned b)
{
	struct outcome one = record_pair(subject, a, b, 0);
	struct outcome two = one.is_possible ? record_pair(subject, a, b, 1) : one;

	if (!one.is_possible || !two.is_possible ||
		(!memcmp(one.results, two.results, sizeof(one.results)) &&
			XXH128_isEqual(one.hash, two.hash)) ||
		(one.has_conflict && two.has_conflict))
		return true;
	fprintf(stderr, "order matters, and nobody knows: %s, %s\n", probed_calls[a].name,
		probed_calls[b].name);
	return false;
}

static void test_trace_crew__what_does_not_conflict_may_change_places(void **state)
{
	struct workload workload = {2, BASE_BYTES};
	struct subject subject;
	char message[256];
	/* All pairs take minutes. */
	unsigned wrong = 0, share = getenv("TORNWRITE_ALL_PAIRS") ? 1 : 16;

	(void)state;
	programs[0] = programs[1] = make_probed_call;
	crew = (struct crew){.writers = 2};
	interfere = choose_of_pair;
	notice = notice_of_pair;
	assert_int_equal(
		subject_init(&subject, &strategy, &workload, &workspace, message, sizeof(message)),
		0);
	for (unsigned a = 0; a < PROBED_CALLS; a++) {
		for (unsigned b = a; b < PROBED_CALLS; b++)
			wrong += ((a * 7 + b * 5) % share == 0) &&
			         !may_change_places(&subject, a, b);
	}
	subject_release(&subject);
	interfere = NULL;
	notice = NULL;
	assert_int_equal(wrong, 0);
}

static int prepare(void)
{
	struct scratch scratch = {.lock_fd = -1};
	int err = inject_init();

	machine_unmap_clock();
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!err && shared == MAP_FAILED)
		err = -errno;
	if (!err)
		err = filter_init(&filter, FILTER_LOOKS);
	if (!err && scratch_enter(NULL))
		err = -errno;
	strcpy(scratch.path, scratch_path);
	if (!err)
		err = workspace_init(&workspace, &scratch, 0);
	return err ? err : record_two(refuse, refuse, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace_crew__operations_come_in_the_order_of_the_schedule),
		cmocka_unit_test(test_trace_crew__transactions_begin_late_and_end_early),
		cmocka_unit_test(test_trace_crew__without_a_choice_one_comes_after_the_other),
		cmocka_unit_test(test_trace_crew__a_choice_that_cannot_be_made_is_no_run),
		cmocka_unit_test(test_trace_crew__a_scheduler_may_end_the_run),
		cmocka_unit_test(test_trace_crew__a_refusal_is_the_workers_own),
		cmocka_unit_test(test_trace_crew__readers_see_what_is_there_at_their_turn),
		cmocka_unit_test(test_trace_crew__naive_readers_use_their_own_hook),
		cmocka_unit_test(test_trace_crew__flock_waits_for_an_unlock),
		cmocka_unit_test(test_trace_crew__who_waits_is_told_when_a_run_is_given_up),
		cmocka_unit_test(test_trace_crew__flock_waits_for_a_close),
		cmocka_unit_test(test_trace_crew__flock_waits_for_an_exit),
		cmocka_unit_test(test_trace_crew__flock_waits_for_the_end_of_who_is_killed),
		cmocka_unit_test(test_trace_crew__a_lock_that_does_not_wait_is_refused),
		cmocka_unit_test(test_trace_crew__shared_locks_coexist_and_keep_others_out),
		cmocka_unit_test(
			test_trace_crew__two_that_want_more_of_a_lock_do_not_stop_each_other),
		cmocka_unit_test(test_trace_crew__locks_on_bytes_wait_where_they_overlap),
		cmocka_unit_test(
			test_trace_crew__closing_any_descriptor_of_a_file_unlocks_its_bytes),
		cmocka_unit_test(test_trace_crew__shared_locks_on_bytes_coexist),
		cmocka_unit_test(test_trace_crew__locks_of_descriptions_wait_too),
		cmocka_unit_test(test_trace_crew__two_that_wait_for_each_other_are_a_deadlock),
		cmocka_unit_test(test_trace_crew__who_has_ended_does_not_wait),
		cmocka_unit_test(test_trace_crew__of_two_that_wait_for_bytes_one_is_refused),
		cmocka_unit_test(
			test_trace_crew__who_polls_is_not_asked_again_before_something_changed),
		cmocka_unit_test(test_trace_crew__who_polls_gives_up_when_nobody_else_can_go_on),
		cmocka_unit_test(
			test_trace_crew__who_polls_for_a_lock_is_asked_when_it_is_released),
		cmocka_unit_test(test_trace_crew__sleeping_takes_no_time_but_the_clock_goes_on),
		cmocka_unit_test(test_trace_crew__workers_have_ids_and_names_of_their_own),
		cmocka_unit_test(test_trace_crew__the_same_schedule_is_the_same_recording),
		cmocka_unit_test(test_trace_crew__what_does_not_conflict_may_change_places),
	};
	int err = prepare(), failures = 1;

	if (err == -EPERM)
		fprintf(stderr, "skipped: ptrace or seccomp is not allowed here\n");
	else if (err)
		fprintf(stderr, "cannot record: %s\n", strerror(-err));
	else
		failures = cmocka_run_group_tests(tests, NULL, NULL);
	recording_release(&recording);
	workspace_release(&workspace);
	scratch_leave(NULL);
	filter_release(&filter);
	return err == -EPERM ? 77 : failures;
}
