/* The exit statuses of the program. Ended by signal n: 128 + n, the partial report written. */
#ifndef TORNWRITE_EXIT_CODE_H
#define TORNWRITE_EXIT_CODE_H

enum exit_code {
	EXIT_HELD = 0,       /* every required property held */
	EXIT_VIOLATED = 1,   /* a claim broke or an expectation did not come true */
	EXIT_USAGE = 2,      /* usage or scenario error */
	EXIT_HARNESS = 3,    /* the harness failed: never a verdict */
	EXIT_NOTHING = 4,    /* nothing was selected */
	EXIT_INCOMPLETE = 5, /* unknown remained, with --require-complete */
	EXIT_SKIPPED = 77,   /* this host lacks what is needed */
	EXIT_SIGNAL = 128,
};

#endif
