/* Levenshtein distance with one row of the matrix. */
#include "harness/suggest.h"

#include <string.h>

enum { MAX_LETTERS = 63 };

static size_t distance(const char *a, const char *b)
{
	size_t a_size = strnlen(a, MAX_LETTERS), b_size = strnlen(b, MAX_LETTERS);
	size_t row[MAX_LETTERS + 1];

	for (size_t j = 0; j <= b_size; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_size; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_size; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_size];
}

/* Letters that are wrong. What begins with the word is what was meant, and only begun. */
static size_t misfit(const char *word, const char *candidate)
{
	size_t wrong = distance(word, candidate);

	return *word && !strncmp(word, candidate, strlen(word)) ? wrong / 2 : wrong;
}

const char *suggest(const char *word, const char *const *words, size_t count)
{
	size_t best = 0;

	for (size_t i = 1; i < count; i++) {
		if (misfit(word, words[i]) < misfit(word, words[best]))
			best = i;
	}
	return words[best];
}
