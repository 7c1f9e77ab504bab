/* What a checker is told, what its end means, and that nothing of it is left. All tests run as we
 * are, and, where we are root, also as nobody, who may not have a namespace of processes, and as
 * nobody who is root in a user namespace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "harness/checker.h"
#include "harness/io.h"
#include "tests/scratch.h"

/* LONG is for what must not take so long; SHORT for what never ends. */
enum { SHORT_MS = 200, LONG_MS = 60000 };

static struct checker *checker;
static int directory_fd = -1;
static char directory[PATH_MAX + 8], printed[PATH_MAX + 8];
static const struct acks no_acks;

/* ---- the scene: data/ for the states, printed/ for what was printed ---- */

static int enter(void **state)
{
	if (scratch_enter(state))
		return -1;
	snprintf(directory, sizeof(directory), "%s/data", scratch_path);
	snprintf(printed, sizeof(printed), "%s/printed", scratch_path);
	if (mkdir("data", 0755) || mkdir("printed", 0755))
		return -1;
	directory_fd = open("data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return directory_fd < 0 ? -1 : 0;
}

static int leave(void **state)
{
	checker_free(checker);
	checker = NULL;
	close(directory_fd);
	return scratch_leave(state);
}

static void begin(const char *command, bool is_server, unsigned timeout_ms)
{
	struct checker_options options = {
		.command = command,
		.is_server = is_server,
		.timeout_ms = timeout_ms,
		.directory = directory,
		.directory_fd = directory_fd,
		.scratch = printed,
	};

	checker_free(checker);
	assert_int_equal(checker_new(&checker, &options), 0);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

/* A tree of doc, with this text, and sub/in, with "inside". */
static struct tree *make_state(const char *text)
{
	struct tree *tree;
	int fd;

	assert_true(!mkdir("model", 0755) || errno == EEXIST);
	assert_true(!mkdir("model/sub", 0755) || errno == EEXIST);
	put("model/doc", text);
	put("model/sub/in", "inside");
	fd = open("model", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(tree_load(fd, &tree, NULL), 0);
	close(fd);
	return tree;
}

static int ask(const char *text, const struct acks *acks, struct answer *answer)
{
	struct tree *tree = make_state(text);
	int err = checker_ask(checker, tree, acks, answer);

	tree_unref(tree);
	return err;
}

/* n acks, without output */
static struct answer ask_for(const char *text, unsigned count)
{
	static const size_t ends[16];
	struct acks acks = {.count = count, .output = "", .ends = ends};
	struct answer answer;
	int err = ask(text, &acks, &answer);

	if (err)
		fail_msg("%s: %s", strerror(-err), answer.text);
	return answer;
}

static void assert_answer(struct answer answer, enum answer_kind kind, const char *text)
{
	if (answer.kind != kind || strcmp(answer.text, text))
		fail_msg(
			"kind %d \"%s\", not kind %d \"%s\"", answer.kind, answer.text, kind, text);
}

static void assert_count(uint64_t asked, uint64_t remembered, uint64_t run, uint64_t unsteady)
{
	struct checker_count count = checker_count(checker);

	assert_int_equal(count.asked, asked);
	assert_int_equal(count.remembered, remembered);
	assert_int_equal(count.run, run);
	assert_int_equal(count.unsteady, unsteady);
}

/* Who keeps the file `lock` locked? Everybody who was started with it open. */
static void assert_unlocked(void)
{
	int fd = open("lock", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
}

#define LOCK "exec 9>../lock; flock 9 || exit 77; "

/* ---- verdicts ---- */

static void test_checker__exit_status_0_is_legal(void **state)
{
	(void)state;
	begin("echo fine; grep -q new doc", false, LONG_MS);
	assert_answer(ask_for("new", 0), ANSWER_LEGAL, "");
}

static void test_checker__the_reason_is_the_last_line_printed(void **state)
{
	(void)state;
	begin("echo first; echo \"  doc holds $(cat doc)\" >&2; echo; exit 1", false, LONG_MS);
	assert_answer(ask_for("old", 0), ANSWER_BROKEN, "doc holds old");
}

static void test_checker__without_a_reason_it_is_the_exit_status(void **state)
{
	(void)state;
	begin("exit $(cat doc)", false, LONG_MS);
	assert_answer(ask_for("3", 0), ANSWER_BROKEN, "exit status 3");
	begin("printf '\\033[0m\\n'; exit 4", false, LONG_MS);
	assert_answer(ask_for("3", 0), ANSWER_BROKEN, "exit status 4");
}

static void test_checker__of_much_output_the_end_is_kept(void **state)
{
	(void)state;
	begin("yes | head -c 1000000; echo the reason; exit 1", false, LONG_MS);
	assert_answer(ask_for("", 0), ANSWER_BROKEN, "the reason");
}

static void test_checker__legal_for_fewer_acks_is_older(void **state)
{
	struct answer answer;

	(void)state;
	begin("[ $(cat doc) = $TORNWRITE_ACKED ] || { echo $TORNWRITE_ACKED acks; exit 1; }", false,
		LONG_MS);
	answer = ask_for("1", 3);
	assert_answer(answer, ANSWER_OLDER, "3 acks");
	assert_int_equal(answer.legal_for, 1);
	answer = ask_for("0", 3);
	assert_answer(answer, ANSWER_OLDER, "3 acks");
	assert_int_equal(answer.legal_for, 0);
	answer = ask_for("3", 3);
	assert_answer(answer, ANSWER_LEGAL, "");
	assert_int_equal(answer.legal_for, 3);
	assert_answer(ask_for("4", 3), ANSWER_BROKEN, "3 acks");
}

/* Legal for 5 and for 2 of 6 acks: fewest are lost when it is 5. */
static void test_checker__the_most_acks_that_are_legal_count(void **state)
{
	(void)state;
	begin("[ $TORNWRITE_ACKED = 5 ] || [ $TORNWRITE_ACKED = 2 ]", false, LONG_MS);
	assert_int_equal(ask_for("", 6).legal_for, 5);
	assert_int_equal(ask_for("", 4).legal_for, 2);
}

static void test_checker__asked_for_n_acks_it_sees_the_output_up_to_the_nth(void **state)
{
	static const char output[] = "hello\nok 1\nok 2\nand more\n";
	static const size_t ends[] = {6, 11, 16};
	struct acks acks = {2, output, sizeof(output) - 1, ends};
	struct answer answer;

	(void)state;
	begin("cmp -s doc \"$TORNWRITE_OUTPUT\"", false, LONG_MS);
	assert_int_equal(ask(output, &acks, &answer), 0);
	assert_int_equal(answer.kind, ANSWER_LEGAL);
	assert_int_equal(ask("hello\nok 1\n", &acks, &answer), 0);
	assert_int_equal(answer.kind, ANSWER_OLDER);
	assert_int_equal(answer.legal_for, 1);
	assert_int_equal(ask("hello\n", &acks, &answer), 0);
	assert_int_equal(answer.kind, ANSWER_OLDER);
	assert_int_equal(answer.legal_for, 0);
	/* With all acks it is what had been printed by the crash, no less. */
	assert_int_equal(ask("hello\nok 1\nok 2\n", &acks, &answer), 0);
	assert_int_equal(answer.kind, ANSWER_BROKEN);
	assert_int_equal(ask("", &no_acks, &answer), 0);
	assert_int_equal(answer.kind, ANSWER_LEGAL);
}

static void test_checker__a_crash_is_no_opinion(void **state)
{
	(void)state;
	begin("echo here; kill -SEGV $$", false, LONG_MS);
	assert_answer(ask_for("", 2), ANSWER_CRASHED, "killed by SIGSEGV: here");
	assert_count(1, 0, 2, 0);
	/* What a shell says of its child. */
	begin("sh -c 'kill -ABRT $$' 2>/dev/null; exit $?", false, LONG_MS);
	assert_answer(ask_for("", 2), ANSWER_CRASHED, "killed by SIGABRT");
	assert_count(1, 0, 2, 0);
	/* git, and a program that exits with -1 */
	begin("[ $TORNWRITE_ACKED = 1 ] || exit $(cat doc)", false, LONG_MS);
	assert_answer(ask_for("128", 2), ANSWER_OLDER, "exit status 128");
	assert_answer(ask_for("129", 2), ANSWER_OLDER, "exit status 129");
	assert_answer(ask_for("255", 2), ANSWER_OLDER, "exit status 255");
}

static void test_checker__a_hang_is_a_hang(void **state)
{
	(void)state;
	begin(LOCK "echo waiting; sleep 1000 & sleep 1000", false, SHORT_MS);
	assert_answer(ask_for("", 0), ANSWER_HANGS, "no answer within 200 ms: waiting");
	assert_count(1, 0, 2, 0);
	assert_unlocked();
	begin(LOCK "trap '' TERM INT HUP; yes", false, SHORT_MS);
	assert_answer(ask_for("", 0), ANSWER_HANGS, "no answer within 200 ms: y");
	assert_unlocked();
}

static void test_checker__what_happens_once_is_not_believed(void **state)
{
	(void)state;
	begin("[ -e ../once ] || { : >../once; kill -SEGV $$; }", false, LONG_MS);
	assert_answer(ask_for("", 0), ANSWER_LEGAL, "");
	assert_count(1, 0, 2, 1);
	unlink("once");
	begin("[ -e ../once ] || { : >../once; sleep 1000; }; exit 1", false, 1000);
	assert_answer(ask_for("", 0), ANSWER_BROKEN, "exit status 1");
	assert_count(1, 0, 2, 1);
}

static void test_checker__what_cannot_be_run_gives_no_verdict(void **state)
{
	struct answer answer;

	(void)state;
	begin("./verify.py", false, LONG_MS);
	assert_int_equal(ask("", &no_acks, &answer), -ENOEXEC);
	assert_non_null(strstr(answer.text, "(exit status 127): sh: 1: ./verify.py: not found"));
	begin("./doc", false, LONG_MS);
	assert_int_equal(ask("", &no_acks, &answer), -ENOEXEC);
	assert_non_null(strstr(answer.text, "(exit status 126): "));
	begin("./verify.py", true, LONG_MS);
	assert_int_equal(ask("", &no_acks, &answer), -ENOEXEC);
	assert_non_null(strstr(answer.text, "(exit status 127): sh: 1: ./verify.py: not found"));
}

/* ---- memory ---- */

static void test_checker__equal_questions_are_asked_once(void **state)
{
	static const size_t ends[] = {0};
	struct acks acks = {1, "x", 1, ends};
	struct answer answer;

	(void)state;
	begin("cat doc; [ $TORNWRITE_ACKED = 0 ]", false, LONG_MS);
	assert_answer(ask_for("a", 2), ANSWER_OLDER, "a");
	assert_count(1, 0, 3, 0);
	assert_answer(ask_for("a", 2), ANSWER_OLDER, "a");
	assert_count(2, 3, 3, 0);
	/* Part of an answer is another's. */
	assert_answer(ask_for("a", 3), ANSWER_OLDER, "a");
	assert_count(3, 6, 4, 0);
	/* Another state, other output. */
	assert_answer(ask_for("b", 2), ANSWER_OLDER, "b");
	assert_count(4, 6, 7, 0);
	assert_int_equal(ask("a", &acks, &answer), 0);
	assert_count(5, 7, 8, 0);
}

static void test_checker__many_answers_are_remembered(void **state)
{
	(void)state;
	begin("echo $(cat doc); exit $(($(cat doc) % 2))", false, LONG_MS);
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 300; i++) {
			char text[16];

			snprintf(text, sizeof(text), "%u", i);
			assert_answer(ask_for(text, 0), i % 2 ? ANSWER_BROKEN : ANSWER_LEGAL,
				i % 2 ? text : "");
		}
	}
	assert_count(600, 300, 300, 0);
}

/* ---- where and as what it runs ---- */

static void test_checker__it_runs_as_a_fresh_process(void **state)
{
	int stray = open("/dev/null", O_RDONLY); /* no O_CLOEXEC */
	mode_t mask = umask(0);
	sigset_t set;

	(void)state;
	assert_true(stray > 2);
	assert_int_equal(dup2(stray, 200), 200);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setenv("TORNWRITE_ACKED", "99", 1);
	setenv("TORNWRITE_DIR", "/", 1);
	setenv("KEPT", "kept", 1);
	begin("[ \"$(umask)\" = 0022 ] || { umask; exit 1; }\n"
	      "cat | grep . && { echo input; exit 1; }\n"
	      "[ \"$(ls /proc/self/fd | xargs)\" = '0 1 2 3' ] || { ls /proc/self/fd | xargs; "
	      "exit 1; }\n"
	      "grep -E 'Sig(Ign|Blk).*[1-9a-f]' /proc/self/status && exit 1\n"
	      "[ \"$PWD\" = \"$TORNWRITE_DIR\" ] && [ \"$(pwd -P)\" = \"$PWD\" ] || exit 2\n"
	      "[ $TORNWRITE_ACKED = 0 ] && [ $KEPT = kept ] || exit 3\n"
	      "[ $(tr '\\0' '\\n' </proc/$$/environ | grep -cE '^TORNWRITE_(ACKED|DIR|OUTPUT)=') "
	      "= 3 ] || exit 4\n"
	      "case $TORNWRITE_OUTPUT in $PWD/*) exit 5;; /*) ;; *) exit 6;; esac\n"
	      "grep -q 'NoNewPrivs.*1' /proc/self/status || exit 7\n"
	      "(: </dev/tty) 2>/dev/null && { echo terminal; exit 1; }\n"
	      "[ -e /proc/$$/cwd/doc ] || { echo another /proc; exit 1; }",
		false, LONG_MS);
	umask(mask);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	unsetenv("TORNWRITE_ACKED");
	unsetenv("TORNWRITE_DIR");
	assert_answer(ask_for("", 0), ANSWER_LEGAL, "");
	close(stray);
	close(200);
}

/* What a run does to its end of a pipe must not meet the next one. */
static void test_checker__output_blocks_again_in_the_next_run(void **state)
{
	(void)state;
	begin("perl -e 'use Fcntl; $f = fcntl(STDOUT, F_GETFL, 0); if ($f & O_NONBLOCK) {"
	      "exit 1} fcntl(STDOUT, F_SETFL, $f | O_NONBLOCK)'",
		false, LONG_MS);
	assert_answer(ask_for("1", 0), ANSWER_LEGAL, "");
	assert_answer(ask_for("2", 0), ANSWER_LEGAL, "");
}

/* ---- checkers that wreck ---- */

static void assert_sees_fresh_states(const char *wreck)
{
	char command[1024];

	snprintf(command, sizeof(command),
		"[ \"$(find . | sort | xargs)\" = '. ./doc ./sub ./sub/in' ] || { find . | xargs; "
		"exit 1; }; [ $(cat doc) = text ] && [ $(cat sub/in) = inside ] && "
		"[ -w doc ] && [ -w sub ] && [ -w . ] && [ \"$(cat $TORNWRITE_OUTPUT)\" = '' ] || "
		"{ ls -lR; exit 1; }; [ $TORNWRITE_ACKED != 0 ] || exit 0; { %s; } >/dev/null "
		"2>&1; exit 1",
		wreck);
	begin(command, false, LONG_MS);
	assert_answer(ask_for("text", 4), ANSWER_OLDER, "exit status 1");
	assert_count(1, 0, 5, 0);
}

static void test_checker__each_question_sees_a_fresh_state(void **state)
{
	(void)state;
	assert_sees_fresh_states("rm -rf *");
	assert_sees_fresh_states("rm -rf doc; mkdir doc; echo >doc/x; rm -r sub; echo >sub");
	assert_sees_fresh_states("echo more >>doc; echo >sub/more; mkfifo fifo");
	assert_sees_fresh_states("chmod 0 sub/in sub doc .");
	assert_sees_fresh_states("chmod 444 sub; chmod 555 .");
	assert_sees_fresh_states("rm doc; ln -s sub doc; mv sub other");
	assert_sees_fresh_states("rm -f $TORNWRITE_OUTPUT; ln -s $PWD/doc $TORNWRITE_OUTPUT");
	assert_sees_fresh_states("echo more >>$TORNWRITE_OUTPUT; chmod 0 $TORNWRITE_OUTPUT");
	assert_sees_fresh_states("rm -f $TORNWRITE_OUTPUT; mkfifo $TORNWRITE_OUTPUT");
}

static void test_checker__a_directory_that_was_removed_is_made_again(void **state)
{
	(void)state;
	assert_sees_fresh_states("cd ..; rm -rf $TORNWRITE_DIR");
	assert_sees_fresh_states("cd ..; mv data gone$TORNWRITE_ACKED");
}

/* It may be the user's own. */
static void test_checker__another_directory_in_its_place_is_left_alone(void **state)
{
	struct answer answer;

	(void)state;
	begin("cd ..; mv data gone; mkdir data; echo >data/precious; exit 1", false, LONG_MS);
	assert_answer(ask_for("1", 0), ANSWER_BROKEN, "exit status 1");
	assert_int_equal(ask("2", &no_acks, &answer), -ESTALE);
	assert_non_null(strstr(answer.text, "something else in the place of the data directory"));
	assert_int_equal(access("data/precious", F_OK), 0);
}

static void test_checker__path_and_descriptor_must_be_the_same_directory(void **state)
{
	struct checker_options options = {.command = "true",
		.timeout_ms = LONG_MS,
		.directory = printed,
		.directory_fd = directory_fd,
		.scratch = printed};

	(void)state;
	assert_int_equal(checker_new(&checker, &options), -EINVAL);
	assert_null(checker);
}

/* ---- nothing is left ---- */

static void test_checker__daemons_are_killed(void **state)
{
	(void)state;
	begin(LOCK "sleep 1000 & true", false, LONG_MS);
	assert_answer(ask_for("", 0), ANSWER_LEGAL, "");
	assert_unlocked();
	begin(LOCK "setsid sh -c 'sleep 1000 & setsid sleep 1000 & wait' & exit 1", false, LONG_MS);
	assert_answer(ask_for("", 0), ANSWER_BROKEN, "exit status 1");
	assert_unlocked();
	begin(LOCK "setsid sh -c '(setsid sleep 1000 &) &' & kill -SEGV $$", false, LONG_MS);
	assert_answer(ask_for("", 0), ANSWER_CRASHED, "killed by SIGSEGV");
	assert_unlocked();
}

static void test_checker__a_server_and_all_it_started_end_with_the_checker(void **state)
{
	(void)state;
	begin(LOCK "setsid sleep 1000 & while read q; do echo ok; done; echo >../ended", true,
		LONG_MS);
	assert_answer(ask_for("", 0), ANSWER_LEGAL, "");
	checker_free(checker);
	checker = NULL;
	assert_unlocked();
	assert_int_equal(access("ended", F_OK), 0);
	begin(LOCK "while read q; do echo ok; done; sleep 1000", true, LONG_MS);
	assert_answer(ask_for("", 0), ANSWER_LEGAL, "");
	checker_free(checker);
	checker = NULL;
	assert_unlocked();
}

/* In a driver that will be killed. Another process of his holds all that he has open. */
static _Noreturn void drive(const char *command, bool is_server, int others_fd)
{
	pid_t other;

	begin(command, is_server, LONG_MS);
	other = fork();
	if (!other) {
		pause();
		_exit(1);
	}
	if (write(others_fd, &other, sizeof(other)) == sizeof(other))
		ask_for("", 0);
	_exit(1);
}

static void note_alarm(int number)
{
	(void)number;
}

/* The lock shows when the last has gone; the alarm is for a test that fails. */
static void assert_all_die_with_their_driver(const char *command, bool is_server)
{
	pid_t driver, other;
	int ends[2], fd, err;
	char byte;

	assert_int_equal(pipe(ends), 0);
	assert_true(!mkfifo("ready", 0600) || errno == EEXIST);
	driver = fork();
	if (!driver)
		drive(command, is_server, ends[1]);
	assert_int_equal(read(ends[0], &other, sizeof(other)), sizeof(other));
	fd = open("ready", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, &byte, 1), 1);
	close(fd);
	kill(driver, SIGKILL);
	waitpid(driver, NULL, 0);
	fd = open("lock", O_RDWR | O_CLOEXEC);
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = note_alarm}, NULL);
	alarm(60);
	err = flock(fd, LOCK_EX) ? -errno : 0;
	alarm(0);
	kill(other, SIGKILL);
	assert_int_equal(err, 0);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

