/*
 * The control socket of a run (README.md): who is connected, what they watch, who holds the
 * controls. It passes commands that are for builds to the supervisor, and replies back. One
 * descriptor to poll; nothing here blocks, and no client can cost more than a bounded buffer: what
 * is to be sent to it is read from the event log or the snapshot when its socket takes more.
 *
 * Supervisor's thread.
 */
#ifndef KILN_RUN_CONTROL_H
#define KILN_RUN_CONTROL_H

#include "run/command.h"
#include "run/snapshot.h"

/* Where a reply goes. A plain value: the client may be gone by then. */
struct kiln_caller {
    uint64_t client; /* 0: nobody */
    bool wanted;     /* a reply is */
    bool has_id;
    int64_t id; /* the client's */
};

struct kiln_listener_ops {
    /* A command with KILN_COMMAND_BUILD, by a client that may give it. To be answered, now or
     * later, by one kiln_listener_reply (or _pass). */
    void (*command)(void *ud, const struct kiln_caller *from, const struct kiln_command *cmd);
    /* Nobody wants the frames of that build any more. */
    void (*unwatched)(void *ud, const char *build);
    /* Who had the controls is gone, or has lost them. */
    void (*released)(void *ud);
    /* Somebody can answer questions from now on, or nobody any more. */
    void (*held)(void *ud, bool held);
};

struct kiln_listener;

/** Listen at DIR/control.sock. snapshot: borrowed; the caller adds to it. log_fd: the event log,
 *  open for reading, taken; -1: there is none. */
bool kiln_listener_open(struct kiln_listener **ret, const char *dir, const char *run, int log_fd,
                        const struct kiln_snapshot *snapshot, const struct kiln_listener_ops *ops,
                        void *ud, struct kiln_err *err);
/** Gives clients a moment to take the rest, then closes; the socket's file goes. NULL is fine. */
void kiln_listener_close(struct kiln_listener *l);

int kiln_listener_fd(const struct kiln_listener *l); /* readable: call serve */
void kiln_listener_serve(struct kiln_listener *l);
/** The log has this many bytes, and the snapshot may have grown: tell those who watch. To be called
 *  once in every turn of the loop; costs nothing without clients. */
void kiln_listener_update(struct kiln_listener *l, uint64_t log_size);

/** error NULL: ok. text: may be NULL. */
void kiln_listener_reply(struct kiln_listener *l, const struct kiln_caller *to, const char *error,
                         const char *text);
/** A reply as a worker sent it: `rest` is the line after its id, from the comma on. fd (-1: none)
 *  is taken. */
void kiln_listener_pass(struct kiln_listener *l, const struct kiln_caller *to, const char *rest,
                        size_t len, int fd);

/** This client wants the frames of a build, or no longer. */
void kiln_listener_frames(struct kiln_listener *l, const struct kiln_caller *of, const char *build,
                          bool on);

/** Does a client hold the controls? */
bool kiln_listener_held(const struct kiln_listener *l);

#endif
