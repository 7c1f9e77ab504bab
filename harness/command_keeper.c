/*
 * The keeper: starts what command.c is asked to run, waits for it, and ends what is left of it.
 *
 * Method: whoever loses his parent becomes the keeper's child, as it is the first process of a
 * namespace or a subreaper; so when it has no children any more, nobody is left. In a namespace one
 * kill(2) strikes all at once. Elsewhere the children are killed, then theirs, who are by then
 * ours. Limits: without a namespace something that forks faster than we kill could go on. Nothing
 * here may use malloc(3) in a namespace: the process was made past the C library.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/child.h"
#include "harness/command_private.h"

enum { GRACE_MS = 1000 };

/* A run or a server. What it does not have, or has closed, is -1. */
struct process {
	pid_t pid; /* 0: none is alive */
	int pid_fd, in_fd, out_fd, err_fd;
};

static const struct process no_process = {0, -1, -1, -1, -1};

struct keeper {
	const struct keeping *keeping;
	struct board *board;
	int control_fd;
	int death_fd; /* of a subreaper: readable when the driver has died */
	struct process process;
};

/* ---- ending what is left ---- */

static pid_t parent_of(const char *pid)
{
	char path[64], text[512], *end;
	int parent = 0, fd;
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[size < 0 ? 0 : size] = 0;
	/* The name in parentheses may hold anything. */
	end = strrchr(text, ')');
	return end && sscanf(end, ") %*c %d", &parent) == 1 ? parent : 0;
}

static void kill_children(void)
{
	DIR *stream = opendir("/proc");
	pid_t self = getpid();
	struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0 && parent_of(entry->d_name) == self)
			kill(pid, SIGKILL);
	}
	if (stream)
		closedir(stream);
}

static void kill_all(const struct keeper *keeper)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 || errno == EINTR) {
		if (pid)
			continue;
		if (keeper->keeping->has_namespace)
			kill(-1, SIGKILL);
		else
			kill_children();
		waitpid(-1, NULL, 0);
	}
}

static _Noreturn void end_all(struct keeper *keeper)
{
	struct pollfd polls[] = {
		{keeper->process.pid_fd, POLLIN, 0}, {keeper->death_fd, POLLIN, 0}};

	if (keeper->process.in_fd >= 0) {
		close(keeper->process.in_fd);
		poll(polls, 2, GRACE_MS);
	}
	kill_all(keeper);
	_exit(0);
}

static void close_process(struct process *process)
{
	const int fds[] = {process->pid_fd, process->in_fd, process->out_fd, process->err_fd};

	for (int i = 0; i < 4; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	*process = no_process;
}

/* ---- starting ---- */

/* What a run inherits of us is clean: see prepare(). Memory is shared until it execs. */
static pid_t start_shell(const struct keeping *keeping, int in_fd, int out_fd, int err_fd)
{
	const char *const arguments[] = {"sh", "-c", keeping->options.text, NULL};
	sigset_t none;
	pid_t pid = vfork();

	if (pid)
		return pid < 0 ? -errno : pid;
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in_fd, 0) == 0 && dup2(out_fd, 1) == 1 && dup2(err_fd, 2) == 2)
		execve("/bin/sh", (char *const *)arguments, keeping->environment);
	_exit(127);
}

/* A pipe whose end of ours does not block. */
static int open_pipe(int *ours, int *theirs, bool we_write)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	*ours = ends[we_write];
	*theirs = ends[!we_write];
	/* Not theirs: who cannot block there loses what he prints. */
	return fcntl(*ours, F_SETFL, O_NONBLOCK) ? -errno : 0;
}

/* Pipes are new for each: flags that a run sets on them would stay. */
static int start(struct keeper *keeper)
{
	struct process *process = &keeper->process;
	bool is_server = keeper->keeping->options.is_server;
	int in_fd = -1, out_fd = -1, err_fd = -1;
	int err = open_pipe(&process->err_fd, &err_fd, false);

	if (!err && is_server)
		err = open_pipe(&process->in_fd, &in_fd, true);
	if (!err && is_server)
		err = open_pipe(&process->out_fd, &out_fd, false);
	*keeper->keeping->changing = keeper->board->variable[0] ? keeper->board->variable : NULL;
	/* The directory may be another one than at the last run. */
	if (!err && chdir(keeper->keeping->options.directory))
		err = -errno;
	if (!err) {
		pid_t pid = start_shell(keeper->keeping, is_server ? in_fd : 0,
			is_server ? out_fd : err_fd, err_fd);

		if (pid < 0)
			err = pid;
		else
			process->pid = pid;
	}
	if (!err) {
		process->pid_fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
		if (process->pid_fd < 0)
			err = -errno;
	}
	close(err_fd);
	if (is_server) {
		close(in_fd);
		close(out_fd);
	}
	if (err) {
		kill_all(keeper);
		close_process(process);
	}
	return err;
}