static void test_checker__all_die_with_their_driver(void **state)
{
	(void)state;
	assert_all_die_with_their_driver(
		LOCK "setsid sleep 1000 & echo >../ready; sleep 1000", false);
	assert_all_die_with_their_driver(
		LOCK "setsid sleep 1000 & read q; echo >../ready; sleep 1000", true);
}

/* ---- servers ---- */

/* Reads a question into $acks, $dir and $out. */
#define SERVER                                                                                     \
	"echo start >>../starts; tab=$(printf '\\t'); while IFS=$tab read -r acks dir out; do "

static void assert_starts(unsigned count)
{
	struct buffer buffer = {0};

	assert_int_equal(io_read_file("starts", &buffer), 0);
	assert_int_equal(buffer.size_bytes, count * strlen("start\n"));
	buffer_release(&buffer);
}

static void test_checker__a_server_is_started_once(void **state)
{
	struct answer answer;

	(void)state;
	begin(SERVER "if [ $(cat doc) = $acks ]; then echo ok; else echo \"$(cat doc)!\"; fi; done",
		true, LONG_MS);
	assert_answer(ask_for("3", 3), ANSWER_LEGAL, "");
	answer = ask_for("1", 3);
	assert_answer(answer, ANSWER_OLDER, "1!");
	assert_int_equal(answer.legal_for, 1);
	assert_answer(ask_for("5", 3), ANSWER_BROKEN, "5!");
	assert_count(3, 0, 1 + 3 + 4, 0);
	assert_starts(1);
}

