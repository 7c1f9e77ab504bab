/* A shared counter is the queue; each job writes JSON lines into a pipe of its own. */
#include "harness/jobs.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/child.h"

enum { MAX_JOBS = 256, TICK_MS = 100, PATIENCE_SECONDS = 5 };

struct board {
	atomic_size_t next_unit;
	volatile bool stop;
};

struct job {
	pid_t pid;
	int fd; /* -1: it has closed its end */
	char *line;
	size_t size, capacity;
	bool is_garbled; /* something it sent was lost */
};

static int send_fd = -1;

unsigned jobs_cpu_count(void)
{
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return 1;
	return (unsigned)CPU_COUNT(&cpus);
}

void jobs_pin(unsigned job)
{
	cpu_set_t all, one;
	unsigned wanted, seen = 0;

	if (sched_getaffinity(0, sizeof(all), &all))
		return;
	wanted = job % (unsigned)CPU_COUNT(&all);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all) || seen++ != wanted)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

void jobs_send(json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);
	size_t size = text ? strlen(text) : 0, sent = 0;

	json_decref(message);
	if (!text)
		_exit(1); /* the parent reports a job that died */
	text[size++] = '\n';
	while (sent < size) {
		ssize_t wrote = write(send_fd, text + sent, size - sent);

		if (wrote < 0 && errno != EINTR)
			_exit(1);
		if (wrote > 0)
			sent += (size_t)wrote;
	}
	free(text);
}

static _Noreturn void run_job(
	const struct jobs *jobs, struct board *board, pid_t parent, unsigned number)
{
	size_t unit;

	/* A group of its own: the terminal's Ctrl-C is for the parent, which asks us to stop. */
	setpgid(0, 0);
	child_die_with(parent);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	jobs_pin(number);
	while (!board->stop && (unit = atomic_fetch_add(&board->next_unit, 1)) < jobs->unit_count)
		jobs->work(jobs->context, number, unit, &board->stop);
	_exit(0);
}

static void take_lines(const struct jobs *jobs, struct job *job)
{
	char *end;

	while (job->size && (end = memchr(job->line, '\n', job->size))) {
		json_t *message;

		*end = 0;
		message = json_loads(job->line, 0, NULL);
		if (message)
			jobs->receive(jobs->context, message);
		else
			fprintf(stderr, "error: a driver process sent what is no message\n");
		job->is_garbled |= !message;
		json_decref(message);
		job->size -= (size_t)(end + 1 - job->line);
		memmove(job->line, end + 1, job->size);
	}
}

/* Reads what a job has sent. Returns 0 or -ENOMEM. */
static int listen_to(const struct jobs *jobs, struct job *job)
{
	ssize_t got;

	if (job->capacity - job->size < 65536) {
		char *line = realloc(job->line, job->capacity * 2 + 131072);

		if (!line)
			return -ENOMEM;
		job->line = line;
		job->capacity = job->capacity * 2 + 131072;
	}
	got = read(job->fd, job->line + job->size, job->capacity - job->size);
	if (got < 0 && errno == EINTR)
		return 0;
	if (got <= 0) {
		close(job->fd);
		job->fd = -1;
		return 0;
	}
	job->size += (size_t)got;
	take_lines(jobs, job);
	return 0;
}

static int listen_to_all(const struct jobs *jobs, struct job *all, struct board *board)
{
	struct pollfd polls[MAX_JOBS];
	unsigned open_count = jobs->count;
	time_t stopped_at = 0;
	int err = 0;

	while (open_count && !err) {
		open_count = 0;
		for (unsigned i = 0; i < jobs->count; i++) {
			polls[i] = (struct pollfd){all[i].fd, POLLIN, 0};
			open_count += all[i].fd >= 0;
		}
		if (!open_count)
			break;
		if (poll(polls, jobs->count, TICK_MS) < 0 && errno != EINTR)
			err = -errno;
		for (unsigned i = 0; !err && i < jobs->count; i++) {
			if (all[i].fd >= 0 && polls[i].revents)
				err = listen_to(jobs, &all[i]);
		}
		if (jobs->tick(jobs->context))
			board->stop = true;
		/* A worker that hangs would keep its job from looking at `stop`. */
		if (board->stop && !stopped_at)
			stopped_at = time(NULL);
		if (stopped_at && time(NULL) - stopped_at > PATIENCE_SECONDS)
			break;
	}
	return err;
}

static int end_job(struct job *job, bool must_die)
{
	int status, err = 0;

	/* Its workers are in its group. */
	if ((must_die || job->fd >= 0) && kill(-job->pid, SIGKILL))
		kill(job->pid, SIGKILL);
	while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!must_die && job->fd < 0 && (!WIFEXITED(status) || WEXITSTATUS(status))) {
		if (WIFSIGNALED(status))
			fprintf(stderr, "error: a driver process died from SIG%s\n",
				sigabbrev_np(WTERMSIG(status)));
		else
			fprintf(stderr, "error: a driver process exited with status %d\n",
				WEXITSTATUS(status));
		err = -ECHILD;
	}
	if (job->fd >= 0)
		close(job->fd);
	free(job->line);
	return err || !job->is_garbled ? err : -ECHILD;
}

int jobs_run(const struct jobs *jobs)
{
	struct jobs limited = *jobs;
	struct job all[MAX_JOBS] = {0};
	pid_t parent = getpid();
	struct board *board;
	unsigned started = 0;
	int err = 0;

	if (limited.count > MAX_JOBS)
		limited.count = MAX_JOBS;
	board = mmap(
		NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		return -errno;
	fflush(NULL);
	for (; !err && started < limited.count; started++) {
		int ends[2];

		if (pipe(ends)) {
			err = -errno;
			break;
		}
		all[started].fd = ends[0];
		all[started].pid = fork();
		if (!all[started].pid) {
			for (unsigned i = 0; i <= started; i++)
				close(all[i].fd);
			send_fd = ends[1];
			run_job(&limited, board, parent, started);
		}
		close(ends[1]);
		if (all[started].pid < 0) {
			err = -errno;
			close(ends[0]);
			break;
		}
	}
	limited.count = started;
	if (!err)
		err = listen_to_all(&limited, all, board);
	for (unsigned i = 0; i < started; i++) {
		int job_err = end_job(&all[i], err != 0);

		if (!err)
			err = job_err;
	}
	munmap(board, sizeof(*board));
	return err;
}
