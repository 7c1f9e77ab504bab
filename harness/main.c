/* tornwrite: which command, and the short help. Each command is one file, cmd_<name>.c. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/commands.h"
#include "harness/exit_code.h"
#include "harness/options.h"
#include "harness/suggest.h"

static const struct command {
	const char *name, *summary;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"run", "torture the built-in strategies", cmd_run},
	{"check", "torture your own program", cmd_check},
	{"list", "what there is: strategies, faults, scenarios, points", cmd_list},
	{"replay", "run a witness again and show what happens", cmd_replay},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(*commands) };

static void print_help(FILE *stream)
{
	fputs("tornwrite tells which ACID properties an update of files keeps when calls fail, "
	      "the\n"
	      "disk is full, the process is killed or the power goes, and shows the smallest "
	      "fault\n"
	      "or crash that breaks the others.\n\n",
		stream);
	for (int i = 0; i < COMMAND_COUNT; i++)
		fprintf(stream, "  tornwrite %-8s %s\n", commands[i].name, commands[i].summary);
	fputs("\nExamples:\n\n"
	      "  tornwrite run kill --strategy 'replace*'\n"
	      "  tornwrite check --dir data -- sed -i s/old/new/ data/f.txt\n\n"
	      "'tornwrite COMMAND --help' tells more.\n",
		stream);
}

/* A closed standard descriptor would become somebody's file. This one refuses what is written. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int finish(int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		fputs("error: standard output: could not be written\n", stderr);
		return EXIT_HARNESS;
	}
	return status;
}

int main(int argc, char **argv)
{
	const char *names[COMMAND_COUNT];

	open_standard_descriptors();

	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
		!strcmp(argv[1], "help")) {
		print_help(stdout);
		return finish(EXIT_HELD);
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("tornwrite " TORNWRITE_VERSION);
		return EXIT_HELD;
	}
	for (int i = 0; i < COMMAND_COUNT; i++) {
		char name[64];

		names[i] = commands[i].name;
		if (strcmp(argv[1], commands[i].name))
			continue;
		/* What argp calls the program in its messages. */
		snprintf(name, sizeof(name), "tornwrite %s", commands[i].name);
		argv[1] = name;
		return finish(commands[i].run(argc - 1, argv + 1));
	}
	options_fail("there is no command '%s'; did you mean '%s'?", argv[1],
		suggest(argv[1], names, COMMAND_COUNT));
}
