/* argp with two things it lacks: suggestions, and one exit status for every usage error. */
#include "harness/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/suggest.h"

_Noreturn void options_fail(const char *format, ...)
{
	va_list arguments;

	fputs("error: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(EXIT_USAGE);
}

static void check_option(const struct argp *argp, const char *argument)
{
	const char *names[64] = {"help", "usage"};
	size_t count = 2, length = strcspn(argument + 2, "=");
	char name[64];

	for (const struct argp_option *option = argp->options;
		option && (option->name || option->doc); option++) {
		if (option->name && count < sizeof(names) / sizeof(*names))
			names[count++] = option->name;
	}
	if (length >= sizeof(name))
		length = sizeof(name) - 1;
	memcpy(name, argument + 2, length);
	name[length] = 0;
	/* getopt_long(3) takes every unambiguous beginning of a name. */
	for (size_t i = 0; i < count; i++) {
		if (!strncmp(names[i], name, length))
			return;
	}
	options_fail("there is no option '--%s'; did you mean '--%s'?", name,
		suggest(name, names, count));
}

void options_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strncmp(argv[i], "--", 2))
			check_option(argp, argv[i]);
	}
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(argp, argc, argv, 0, NULL, input);
}

uint64_t options_number(const char *option, const char *text, uint64_t low, uint64_t high)
{
	bool is_hex = !strncmp(text, "0x", 2);
	const char *digits = is_hex ? text + 2 : text;
	char *end;
	uint64_t number;

	errno = 0;
	number = strtoull(digits, &end, is_hex ? 16 : 10);
	if (!*digits || *digits == '-' || *digits == '+' || *digits == ' ' || *end || errno ||
		number < low || number > high)
		options_fail("--%s %s: not a number from %llu to %llu", option, text,
			(unsigned long long)low, (unsigned long long)high);
	return number;
}

bool options_when(const char *option, const char *text, bool is_terminal)
{
	static const char *const words[] = {"auto", "always", "never"};

	if (!strcmp(text, "auto"))
		return is_terminal;
	if (!strcmp(text, "always"))
		return true;
	if (strcmp(text, "never"))
		options_fail("--%s %s: want auto, always or never; did you mean '%s'?", option,
			text, suggest(text, words, 3));
	return false;
}