/* ---- listening ---- */

/* Reads once. Keeps the end of what came in all. False: there is nothing more for now. */
static bool take_output(struct keeper *keeper)
{
	struct board *board = keeper->board;
	ssize_t got;

	if (board->output_bytes == sizeof(board->output)) {
		board->output_bytes /= 2;
		memmove(board->output, board->output + board->output_bytes, board->output_bytes);
	}
	got = read(keeper->process.err_fd, board->output + board->output_bytes,
		sizeof(board->output) - board->output_bytes);
	if (got > 0)
		board->output_bytes += (size_t)got;
	else if (got == 0 || errno != EAGAIN) {
		close(keeper->process.err_fd); /* or poll(2) would tell us for ever */
		keeper->process.err_fd = -1;
	}
	return got > 0;
}

/* Reads what there is, up to more than a line may have. */
static void take_line(struct keeper *keeper)
{
	char *line = keeper->board->line;
	ssize_t got;

	if (keeper->process.out_fd < 0)
		return;
	while (keeper->board->line_bytes < COMMAND_LINE_BYTES &&
		(got = read(keeper->process.out_fd, line + keeper->board->line_bytes,
			 COMMAND_LINE_BYTES - keeper->board->line_bytes)) != 0) {
		if (got < 0 && errno == EAGAIN)
			return;
		if (got < 0)
			break;
		keeper->board->line_bytes += (size_t)got;
	}
	if (keeper->board->line_bytes < COMMAND_LINE_BYTES) {
		close(keeper->process.out_fd);
		keeper->process.out_fd = -1;
	}
}

/* Takes the newline off. True: what came is one line, and there is something in it. */
static bool finish_line(struct board *board)
{
	const char *line = board->line;
	size_t size = board->line_bytes;
	bool is_whole = size && line[size - 1] == '\n';

	size -= is_whole;
	board->line_bytes = size;
	if (!is_whole || memchr(line, '\n', size))
		return false;
	while (size && memchr(" \t\r", line[size - 1], 3))
		size--;
	return size;
}

static bool has_newline(const struct keeper *keeper)
{
	return memchr(keeper->board->line, '\n', keeper->board->line_bytes) ||
	       keeper->board->line_bytes == COMMAND_LINE_BYTES;
}

static int64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000) + time.tv_nsec / 1000000;
}

enum event { EVENT_END, EVENT_LINE, EVENT_TIMEOUT };

static enum event follow(struct keeper *keeper)
{
	int64_t deadline = now_ms() + keeper->keeping->options.timeout_ms, left;

	for (;;) {
		struct pollfd polls[] = {
			{keeper->control_fd, POLLIN, 0},
			{keeper->death_fd, POLLIN, 0},
			{keeper->process.pid_fd, POLLIN, 0},
			{keeper->process.err_fd, POLLIN, 0},
			{keeper->process.out_fd, POLLIN, 0},
		};

		left = deadline - now_ms();
		if (left < 0)
			left = 0;
		if (poll(polls, 5, left > INT_MAX ? INT_MAX : (int)left) < 0)
			continue;
		/* There is one order at a time: this is the driver's end. */
		if (polls[0].revents || polls[1].revents)
			end_all(keeper);
		if (polls[3].revents)
			take_output(keeper);
		if (polls[4].revents || polls[2].revents)
			take_line(keeper);
		if (has_newline(keeper))
			return EVENT_LINE;
		if (polls[2].revents)
			return EVENT_END;
		if (!left)
			return EVENT_TIMEOUT;
	}
}

/* ---- orders ---- */

/* Kills all and says how it ended. */
static void finish(struct keeper *keeper, enum command_end how)
{
	struct board *board = keeper->board;
	int status;

	board->end = how;
	/* It had come to its end when poll(2) said so; later it is our signal that would be seen.
	 */
	if (how == COMMAND_EXITED && waitpid(keeper->process.pid, &status, 0) > 0) {
		board->end = WIFSIGNALED(status) ? COMMAND_SIGNALLED : COMMAND_EXITED;
		board->number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	}
	kill_all(keeper);
	while (keeper->process.err_fd >= 0 && take_output(keeper))
		;
	close_process(&keeper->process);
}

