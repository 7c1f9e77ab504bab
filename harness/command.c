/*
 * Method: a keeper, forked once, starts each run, waits for it, and sees to it that nothing is
 * left of it: see command_keeper.c. It is small, so that starting a run costs little more than
 * fork and exec, and it is the first process of a namespace of processes where that is allowed:
 * its death is then the death of all, whatever happens to us. Elsewhere it is a subreaper.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/command_private.h"
#include "harness/interrupt.h"

enum { PATIENCE_MS = 5000 };

struct command {
	struct keeping keeping;
	pid_t keeper;
	int control_fd; /* our end */
	const char *changing;
	bool is_over; /* an order was given up: the keeper may be in the middle of it */
};

/* ---- the environment of what is run ---- */

/* Whether the variable is "NAME=..." of this name, which ends with a zero or another "=". */
static bool has_name(const char *variable, const char *name)
{
	size_t length = strcspn(name, "=");

	return !strncmp(variable, name, length) && variable[length] == '=';
}

/* Two of one name would be bad: C takes the first, a shell the last. */
static bool is_replaced(const char *variable, const struct command_options *options)
{
	for (const char *const *added = options->variables; *added; added++) {
		if (has_name(variable, *added))
			return true;
	}
	return options->changing && has_name(variable, options->changing);
}

/* Ours, but for what the options name; and room for what changes with each run. */
static int make_environment(struct keeping *keeping)
{
	const char *const *variables = keeping->options.variables;
	size_t count = 0, added = 0;

	while (environ && environ[count])
		count++;
	while (variables[added])
		added++;
	keeping->environment = calloc(count + added + 2, sizeof(*keeping->environment));
	if (!keeping->environment)
		return -ENOMEM;
	count = 0;
	for (char **old = environ; old && *old; old++) {
		if (!is_replaced(*old, &keeping->options))
			keeping->environment[count++] = *old;
	}
	/* The keeper reads them from its copy of our memory. */
	for (size_t i = 0; i < added; i++)
		keeping->environment[count++] = (char *)variables[i];
	keeping->changing = &keeping->environment[count];
	return 0;
}

/* ---- the keeper's life, seen from here ---- */

static pid_t fork_keeper(struct keeping *keeping)
{
	/* As fork(2), with no stack of its own. */
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);

	keeping->has_namespace = pid >= 0;
	if (pid < 0)
		pid = fork();
	return pid;
}

int command_new(struct command **out, const struct command_options *options)
{
	struct command *command = calloc(1, sizeof(*command));
	int ends[2], err;

	assert(options->timeout_ms);
	*out = NULL;
	if (!command)
		return -ENOMEM;
	command->control_fd = -1;
	command->changing = options->changing;
	command->keeping = (struct keeping){.options = *options, .parent = getpid()};
	command->keeping.board = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (command->keeping.board == MAP_FAILED) {
		command->keeping.board = NULL;
		err = -ENOMEM;
		goto out;
	}
	err = make_environment(&command->keeping);
	if (err)
		goto out;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		err = -errno;
		goto out;
	}
	command->control_fd = ends[0];
	command->keeping.control_fd = ends[1];
	command->keeper = fork_keeper(&command->keeping);
	if (!command->keeper)
		command_keep(&command->keeping);
	if (command->keeper < 0)
		err = -errno;
	close(ends[1]);
out:
	/* The keeper has its own copies of what the options point at. */
	command->keeping.options = (struct command_options){0};
	if (err) {
		command_free(command);
		return err;
	}
	*out = command;
	return 0;
}

static void end_keeper(const struct command *command)
{
	int pid_fd = (int)syscall(SYS_pidfd_open, command->keeper, 0);
	struct pollfd end = {pid_fd, POLLIN, 0};

	/* Not close(2): another process that we forked may hold the socket, too. */
	shutdown(command->control_fd, SHUT_RDWR);
	while (pid_fd >= 0 && poll(&end, 1, PATIENCE_MS) < 0 && errno == EINTR)
		;
	if (!end.revents)
		kill(command->keeper, SIGKILL);
	while (waitpid(command->keeper, NULL, 0) < 0 && errno == EINTR)
		;
	if (pid_fd >= 0)
		close(pid_fd);
}

void command_free(struct command *command)
{
	if (!command)
		return;
	if (command->keeper > 0)
		end_keeper(command);
	if (command->control_fd >= 0)
		close(command->control_fd);
	free(command->keeping.environment);
	if (command->keeping.board)
		munmap(command->keeping.board, sizeof(struct board));
	free(command);
}

/* ---- orders ---- */

static int give_order(struct command *command, struct command_outcome *outcome)
{
	struct board *board = command->keeping.board;
	ssize_t got;
	char byte = 0;

	if (command->is_over)
		return -EPIPE;
	command->is_over = true;
	board->error = 0;
	board->number = 0;
	board->line_bytes = 0;
	board->output_bytes = 0;
	if (send(command->control_fd, &byte, 1, MSG_NOSIGNAL) != 1)
		return -errno;
	while ((got = recv(command->control_fd, &byte, 1, 0)) < 0) {
		if (errno != EINTR)
			return -errno;
		if (interrupt_signal())
			return -EINTR;
	}
	if (!got)
		return -EPIPE; /* somebody has killed it */
	command->is_over = false;
	*outcome = (struct command_outcome){board->end, board->number, board->line,
		board->line_bytes, board->output, board->output_bytes};
	return board->error;
}

int command_run(struct command *command, const char *value, struct command_outcome *outcome)
{
	char *variable = command->keeping.board->variable;

	variable[0] = 0;
	if (value && snprintf(variable, VARIABLE_BYTES, "%s=%s", command->changing, value) >=
			     VARIABLE_BYTES)
		return -ENAMETOOLONG;
	return give_order(command, outcome);
}

int command_ask(struct command *command, const char *question, struct command_outcome *outcome)
{
	if (strlen(question) >= QUESTION_BYTES)
		return -ENAMETOOLONG;
	strcpy(command->keeping.board->question, question);
	return give_order(command, outcome);
}
