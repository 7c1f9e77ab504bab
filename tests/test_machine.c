/* A new program's image, as the tracer leaves it: wherever on the stack its auxiliary vector is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/machine.h"

static const uint64_t seed = 0x746f726e77726974;

/* What a program was given. */
struct given {
	uint64_t chance[2], clock, page_bytes;
};

static char *const self = "/proc/self/exe";

/* The test as that program. */
static int tell_given(void)
{
	struct given given = {
		.clock = getauxval(AT_SYSINFO_EHDR), .page_bytes = getauxval(AT_PAGESZ)};

	memcpy(given.chance, (const void *)getauxval(AT_RANDOM), sizeof(given.chance));
	return write(STDOUT_FILENO, &given, sizeof(given)) == sizeof(given) ? 0 : 1;
}

/* Becomes that program, with so many variables in its environment. */
static _Noreturn void become(int fd, unsigned variables)
{
	char *arguments[] = {self, "given", NULL};
	char **environment = calloc(variables + 2UL, sizeof(*environment));

	for (unsigned i = 0; environment && i < variables; i++)
		environment[i] = "A=1";
	/* Leaks cannot be looked for in a process that is traced. */
	if (environment)
		environment[variables] = "ASAN_OPTIONS=detect_leaks=0";
	dup2(fd, STDOUT_FILENO);
	raise(SIGSTOP);
	execve(self, arguments, environment);
	_exit(1);
}

/* Lets a task that was stopped go on until it has become another program. */
static void follow_to_exec(pid_t pid)
{
	int status;

	kill(pid, SIGCONT);
	for (;;) {
		assert_int_equal(waitpid(pid, &status, __WALL), pid);
		assert_true(WIFSTOPPED(status));
		if (status >> 16 == PTRACE_EVENT_EXEC)
			return;
		ptrace(PTRACE_CONT, pid, NULL, NULL);
	}
}

static void assert_is_calmed(unsigned variables)
{
	struct given given;
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid)
		become(ends[1], variables);
	assert_true(pid > 0);
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		close(ends[0]);
		skip();
	}
	follow_to_exec(pid);
	assert_int_equal(machine_calm_image(pid, seed), 0);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	assert_int_equal(waitpid(pid, &status, __WALL), pid);
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	assert_int_equal(read(ends[0], &given, sizeof(given)), sizeof(given));
	close(ends[0]);
	assert_int_equal(given.chance[0], seed);
	assert_int_equal(given.chance[1], ~seed);
	assert_int_equal(given.clock, 0);
	assert_int_equal(given.page_bytes, sysconf(_SC_PAGESIZE));
}

/* The vector ends at a different word each time, before, at and after where pieces meet. */
static void test_machine__a_new_image_is_the_same_each_time(void **state)
{
	(void)state;
	assert_is_calmed(0);
	assert_is_calmed(1);
	for (unsigned variables = 440; variables < 520; variables++)
		assert_is_calmed(variables);
	assert_is_calmed(5000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_machine__a_new_image_is_the_same_each_time),
	};

	if (argc == 2 && !strcmp(argv[1], "given"))
		return tell_given();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
