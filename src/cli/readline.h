/* Lines from a person at a terminal, edited and with a history, by GNU readline in
 * kiln-readline.so. One at a time in a process; its main thread. */
#ifndef KILN_CLI_READLINE_H
#define KILN_CLI_READLINE_H

#include "base/err.h"

struct kiln_readline_ops {
    /**
     * Ask for lines on standard input and output until `line` returns false, Ctrl-D or Ctrl-C on an
     * empty line; Ctrl-C on another one drops it. The terminal is as it was while `line` runs and
     * afterwards. The history ends with the call.
     */
    bool (*run)(const char *prompt, bool (*line)(void *ud, const char *line, size_t len), void *ud,
                struct kiln_err *err);
};

#endif
