/*
 * The answers of WS-Management, taken apart. They come from a guest that anybody may have built:
 * size, depth and number of everything are limited, a document type is refused, and with it every
 * entity. The parsing is expat's, in the module kiln-winrm.so. Pure.
 * Source: MS-WSMV, sections 2.2.4 and 3.1.4.
 */
#ifndef KILN_COMMUNICATOR_WINRM_REPLY_H
#define KILN_COMMUNICATOR_WINRM_REPLY_H

#include <stdint.h>

#include "base/str.h"

#define KILN_WINRM_FAULT_TIMED_OUT 2150858793u /* nothing happened within OperationTimeout */
#define KILN_WINRM_FAULT_NO_SHELL  2150858843u /* no shell of that id: the guest has rebooted */

/* A piece of a command's output. */
struct kiln_winrm_piece {
    bool is_stderr;
    size_t at, len; /* in data */
};

struct kiln_winrm_reply {
    char *shell_id, *command_id;     /* NULL: none; owned */
    struct kiln_str data;            /* of all pieces, one behind the other */
    struct kiln_winrm_piece *pieces; /* in the order in which they were sent; owned */
    size_t n_pieces;
    bool done; /* the command has ended */
    int64_t exit_code;
    bool is_fault;
    uint32_t fault_code; /* of Windows; 0: none */
    char *fault;         /* what it says, on one line; NULL: nothing; owned */
};

#define KILN_AUTO_WINRM_REPLY KILN_CLEANUP(kiln_winrm_reply_done) struct kiln_winrm_reply
void kiln_winrm_reply_done(struct kiln_winrm_reply *reply);

/**
 * True for every well-formed envelope, faults included; *ret is zeroed before, and whole only then.
 * Errors: REMOTE; SYSTEM if the module is missing.
 */
bool kiln_winrm_reply_parse(struct kiln_winrm_reply *ret, const char *xml, size_t len,
                            struct kiln_err *err);

struct kiln_winrm_ops {
    bool (*parse)(struct kiln_winrm_reply *ret, const char *xml, size_t len, struct kiln_err *err);
};

#endif
