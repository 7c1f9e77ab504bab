/*
 * The process that reads one state after the other: whatever a strategy does to it, the next answer
 * is that of a new process. The store is one file, "words"; what its reader does is its contents:
 *   look     tells everything that is not as in a new process, each as a record
 *   others   misbehave, as told at tricks[]; a serial number behind the word makes states differ
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "harness/child.h"
#include "harness/probe.h"
#include "tests/scratch.h"

enum { BASE_BYTES = 64, FIRST_RANDOM = 1804289383, MANY = 3000, OUTCOMES = 200 };

static struct workspace workspace = {.data_fd = -1, .probe_fd = -1};
static struct subject subject;
static struct prober *prober;
static unsigned serial;

/* What readers tell this process. */
static struct board {
	unsigned reads;
	unsigned hangs; /* how often the word "hang" is obeyed */
	pid_t pid;      /* of the last one that read */
} * board;

/* ---- in place of libc's ---- */

/* The watchdog bites after a hundredth of its time. */
int setitimer(__itimer_which_t which, const struct itimerval *value, struct itimerval *old)
{
	struct itimerval timer = *value;

	if (timer.it_value.tv_sec || timer.it_value.tv_usec) {
		timer.it_value = (struct timeval){.tv_usec = RECORD_TIMEOUT_MS * 1000 / 10 / 100};
		timer.it_interval = timer.it_value;
	}
	return (int)syscall(SYS_setitimer, which, &timer, old);
}

static bool writes_badly;

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
	ssize_t wrote = syscall(SYS_pwritev, fd, pieces, (long)count, (long)offset, 0L);

	if (writes_badly && pwrite(fd, "?", 1, offset) != 1)
		return -1;
	return wrote;
}

/* ---- the strategy ---- */

static int counter; /* a variable of the program */

static void crash(void)
{
	raise(SIGSEGV);
}

static void leave(void)
{
	_exit(3);
}

static void hang(void)
{
	while (board->hangs) {
		board->hangs--;
		for (;;)
			pause();
	}
}

static void leak(void)
{
	if (open("words", O_RDONLY) < 0 || open(".", O_RDONLY) < 0)
		_exit(9);
}

static void go_away(void)
{
	if (chdir("/"))
		_exit(9);
}

static void litter(void)
{
	if (mkdir("litter", 0700) || mkdir("litter/more", 0) || symlink("words", "link") ||
		link("words", "second") || chmod("litter", 0))
		_exit(9);
}

static void scribble(void)
{
	int fd = open("words", O_RDWR);

	if (pwrite(fd, "scribbled", 9, 0) != 9 || ftruncate(fd, 9000) || fchmod(fd, 0))
		_exit(9);
	close(fd);
}

static void map(void)
{
	int fd = open("words", O_RDWR);
	char *bytes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	bytes[0] = 'X'; /* and it stays mapped */
}

static void mask(void)
{
	umask(077);
}

static void count_one(void)
{
	counter++;
}

static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

static void draw(void)
{
	if (rand() < 0)
		_exit(9);
}

static void breed(void)
{
	pid_t parent = getpid();

	if (fork())
		return;
	child_die_with(parent);
	for (;;)
		pause();
}

static void *sleep_for_ever(void *nothing)
{
	for (;;)
		pause();
	return nothing;
}

static void thread(void)
{
	pthread_t id;

	if (pthread_create(&id, NULL, sleep_for_ever, NULL))
		_exit(9);
}

static void handle_signals(void)
{
	signal(SIGUSR1, SIG_IGN);
}

static void set_alarm(void)
{
	alarm(1000);
}

static void close_input(void)
{
	close(0);
}

