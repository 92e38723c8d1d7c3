/*
 * The questions of the WinRM communicator: SOAP envelopes of WS-Management, for the shell resource
 * of Windows. Pure. Source: DMTF DSP0226; MS-WSMV, sections 2.2 and 3.1.4; qemu-builder.md, 9.7.
 *
 *     CREATE -> COMMAND -> { SEND, RECEIVE }... -> SIGNAL -> DELETE
 */
#ifndef KILN_COMMUNICATOR_WINRM_ENVELOPE_H
#define KILN_COMMUNICATOR_WINRM_ENVELOPE_H

#include "base/str.h"

/* How long the guest may keep a request before it answers that there is nothing yet. */
#define KILN_WINRM_OPERATION_US ((int64_t)60 * 1000000)

enum kiln_winrm_action {
    KILN_WINRM_CREATE,  /* a shell, in which commands run */
    KILN_WINRM_COMMAND, /* start one */
    KILN_WINRM_RECEIVE, /* what it has printed, how it ended */
    KILN_WINRM_SEND,    /* bytes for its stdin */
    KILN_WINRM_SIGNAL,  /* end it */
    KILN_WINRM_DELETE,  /* the shell */
    KILN_WINRM__N
};

/* All borrowed; what an action does not need is NULL. */
struct kiln_winrm_request {
    enum kiln_winrm_action action;
    const char *url;
    const char *shell_id;   /* all but CREATE */
    const char *command_id; /* RECEIVE, SEND, SIGNAL */
    const char *command;    /* COMMAND: UTF-8, for cmd.exe */
    bool piped;             /* COMMAND: stdin is what is SENT, byte for byte, not a console */
    const void *input;      /* SEND */
    size_t input_len;
};

void kiln_winrm_envelope_add(struct kiln_str *out, const struct kiln_winrm_request *r);

#endif
