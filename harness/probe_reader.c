/*
 * The process that recovers and reads states. A fork for each would cost more than all the rest, so
 * it stays, and is as good as new for each state or is not used again.
 *
 * Method: driver and reader take turns at one word of shared memory, a futex. After each answer the
 * reader looks for what a program can leave behind in its process: descriptors, its working
 * directory, masks, timers, threads, children, the numbers of rand(3). If there is any, its process
 * ends. Variables of the program get their first values back, but those of shared libraries do not;
 * nor is the heap emptied. For what is not looked for there is a second line of defence: see how
 * probe.c believes a bad end.
 *
 * A reader that takes long is looked after with the watchdog; arming it for each state would be
 * dear.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/child.h"
#include "harness/probe_private.h"
#include "harness/watchdog.h"

enum {
	DIRECTORY_FD = 3,       /* in the reader; nothing is open above it */
	WATCHED_FDS = 24,       /* a leaked descriptor has the lowest number that was free */
	THOROUGH_INTERVAL = 64, /* answers */
	MAX_ANSWERS = 1024,     /* of one process: what leaks from the heap goes with it */
	SLICE_MS = 50,
};

/* ---- turns ---- */

static void wait_while(struct report *report, uint32_t turn, const struct timespec *timeout)
{
	syscall(SYS_futex, &report->turn, FUTEX_WAIT, turn, timeout, NULL, 0);
}

