/* The document: one text file, one record a line. See store.h. */
#include <string.h>

#include "harness/store.h"

int document_setup(const struct txn *first)
{
	struct buffer document = {0};
	int err = document_add(&document, first);

	if (!err)
		err = io_create_synced(DOCUMENT_PATH, document.data, document.size_bytes);
	if (!err)
		err = io_sync_directory(".");
	buffer_release(&document);
	return err;
}

int document_add(struct buffer *document, const struct txn *txn)
{
	const struct txn_record *record = &txn->records[0];
	int err = buffer_add(document, record->bytes, record->size_bytes);

	return err ? err : buffer_add(document, "\n", 1);
}

int document_view_lines(const struct buffer *document, unsigned member, struct view *view)
{
	size_t at = 0;

	while (at < document->size_bytes) {
		const char *line = document->data + at;
		size_t rest_bytes = document->size_bytes - at;
		const char *newline = memchr(line, '\n', rest_bytes);
		size_t line_bytes = newline ? (size_t)(newline - line) : rest_bytes;
		int err = view_add(view, member, line, line_bytes);

		if (err)
			return err;
		at += line_bytes + 1;
	}
	return 0;
}

int document_read(struct view *view)
{
	struct buffer document = {0};
	int err = io_read_file(DOCUMENT_PATH, &document);

	if (!err)
		err = document_view_lines(&document, 0, view);
	buffer_release(&document);
	return err;
}
