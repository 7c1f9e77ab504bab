/*
 * ./dev bench, somebody's own programs: which they are, and how they are run. All sides of a
 * comparison are run by these functions.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench_programs.h"

static const char python[] = "import os\n"
			     "with open('f.tmp', 'w') as f:\n"
			     "    f.write('new\\n' * 100)\n"
			     "    f.flush()\n"
			     "    os.fsync(f.fileno())\n"
			     "os.replace('f.tmp', 'f.txt')\n";

const struct work works[WORK_COUNT] = {
	[WORK_GIT] = {"git commit",
		"git init -q . && seq 100 > f.txt && git add f.txt && git commit -q -m one && "
		"seq 200 > f.txt",
		{"git", "commit", "-q", "-a", "-m", "two"}},
	[WORK_SQLITE] = {"sqlite3 insert",
		"sqlite3 db 'create table t(x); insert into t values(1)'",
		{"sqlite3", "db", "insert into t values(2)"}},
	[WORK_SED] = {"sed -i", "seq -f 'line %g is old' 100 > f.txt",
		{"sed", "-i", "s/old/new/", "f.txt"}},
	[WORK_PYTHON] = {"python3 replace", "echo old > f.txt", {"python3", "-c", python}},
};

bool is_installed(const char *program)
{
	char command[128];

	snprintf(command, sizeof(command), "command -v %s > /dev/null", program);
	return !system(command);
}

bool work_can_run(const struct work *work)
{
	bool can = is_installed(work->argv[0]);

	if (!can)
		printf("  %-16s skipped: %s is not installed\n", work->name, work->argv[0]);
	return can;
}

void await_child(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		fail("a process of ours", -ECHILD);
}

static void quieten(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
}

double time_command(
	const char *directory, char *const argv[], const cpu_set_t *cpus, int exit_status)
{
	double start = now();
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		quieten();
		if (cpus)
			sched_setaffinity(0, sizeof(*cpus), cpus);
		if (!chdir(directory))
			execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != exit_status << 8)
		fail(argv[0], -ECHILD);
	return now() - start;
}

char *work_make_directory(struct lab *lab, const struct work *work, const char *name)
{
	char *setup[] = {"sh", "-c", (char *)(uintptr_t)work->setup, NULL}, *path;

	if (asprintf(&path, "%s/%s", lab->scratch.path, name) < 0)
		fail("directory", -ENOMEM);
	if (mkdir(path, 0777))
		fail(path, -errno);
	time_command(path, setup, NULL, 0);
	return path;
}
