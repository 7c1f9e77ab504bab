/* What `tornwrite check` has to tell: lines of one message. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/check_private.h"
#include "harness/printable.h"

enum { SHOWN_OUTPUT = 2000 };

__attribute__((format(printf, 2, 3))) void check_say(char *message, const char *format, ...)
{
	char text[CHECK_MESSAGE_BYTES];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	for (char *line = text, *next; line; line = next) {
		size_t length = strlen(message);

		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (length && length + 1 < CHECK_MESSAGE_BYTES) {
			message[length++] = '\n';
			message[length] = 0;
		}
		printable_add(message, CHECK_MESSAGE_BYTES, line, strlen(line));
	}
}

/* The end of what a program said on standard output and error. */
void check_say_output(char *message, const char *path)
{
	char text[SHOWN_OUTPUT + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	ssize_t got = fd < 0 ? 0
	                     : pread(fd, text, SHOWN_OUTPUT,
				       size > SHOWN_OUTPUT ? size - SHOWN_OUTPUT : 0);

	if (fd >= 0)
		close(fd);
	while (got > 0 && text[got - 1] == '\n')
		got--;
	if (got <= 0)
		return;
	text[got] = 0;
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		check_say(message, "  | %s", line);
	}
}

void check_say_status(char *message, const char *what, int status)
{
	if (WIFSIGNALED(status))
		check_say(message, "%s died of signal %d (%s)", what, WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		check_say(message, "%s failed with exit status %d", what, WEXITSTATUS(status));
}