static const struct trick {
	const char *word;
	void (*play)(void);
	enum step_end end;
	int detail;
	bool leaves_traces; /* in the process, so that it is not used again */
} tricks[] = {
	{"crash", crash, STEP_CRASH, SIGSEGV, true},
	{"exit", leave, STEP_CRASH, 0, true},
	{"hang", hang, STEP_HANG, 0, true},
	{"leak", leak, STEP_OK, 0, true},
	{"go away", go_away, STEP_OK, 0, false},
	{"litter", litter, STEP_OK, 0, false},
	{"scribble", scribble, STEP_OK, 0, false},
	{"map", map, STEP_OK, 0, false},
	{"mask", mask, STEP_OK, 0, true},
	{"count", count_one, STEP_OK, 0, false},
	{"block", block_signals, STEP_OK, 0, true},
	{"draw", draw, STEP_OK, 0, true},
	{"breed", breed, STEP_OK, 0, true},
	{"thread", thread, STEP_OK, 0, true},
	{"close", close_input, STEP_OK, 0, true},
};

/* Those that are looked for now and then, the first answer of a process included. */
static const struct trick rare_tricks[] = {
	{"handle", handle_signals, STEP_OK, 0, true},
	{"alarm", set_alarm, STEP_OK, 0, true},
};

static int tell(struct view *view, unsigned what)
{
	static const char bytes[64];

	return view_add(view, 0, bytes, what);
}

/* What a new process would not find: each is a record as long as the number here. */
static int look(struct view *view)
{
	struct sigaction action;
	struct stat st;
	sigset_t mask_now;
	int fd = dup(2), err = 0;

	if (fd != 4 || close(fd) || fcntl(0, F_GETFD) < 0)
		err |= tell(view, 1);
	if (umask(022) != 022)
		err |= tell(view, 2);
	if (sigprocmask(SIG_BLOCK, NULL, &mask_now) || !sigisemptyset(&mask_now))
		err |= tell(view, 3);
	if (counter)
		err |= tell(view, 4);
	if (sigaction(SIGUSR1, NULL, &action) || action.sa_handler != SIG_DFL)
		err |= tell(view, 5);
	if (alarm(0))
		err |= tell(view, 6);
	if (waitpid(-1, NULL, WNOHANG) >= 0)
		err |= tell(view, 7);
	if (!stat("/proc/self/task", &st) && st.st_nlink != 3)
		err |= tell(view, 8);
	if (stat("words", &st) || (st.st_mode & 07777) != 0644 || st.st_nlink != 1)
		err |= tell(view, 9);
	if (stat(".", &st) || st.st_nlink != 2 || !access("link", F_OK) || !access("second", F_OK))
		err |= tell(view, 10);
	return err;
}

static int play(const struct trick *list, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].word, word))
			continue;
		list[i].play();
		return 0;
	}
	return -ENODATA;
}

static int words_read(struct view *view)
{
	char word[64] = "";
	int fd = open("words", O_RDONLY), err;
	ssize_t size = read(fd, word, sizeof(word) - 1);
	char *end = strchr(word, '#');

	board->reads++;
	board->pid = getpid();
	close(fd);
	if (size < 0 || !end)
		return -EUCLEAN;
	*end = 0;
	if (!strcmp(word, "look"))
		return look(view);
	if (!strcmp(word, "random"))
		return rand() == FIRST_RANDOM ? 0 : tell(view, 11);
	/* What nobody looks for: the state of a library. */
	if (!strcmp(word, "library"))
		return lrand48() == 0 ? 0 : -EIO;
	if (!strcmp(word, "library crash") && lrand48() != 0)
		crash();
	if (!strcmp(word, "library crash"))
		return 0;
	if (!strcmp(word, "many"))
		return tell(view, (unsigned)atoi(end + 1) % OUTCOMES % 64) |
		       tell(view, (unsigned)atoi(end + 1) % OUTCOMES / 64);
	err = play(tricks, sizeof(tricks) / sizeof(*tricks), word);
	return err ? play(rare_tricks, sizeof(rare_tricks) / sizeof(*rare_tricks), word) : 0;
}

static int words_update(const struct txn *txn)
{
	(void)txn;
	return 0;
}

static const struct strategy strategy = {
	.name = "words",
	.store = STORE_DOCUMENT,
	.update = words_update,
	.read = words_read,
};

/* ---- asking ---- */