static void test_checker__a_server_is_told_all(void **state)
{
	static const size_t ends[] = {0};
	struct acks acks = {1, "printed", 7, ends};
	struct answer answer;

	(void)state;
	begin(SERVER "echo $acks $(cat $out) ${out#${dir%/*}}; done", true, LONG_MS);
	assert_int_equal(ask("", &acks, &answer), 0);
	assert_int_equal(strncmp(answer.text, "1 printed /printed/", 19), 0);
	setenv("TORNWRITE_ACKED", "99", 1);
	begin("read q; cd /; [ -z \"$TORNWRITE_ACKED\" ] && cd \"$TORNWRITE_DIR\" && cat doc && "
	      "cat \"$TORNWRITE_OUTPUT\" && echo",
		true, LONG_MS);
	assert_int_equal(ask("doc ", &acks, &answer), 0);
	unsetenv("TORNWRITE_ACKED");
	assert_answer(answer, ANSWER_BROKEN, "doc printed");
}

static void test_checker__a_server_sees_fresh_states(void **state)
{
	(void)state;
	begin(SERVER "if [ \"$(find . | sort | xargs)\" != '. ./doc ./sub ./sub/in' ]; then "
		     "echo stale; elif [ $acks = 0 ]; then echo ok; else rm -r doc "
		     "sub/in; echo >new; echo no; fi; done",
		true, LONG_MS);
	assert_answer(ask_for("1", 3), ANSWER_OLDER, "no");
	assert_answer(ask_for("2", 3), ANSWER_OLDER, "no");
	assert_starts(1);
}

