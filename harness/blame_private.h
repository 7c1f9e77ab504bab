/* What blame.c and blame_site.c share. Nobody else includes it. */
#ifndef TORNWRITE_BLAME_PRIVATE_H
#define TORNWRITE_BLAME_PRIVATE_H

#include "harness/blame.h"

enum { SITE_TEXT_BYTES = 640 };

/* What is lost of an operation. Who loses more has all the bits of who loses less. */
enum {
	LOST_DATA = 1,     /* a part of it, or ... */
	LOST_ALL_DATA = 2, /* ... all */
	LOST_SIZE = 4,     /* steps of its growth, or ... */
	LOST_ALL_SIZE = 8, /* ... all */
	LOST_WHOLE = 16,   /* everything that it does */
};

struct loss {
	char *name; /* owned; blame_op_name() */
	unsigned parts;
};

struct site {
	char *moment;        /* owned: after what it ended */
	char *previous;      /* owned: the moment before that; NULL: none that is known */
	struct loss *losses; /* owned; in order of names, each once. None: the moment is all. */
	size_t loss_count;
};

/* Fills in *site. Returns 0 or -ENOMEM. Pair with site_release() in every case. */
int site_of_cut(struct site *site, struct blame *blame, const struct cut *cut);
void site_release(struct site *site);

/* "the data of write (new doc.txt) is lost". */
void site_say(const struct site *site, char *text, size_t text_size);

void blame_forget_names(struct blame *blame);

#endif
