/*
 * The formats that several strategies share: where the data lives, how it is set up and read.
 * What differs between strategies, the update, is theirs alone.
 */
#ifndef TORNWRITE_STORE_H
#define TORNWRITE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/io.h"
#include "harness/strategy.h"

/* ---- document: one file, one record a line ---- */

#define DOCUMENT_PATH "doc.txt"

int document_setup(const struct txn *first);
/* Every line is a record, an unfinished last one too. */
int document_read(struct view *view);
/* Adds the transaction's line: the edit that a program would make to the text. */
int document_add(struct buffer *document, const struct txn *txn);
/* Hands each line of a text to the view as a record of `member`. */
int document_view_lines(const struct buffer *document, unsigned member, struct view *view);

/* ---- log: one file, records are appended ---- */

#define LOG_PATH "log"

/* Plain: a record a line, no checksum. */
int log_setup(const struct txn *first);
int log_read(struct view *view);

/* The article's format: record, space, CRC-32 in hex ("%8x"), newline. */
int log_crc_setup(const struct txn *first);
/* Drops every line whose checksum does not match, as the article's reader does, but counts columns
 * where the article splits at the last space: "%8x" pads with spaces, so that the split loses one
 * record in sixteen. A line counts once its newline is there: before that, the next append would
 * cut it off as torn. */
int log_crc_read(struct view *view);
int log_crc_add(struct buffer *log, const struct txn *txn);
/* The record's size if the line (without its newline) has a matching checksum, else -1. */
long log_crc_record_bytes(const char *line, size_t size_bytes);
/* Where a torn tail begins: the offset just after the last line that is complete, newline
 * included, and whose checksum matches. Only what follows the last intact line counts as torn. */
size_t log_crc_intact_bytes(const struct buffer *log);

/* ---- spool: a directory, one file a record ---- */

#define SPOOL_PATH "spool"

int spool_setup(const struct txn *first);
/* The same, with a checksum in the file: see spool_read_directory(). */
int spool_crc_setup(const struct txn *first);
/* The final name of a transaction's file, relative to the data directory. */
void spool_name(uint64_t id, char name[64]);
/* Every file in the spool whose name does not end in ".tmp" is one record, an empty one too. */
int spool_read(struct view *view);
/* The same for any directory. `has_crc`: the record is followed by a space and its CRC-32 in hex,
 * and a file that does not match is skipped. A file that goes away meanwhile is no error. */
int spool_read_directory(const char *path, bool has_crc, struct view *view);

/* ---- tree: TXN_MEMBERS documents that must agree ---- */

extern const char *const tree_member_names[TXN_MEMBERS]; /* "a.txt", "b.txt", "index.txt" */

/* Makes the member files of a tree in an existing directory, each holding the first record. */
int tree_setup_directory(const char *path, const struct txn *first);
/* Adds the transaction's line to the text of one member. */
int tree_member_add(struct buffer *document, const struct txn *txn, unsigned member);
int tree_member_read(int directory_fd, unsigned member, struct buffer *document);
/* Reads all members of the tree in the directory `directory_fd`. */
int tree_read_directory(int directory_fd, struct view *view);

/* A tree in generations: directories gen-0001, gen-0002, ... and a symlink to the active one. */
#define GENERATION_LINK "current"

int generation_setup(const struct txn *first);
/* Opens the active generation once and reads below it: the article's rule for readers. */
int generation_read(struct view *view);
/* Opens each file by its full path, which in between may come to lead into another generation. */
int generation_read_naive(struct view *view);
/* Makes the empty directory of the next generation. Numbers that a crash left taken are skipped. */
int generation_create(char name[32]);
/* Removes a generation that nobody reads, best effort. */
void generation_remove(const char *name);

/* ---- counter: one file that holds a number ---- */

#define COUNTER_PATH "count.txt"

/* The number is 0: no update has taken place. */
int counter_setup(const struct txn *first);
/* -EUCLEAN: the file is empty, or holds something else than a number. */
int counter_read(struct view *view);
/* Makes the text the one of the next number: the edit that a program would make. -EUCLEAN as
 * above. */
int counter_add_one(struct buffer *text);

/* ---- database: SQLite, one table, one row a record ---- */

#define DATABASE_PATH "db.sqlite"

struct sqlite3;

/* Makes the database; `journal` is the journal_mode, which the file remembers. */
int database_setup(const char *journal, const struct txn *first);
/* In order of commit. Opens for writing, since a journal left by a crash is rolled back by whoever
 * comes first; what the database says does not change. */
int database_read(struct view *view);
/* Has SQLite do its recovery. */
int database_recover(void);
/* Opens an existing database; waits for locks. Pair with sqlite3_close() also after an error. */
int database_open(struct sqlite3 **database);
/* Runs SQL, and inserts a transaction. Return 0, or SQLite's result as -errno. */
int database_exec(struct sqlite3 *database, const char *sql);
int database_insert(struct sqlite3 *database, const struct txn *txn);

/* ---- any file that is replaced under a lock ---- */

/* The article's LockedOpen: opens a file for reading and writing with flock(2) held on the one that
 * bears the name, not on a ghost that was replaced while we waited. Closing unlocks. On error *fd
 * is -1. */
int locked_open(const char *path, int *fd);

#endif
