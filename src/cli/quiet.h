/*
 * A terminal that does not show what is typed, for as long as a secret is asked for. It is put back
 * whatever becomes of this process: by its own hand before it is stopped (ctrl-z) or ends, and by a
 * small process beside it if it is killed. One thread, which must be the only one.
 */
#ifndef KILN_CLI_QUIET_H
#define KILN_CLI_QUIET_H

#include <signal.h>
#include <stdbool.h>
#include <termios.h>

struct kiln_quiet {
    int fd;      /* readable: the terminal is, or kiln_quiet_signals has something to do; owned; -1:
                    there is nothing to be quiet about */
    int tty;     /* borrowed */
    int signals; /* signalfd; owned; -1 */
    struct termios was;
    sigset_t mask;  /* as it was */
    bool on;        /* echo is off by our doing */
    pid_t restorer; /* 0: none */
    int rope;       /* the restorer waits for its end; owned; -1 */
};
#define KILN_QUIET_INIT                                                                            \
    {                                                                                              \
        .fd = -1, .tty = -1, .signals = -1, .rope = -1                                             \
    }

/** From now on nothing is shown, and what was typed before is dropped; not while we are in the
 *  background. What is no terminal is left alone. */
void kiln_quiet_begin(struct kiln_quiet *q, int tty);
/** As it was. Does nothing if it is not quiet. */
void kiln_quiet_end(struct kiln_quiet *q);
/** Stop, if ctrl-z says so. True: we go on after that, so the question is to be shown again. */
bool kiln_quiet_signals(struct kiln_quiet *q);

#endif
