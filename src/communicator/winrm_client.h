/*
 * Asking a WinRM service: an envelope by HTTP POST, its answer parsed; and a command from its start
 * to its end. Blocks the calling thread, one thread at a time.
 */
#ifndef KILN_COMMUNICATOR_WINRM_CLIENT_H
#define KILN_COMMUNICATOR_WINRM_CLIENT_H

#include "base/cancel.h"
#include "communicator/winrm.h"
#include "communicator/winrm_envelope.h"
#include "communicator/winrm_reply.h"

/* How far a question got. */
enum kiln_winrm_rung {
    KILN_WINRM_NOTHING, /* no answer */
    KILN_WINRM_HTTP,    /* somebody speaks HTTP, but WinRM refuses us, or is not there */
    KILN_WINRM_FAULT,   /* WinRM has let us in, and says no */
    KILN_WINRM_ANSWER,
};

struct kiln_winrm_client;

/** cfg is borrowed, and must outlive it. */
bool kiln_winrm_client_new(struct kiln_winrm_client **ret, const struct kiln_winrm_config *cfg,
                           struct kiln_err *err);
void kiln_winrm_client_free(struct kiln_winrm_client *w); /* NULL is fine */

/**
 * Does anybody speak HTTP there? Asks without a login, for five seconds at most: QEMU's user
 * network accepts connections for a guest that is not there (yet, or while it restarts), and then
 * nothing comes for minutes.
 */
bool kiln_winrm_client_knock(struct kiln_winrm_client *w, struct kiln_cancel *c,
                             struct kiln_err *err);

/* A command in a shell of its own. Zero before the start. */
struct kiln_winrm_job {
    struct kiln_winrm_client *client;
    char *shell_id, *command_id; /* NULL: not (or no longer) there; owned */
    enum kiln_winrm_rung rung;   /* of the last question */
    uint32_t fault_code;         /* of FAULT */
    bool denied;                 /* the login was refused */
    /* The guest went away under the command: nobody is left who could say how that ended. */
    bool lost;
};

/**
 * Open a shell and start the command in it; if the last question got no answer, knock first. piped:
 * kiln_winrm_job_send gives it its stdin; else it has none. True or false, kiln_winrm_job_end ends
 * it.
 */
bool kiln_winrm_job_start(struct kiln_winrm_job *job, struct kiln_winrm_client *w,
                          const char *command, bool piped, struct kiln_cancel *c,
                          struct kiln_err *err);
/** Bytes for its stdin, at most KILN_WINRM_SEND_MAX; none: its end. */
bool kiln_winrm_job_send(struct kiln_winrm_job *job, const void *data, size_t len,
                         struct kiln_cancel *c, struct kiln_err *err);
/** Wait for output, or for the end (ret->done), for as long as it takes. */
bool kiln_winrm_job_receive(struct kiln_winrm_job *job, struct kiln_cancel *c,
                            struct kiln_winrm_reply *ret, struct kiln_err *err);
/** Stop the command if it still runs, remove the shell, free. A few seconds at most, after a cancel
 *  too. */
void kiln_winrm_job_end(struct kiln_winrm_job *job);

/* As base64 in an envelope of 150 kB, which every Windows takes. */
#define KILN_WINRM_SEND_MAX ((size_t)100 << 10)

#endif
