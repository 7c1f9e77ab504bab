/* Signals that ask the program to end. They are noted, so that it can clean up first. */
#ifndef TORNWRITE_INTERRUPT_H
#define TORNWRITE_INTERRUPT_H

/* From now on SIGINT, SIGTERM and SIGHUP are noted, and SIGPIPE is ignored. */
void interrupt_catch(void);

/* From now on they end the process again. */
void interrupt_leave(void);

/* The signal that came last, or 0. */
int interrupt_signal(void);

#endif
