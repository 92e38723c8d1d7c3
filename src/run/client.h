/*
 * A client of a run: what `kiln attach`, `kiln ps`, `kiln cancel` and the console see of it. The
 * protocol is in run/README.md; this is its C side. A run that has ended (or whose supervisor died)
 * is read from its event log, with the same calls: its events come, and then the end.
 *
 * One thread. No call but kiln_client_open, _wait and _call blocks; the caller polls
 * kiln_client_fd().
 */
#ifndef KILN_RUN_CLIENT_H
#define KILN_RUN_CLIENT_H

#include "engine/event.h" /* allowed for clients: events are the protocol */
#include "run/runs.h"

struct kiln_client;

/**
 * Open a run; `run` and errors as for kiln_runs_find. Blocks a second at most.
 */
bool kiln_client_open(struct kiln_client **ret, const char *run, struct kiln_err *err);
void kiln_client_free(struct kiln_client *c);
const struct kiln_run_info *kiln_client_info(const struct kiln_client *c);

/* What comes. Any may be NULL. Borrowed until return. */
struct kiln_client_handler {
    /* State: everything but LINE, QEMU and LOG events, which are in the log. First what rebuilds
     * the state now (a step's transitions, open prompts, the last progress …), then what happens;
     * what is out of date before it was read is left out. Should something be missing, `again` is
     * called and the state comes anew. */
    void (*event)(void *ud, const struct kiln_event *ev);
    void (*again)(void *ud);
    /* The event log (kiln_client_log_fd) has grown to `size` bytes, whole lines. */
    void (*grown)(void *ud, uint64_t size);
    /* Who may command: "you", "other", "none". */
    void (*controls)(void *ud, const char *holder);
    /* The connection is gone or the log is at its end: nothing comes any more. err NULL: in order.
     */
    void (*end)(void *ud, const struct kiln_err *err);
};

int kiln_client_fd(const struct kiln_client *c); /* poll it for POLLIN; -1: nothing will come */
/** More to do although the fd is quiet (an ended run is being read)? Then call read again. */
bool kiln_client_more(const struct kiln_client *c);
/** Take what has come; a slice of a few ms at most. */
void kiln_client_read(struct kiln_client *c, const struct kiln_client_handler *h, void *ud);

/** Wait for something to come, however long, and take it: for a program that does nothing else. */
void kiln_client_wait(struct kiln_client *c, const struct kiln_client_handler *h, void *ud);

/** The event log, read-only, for pread; borrowed. One JSON event a line (kiln_event_decode). */
int kiln_client_log_fd(const struct kiln_client *c);
uint64_t kiln_client_log_size(const struct kiln_client *c);

/* The answer to a command. */
struct kiln_reply {
    bool ok;
    const char *error; /* !ok: one sentence */
    const char *text;  /* what the command gives, if any */
    int fd;            /* screen: framebuffer, shell: the byte stream; the callback owns it; -1 */
};
typedef void kiln_reply_fn(void *ud, const struct kiln_reply *reply);

/* A command: names as in run/README.md. Members that do not belong to it are left zero. */
struct kiln_request {
    const char *command;
    const char *build;             /* label; NULL: does not name one */
    const char *text;              /* spec, answer … */
    const struct kiln_strv *lines; /* boot_command as its template strings */
    int64_t number;                /* prompt, row … */
    int64_t from;                  /* element */
    uint32_t keysym;
    bool on; /* down, on */
    int cols, rows;
};
/** Send; `fn` (NULL: nobody cares) is called from kiln_client_read or, if the run is over, at once
 *  with an error. ud must live until then. */
void kiln_client_send(struct kiln_client *c, const struct kiln_request *req, kiln_reply_fn *fn,
                      void *ud);
/** Send and wait for the reply, for commands of a script; events meanwhile are dropped. */
bool kiln_client_call(struct kiln_client *c, const struct kiln_request *req, int64_t timeout_us,
                      char **ret_text, struct kiln_err *err);

#endif