static void test_checker__a_server_that_dies_is_started_again(void **state)
{
	(void)state;
	begin(SERVER "[ -e ../once ] || { : >../once; exit 1; }; echo ok; done", true, LONG_MS);
	assert_answer(ask_for("", 0), ANSWER_LEGAL, "");
	assert_count(1, 0, 2, 1);
	assert_starts(2);
	begin(SERVER "if [ $(cat doc) = bad ]; then echo bye >&2; exit 1; fi; echo ok; done", true,
		LONG_MS);
	assert_answer(ask_for("bad", 2), ANSWER_CRASHED, "exit status 1: bye");
	assert_count(1, 0, 2, 0);
	assert_answer(ask_for("good", 2), ANSWER_LEGAL, "");
	begin(SERVER "kill -9 $$; done", true, LONG_MS);
	assert_answer(ask_for("", 2), ANSWER_CRASHED, "killed by SIGKILL");
}

static void test_checker__a_server_may_end_after_each_answer(void **state)
{
	(void)state;
	begin("read q; echo no", true, LONG_MS);
	assert_answer(ask_for("", 2), ANSWER_BROKEN, "no");
}

static void test_checker__a_server_that_hangs_is_started_again(void **state)
{
	(void)state;
	begin(SERVER "[ $(cat doc) = bad ] && sleep 1000; echo ok; done", true, 1000);
	assert_answer(ask_for("bad", 2), ANSWER_HANGS, "no answer within 1000 ms");
	assert_answer(ask_for("good", 2), ANSWER_LEGAL, "");
	assert_starts(3);
	/* It reads nothing. */
	begin("exec sleep 1000", true, SHORT_MS);
	assert_answer(ask_for("bad", 2), ANSWER_HANGS, "no answer within 200 ms");
}