static struct tree *tree_of(const char *word, unsigned number)
{
	struct tree *tree = tree_new();
	struct op make = {.kind = OP_OPEN,
		.object = 1,
		.directory = TREE_ROOT,
		.name = strdup("words"),
		.mode = 0644,
		.is_creating = true,
		.effect = 3};
	struct op fill = {.kind = OP_WRITE, .object = 1};
	char text[64];

	fill.size_bytes = (uint64_t)snprintf(text, sizeof(text), "%s#%u", word, number);
	fill.effect = (int64_t)fill.size_bytes;
	fill.data = (uint8_t *)strdup(text);
	assert_int_equal(tree_apply(&tree, &make), 0);
	assert_int_equal(tree_apply(&tree, &fill), 0);
	op_release(&make);
	op_release(&fill);
	return tree;
}

static const struct probe *ask(const char *word)
{
	struct tree *tree = tree_of(word, serial++);
	const struct probe *probe;

	assert_int_equal(prober_ask(prober, tree, PROBE_READ, &probe), 0);
	tree_unref(tree);
	return probe;
}

static void assert_sees_a_new_process(const char *after)
{
	const struct probe *probe = ask("look");

	assert_int_equal(probe->read.end, STEP_OK);
	for (size_t i = 0; i < probe->view->count; i++)
		print_error("after %s: number %u\n", after, probe->view->entries[i].size_bytes);
	assert_int_equal(probe->view->count, 0);
}

static void check_tricks(const struct trick *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct trick *trick = &list[i];
		const struct probe *probe;
		pid_t pid;

		board->hangs = 2;
		probe = ask(trick->word);
		if (probe->read.end != trick->end || probe->read.detail != trick->detail)
			fail_msg("%s: ends as %d (%d)", trick->word, probe->read.end,
				probe->read.detail);
		pid = board->pid;
		assert_sees_a_new_process(trick->word);
		if ((board->pid != pid) != trick->leaves_traces)
			fail_msg("%s: process %d, then %d", trick->word, pid, board->pid);
		pid = board->pid;
		assert_sees_a_new_process("nothing");
		assert_int_equal(board->pid, pid);
	}
}

static void test_probe__the_next_answer_is_that_of_a_new_process(void **state)
{
	(void)state;
	assert_sees_a_new_process("nothing");
	check_tricks(tricks, sizeof(tricks) / sizeof(*tricks));
}

static void test_probe__what_a_process_leaves_behind_first_is_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rare_tricks) / sizeof(*rare_tricks); i++) {
		ask("leak"); /* so that the next process is a new one */
		check_tricks(&rare_tricks[i], 1);
	}
}

static void test_probe__random_numbers_begin_anew(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask("random")->view->count, 0);
}

static void test_probe__a_bad_end_counts_only_in_a_new_process(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask("library")->read.end, STEP_OK);
		assert_int_equal(ask("library crash")->read.end, STEP_OK);
	}
}

static void test_probe__a_hang_counts_only_if_it_happens_again(void **state)
{
	(void)state;
	ask("leak"); /* in a new process, too */
	board->hangs = 1;
	assert_int_equal(ask("hang")->read.end, STEP_OK);
	board->hangs = 2;
	assert_int_equal(ask("hang")->read.end, STEP_HANG);
}

/* Forks are dear, and states with an error are many. */
static void test_probe__an_error_that_a_new_process_came_to_needs_no_other(void **state)
{
	pid_t pid;

	(void)state;
	assert_int_equal(ask("no such word")->read.detail, -ENODATA);
	assert_sees_a_new_process("an error");
	pid = board->pid;
	assert_int_equal(ask("no such word")->read.detail, -ENODATA);
	assert_int_equal(board->pid, pid);
}

static void test_probe__an_error_is_told(void **state)
{
	const struct probe *probe = ask("no such word");

	(void)state;
	assert_int_equal(probe->read.end, STEP_ERROR);
	assert_int_equal(probe->read.detail, -ENODATA);
	assert_int_equal(probe->update.end, STEP_NOT_RUN);
}

static void test_probe__a_reader_that_died_in_between_is_replaced(void **state)
{
	(void)state;
	assert_sees_a_new_process("nothing");
	assert_int_equal(kill(board->pid, SIGKILL), 0);
	assert_sees_a_new_process("its death");
}

