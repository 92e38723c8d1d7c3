/*
 * A program that runs in the guest, seen as its three streams. What travels over it (command
 * output, scp, SFTP) is written against this interface and knows nothing of SSH.
 *
 * One thread. Output is pushed: it arrives through the callback while pump or write is on the
 * stack, so a callback must not call any function of the channel.
 */
#ifndef KILN_COMMUNICATOR_CHANNEL_H
#define KILN_COMMUNICATOR_CHANNEL_H

#include "base/cancel.h"

struct kiln_channel;

typedef void kiln_channel_output(void *ud, bool is_stderr, const char *data, size_t len);

struct kiln_channel_ops {
    /* Queue some of the bytes, without waiting; *ret_n is how many, 0 if none can be taken now. */
    bool (*write)(struct kiln_channel *, const void *data, size_t len, size_t *ret_n,
                  struct kiln_err *);
    /* Wait until something moved in either direction (READY: look at what you wait for again). */
    enum kiln_wait (*pump)(struct kiln_channel *, struct kiln_cancel *, int64_t deadline,
                           struct kiln_err *);
    bool (*send_eof)(struct kiln_channel *, struct kiln_err *);
    /* Close it, without waiting. A program that still runs is sent SIGTERM first. */
    void (*free)(struct kiln_channel *);
    /* Ask for a sign of life: who is there, however busy the program, answers. May be NULL. */
    void (*keep_alive)(struct kiln_channel *);
};

struct kiln_channel {
    const struct kiln_channel_ops *ops;
    kiln_channel_output *output; /* may be set anew at any time */
    void *ud;
    int64_t stall_us; /* give up after so long without any movement; 0: never */
    /* Set by the implementation as the other side says so. */
    bool closed;  /* nothing more will come */
    bool lost;    /* the connection is gone; closed is set, too */
    bool stalled; /* stall_us went by in kiln_channel_wait */
    int status;   /* exit status, 128 + signal, or -1: none was told */
};

void kiln_channel_free(struct kiln_channel *ch); /* NULL is fine */
void kiln_channel_freep(struct kiln_channel **ch);

/**
 * Wait for movement. Errors: CANCELLED; TIMEOUT after ch->stall_us; REMOTE if the channel is closed
 * (nothing can move any more).
 */
bool kiln_channel_wait(struct kiln_channel *ch, struct kiln_cancel *c, struct kiln_err *err);
/** Queue all of it, waiting as needed. */
bool kiln_channel_write(struct kiln_channel *ch, const void *data, size_t len,
                        struct kiln_cancel *c, struct kiln_err *err);
/** Send end of file and wait until the program has ended; ch->status tells how. */
bool kiln_channel_finish(struct kiln_channel *ch, struct kiln_cancel *c, struct kiln_err *err);

#endif