static void test_checker__a_server_that_babbles_gives_no_verdict(void **state)
{
	struct answer answer;

	(void)state;
	begin(SERVER "printf 'one\\ntwo\\n'; done", true, LONG_MS);
	assert_int_equal(ask("", &no_acks, &answer), -EPROTO);
	assert_non_null(strstr(answer.text, "not one line for each question, but: one"));
	assert_starts(2);
	begin(SERVER "echo; done", true, LONG_MS);
	assert_int_equal(ask("", &no_acks, &answer), -EPROTO);
	begin(SERVER "head -c 100000 /dev/zero | tr '\\0' x; done", true, LONG_MS);
	assert_int_equal(ask("", &no_acks, &answer), -EPROTO);
	assert_int_equal(strlen(answer.text), ANSWER_TEXT_BYTES - 1);
	begin(SERVER "[ -e ../once ] && echo ok || { : >../once; echo; }; done", true, LONG_MS);
	assert_answer(ask_for("", 0), ANSWER_LEGAL, "");
	assert_count(1, 0, 2, 1);
}

/* Of a file full of zeros Node says which character it did not expect. */
static void test_checker__a_reason_may_hold_any_bytes(void **state)
{
	(void)state;
	begin(SERVER "printf 'unexpected \\000\\377.\\n'; done", true, LONG_MS);
	assert_answer(ask_for("", 0), ANSWER_BROKEN, "unexpected ??.");
	begin(SERVER "printf 'ok\\000\\n'; done", true, LONG_MS);
	assert_answer(ask_for("", 0), ANSWER_BROKEN, "ok?");
	begin(SERVER "printf 'ok \\r\\n'; done", true, LONG_MS);
	assert_answer(ask_for("", 0), ANSWER_LEGAL, "");
	begin("printf 'unexpected \\000\\377.\\n'; exit 1", false, LONG_MS);
	assert_answer(ask_for("", 0), ANSWER_BROKEN, "unexpected ??.");
}