static void test_probe__many_answers_are_remembered(void **state)
{
	struct tree *tree;
	const struct probe *probe;
	unsigned reads;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		reads = board->reads;
		for (unsigned i = 0; i < MANY; i++) {
			tree = tree_of("many", i);
			assert_int_equal(prober_ask(prober, tree, PROBE_READ, &probe), 0);
			assert_int_equal(probe->view->count, 2);
			assert_int_equal(probe->view->entries[0].size_bytes, i % OUTCOMES % 64);
			assert_int_equal(probe->view->entries[1].size_bytes, i % OUTCOMES / 64);
			tree_unref(tree);
		}
		assert_int_equal(board->reads - reads, round ? 0 : MANY);
	}
}

static void test_probe__depths_are_remembered_apart(void **state)
{
	struct tree *tree = tree_of("look", serial++);
	const struct probe *probe;
	unsigned reads = board->reads;

	(void)state;
	for (int round = 0; round < 2; round++) {
		assert_int_equal(prober_ask(prober, tree, PROBE_READ, &probe), 0);
		assert_int_equal(probe->update.end, STEP_NOT_RUN);
		assert_int_equal(prober_ask(prober, tree, PROBE_LIFE, &probe), 0);
		assert_int_equal(probe->reread.end, STEP_OK);
	}
	assert_int_equal(board->reads - reads, 3);
	tree_unref(tree);
}

static void test_probe__a_state_that_is_put_wrong_is_no_verdict(void **state)
{
	const struct probe *probe;
	int err = 0;

	(void)state;
	writes_badly = true;
	for (int i = 0; !err && i < 100; i++) {
		struct tree *tree = tree_of("look", serial++);

		err = prober_ask(prober, tree, PROBE_READ, &probe);
		tree_unref(tree);
	}
	writes_badly = false;
	assert_int_equal(err, -EPROTO);
}

static void test_probe__a_reader_dies_with_its_prober(void **state)
{
	pid_t pid;

	(void)state;
	assert_sees_a_new_process("nothing");
	pid = board->pid;
	prober_free(prober);
	assert_int_equal(kill(pid, 0), -1);
	prober = prober_new(&subject, &workspace);
	assert_non_null(prober);
}

static int prepare(void)
{
	struct scratch scratch = {.lock_fd = -1};
	int err;

	/* No test is about a disk. */
	if (!access("/dev/shm", W_OK | X_OK))
		setenv("TMPDIR", "/dev/shm", 0);
	err = scratch_enter(NULL);
	strcpy(scratch.path, scratch_path);
	if (!err)
		err = workspace_init(&workspace, &scratch, 0);
	board = mmap(
		NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	subject = (struct subject){.strategy = &strategy, .workload = {1, BASE_BYTES}};
	prober = prober_new(&subject, &workspace);
	return err || !prober || board == MAP_FAILED ? 1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe__the_next_answer_is_that_of_a_new_process),
		cmocka_unit_test(test_probe__what_a_process_leaves_behind_first_is_seen),
		cmocka_unit_test(test_probe__random_numbers_begin_anew),
		cmocka_unit_test(test_probe__a_bad_end_counts_only_in_a_new_process),
		cmocka_unit_test(test_probe__a_hang_counts_only_if_it_happens_again),
		cmocka_unit_test(test_probe__an_error_that_a_new_process_came_to_needs_no_other),
		cmocka_unit_test(test_probe__an_error_is_told),
		cmocka_unit_test(test_probe__a_reader_that_died_in_between_is_replaced),
		cmocka_unit_test(test_probe__many_answers_are_remembered),
		cmocka_unit_test(test_probe__depths_are_remembered_apart),
		cmocka_unit_test(test_probe__a_state_that_is_put_wrong_is_no_verdict),
		cmocka_unit_test(test_probe__a_reader_dies_with_its_prober),
	};
	int failures = prepare();

	if (!failures)
		failures = cmocka_run_group_tests(tests, NULL, NULL);
	prober_free(prober);
	workspace_release(&workspace);
	scratch_leave(NULL);
	return failures;
}