static int run(struct keeper *keeper)
{
	int err = start(keeper);

	if (!err)
		finish(keeper, follow(keeper) == EVENT_END ? COMMAND_EXITED : COMMAND_TIMED_OUT);
	return err;
}

static void ask(struct keeper *keeper)
{
	const char *question = keeper->board->question;
	size_t size = strlen(question);
	ssize_t wrote = write(keeper->process.in_fd, question, size);

	/* The pipe is full of what it has answered and not read. Who is dead will be seen to be. */
	if (wrote != (ssize_t)size && (wrote >= 0 || errno != EPIPE)) {
		finish(keeper, COMMAND_BABBLED);
		return;
	}
	switch (follow(keeper)) {
	case EVENT_END:
		finish(keeper, COMMAND_EXITED);
		break;
	case EVENT_TIMEOUT:
		finish(keeper, COMMAND_TIMED_OUT);
		break;
	case EVENT_LINE:
		keeper->board->end = COMMAND_ANSWERED;
		if (!finish_line(keeper->board))
			finish(keeper, COMMAND_BABBLED);
	}
}

static int serve(struct keeper *keeper)
{
	struct pollfd end = {keeper->process.pid_fd, POLLIN, 0};
	int err = 0;

	keeper->board->line_bytes = 0;
	take_line(keeper);
	if (keeper->board->line_bytes) {
		finish_line(keeper->board);
		finish(keeper, COMMAND_UNASKED);
		return 0;
	}
	/* One that went while nobody asked did not go because of the question. */
	if (keeper->process.pid && poll(&end, 1, 0) > 0)
		finish(keeper, COMMAND_EXITED);
	keeper->board->number = 0;
	keeper->board->output_bytes = 0;
	if (!keeper->process.pid)
		err = start(keeper);
	if (!err)
		ask(keeper);
	return err;
}

/* ---- the keeper itself ---- */

/* The one that is there tells of processes that are not ours, under numbers that are ours. */
static void mount_proc(void)
{
	/* Never to be seen outside. */
	if (!mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
		mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static void close_others(struct keeper *keeper)
{
	unsigned control =
		(unsigned)(keeper->control_fd = fcntl(keeper->control_fd, F_DUPFD_CLOEXEC, 3));
	int fd;

	if (control > 3)
		close_range(3, control - 1, 0);
	close_range(control + 1, ~0u, 0);
	fd = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

/* We must be told of the driver's death, for only our own ends all others by itself. */
static int watch_driver(const struct keeping *keeping)
{
	sigset_t death;

	child_die_with(keeping->parent);
	sigemptyset(&death);
	sigaddset(&death, SIGTERM);
	sigprocmask(SIG_BLOCK, &death, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	return signalfd(-1, &death, SFD_CLOEXEC);
}

static void prepare(struct keeper *keeper)
{
	sigset_t none;

	close_others(keeper);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	signal(SIGPIPE, SIG_IGN); /* a server may die while we ask it */
	/* Ctrl-C is for the driver, which ends us in good order. */
	setsid();
	umask(022);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (keeper->keeping->has_namespace) {
		/* If he died before this, the socket tells. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		mount_proc();
	} else {
		keeper->death_fd = watch_driver(keeper->keeping);
	}
}

_Noreturn void command_keep(const struct keeping *keeping)
{
	struct keeper keeper = {.keeping = keeping,
		.board = keeping->board,
		.control_fd = keeping->control_fd,
		.death_fd = -1,
		.process = no_process};

	prepare(&keeper);
	for (;;) {
		struct pollfd polls[] = {
			{keeper.control_fd, POLLIN, 0}, {keeper.death_fd, POLLIN, 0}};
		char byte;

		if (poll(polls, 2, -1) < 0)
			continue;
		if (polls[1].revents || recv(keeper.control_fd, &byte, 1, 0) != 1)
			end_all(&keeper);
		keeper.board->error = keeping->options.is_server ? serve(&keeper) : run(&keeper);
		if (send(keeper.control_fd, &byte, 1, MSG_NOSIGNAL) != 1)
			end_all(&keeper);
	}
}
