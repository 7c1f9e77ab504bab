/*
 * Method: the spawner forks an init, which forks the program and waits until nothing is left. The
 * tracer follows both; at each operation, before it begins, what has been printed since is read, so
 * that an acknowledgement stands before all that was done after it.
 */
#include "harness/record_program.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/child.h"
#include "harness/record_private.h"
#include "harness/spawn.h"
#include "harness/trace.h"
#include "harness/watchdog.h"

/* A recording that does not replay may be one of tasks that were killed in the middle. */
enum { ATTEMPTS = 3 };

/* Why the program could not be started; positive errno. */
struct program_start {
	volatile int error;
};

/* ---- the program's side ---- */

static void open_as(int fd, const char *path, int flags)
{
	int opened = open(path, flags | O_CLOEXEC, 0600);

	if (opened < 0 || dup2(opened, fd) < 0)
		_exit(127);
	close(opened);
}

/* The file of one of several. */
static void name_file(const char *base, unsigned number, char path[PATH_MAX])
{
	if (number)
		snprintf(path, PATH_MAX, "%s-%u", base, number);
	else
		snprintf(path, PATH_MAX, "%s", base);
}

static void enter(const struct program *program, const char *cwd, unsigned number)
{
	char path[PATH_MAX];
	static const struct rlimit no_core = {0, 0};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	open_as(STDIN_FILENO, "/dev/null", O_RDONLY);
	name_file(program->output, number, path);
	open_as(STDOUT_FILENO, path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
	name_file(program->errors, number, path);
	open_as(STDERR_FILENO, path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	/* A core would be one more file in the directory, or where the user's go. */
	setrlimit(RLIMIT_CORE, &no_core);
	/* Addresses get into temporary names. */
	personality(ADDR_NO_RANDOMIZE);
	if (chdir(cwd))
		_exit(127);
}

static _Noreturn void execute(const struct program *program)
{
	execvp(program->argv[0], program->argv);
	program->start->error = errno;
	_exit(127);
}

struct order {
	const struct program *program; /* as it was when the spawner began */
	const char *cwd;
	unsigned number;
	pid_t pid; /* that it is to have; 0: any */
	char variable[sizeof(((struct program *)NULL)->variable)];
};

enum { PIDS_EACH = 1000, OTHER_PID = 23456 };

/* A day and some more; and what makes another seed of a seed. */
static const uint64_t other_ticks = UINT64_C(93784000567), other_chance = 0x9e3779b97f4a7c15;

/* Several that run at once get ids that do not depend on who came first; where that is allowed. */
static pid_t fork_with_id(const struct order *order)
{
	pid_t wanted = order->pid, pid;
	struct clone_args arguments = {
		.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&wanted, .set_tid_size = 1};

	pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
	return pid < 0 ? fork() : pid;
}

static void add_variables(const struct order *order)
{
	const char *const *variable = order->program->environment;

	for (; variable && *variable; variable++)
		putenv((char *)(uintptr_t)*variable);
	if (*order->variable)
		putenv((char *)(uintptr_t)order->variable);
}

/* The init of a run. */
static void run_init(const void *bytes)
{
	const struct order *order = bytes;
	const struct program *program = order->program;
	pid_t pid;

	enter(program, order->cwd, order->number);
	/* Where it is no real init: what its child leaves behind is its own then. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	add_variables(order);
	/* It has our memory until it is another program: nothing is copied for it. */
	pid = order->pid ? fork_with_id(order) : vfork();
	if (!pid)
		execute(program);
	while (wait(NULL) >= 0 || errno == EINTR)
		;
	_exit(pid < 0);
}

int program_shell(const struct program *program, const char *command, unsigned timeout_ms)
{
	pid_t parent = getpid(), pid = fork();
	int status;

	if (!pid) {
		child_die_with(parent);
		setpgid(0, 0);
		enter(program, program->directory, 0);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		return -errno;
	watchdog_start(pid, timeout_ms);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	kill(-pid, SIGKILL);
	return watchdog_stop() ? -ETIMEDOUT : status;
}

/* ---- the directory before ---- */

static int add_time(struct program *program, const FTSENT *entry, size_t prefix)
{
	struct file_time *more = realloc(program->times, (program->time_count + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	program->times = more;
	more += program->time_count;
	*more = (struct file_time){strdup(entry->fts_path + prefix), entry->fts_statp->st_mtim};
	program->time_count += more->path != NULL;
	return more->path ? 0 : -ENOMEM;
}

/* Directories come after what is in them, and keep their time so. */
static int read_times(struct program *program)
{
	char here[64];
	char *paths[] = {here, NULL};
	FTS *walk;
	FTSENT *entry;
	int err = 0;

	snprintf(here, sizeof(here), "/proc/self/fd/%d/.", program->directory_fd);
	walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!walk)
		return -errno;
	while (!err && (entry = fts_read(walk))) {
		if (entry->fts_info != FTS_D && entry->fts_level > 0 &&
			entry->fts_info != FTS_ERR && entry->fts_info != FTS_NS)
			err = add_time(program, entry, strlen(here) + 1);
	}
	fts_close(walk);
	return err;
}

static void set_times(const struct program *program)
{
	for (size_t i = 0; i < program->time_count; i++) {
		struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, program->times[i].modified};

		utimensat(
			program->directory_fd, program->times[i].path, times, AT_SYMLINK_NOFOLLOW);
	}
}

int program_attach(struct program *program)
{
	memset(program->spawners, 0, sizeof(program->spawners));
	program->start = mmap(NULL, sizeof(*program->start), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (program->start == MAP_FAILED)
		program->start = NULL;
	return program->start ? 0 : -ENOMEM;
}

int program_init(struct program *program)
{
	struct tree_notes notes;
	int err = tree_load_noting(program->directory_fd, &program->initial, NULL, &notes);

	if (!err)
		err = read_times(program);
	return err ? err : program_attach(program);
}

void program_release(struct program *program)
{
	tree_unref(program->initial);
	for (size_t i = 0; i < program->time_count; i++)
		free(program->times[i].path);
	free(program->times);
	for (size_t i = 0; i < sizeof(program->spawners) / sizeof(*program->spawners); i++)
		spawner_free(program->spawners[i]);
	if (program->start)
		munmap(program->start, sizeof(*program->start));
	memset(program, 0, sizeof(*program));
}

int program_start_error(const struct program *program)
{
	return program->start->error;
}

/* ---- what it prints ---- */

struct listener {
	const struct program *program;
	unsigned number;
	bool is_of_many; /* whose lines stand together in recording->output, as they were read */
	struct recording *recording; /* where acknowledgements go */
	char *output;                /* owned */
	size_t output_bytes;
	int fd;
	size_t fd_bytes; /* of the file, which the program may empty */
	size_t line;     /* where the first line that is not complete begins */
	uint64_t acks;
	int err;
};

static int add_ack(struct listener *listener, size_t output_bytes)
{
	return recording_add(listener->recording, &(struct event){.kind = EVENT_ACK,
							  .worker = listener->number,
							  .txn = ++listener->acks,
							  .output_bytes = output_bytes});
}

static int add_line(struct recording *recording, const char *line, size_t size)
{
	char *more = realloc(recording->output, recording->output_bytes + size + 2);

	if (!more)
		return -ENOMEM;
	recording->output = more;
	memcpy(more + recording->output_bytes, line, size);
	recording->output_bytes += size;
	/* The last may have no end. */
	if (more[recording->output_bytes - 1] != '\n')
		more[recording->output_bytes++] = '\n';
	return 0;
}

/* Looks at lines [listener->line, end of output). `is_over`: the last needs no newline. */
static int read_lines(struct listener *listener, bool is_over)
{
	size_t size = listener->output_bytes;
	int err = 0;

	while (!err && listener->line < size) {
		char *line = listener->output + listener->line;
		char *end = memchr(line, '\n', size - listener->line);
		size_t next;

		if (!end && !is_over)
			break;
		next = end ? (size_t)(end - listener->output) + 1 : size;
		if (listener->is_of_many)
			err = add_line(listener->recording, line, next - listener->line);
		listener->output[end ? next - 1 : next] = 0;
		if (!err && listener->program->ack &&
			!regexec(listener->program->ack, line, 0, NULL, 0))
			err = add_ack(listener,
				listener->is_of_many ? listener->recording->output_bytes : next);
		if (end)
			*end = '\n';
		listener->line = next;
	}
	return err;
}

static int listen_to(struct listener *listener, bool is_over)
{
	struct stat st;
	char path[PATH_MAX], *more;
	ssize_t got;

	if (listener->fd < 0) {
		name_file(listener->program->output, listener->number, path);
		listener->fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (listener->fd < 0 || fstat(listener->fd, &st))
		return 0; /* it has not begun */
	while ((size_t)st.st_size > listener->fd_bytes) {
		size_t wanted = (size_t)st.st_size - listener->fd_bytes;

		if (wanted > PROGRAM_MAX_OUTPUT - listener->output_bytes) {
			wanted = PROGRAM_MAX_OUTPUT - listener->output_bytes;
			listener->recording->notes |= NOTE_LOUD;
		}
		if (!wanted)
			break;
		more = realloc(listener->output, listener->output_bytes + wanted + 1);
		if (!more)
			return -ENOMEM;
		listener->output = more;
		got = pread(listener->fd, more + listener->output_bytes, wanted,
			(off_t)listener->fd_bytes);
		if (got <= 0)
			return got < 0 ? -errno : 0;
		listener->output_bytes += (size_t)got;
		listener->fd_bytes += (size_t)got;
	}
	if (!listener->is_of_many)
		listener->recording->output_bytes = listener->output_bytes;
	return read_lines(listener, is_over);
}

static void before_op(void *context, unsigned worker)
{
	struct listener *listener = (struct listener *)context + worker;

	if (!listener->err)
		listener->err = listen_to(listener, false);
}

static void before_emptying(void *context, unsigned worker, const struct stat *emptied)
{
	struct listener *listener = (struct listener *)context + worker;
	struct stat st;

	before_op(context, worker);
	if (listener->fd >= 0 && !fstat(listener->fd, &st) && st.st_dev == emptied->st_dev &&
		st.st_ino == emptied->st_ino)
		listener->fd_bytes = 0;
}

static int at_end(void *context, unsigned worker, int status)
{
	struct listener *listener = (struct listener *)context + worker;
	int err = listener->err;

	if (!err)
		err = listen_to(listener, true);
	if (!err && !listener->program->ack && WIFEXITED(status) && !WEXITSTATUS(status))
		err = add_ack(listener, listener->recording->output_bytes);
	return err;
}

/* ---- one run ---- */

/* What a run differs in. */
struct run {
	unsigned count;
	const struct plan *plan;
	const struct filter *filter;
	const struct trace_scheduler *scheduler; /* NULL: one */
};

static int start(struct program *program, const struct run *run, pid_t *pids)
{
	struct spawner **spawner = &program->spawners[run->filter->options];
	int err = *spawner ? 0 : spawner_new(spawner, run->filter, run_init);
	unsigned started = 0;

	program->start->error = 0;
	while (!err && started < run->count) {
		struct order order = {.program = program,
			.cwd = program->cwd,
			.number = started,
			.pid = run->scheduler         ? (pid_t)(started + 1) * PIDS_EACH
		               : program->is_elsewhen ? OTHER_PID
		                                      : 0};
		char path[PATH_MAX];

		memcpy(order.variable, program->variable, sizeof(order.variable));
		/* What the last run printed is not what this one did. */
		name_file(program->output, started, path);
		unlink(path);
		name_file(program->errors, started, path);
		unlink(path);
		err = spawner_spawn(*spawner, &order, sizeof(order),
			!run->scheduler ? SPAWN_ALONE
			: started       ? SPAWN_NEXT
					: SPAWN_FIRST,
			&pids[started]);
		started += !err;
	}
	while (err && started-- > 0) {
		kill(pids[started], SIGKILL);
		waitpid(pids[started], NULL, __WALL);
	}
	return err;
}

static int start_and_trace(struct program *program, const struct run *run, struct inode_map *inodes,
	struct recording *recording)
{
	struct listener listeners[TRACE_MAX_WORKERS] = {0};
	struct trace_hook hook = {.before_op = before_op,
		.at_end = at_end,
		.before_emptying = before_emptying,
		.context = listeners};
	pid_t pids[TRACE_MAX_WORKERS];
	struct trace_input input = {.pids = pids,
		.filter = run->filter,
		.count = run->count,
		.inodes = inodes,
		.seed = run->plan->seed ^ (program->is_elsewhen ? other_chance : 0),
		.ticks = program->is_elsewhen ? other_ticks : 0,
		.timeout_ms = program->timeout_ms,
		.is_limited = program->is_limited,
		.hook = &hook,
		.scheduler = run->scheduler,
		.is_reversed = program->is_reversed,
		.has_fault = run->plan->fault || run->plan->commands};
	int err = start(program, run, pids);

	for (unsigned i = 0; i < run->count; i++)
		listeners[i] = (struct listener){.program = program,
			.number = i,
			.is_of_many = run->scheduler != NULL,
			.recording = recording,
			.fd = -1};
	if (!err)
		err = trace_run(&input, recording);
	for (unsigned i = 0; i < run->count; i++) {
		if (!err)
			err = listeners[i].err;
		if (listeners[i].fd >= 0)
			close(listeners[i].fd);
	}
	if (!run->scheduler)
		recording->output = listeners[0].output;
	for (unsigned i = 0; run->scheduler && i < run->count; i++)
		free(listeners[i].output);
	return !err && program->start->error ? -ENOEXEC : err;
}

static int record_once(struct program *program, const struct run *run, struct recording *recording)
{
	struct inode_map *inodes = NULL;
	struct tree *initial = NULL;
	int err = record_restore(
		program->name, program->initial, program->directory_fd, &initial, &inodes);

	if (err)
		goto out;
	set_times(program);
	recording_init(recording, initial);
	err = inject_begin(run->plan, tree_blocks_used(initial));
	if (err)
		goto out;
	err = start_and_trace(program, run, inodes, recording);
	inject_end();
	/* Tasks that were killed may have been in the middle of a call. */
	if (!err && recording->ending != ENDED_HANG && recording->ending != ENDED_ENDLESS &&
		!(recording->notes & NOTE_LEFT_RUNNING))
		err = record_check_replay(program->name, recording, program->directory_fd);
	if (!err)
		err = record_check_host(program->name, recording);
out:
	inode_map_free(inodes);
	tree_unref(initial);
	return err;
}

int program_record(struct program *program, const struct plan *plan, const struct filter *filter,
	struct recording *recording)
{
	struct run run = {.count = 1, .plan = plan, .filter = filter};
	int err = -EPROTO;

	memset(recording, 0, sizeof(*recording));
	for (int i = 0; err == -EPROTO && i < ATTEMPTS; i++) {
		recording_release(recording);
		err = record_once(program, &run, recording);
	}
	return err;
}

int program_record_crew(struct program *program, unsigned count, const struct plan *plan,
	const struct trace_scheduler *scheduler, const struct filter *filter,
	struct recording *recording)
{
	struct run run = {.count = count, .plan = plan, .filter = filter, .scheduler = scheduler};

	memset(recording, 0, sizeof(*recording));
	return record_once(program, &run, recording);
}
