/* What programs print, made fit to be a part of a report. */
#ifndef TORNWRITE_PRINTABLE_H
#define TORNWRITE_PRINTABLE_H

#include <stddef.h>

/* Adds a line of whatever bytes to the string `text`, as whole characters of printable UTF-8, as
 * far as `text_size` has room. Escape sequences for colours are left out, others become "?". */
void printable_add(char *text, size_t text_size, const char *line, size_t size);

/* The last line with something to see in it, without white space around it. Returns its size; 0:
 * there is none. */
size_t printable_last_line(const char *output, size_t size, const char **line);

#endif
