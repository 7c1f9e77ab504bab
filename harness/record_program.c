/*
 * Method: the spawner forks an init, which forks the program and waits until nothing is left. The
 * tracer follows both; at each operation, before it begins, what has been printed since is read, so
 * that an acknowledgement stands before all that was done after it.
 */
#include "harness/record_program.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

static void enter(const struct program *program, const char *cwd)
{
	static const struct rlimit no_core = {0, 0};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	open_as(STDIN_FILENO, "/dev/null", O_RDONLY);
	open_as(STDOUT_FILENO, program->output, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
	open_as(STDERR_FILENO, program->errors, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
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
	const struct program *program;
};

/* The init of a run. */
static void run_init(const void *bytes)
{
	const struct program *program = ((const struct order *)bytes)->program;
	pid_t pid;

	enter(program, program->cwd);
	pid = fork();
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
		enter(program, program->directory);
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
	char *path;

	if (!more)
		return -ENOMEM;
	program->times = more;
	path = strdup(entry->fts_path + prefix);
	if (!path)
		return -ENOMEM;
	program->times[program->time_count++] = (struct file_time){path, entry->fts_statp->st_mtim};
	return 0;
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
	int err = tree_load(program->directory_fd, &program->initial, NULL);

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
	struct recording *recording;
	int fd;
	size_t line; /* where the first line that is not complete begins */
	uint64_t acks;
	int err;
};

static int add_ack(struct listener *listener, size_t output_bytes)
{
	return recording_add(listener->recording,
		&(struct event){
			.kind = EVENT_ACK, .txn = ++listener->acks, .output_bytes = output_bytes});
}

/* Looks at lines [listener->line, end of output). `is_over`: the last needs no newline. */
static int read_lines(struct listener *listener, bool is_over)
{
	struct recording *recording = listener->recording;
	size_t size = recording->output_bytes;
	int err = 0;

	while (!err && listener->line < size) {
		char *line = recording->output + listener->line;
		char *end = memchr(line, '\n', size - listener->line);
		size_t next;

		if (!end && !is_over)
			break;
		next = end ? (size_t)(end - recording->output) + 1 : size;
		recording->output[end ? next - 1 : next] = 0;
		if (listener->program->ack && !regexec(listener->program->ack, line, 0, NULL, 0))
			err = add_ack(listener, next);
		if (end)
			*end = '\n';
		listener->line = next;
	}
	return err;
}

static int listen_to(struct listener *listener, bool is_over)
{
	struct recording *recording = listener->recording;
	struct stat st;
	ssize_t got;
	char *more;

	if (listener->fd < 0)
		listener->fd = open(listener->program->output, O_RDONLY | O_CLOEXEC);
	if (listener->fd < 0 || fstat(listener->fd, &st))
		return 0; /* it has not begun */
	while ((size_t)st.st_size > recording->output_bytes &&
		recording->output_bytes < PROGRAM_MAX_OUTPUT) {
		size_t wanted = (size_t)st.st_size - recording->output_bytes;

		if (wanted > PROGRAM_MAX_OUTPUT - recording->output_bytes)
			wanted = PROGRAM_MAX_OUTPUT - recording->output_bytes;
		more = realloc(recording->output, recording->output_bytes + wanted + 1);
		if (!more)
			return -ENOMEM;
		recording->output = more;
		got = pread(listener->fd, more + recording->output_bytes, wanted,
			(off_t)recording->output_bytes);
		if (got <= 0)
			return got < 0 ? -errno : 0;
		recording->output_bytes += (size_t)got;
	}
	return read_lines(listener, is_over);
}

static void before_op(void *context)
{
	struct listener *listener = context;

	if (!listener->err)
		listener->err = listen_to(listener, false);
}

static int at_end(void *context, int status)
{
	struct listener *listener = context;
	int err = listener->err;

	if (!err)
		err = listen_to(listener, true);
	if (!err && !listener->program->ack && WIFEXITED(status) && !WEXITSTATUS(status))
		err = add_ack(listener, listener->recording->output_bytes);
	return err;
}

/* ---- one run ---- */

static int start_and_trace(struct program *program, const struct plan *plan,
	const struct filter *filter, struct inode_map *inodes, struct recording *recording)
{
	struct listener listener = {.program = program, .recording = recording, .fd = -1};
	struct trace_hook hook = {.before_op = before_op, .at_end = at_end, .context = &listener};
	struct order order = {program};
	pid_t pid;
	struct trace_input input = {.pids = &pid,
		.filter = filter,
		.count = 1,
		.inodes = inodes,
		.seed = plan->seed,
		.timeout_ms = program->timeout_ms,
		.hook = &hook,
		.has_fault = plan->fault || plan->commands};
	struct spawner **spawner = &program->spawners[filter->options];
	int err = *spawner ? 0 : spawner_new(spawner, filter, run_init);

	program->start->error = 0;
	/* What the last run printed is not what this one did. */
	unlink(program->output);
	unlink(program->errors);
	if (!err)
		err = spawner_spawn(*spawner, &order, sizeof(order), &pid);
	if (!err)
		err = trace_run(&input, recording);
	if (listener.fd >= 0)
		close(listener.fd);
	if (!err && program->start->error)
		err = -ENOEXEC;
	return err ? err : listener.err;
}

static int record_once(struct program *program, const struct plan *plan,
	const struct filter *filter, struct recording *recording)
{
	struct inode_map *inodes = NULL;
	struct tree *initial = NULL;
	int err = record_restore(
		program->name, program->initial, program->directory_fd, &initial, &inodes);

	if (err)
		goto out;
	set_times(program);
	recording_init(recording, initial);
	err = inject_begin(plan, tree_blocks_used(initial));
	if (err)
		goto out;
	err = start_and_trace(program, plan, filter, inodes, recording);
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
	int err = -EPROTO;

	memset(recording, 0, sizeof(*recording));
	for (int i = 0; err == -EPROTO && i < ATTEMPTS; i++) {
		recording_release(recording);
		err = record_once(program, plan, filter, recording);
	}
	return err;
}
