/*
 * Which states are alike to a checker. Each behaviour is tried from both sides: what it did not
 * look at makes no difference, and what it did look at does. The last test holds random checkers
 * against random states: whatever is said to be legal, the checker itself finds legal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/check_looks.h"
#include "harness/inject.h"
#include "tests/cli.h"
#include "tests/scratch.h"

enum { TIMEOUT_MS = 20000, SHORT_MS = 300 };

static struct check_looks *looks;
static int directory_fd = -1;
static char directory[PATH_MAX + 8], files[PATH_MAX + 8];
static uint64_t covered, recorded; /* of all random checkers */

/* ---- the scene: data/ for the states, files/ for what is printed, model/ to make states ---- */

static int enter(void **state)
{
	if (scratch_enter(state))
		return -1;
	snprintf(directory, sizeof(directory), "%s/data", scratch_path);
	snprintf(files, sizeof(files), "%s/files", scratch_path);
	if (mkdir("data", 0755) || mkdir("model", 0755))
		return -1;
	directory_fd = open("data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return directory_fd < 0 ? -1 : 0;
}

static int leave(void **state)
{
	check_looks_free(looks);
	looks = NULL;
	close(directory_fd);
	return scratch_leave(state);
}

static void begin_with(const char *command, unsigned timeout_ms)
{
	struct check_looks_options options = {.command = command,
		.directory = directory,
		.directory_fd = directory_fd,
		.scratch = files,
		.timeout_ms = timeout_ms,
		.loss_us = UINT64_MAX / 2};

	check_looks_free(looks);
	assert_int_equal(check_looks_new(&looks, &options), 0);
}

static void begin(const char *command)
{
	begin_with(command, TIMEOUT_MS);
}

/* The tree that a shell command makes of an empty directory. */
static struct tree *make_tree(const char *command)
{
	struct tree *tree;
	char line[2048];
	int fd = open("model", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(tree_wipe(fd), 0);
	assert_true((size_t)snprintf(line, sizeof(line), "cd model && { %s\n}", command) <
		    sizeof(line));
	if (system(line))
		fail_msg("cannot make: %s", command);
	assert_int_equal(tree_load(fd, &tree, NULL), 0);
	close(fd);
	return tree;
}

static int ask_for(const char *state, unsigned acked, const char *output)
{
	struct tree *tree = make_tree(state);
	struct acks acks = {.count = acked, .output = output, .output_bytes = strlen(output)};
	int answer = check_looks_ask(looks, tree, &acks);

	tree_unref(tree);
	assert_true(answer >= 0);
	return answer;
}

static int ask(const char *state)
{
	return ask_for(state, 0, "");
}

static uint64_t runs(void)
{
	return check_looks_count(looks).run;
}

/* Whether the second state is covered by the first, of which it must be certain that it is legal.
 */
static bool covers(const char *checker, const char *first, const char *second)
{
	begin(checker);
	if (ask(first) != LOOKS_LEGAL)
		fail_msg("not legal, or not certain: %s: %s", checker, first);
	return ask(second) == LOOKS_PROVE;
}

static void assert_alike(const char *checker, const char *first, const char *second)
{
	if (!covers(checker, first, second))
		fail_msg("not alike to '%s': '%s' and '%s'", checker, first, second);
}

static void assert_different(const char *checker, const char *first, const char *second)
{
	if (covers(checker, first, second))
		fail_msg("alike to '%s': '%s' and '%s'", checker, first, second);
}

/* ---- what is looked at ---- */

static void test_check_looks__a_file_that_was_not_read_does_not_count(void **state)
{
	(void)state;
	assert_alike("cat a", "echo 1 >a; echo 1 >b", "echo 1 >a; echo 2 >b");
	assert_alike("cat a", "echo 1 >a; echo 1 >b", "echo 1 >a");
	assert_alike("cat a", "echo 1 >a", "echo 1 >a; ln -s a b");
	assert_alike("cat d/a", "mkdir d; echo 1 >d/a", "mkdir d; echo 1 >d/a; echo 1 >d/b");
}

static void test_check_looks__a_file_that_was_read_counts(void **state)
{
	(void)state;
	assert_different("cat a", "echo 1 >a", "echo 2 >a");
	assert_different("cat a", "echo 1 >a", "echo 1 >a; chmod 600 a");
	assert_different("cat d/a", "mkdir d; echo 1 >d/a", "mkdir d; echo 2 >d/a");
	assert_different("cat $TORNWRITE_DIR/a", "echo 1 >a", "echo 2 >a");
	assert_different("cd d; cat a", "mkdir d; echo 1 >d/a", "mkdir d; echo 2 >d/a");
	assert_different("exec 5<a; cat /dev/fd/5", "echo 1 >a", "echo 2 >a");
	assert_different("cat a; :", "echo 1 >a", "mkdir a");
	assert_different("cat a; :", "echo 1 >a", ":");
}

static void test_check_looks__bytes_that_were_not_read_do_not_count(void **state)
{
	static const char first[] = "dd if=a bs=1 count=4 2>/dev/null";

	(void)state;
	assert_alike(first, "echo 1234567 >a", "echo 1234999 >a");
	assert_different(first, "echo 1234567 >a", "echo 1239567 >a");
	assert_different(first, "echo 1234567 >a", "echo 12345678 >a");
	assert_alike("test -s a", "echo 1234567 >a", "echo 7654321 >a");
	assert_different("test -s a", "echo 1234567 >a", "echo 123456 >a");
	assert_different("dd if=a bs=1 skip=5000 count=1 2>/dev/null", "head -c 9000 /dev/zero >a",
		"{ head -c 5000 /dev/zero; printf x; head -c 3999 "
		"/dev/zero; } >a");
}

static void test_check_looks__a_list_of_names_counts(void **state)
{
	(void)state;
	assert_different("ls", "echo 1 >a", "echo 1 >a; echo 1 >b");
	assert_different("echo *", "echo 1 >a", "echo 1 >b");
	assert_different("ls d", "mkdir d", "mkdir d; echo 1 >d/a");
	assert_different("ls d", "mkdir d; echo 1 >d/a", "mkdir d; mkdir d/a");
	assert_different("ls d", "mkdir d; echo 1 >d/a", "mkdir d; ln -s x d/a");
	assert_alike("ls d", "mkdir d; echo 1 >d/a", "mkdir d; echo 2 >d/a");
	assert_alike("ls d", "mkdir d", "mkdir d; echo 1 >a");
	assert_different("stat -c %h d", "mkdir d", "mkdir -p d/e");
	assert_different("find . >/dev/null", "mkdir d", "mkdir -p d/e");
}

static void test_check_looks__a_name_that_was_missing_counts(void **state)
{
	(void)state;
	assert_different("test ! -e a", "echo 1 >b", "echo 1 >b; echo 1 >a");
	assert_different("test ! -e a", "echo 1 >b", "echo 1 >b; ln -s x a");
	assert_different("test ! -e d/a", ":", "mkdir d");
	assert_different("test ! -e d/e/a", "mkdir d", "mkdir d; mkdir d/e");
	assert_different("test ! -e $TORNWRITE_DIR/d/a", ":", "mkdir d; echo 1 >d/a");
	assert_different(
		"test ! -e $TORNWRITE_DIR/d/e/a", "mkdir d", "mkdir -p d/e; echo 1 >d/e/a");
	assert_different("cat a 2>/dev/null; :", ":", "echo 1 >a");
	assert_different("cd d 2>/dev/null; :", ":", "mkdir d");
	assert_different("rm a 2>/dev/null; :", ":", "echo 1 >a");
	assert_alike("test ! -e a", "echo 1 >b", "echo 2 >b; echo 1 >c");
}

static void test_check_looks__the_way_to_a_file_counts(void **state)
{
	(void)state;
	assert_different("cat d/../a", "mkdir d; echo 1 >a", "echo 1 >a");
	assert_different("cat d/../a; :", "echo 1 >a", "mkdir d; echo 1 >a");
	assert_different("cat d/../a; :", "echo 1 >a", "ln -s . d; echo 1 >a");
	assert_different("cat d/e/a", "mkdir -p d/e; echo 1 >d/e/a",
		"mkdir -p d f; ln -s ../f d/e; echo 1 >f/a");
	assert_different("cat d/a", "mkdir d; echo 1 >d/a", "mkdir d; echo 1 >d/a; chmod 711 d");
}

static void test_check_looks__symbolic_links_count_and_where_they_lead(void **state)
{
	(void)state;
	assert_different("cat l", "ln -s a l; echo 1 >a", "ln -s a l; echo 2 >a");
	assert_different(
		"cat l", "ln -s a l; echo 1 >a; echo 1 >b", "ln -s b l; echo 1 >a; echo 1 >b");
	assert_different("cat l", "ln -s a l; echo 1 >a", "echo 1 >l; echo 1 >a");
	assert_different("test ! -e l", "ln -s a l", "ln -s a l; echo 1 >a");
	assert_different("test ! -e l/a", "ln -s d/../d l", "mkdir d; ln -s d/../d l");
	assert_different("readlink l", "ln -s a l", "ln -s b l");
	assert_different("cat l/a", "mkdir d e; ln -s d l; echo 1 >d/a; ln -s ../e d/f",
		"mkdir d e; ln -s d l; echo 2 >d/a; ln -s ../e d/f");
	assert_different("cat l/e/a", "mkdir d f; ln -s d l; ln -s ../f d/e; echo 1 >f/a",
		"mkdir d f g; ln -s d l; ln -s ../g d/e; echo 1 >f/a; echo 1 >g/a");
	assert_different("ln -s $TORNWRITE_DIR/a m; cat m", "echo 1 >a", "echo 2 >a");
	assert_alike("cat l", "ln -s a l; echo 1 >a; echo 1 >b", "ln -s a l; echo 1 >a; echo 2 >b");
}

static void test_check_looks__what_is_looked_at_may_depend_on_what_was_seen(void **state)
{
	static const char checker[] = "read name <a; cat $name";

	(void)state;
	begin(checker);
	assert_int_equal(ask("echo b >a; echo 1 >b; echo 1 >c"), LOOKS_LEGAL);
	ask("echo b >a; echo 1 >b; echo 2 >c");
	assert_int_equal(runs(), 1);
	ask("echo c >a; echo 1 >b; echo 1 >c");
	assert_int_equal(runs(), 2);
	ask("echo c >a; echo 2 >b; echo 1 >c");
	assert_int_equal(runs(), 2);
	ask("echo c >a; echo 2 >b; echo 2 >c");
	assert_int_equal(runs(), 3);
	ask("echo b >a; echo 2 >b; echo 2 >c");
	assert_int_equal(runs(), 4);
}

static void test_check_looks__a_program_that_is_run_counts(void **state)
{
	static const char make[] = "printf '#!/bin/sh\\nexit 0\\n' >tool; chmod 755 tool";
	static const char make_other[] = "printf '#!/bin/sh\\nexit 1\\n' >tool; chmod 755 tool";
	static const char make_in[] = "printf '#!%s/sh a b\\nexit 0\\n' $(realpath ../data) >tool; "
				      "chmod 755 tool";

	(void)state;
	assert_different("./tool", make, make_other);
	assert_different("./tool", make, "printf '#!/bin/sh\\nexit 0\\n' >tool");
	assert_different("PATH=.:$PATH; tool", make, make_other);
	assert_different("./tool 2>/dev/null; :", ":", make_other);
	assert_different("exec ./tool", "cp /bin/true tool", "cp /bin/false tool");
	/* Nobody opens the interpreter of a script but the kernel. */
	assert_different("./tool 2>/dev/null; :", make_in,
		"cp /bin/false sh; { " /* */
		"printf '#!%s/sh a b\\nexit 0\\n' $(realpath ../data) >tool; chmod 755 tool; }");
}

static void test_check_looks__bytes_that_are_copied_or_mapped_count(void **state)
{
	(void)state;
	assert_different("cp a b", "echo 1 >a", "echo 2 >a");
	assert_different("cat a | cat >/dev/null", "echo 1 >a", "echo 2 >a");
	if (system("python3 -c '' 2>/dev/null"))
		return;
	assert_different("python3 -ISc 'import mmap; f = open(\"a\"); "
			 "print(mmap.mmap(f.fileno(), 0, prot = mmap.PROT_READ)[0])'",
		"echo 1 >a", "echo 2 >a");
	assert_different("python3 -ISc 'import os; f = open(\"a\"); r, w = os.pipe(); "
			 "os.sendfile(w, f.fileno(), 0, 1)'",
		"echo 1 >a", "echo 2 >a");
}

/* ---- checkers that change the state ---- */

static void test_check_looks__what_the_checker_made_itself_does_not_count(void **state)
{
	static const char checker[] = "echo 1 >new && cat new && mv new other && cat other && "
				      "mkdir d && echo 2 >d/x && ls d && rm -r d";

	(void)state;
	assert_alike(checker, "echo 1 >a", "echo 2 >a");
	assert_different(checker, ":", "echo 1 >other");
	assert_different(checker, ":", "mkdir other");
	assert_different(checker, ":", "echo 1 >new");
}

static void test_check_looks__what_the_checker_moved_counts_as_it_was(void **state)
{
	(void)state;
	assert_different("mv d e; cat e/a", "mkdir d; echo 1 >d/a", "mkdir d; echo 2 >d/a");
	assert_alike("mv d e; cat e/a", "mkdir d; echo 1 >d/a; echo 1 >d/b",
		"mkdir d; echo 1 >d/a; echo 2 >d/b");
	assert_different("mv d e; test ! -e e/b", "mkdir d; echo 1 >d/a",
		"mkdir d; echo 1 >d/a; echo 2 >d/b");
	assert_different("mkdir n; mv l n; cat n/l", "ln -s ../a l; echo 1 >a",
		"ln -s ../b l; echo 1 >a; echo 1 >b");
	assert_different("mv -T d e", "mkdir d e", "mkdir d e; echo 1 >e/a");
	assert_different("rmdir d", "mkdir d", "mkdir d; echo 1 >d/a");
	assert_different("rm -r d", "mkdir d; echo 1 >d/a", "mkdir d; echo 1 >d/a; mkdir d/b");
}

/* ---- what is not certain ---- */

static void assert_uncertain(const char *checker, const char *made)
{
	begin(checker);
	assert_int_equal(ask(made), LOOKS_UNKNOWN);
	assert_int_equal(check_looks_count(looks).uncertain, 1);
	/* The checker, which is asked, remembers. */
	assert_int_equal(ask(made), LOOKS_UNKNOWN);
	assert_int_equal(runs(), 1);
}

static void test_check_looks__what_is_not_certain_is_not_said(void **state)
{
	(void)state;
	/* A file with two names: what is done to one is done to the other. */
	assert_uncertain("cat a", "echo 1 >a; ln a b");
	assert_uncertain("ls -l a", "echo 1 >a; ln a b");
	assert_alike("cat a", "echo 1 >a; echo 1 >b", "echo 1 >a; echo 1 >b; ln b c");
	assert_different("cat a", "echo 1 >a", "echo 1 >a; ln a b");
	assert_uncertain("echo 1 >../elsewhere", ":");
	assert_uncertain("sleep 60 & :", ":");
	assert_uncertain("mkfifo f", ":");
	assert_uncertain("kill -9 $$", ":");
}

static void test_check_looks__whom_the_checker_asks_is_not_known(void **state)
{
	(void)state;
	if (system("python3 -c '' 2>/dev/null"))
		skip();
	assert_uncertain("python3 -ISc 'import socket; s = socket.socket(); s.connect_ex("
			 "(\"127.0.0.1\", 9))'",
		":");
	assert_uncertain("python3 -ISc 'import socket; s = socket.socket(socket.AF_UNIX); "
			 "s.bind(\"\\0\" + \"looks\")'",
		":");
	/* There is nobody at this name, but there may be. */
	assert_different("python3 -ISc 'import socket; s = socket.socket(socket.AF_UNIX); "
			 "s.connect_ex(\"s\")'",
		":", "echo 1 >s");
}

static void test_check_looks__a_checker_that_hangs_is_ended(void **state)
{
	(void)state;
	/* It does something all the time. */
	begin_with("while :; do test -e a; sleep 0.05; done", SHORT_MS);
	assert_int_equal(ask(":"), LOOKS_UNKNOWN);
	assert_int_equal(check_looks_count(looks).uncertain, 1);
}

static void test_check_looks__what_is_never_certain_is_not_tried_for_ever(void **state)
{
	char made[32];

	(void)state;
	begin("echo 1 >../elsewhere");
	for (int i = 0; i < 20; i++) {
		snprintf(made, sizeof(made), "echo %d >a", i);
		assert_int_equal(ask(made), LOOKS_UNKNOWN);
	}
	assert_int_equal(runs(), 16);
}

/* ---- questions ---- */

static void test_check_looks__what_is_not_legal_is_never_said_to_be(void **state)
{
	(void)state;
	begin("grep -q 1 a");
	assert_int_equal(ask("echo 2 >a"), LOOKS_UNKNOWN);
	assert_int_equal(ask("echo 2 >a; echo 1 >b"), LOOKS_UNKNOWN);
	/* The recorder need not be asked again, however. */
	assert_int_equal(runs(), 1);
	assert_int_equal(ask("echo 1 >a; echo 1 >b"), LOOKS_LEGAL);
	assert_int_equal(runs(), 2);
}

static void test_check_looks__each_number_of_acks_is_a_question_of_its_own(void **state)
{
	(void)state;
	begin("test $TORNWRITE_ACKED = 1 || ! grep -q x $TORNWRITE_OUTPUT");
	assert_int_equal(ask_for(":", 0, ""), LOOKS_LEGAL);
	assert_int_equal(ask_for("echo 1 >a", 1, ""), LOOKS_LEGAL);
	assert_int_equal(ask_for("echo 1 >a", 0, "x"), LOOKS_UNKNOWN);
	assert_int_equal(ask_for("echo 1 >a", 1, "x"), LOOKS_LEGAL);
	assert_int_equal(runs(), 4);
	assert_int_equal(ask_for("echo 2 >a", 1, "x"), LOOKS_PROVE);
	assert_int_equal(runs(), 4);
}

static void test_check_looks__now_and_then_the_checker_is_to_prove_it(void **state)
{
	enum { COUNT = 33 };
	unsigned proofs = 0;
	char made[32];

	(void)state;
	begin("test -e a");
	assert_int_equal(ask("echo x >a"), LOOKS_LEGAL);
	for (int i = 0; i < COUNT; i++) {
		snprintf(made, sizeof(made), "echo x >a; echo %d >b", i);
		proofs += ask(made) == LOOKS_PROVE;
	}
	assert_int_equal(proofs, 6); /* 1, 2, 4, 8, 16, 32 */
	assert_int_equal(check_looks_count(looks).alike, COUNT - proofs);
	assert_int_equal(runs(), 1);
	check_looks_refute(looks);
	assert_int_equal(ask("echo x >a; echo 99 >b"), LOOKS_UNKNOWN);
	assert_int_equal(ask("echo x >a"), LOOKS_UNKNOWN);
	assert_true(check_looks_count(looks).is_refuted);
}

static void test_check_looks__an_equal_state_is_not_counted_again(void **state)
{
	(void)state;
	begin("test -e a");
	assert_int_equal(ask("echo x >a"), LOOKS_LEGAL);
	ask("echo x >a; echo 1 >b");
	ask("echo x >a; echo 2 >b; echo 1 >c");
	ask("echo x >a; echo 3 >b");
	assert_int_equal(check_looks_count(looks).alike, 1);
	assert_int_equal(ask("echo x >a; echo 3 >b"), LOOKS_LEGAL);
	assert_int_equal(ask("echo x >a"), LOOKS_LEGAL);
	assert_int_equal(check_looks_count(looks).alike, 1);
}

static void test_check_looks__processes_at_once_may_come_in_any_order(void **state)
{
	(void)state;
	begin("cat a & cat b & cat c & wait");
	for (int i = 0; i < 6; i++)
		assert_int_not_equal(ask("echo 1 >a; echo 2 >b; echo 3 >c"), LOOKS_UNKNOWN);
	ask("echo 1 >a; echo 2 >b; echo 4 >c");
	assert_int_equal(runs(), 2);
}

/* ---- random checkers, random states ---- */

static uint64_t chance;

static unsigned below(unsigned count)
{
	chance = chance * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(chance >> 33) % count;
}

static const char *const names[] = {"a", "b", "d", "d/a", "d/b", "l", "l/a", "d/../b", "e"};
enum { NAMES = sizeof(names) / sizeof(*names) };

static const char *any_name(void)
{
	return names[below(NAMES)];
}

static const char *const parts[] = {"echo 1 >a", "echo 2 >a", "echo 1 >b", "echo 22 >b",
	"mkdir -p d", "mkdir -p d; echo 1 >d/a", "mkdir -p d; echo 2 >d/a",
	"mkdir -p d; echo 1 >d/b", "ln -sfn d l", "ln -sfn a l", "ln -sfn e l", "mkdir -p e",
	"mkdir -p e; echo 1 >e/a", "chmod 600 a 2>/dev/null", "rm -f b", "ln -f a b 2>/dev/null"};
enum { PARTS = sizeof(parts) / sizeof(*parts) };

static void add_parts(char *text, size_t size, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		snprintf(
			text + strlen(text), size - strlen(text), "{ %s; }; ", parts[below(PARTS)]);
}

static void add_test(char *text, size_t size)
{
	size_t length = strlen(text);
	const char *name = any_name();

	switch (below(9)) {
	case 0:
		snprintf(text + length, size - length, "test -e %s", name);
		break;
	case 1:
		snprintf(text + length, size - length, "test -d %s", name);
		break;
	case 2:
		snprintf(text + length, size - length, "test -L %s", name);
		break;
	case 3:
		snprintf(text + length, size - length, "test -s %s", name);
		break;
	case 4:
		snprintf(text + length, size - length, "grep -q %u %s", 1 + below(2), name);
		break;
	case 5:
		snprintf(text + length, size - length, "test $(ls %s | wc -l) -gt %u", name,
			below(3));
		break;
	case 6:
		snprintf(text + length, size - length, "cat %s", name);
		break;
	case 7:
		snprintf(text + length, size - length, "test x$(stat -c %%a-%%s-%%h %s) = x644-2-1",
			name);
		break;
	default:
		snprintf(text + length, size - length, "test x$(dd if=%s bs=1 count=1) = x1", name);
	}
}

static void add_change(char *text, size_t size)
{
	size_t length = strlen(text);
	const char *name = any_name(), *other = any_name();

	switch (below(7)) {
	case 0:
		snprintf(text + length, size - length, "rm %s", name);
		break;
	case 1:
		snprintf(text + length, size - length, "mv -T %s %s", name, other);
		break;
	case 2:
		snprintf(text + length, size - length, "mkdir %s", name);
		break;
	case 3:
		snprintf(text + length, size - length, "rmdir %s", name);
		break;
	case 4:
		snprintf(text + length, size - length, "echo 1 >>%s", name);
		break;
	case 5:
		snprintf(text + length, size - length, "ln -s %s %s", name, other);
		break;
	default:
		snprintf(text + length, size - length, "cd %s", name);
	}
}

/* Tests and changes, each with what to do if so and if not. */
static void add_step(char *text, size_t size, unsigned depth)
{
	if (!depth) {
		snprintf(text + strlen(text), size - strlen(text), "exit %d", below(5) == 0);
		return;
	}
	if (below(4))
		snprintf(text + strlen(text), size - strlen(text), "if ");
	else
		snprintf(text + strlen(text), size - strlen(text), "if ! ");
	if (below(3))
		add_test(text, size);
	else
		add_change(text, size);
	snprintf(text + strlen(text), size - strlen(text), "; then ");
	add_step(text, size, depth - 1);
	snprintf(text + strlen(text), size - strlen(text), "; else ");
	add_step(text, size, depth - 1);
	snprintf(text + strlen(text), size - strlen(text), "; fi");
}

static void check_random_checker(uint64_t seed)
{
	enum { STATES = 24, DEPTH = 4 };
	char command[4096] = "exec 2>/dev/null; ", common[512] = "", made[1024];
	struct checker_options options = {.command = command,
		.timeout_ms = TIMEOUT_MS,
		.directory = directory,
		.directory_fd = directory_fd,
		.scratch = scratch_path};
	struct acks acks = {.output = ""};
	struct checker *checker;

	chance = seed;
	/* Few differences, so that two states often agree on much. */
	add_parts(common, sizeof(common), 2 + below(5));
	add_step(command, sizeof(command), DEPTH);
	begin(command);
	assert_int_equal(checker_new(&checker, &options), 0);
	for (int i = 0; i < STATES; i++) {
		struct answer answer;
		struct tree *tree;
		int said;

		snprintf(made, sizeof(made), "%s", common);
		add_parts(made, sizeof(made), 1 + below(3));
		strcat(made, ":");
		tree = make_tree(made);
		said = check_looks_ask(looks, tree, &acks);
		assert_true(said >= 0);
		assert_int_equal(check_looks_let(looks, checker, tree, &acks, &answer), 0);
		covered += said == LOOKS_PROVE;
		if (said != LOOKS_UNKNOWN && answer.kind != ANSWER_LEGAL)
			fail_msg("seed %llu: said to be legal, and is not: '%s' of '%s'",
				(unsigned long long)seed, command, made);
		tree_unref(tree);
	}
	covered += check_looks_count(looks).alike;
	recorded += runs();
	checker_free(checker);
}

static void test_check_looks__what_is_said_of_random_states_is_true(void **state)
{
	const char *wanted = getenv("CHECKERS");
	unsigned checkers = wanted ? (unsigned)atoi(wanted) : 24;

	(void)state;
	covered = recorded = 0;
	for (unsigned i = 0; i < checkers; i++)
		check_random_checker(0x5eed + i * 7919);
	print_message("%llu covered by %llu runs\n", (unsigned long long)covered,
		(unsigned long long)recorded);
	/* Otherwise nothing was tried. */
	assert_true(covered > 2 * checkers);
}

/* ---- tornwrite check ---- */

static json_t *check(const char *checker, const char *option)
{
	static const char command[] =
		"echo new >t; mv t a; for i in 1 2 3; do echo $i >>log; done; sync a";
	struct outcome outcome;

	assert_true(!mkdir("watched", 0755) || errno == EEXIST);
	write_file("watched/a", "old\n");
	outcome = RUN("check", "--dir", "watched", "--check", checker, "--fault", "kill", "--model",
		"posix", "--jobs", "1", "--progress", "never", "--json", "-", option, "--", "sh",
		"-c", command);
	return parse(&outcome);
}

/* "atomicity violated in 3 kinds" */
static void say_result(json_t *result, char *said, size_t size)
{
	json_t *causes = json_object_get(result, "causes");

	snprintf(said, size, "%s %s %s %s", text(result, "fault"), text(result, "property"),
		text(result, "verdict"),
		json_array_size(causes) ? text(json_array_get(causes, 0), "detail") : "");
}

static void test_check_looks__the_verdicts_are_those_of_a_check_without(void **state)
{
	static const char checker[] = "case $(cat a) in old) test $TORNWRITE_ACKED = 0;; new) ;; "
				      "*) echo \"a is $(cat a)\"; exit 1;; esac";
	json_t *with = check(checker, "--check-looks"),
	       *without = check(checker, "--check-timeout=9");
	json_t *results = json_object_get(with, "results"), *result;
	json_t *others = json_object_get(without, "results");
	json_int_t alike = 0;
	size_t i;

	(void)state;
	assert_int_equal(json_array_size(results), json_array_size(others));
	assert_true(json_array_size(results) > 0);
	json_array_foreach(results, i, result)
	{
		json_t *evidence = json_object_get(result, "evidence");
		char said[1024], other[1024];

		say_result(result, said, sizeof(said));
		say_result(json_array_get(others, i), other, sizeof(other));
		assert_string_equal(said, other);
		alike += json_integer_value(json_object_get(evidence, "alike"));
	}
	assert_true(alike > 0);
	json_decref(with);
	json_decref(without);
}

static void test_check_looks__a_checker_that_does_not_keep_its_word_is_told(void **state)
{
	/* Under the recorder it prints to a file. */
	json_t *json = check("cat a; test -f /dev/stdout", "--check-looks");
	json_t *results = json_object_get(json, "results"), *result;
	bool is_told = false;
	size_t i;

	(void)state;
	json_array_foreach(results, i, result)
	{
		assert_false(is(result, "verdict", "holds"));
		is_told |= strstr(text(result, "detail"), "without --check-looks") != NULL;
	}
	assert_true(is_told);
	json_decref(json);
}

static void test_check_looks__it_is_about_a_checker_that_is_started_each_time(void **state)
{
	(void)state;
	expect_failure(RUN("check", "--check-looks", "--", "true"), 2, "--check-looks");
	expect_failure(RUN("check", "--check-looks", "--check-server", "cat", "--", "true"), 2,
		"--check-looks");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_check_looks__##name, enter, leave)
		TEST(a_file_that_was_not_read_does_not_count),
		TEST(a_file_that_was_read_counts),
		TEST(bytes_that_were_not_read_do_not_count),
		TEST(a_list_of_names_counts),
		TEST(a_name_that_was_missing_counts),
		TEST(the_way_to_a_file_counts),
		TEST(symbolic_links_count_and_where_they_lead),
		TEST(what_is_looked_at_may_depend_on_what_was_seen),
		TEST(a_program_that_is_run_counts),
		TEST(bytes_that_are_copied_or_mapped_count),
		TEST(what_the_checker_made_itself_does_not_count),
		TEST(what_the_checker_moved_counts_as_it_was),
		TEST(what_is_not_certain_is_not_said),
		TEST(whom_the_checker_asks_is_not_known),
		TEST(a_checker_that_hangs_is_ended),
		TEST(what_is_never_certain_is_not_tried_for_ever),
		TEST(what_is_not_legal_is_never_said_to_be),
		TEST(each_number_of_acks_is_a_question_of_its_own),
		TEST(now_and_then_the_checker_is_to_prove_it),
		TEST(an_equal_state_is_not_counted_again),
		TEST(processes_at_once_may_come_in_any_order),
		TEST(what_is_said_of_random_states_is_true),
		TEST(the_verdicts_are_those_of_a_check_without),
		TEST(a_checker_that_does_not_keep_its_word_is_told),
		TEST(it_is_about_a_checker_that_is_started_each_time),
	};

	program = getenv("TORNWRITE");
	if (inject_init() || !program)
		return 1;
	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
