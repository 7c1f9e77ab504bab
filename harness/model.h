/*
 * The persistence-model plug-in: what a power cut may leave of operations that were not synced.
 * One file in faults/models/ is one model, and its table entry is
 * `const struct model model_<file name>`.
 *
 * A recording is taken apart into micro-operations (harness/micro_op.h). A crash state is a set of
 * them, applied in program order. A model says which sets there are: it declares properties, and
 * one pure predicate over two micro-operations. Everything else is free.
 */
#ifndef TORNWRITE_MODEL_H
#define TORNWRITE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum micro_kind {
	MICRO_NAME, /* entries of directories change: create, link, unlink, rename ... */
	MICRO_SIZE, /* the size of a file changes */
	MICRO_DATA, /* one piece of a write reaches its place */
	MICRO_MODE, /* permission bits */
};

/* How a micro-operation looks to a model. */
struct micro_op {
	enum micro_kind kind;
	size_t event;          /* of the recording: the operation it is a piece of */
	uint32_t object;       /* the file, or what bears the name */
	uint32_t directory[2]; /* NAME: whose entries change; UINT32_MAX: none */
	/* DATA: of the file; only an untorn write has several. SIZE that grows: the last page that
	 * it lets be seen, twice. */
	uint64_t page, last_page;
	bool is_growth;    /* SIZE: a write grows the file, up to the end of one page */
	bool is_new;       /* DATA, SIZE: the page had to be allocated */
	bool is_whole;     /* DATA of an untorn write: with the file's growth */
	bool is_replacing; /* NAME: a rename over a name that was there */
	/* DATA, SIZE of a file that had been truncated to nothing: the close(2) after it, as an
	 * event. SIZE_MAX: none. */
	size_t replaced_at;
};

struct model {
	const char *name; /* the file's name with '-' for '_' */
	const char *summary;

	/* Syncs and rename(2) are what POSIX says. Claims are held against such models only. */
	bool is_honest;

	/* A sync promises nothing at all. */
	bool ignores_syncs;
	/* A rename may be seen half: under both names, or under none. */
	bool splits_renames;
	/* A new page may show what was on the disk before. */
	bool shows_garbage;
	/* fsync(2) of a file makes its names durable, too. */
	bool syncs_names;
	/* A sync writes one log in order: everything that what is synced must not overtake comes
	 * along. Otherwise only what is synced does, and overtakes. */
	bool carries_order;

	/* Whether `earlier`, which was issued first, is on the disk wherever `later` is. Pure.
	 * NULL: nothing is ordered. Within one growing write each size implies the smaller ones,
	 * in every model. */
	bool (*orders)(const struct micro_op *earlier, const struct micro_op *later);
};

/* ---- predicates that several models share; the source of each is at its definition ---- */

/* Both write to the same page of the same file. */
bool model_same_page(const struct micro_op *earlier, const struct micro_op *later);
/* Goes into the file system's log when the call returns: names, modes, truncations. */
bool model_is_prompt(const struct micro_op *op);
/* Cannot be seen before the log has been written: all of the above, growth, new pages. */
bool model_is_logged(const struct micro_op *op);
/* The contents of a file before the rename that puts it over another. */
bool model_flushed_by_rename(const struct micro_op *earlier, const struct micro_op *later);
/* What rewrote a file after a truncation to nothing, before anything logged after its close. */
bool model_flushed_by_close(const struct micro_op *earlier, const struct micro_op *later);
/* The bytes of a page before the size that lets them be seen. */
bool model_data_before_size(const struct micro_op *earlier, const struct micro_op *later);

#endif
