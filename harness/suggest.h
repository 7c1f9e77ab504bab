/* The word that somebody who mistyped probably meant. */
#ifndef TORNWRITE_SUGGEST_H
#define TORNWRITE_SUGGEST_H

#include <stddef.h>

/* The word among `words` that is nearest to `word` (Levenshtein distance; the first of several).
 * `count` is at least 1. Words beyond 63 letters count as their first 63. */
const char *suggest(const char *word, const char *const *words, size_t count);

#endif
