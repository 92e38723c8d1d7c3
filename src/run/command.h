/*
 * Commands to a worker: one JSON object per line on the socket that its events come out of.
 *
 *     {"command":"cancel"}
 *     {"command":"answer","prompt":3,"text":"r"}     the answer to prompt 3
 *     {"command":"answer","prompt":3}                nobody can answer it
 */
#ifndef KILN_RUN_COMMAND_H
#define KILN_RUN_COMMAND_H

#include <stdint.h>

#include "base/str.h"

enum kiln_command_type { KILN_CMD_CANCEL, KILN_CMD_ANSWER };

struct kiln_command {
    enum kiln_command_type type;
    int64_t prompt; /* ANSWER */
    char *text;     /* ANSWER; owned; NULL: nobody can answer */
};

void kiln_command_encode(const struct kiln_command *cmd, struct kiln_str *out);
/** Unknown commands and bad JSON are errors (USER). */
bool kiln_command_decode(struct kiln_command *cmd, const char *line, size_t len,
                         struct kiln_err *err);
void kiln_command_done(struct kiln_command *cmd);

#endif
