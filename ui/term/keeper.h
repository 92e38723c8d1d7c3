/*
 * The keeper of the terminal: a small process between the shell and the console. It knows how the
 * terminal was and what undoes the console's modes, and puts both back when the console ends in any
 * way, SIGKILL included. It ends as the console ended, stops when it stops, and passes signals on.
 *
 * The console goes on in the child; the process that the shell knows becomes the keeper.
 */
#ifndef KILN_UI_KEEPER_H
#define KILN_UI_KEEPER_H

#include "base/err.h"

struct kiln_keeper;

/** Splits the process; returns in the child only. @tty: the terminal. */
bool kiln_keeper_start(struct kiln_keeper **ret, int tty, struct kiln_err *err);
void kiln_keeper_free(struct kiln_keeper *k);
/** From now on these bytes (and the settings as they were at the start) undo what was done. */
void kiln_keeper_hold(struct kiln_keeper *k, const void *restore, size_t len);
/** The terminal is as it was. */
void kiln_keeper_release(struct kiln_keeper *k);

/** A descriptor of our own of the terminal on `fd`: O_NONBLOCK without changing the shell's. -1:
 *  errno. */
int kiln_tty_reopen(int fd);
/** Write to a terminal that may not take it: a second at most. */
void kiln_tty_write(int fd, const void *data, size_t len);

#endif