/* The first answer may have been a warning, and the second the verdict. */
static void test_checker__a_second_answer_gives_no_verdict(void **state)
{
	struct answer answer;

	(void)state;
	assert_int_equal(mkfifo("go", 0600), 0);
	begin(SERVER "echo warning; cat ../go >/dev/null; echo ok; : >../said; done", true,
		LONG_MS);
	assert_answer(ask_for("1", 0), ANSWER_BROKEN, "warning");
	put("go", "");
	while (access("said", F_OK))
		sched_yield();
	assert_int_equal(ask("2", &no_acks, &answer), -EPROTO);
	assert_non_null(strstr(answer.text, "not one line for each question, but: ok"));
}

static void test_checker__a_server_may_say_much_on_standard_error(void **state)
{
	(void)state;
	begin(SERVER "yes | head -c 300000 >&2; echo ok; yes | head -c 300000 >&2; done", true,
		LONG_MS);
	assert_answer(ask_for("1", 0), ANSWER_LEGAL, "");
	assert_answer(ask_for("2", 0), ANSWER_LEGAL, "");
	assert_starts(1);
}

static void test_checker__a_server_cannot_be_told_a_path_with_a_tab(void **state)
{
	struct checker_options options = {
		.command = "true", .is_server = true, .timeout_ms = LONG_MS, .scratch = printed};

	(void)state;
	options.directory_fd = directory_fd;
	assert_int_equal(rename("data", "da\tta"), 0);
	snprintf(directory, sizeof(directory), "%s/da\tta", scratch_path);
	options.directory = directory;
	assert_int_equal(checker_new(&checker, &options), -EINVAL);
	options.is_server = false;
	assert_int_equal(checker_new(&checker, &options), 0);
	assert_answer(ask_for("", 0), ANSWER_LEGAL, "");
}

