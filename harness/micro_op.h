/*
 * Micro-operations: a recording taken apart into what a disk can have or not have.
 *
 * Method: everything that a power cut can leave different is a cell: a name, the size of a file,
 * its permission bits, or one unit of its contents (a page, or a sector). A cell holds a small
 * number: an object, a size in bytes, or the number of some contents in a pool. A micro-operation
 * is a list of effects on cells. A crash state is a set of micro-operations whose effects are
 * applied, in program order, to the cells as they were at the start.
 * Limit: files of less than 4 GiB.
 */
#ifndef TORNWRITE_MICRO_OP_H
#define TORNWRITE_MICRO_OP_H

#include "harness/model.h"
#include "harness/recording.h"
#include "harness/tree_assemble.h"

/* At what a write tears. */
enum tear { TEAR_SECTOR = 512, TEAR_PAGE = 4096, TEAR_NONE = 0 };

enum cell_kind { CELL_NAME, CELL_SIZE, CELL_MODE, CELL_UNIT };

struct cell {
	enum cell_kind kind;
	uint32_t object; /* NAME: the directory */
	uint32_t unit;   /* UNIT: which, from 0 */
	char *name;      /* NAME; owned */
	uint32_t base;   /* its value at the start */
};

/* Value of a name that is not there; otherwise the object's number plus one. */
enum { NAME_NOTHING = 0 };
/* Contents of all zeros have this number in the pool. */
enum { UNIT_ZEROS = 0 };

enum effect_kind {
	EFFECT_SET,   /* the value */
	EFFECT_GROW,  /* a size becomes `value` if it is less */
	EFFECT_WRITE, /* bytes [start, start + count) of a unit become `data` */
	EFFECT_CLEAR, /* bytes from `start` to the end of a unit become zero */
};

enum { EFFECT_MEMO = 8 };

struct effect {
	enum effect_kind kind;
	uint32_t cell;
	uint32_t value;
	uint32_t start, count;
	const uint8_t *data; /* borrowed, mostly from the recording */
	/* Results that are known: from one number of contents to another. */
	uint32_t memo_count, memo_from[EFFECT_MEMO], memo_to[EFFECT_MEMO];
};

/* What is known of one object, and which cells are its own. */
struct object_cells {
	enum object_type type;
	uint32_t mode;          /* at the start, or as it was made */
	uint32_t size, mode_at; /* cells; UINT32_MAX: it never changes */
	uint32_t *units;        /* owned; cells */
	uint32_t unit_count;
	uint32_t *names; /* owned; cells of a directory that changes */
	uint32_t name_count;
	const char *target; /* of a symlink that was made; borrowed from the recording */
	bool is_touched;    /* otherwise it is as in the initial tree */
};

struct unit;
struct cleared;

struct micro_ops {
	const struct recording *recording;
	const struct model *model;
	enum tear tear;
	uint32_t unit_bytes;

	struct micro_op *items; /* owned, in program order */
	uint32_t *first_effect; /* owned; of each, and one more at the end */
	size_t count, capacity;
	struct effect *effects; /* owned */
	size_t effect_count, effect_capacity;
	struct cell *cells; /* owned */
	uint32_t cell_count, cell_capacity;
	struct object_cells *objects; /* owned; by number */
	uint32_t object_count;

	struct unit *pool; /* owned; contents by number */
	uint32_t pool_count, pool_capacity;
	uint32_t *pool_table; /* owned; hash table of numbers plus one */
	uint32_t pool_table_size;
	struct cleared *cleared; /* owned; a cache of micro_ops_cleared() */
};

/* Takes the recording apart as the model sees it. Recording and model are borrowed. Returns 0,
 * -ENOMEM, -EFBIG, or -EPROTO when the recording does not replay. Pair with micro_ops_release()
 * in every case. */
int micro_ops_init(struct micro_ops *ops, const struct recording *recording,
	const struct model *model, enum tear tear);
void micro_ops_release(struct micro_ops *ops);

/* The cells at the start. `values` has cell_count numbers, here and below. */
void micro_ops_base(const struct micro_ops *ops, uint32_t *values);

/* Applies one micro-operation. Returns 0 or -ENOMEM. */
int micro_ops_apply(struct micro_ops *ops, size_t item, uint32_t *values);

/* Whether a crash state that has `later` must have `earlier` (earlier < later). */
bool micro_ops_orders(const struct micro_ops *ops, size_t earlier, size_t later);

/* The number of contents like unit `number` but zero from byte `start` on. UINT32_MAX: no memory.
 */
uint32_t micro_ops_cleared(struct micro_ops *ops, uint32_t number, uint32_t start);

/* The bytes of a number. */
const uint8_t *micro_ops_unit(const struct micro_ops *ops, uint32_t number);
/* A page for trees of these bytes, kept with the first unit. Only where a unit is a page. */
struct page **micro_ops_unit_page(struct micro_ops *ops, uint32_t number);

#endif
