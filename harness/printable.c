/* One step a character; what is none, or would move the cursor, becomes a question mark. */
#include "harness/printable.h"

#include <string.h>

/* How long the UTF-8 character is; 0: it is none, or a control character. */
static size_t printable_bytes(const char *text, size_t left)
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t size = byte[0] < 0x80 ? 1 : byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;

	if (size == 1)
		return byte[0] >= ' ' && byte[0] != 0x7f;
	if (byte[0] < 0xc2 || byte[0] > 0xf4 || size > left)
		return 0;
	for (size_t i = 1; i < size; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Control characters, too long forms, surrogates, what is beyond Unicode. */
	if ((byte[0] == 0xc2 && byte[1] < 0xa0) || (byte[0] == 0xe0 && byte[1] < 0xa0) ||
		(byte[0] == 0xed && byte[1] > 0x9f) || (byte[0] == 0xf0 && byte[1] < 0x90) ||
		(byte[0] == 0xf4 && byte[1] > 0x8f))
		return 0;
	return size;
}

/* Of a colour, or the like: ESC [ ... letter. 0: it is none. */
static size_t escape_bytes(const char *text, size_t left)
{
	size_t size = 2;

	if (left < 3 || text[0] != '\033' || text[1] != '[')
		return 0;
	while (size < left && text[size] >= ' ' && text[size] < '@')
		size++;
	return size < left ? size + 1 : 0;
}

void printable_add(char *text, size_t text_size, const char *line, size_t size)
{
	size_t used = strlen(text);

	for (size_t at = 0, step; at < size; at += step) {
		size_t escape = escape_bytes(line + at, size - at);
		size_t printable = printable_bytes(line + at, size - at);
		const char *as = printable ? line + at : line[at] == '\t' ? " " : "?";

		step = escape ? escape : printable ? printable : 1;
		if (escape)
			continue;
		if (used + (printable ? printable : 1) >= text_size)
			break;
		memcpy(text + used, as, printable ? printable : 1);
		used += printable ? printable : 1;
	}
	text[used] = 0;
}

size_t printable_last_line(const char *output, size_t size, const char **line)
{
	size_t start;

	while (size && memchr(" \t\r\n", output[size - 1], 4))
		size--;
	for (start = size; start && output[start - 1] != '\n'; start--)
		;
	while (start < size && memchr(" \t\r", output[start], 3))
		start++;
	*line = output + start;
	return size - start;
}