/* ---- as others ---- */

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

static int check_all(const char *name)
{
	const struct CMUnitTest tests[] = {
		TEST(test_checker__exit_status_0_is_legal),
		TEST(test_checker__the_reason_is_the_last_line_printed),
		TEST(test_checker__without_a_reason_it_is_the_exit_status),
		TEST(test_checker__of_much_output_the_end_is_kept),
		TEST(test_checker__legal_for_fewer_acks_is_older),
		TEST(test_checker__the_most_acks_that_are_legal_count),
		TEST(test_checker__asked_for_n_acks_it_sees_the_output_up_to_the_nth),
		TEST(test_checker__a_crash_is_no_opinion),
		TEST(test_checker__a_hang_is_a_hang),
		TEST(test_checker__what_happens_once_is_not_believed),
		TEST(test_checker__what_cannot_be_run_gives_no_verdict),
		TEST(test_checker__equal_questions_are_asked_once),
		TEST(test_checker__many_answers_are_remembered),
		TEST(test_checker__it_runs_as_a_fresh_process),
		TEST(test_checker__output_blocks_again_in_the_next_run),
		TEST(test_checker__each_question_sees_a_fresh_state),
		TEST(test_checker__a_directory_that_was_removed_is_made_again),
		TEST(test_checker__another_directory_in_its_place_is_left_alone),
		TEST(test_checker__path_and_descriptor_must_be_the_same_directory),
		TEST(test_checker__daemons_are_killed),
		TEST(test_checker__a_server_and_all_it_started_end_with_the_checker),
		TEST(test_checker__all_die_with_their_driver),
		TEST(test_checker__a_server_is_started_once),
		TEST(test_checker__a_server_is_told_all),
		TEST(test_checker__a_server_sees_fresh_states),
		TEST(test_checker__a_server_that_dies_is_started_again),
		TEST(test_checker__a_server_may_end_after_each_answer),
		TEST(test_checker__a_server_that_hangs_is_started_again),
		TEST(test_checker__a_server_that_babbles_gives_no_verdict),
		TEST(test_checker__a_reason_may_hold_any_bytes),
		TEST(test_checker__a_second_answer_gives_no_verdict),
		TEST(test_checker__a_server_may_say_much_on_standard_error),
		TEST(test_checker__a_server_cannot_be_told_a_path_with_a_tab),
	};

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

static bool become_nobody(void)
{
	return !setgroups(0, NULL) && !setresgid(65534, 65534, 65534) &&
	       !setresuid(65534, 65534, 65534);
}

static bool enter_user_namespace(void)
{
	/* Who has changed his user may not write his maps without this. */
	if (!become_nobody() || prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER))
		return false;
	put("/proc/self/setgroups", "deny");
	put("/proc/self/uid_map", "0 65534 1");
	put("/proc/self/gid_map", "0 65534 1");
	return true;
}

/* In a process of their own, which cannot become root again. */
static int check_all_as(const char *name, bool (*become)(void))
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (chdir("/") || !become()) {
			printf("%s: not possible here\n", name);
			exit(0);
		}
		exit(check_all(name));
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(void)
{
	int failures = check_all("checker");

	if (!geteuid()) {
		failures += check_all_as("checker, as nobody", become_nobody);
		failures += check_all_as("checker, in a user namespace", enter_user_namespace);
	}
	return failures;
}
