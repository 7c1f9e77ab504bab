/* The counter: one text file with a number, the article's example of isolation. See store.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "harness/store.h"

/* Digits, and a newline or not, as the article's int() takes them. */
static int parse(const struct buffer *text, uint64_t *number)
{
	size_t digits = text->size_bytes;

	*number = 0;
	if (digits && text->data[digits - 1] == '\n')
		digits--;
	if (!digits)
		return -EUCLEAN;
	for (size_t i = 0; i < digits; i++) {
		char c = text->data[i];

		/* Room for another digit, and for one more update. */
		if (c < '0' || c > '9' || *number > (UINT64_MAX - 10) / 10)
			return -EUCLEAN;
		*number = *number * 10 + (uint64_t)(c - '0');
	}
	return 0;
}

int counter_setup(const struct txn *first)
{
	int err;

	(void)first;
	err = io_create_synced(COUNTER_PATH, "0\n", 2);
	return err ? err : io_sync_directory(".");
}

int counter_read(struct view *view)
{
	struct buffer text = {0};
	uint64_t number;
	int err = io_read_file(COUNTER_PATH, &text);

	if (!err)
		err = parse(&text, &number);
	if (!err)
		view_set_number(view, number);
	buffer_release(&text);
	return err;
}

int counter_add_one(struct buffer *text)
{
	char line[32];
	uint64_t number;
	int err = parse(text, &number);

	if (err)
		return err;
	text->size_bytes = 0;
	return buffer_add(
		text, line, (size_t)snprintf(line, sizeof(line), "%" PRIu64 "\n", number + 1));
}