static void give_turn(struct report *report, uint32_t turn)
{
	atomic_store(&report->turn, turn);
	syscall(SYS_futex, &report->turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* The reader's turn looks like a robust mutex that it has locked and others wait for, so that the
 * kernel wakes us when the reader dies. See set_robust_list(2). */
static uint32_t turn_of(pid_t pid)
{
	return (uint32_t)pid | FUTEX_WAITERS;
}

/* `head` must stay until the process ends. */
static int hold_turn(struct report *report, struct robust_list_head *head)
{
	/* One lock; what stands for its place in the list is anywhere, for only the distance to the
	 * futex counts. */
	static struct robust_list lock;

	lock.next = &head->list;
	*head = (struct robust_list_head){
		.list = {&lock}, .futex_offset = (long)((intptr_t)&report->turn - (intptr_t)&lock)};
	return syscall(SYS_set_robust_list, head, sizeof(*head)) ? -errno : 0;
}

/* ---- in the reader: what a new process is like ---- */

/* From the linker: the variables of this program. */
extern char __data_start[], _end[];

/* What rand(3) draws its numbers from: like libc's own, but where we can see it. */
static char random_state[128];

struct newness {
	uint64_t *variables;                     /* a copy */
	char random_state[sizeof(random_state)]; /* a copy */
	unsigned answers;
	struct pollfd fds[WATCHED_FDS];
	bool is_open[WATCHED_FDS];
};

/* Sanitizers keep forbidden bytes between variables, and watch memcpy(3). */
__attribute__((no_sanitize("address"))) static void exchange_variables(
	uint64_t *copy, bool puts_back)
{
	volatile uint64_t *variables = (volatile uint64_t *)(uintptr_t)__data_start;
	size_t count = ((uintptr_t)_end - (uintptr_t)__data_start) / sizeof(*variables);

	for (size_t i = 0; i < count; i++) {
		if (!puts_back)
			copy[i] = variables[i];
		else if (variables[i] != copy[i])
			variables[i] = copy[i];
	}
}

static void look_at_fds(struct newness *newness)
{
	for (int i = 0; i < WATCHED_FDS; i++)
		newness->fds[i] = (struct pollfd){.fd = i};
	poll(newness->fds, WATCHED_FDS, 0);
}

static int newness_init(struct newness *newness)
{
	*newness = (struct newness){
		.variables = malloc((size_t)((uintptr_t)_end - (uintptr_t)__data_start))};
	if (!newness->variables)
		return -ENOMEM;
	initstate(1, random_state, sizeof(random_state));
	memcpy(newness->random_state, random_state, sizeof(random_state));
	exchange_variables(newness->variables, false);
	look_at_fds(newness);
	for (int i = 0; i < WATCHED_FDS; i++)
		newness->is_open[i] = !(newness->fds[i].revents & POLLNVAL);
	return 0;
}

static bool fds_are_new(struct newness *newness)
{
	look_at_fds(newness);
	for (int i = 0; i < WATCHED_FDS; i++) {
		if (newness->is_open[i] != !(newness->fds[i].revents & POLLNVAL))
			return false;
	}
	return true;
}

static bool signals_are_new(void)
{
	for (int number = 1; number < NSIG; number++) {
		struct sigaction action;

		if (!sigaction(number, NULL, &action) && action.sa_handler != SIG_DFL)
			return false;
	}
	return true;
}

static bool has_error(const struct report *report)
{
	for (int i = 0; i < STEP_COUNT; i++) {
		if (report->steps[i].end == STEP_ERROR)
			return true;
	}
	return false;
}

/* Makes the process what it was, and tells whether that is certain. What is dear to look at is
 * looked at now and then, and always after an error: those paths are the least tried. */
static bool newness_restore(struct newness *newness, bool is_thorough)
{
	sigset_t none, mask;
	bool is_new;

	sigemptyset(&none);
	is_new = !sigprocmask(SIG_SETMASK, &none, &mask) && sigisemptyset(&mask);
	is_new &= umask(022) == 022;
	is_new &= !fchdir(DIRECTORY_FD);
	is_new &= fds_are_new(newness);
	is_new &= !memcmp(random_state, newness->random_state, sizeof(random_state));
	is_new &= waitpid(-1, NULL, WNOHANG) < 0;
	/* Does nothing, but refuses if there are threads. */
	is_new &= !unshare(CLONE_THREAD) || errno != EINVAL;
	if (!(newness->answers++ % THOROUGH_INTERVAL) || is_thorough)
		is_new &= signals_are_new() && !alarm(0);
	exchange_variables(newness->variables, true);
	return is_new;
}

/* ---- in the reader: the steps ---- */

static bool run_step(struct report *report, int number, int err)
{
	report->steps[number] = (struct step){err ? STEP_ERROR : STEP_OK, err};
	report->current = number + 1;
	return !err;
}

static void run_steps(const struct reader *reader)
{
	const struct strategy *strategy = reader->subject->strategy;
	struct report *report = reader->report;

	report->current = 0;
	/* A failed recovery is no reason not to look: the reader may cope. */
	if (report->depth == PROBE_LIFE && strategy->recover)
		run_step(report, 0, strategy->recover());
	report->current = 1;
	run_step(report, 1, strategy->read(&report->view));
	/* A store that cannot be read may still take an update and be mended by it. */
	if (report->depth == PROBE_LIFE && run_step(report, 2, strategy->update(&reader->life)))
		run_step(report, 3, strategy->read(&report->after));
	report->current = STEP_COUNT;
}

static _Noreturn void run_reader(const struct reader *reader, pid_t parent)
{
	struct report *report = reader->report;
	struct robust_list_head head;
	struct newness newness;

	if (child_enter(parent, reader->directory_fd))
		_exit(1);
	/* What the driver has open is none of a strategy's business, and must not outlive it here.
	 */
	if (reader->directory_fd != DIRECTORY_FD &&
		dup2(reader->directory_fd, DIRECTORY_FD) != DIRECTORY_FD)
		_exit(1);
	close_range(DIRECTORY_FD + 1, ~0U, 0);
	if (hold_turn(report, &head) || newness_init(&newness))
		_exit(1);
	for (;;) {
		while (atomic_load(&report->turn) == TURN_DRIVER)
			wait_while(report, TURN_DRIVER, NULL);
		run_steps(reader);
		report->is_worn = !newness_restore(&newness, has_error(report));
		give_turn(report, TURN_DRIVER);
	}
}

/* ---- in the driver ---- */

int probe_reader_init(
	struct reader *reader, const struct subject *subject, const struct workspace *workspace)
{
	*reader = (struct reader){.subject = subject, .directory_fd = workspace->probe_fd};
	reader->report = mmap(NULL, sizeof(*reader->report), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reader->report == MAP_FAILED) {
		reader->report = NULL;
		return -ENOMEM;
	}
	return txn_init(&reader->life, prober_life_txn(subject), subject->workload.base_bytes);
}

void probe_reader_release(struct reader *reader)
{
	probe_reader_end(reader);
	if (reader->report)
		munmap(reader->report, sizeof(*reader->report));
	txn_release(&reader->life);
	*reader = (struct reader){0};
}

void probe_reader_end(struct reader *reader)
{
	if (!reader->pid)
		return;
	kill(reader->pid, SIGKILL);
	while (waitpid(reader->pid, NULL, 0) < 0 && errno == EINTR)
		;
	reader->pid = 0;
}

static int start(struct reader *reader)
{
	pid_t parent = getpid(), pid;

	atomic_store(&reader->report->turn, TURN_DRIVER);
	pid = fork();
	if (!pid)
		run_reader(reader, parent);
	if (pid < 0)
		return -errno;
	reader->pid = pid;
	reader->answers = 0;
	return 0;
}

/* Waits for the answer or the reader's end. True: it has ended, with *status. */
static bool await(const struct reader *reader, int *status, bool *was_late)
{
	/* Long enough to come after the next tick: to set an earlier alarm is dear. */
	static const struct timespec slice = {0, SLICE_MS * 1000000};
	struct report *report = reader->report;
	uint32_t turn = turn_of(reader->pid);
	bool is_watched = false, has_ended = false;

	while (!has_ended && atomic_load(&report->turn) != TURN_DRIVER) {
		wait_while(report, turn, &slice);
		if (atomic_load(&report->turn) == turn && !is_watched) {
			watchdog_start(reader->pid, RECORD_TIMEOUT_MS);
			is_watched = true;
		}
		has_ended = atomic_load(&report->turn) != TURN_DRIVER &&
		            waitpid(reader->pid, status, WNOHANG) == reader->pid;
	}
	*was_late = is_watched && watchdog_stop();
	return has_ended;
}

static int note_death(struct report *report, int status, bool was_late)
{
	struct step *step;

	if (report->current == STEP_NONE)
		return was_late ? -ETIMEDOUT : -ECHILD; /* it has not come to the strategy */
	if (report->current >= STEP_COUNT)
		return 0;
	step = &report->steps[report->current];
	if (was_late)
		*step = (struct step){STEP_HANG, 0};
	else
		*step = (struct step){STEP_CRASH, WIFSIGNALED(status) ? WTERMSIG(status) : 0};
	return 0;
}

static int run_once(struct reader *reader, enum probe_depth depth)
{
	struct report *report = reader->report;
	bool was_late;
	int status = 0, err = 0;

	report->depth = depth;
	report->is_worn = false;
	report->current = STEP_NONE;
	memset(report->steps, 0, sizeof(report->steps));
	view_init(&report->view, reader->subject->workload.base_bytes);
	view_init(&report->after, reader->subject->workload.base_bytes);
	if (!reader->pid)
		err = start(reader);
	if (err)
		return err;
	reader->answers++;
	give_turn(report, turn_of(reader->pid));
	if (await(reader, &status, &was_late)) {
		reader->pid = 0;
		return note_death(report, status, was_late);
	}
	if (was_late || report->is_worn || reader->answers >= MAX_ANSWERS)
		probe_reader_end(reader);
	return 0;
}

int probe_reader_run(struct reader *reader, enum probe_depth depth, bool *was_new)
{
	int err;

	*was_new = !reader->pid;
	err = run_once(reader, depth);
	/* It had died since its last answer, of whatever that left in it. */
	if (err == -ECHILD && !*was_new) {
		*was_new = true;
		err = run_once(reader, depth);
	}
	return err;
}
