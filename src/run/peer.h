/*
 * One end of a Unix socket that carries lines both ways, and descriptors with them: supervisor to
 * worker, supervisor to client, client to supervisor. Nothing here blocks; both directions are
 * bounded. One thread.
 */
#ifndef KILN_RUN_PEER_H
#define KILN_RUN_PEER_H

#include "base/str.h"

#define KILN_PEER_FDS 16 /* descriptors on their way, in each direction */

struct kiln_peer {
    int fd;             /* owned, non-blocking; -1: closed */
    size_t chunk;       /* bytes taken by one read */
    struct kiln_str in; /* from `at` on: not taken yet */
    size_t at;
    int in_fds[KILN_PEER_FDS]; /* owned, in the order they came */
    size_t n_in_fds;
    struct kiln_str out; /* not sent yet */
    uint64_t sent;       /* bytes so far */
    struct kiln_peer_fd {
        uint64_t at; /* it goes with this byte */
        int fd;      /* owned */
    } out_fds[KILN_PEER_FDS];
    size_t n_out_fds;
};

/** Takes fd and makes it non-blocking. max: bytes of one line, with '\n'. */
void kiln_peer_init(struct kiln_peer *p, int fd, size_t max, size_t chunk);
void kiln_peer_done(struct kiln_peer *p); /* as after { .fd = -1 } */

/** Read once; false: the other end has closed, or sent a line over the maximum. */
bool kiln_peer_read(struct kiln_peer *p);
/** The next whole line, with its '\n'; borrowed until the next read. False: there is none yet. */
bool kiln_peer_line(struct kiln_peer *p, const char **ret_line, size_t *ret_len);
/** The oldest descriptor that has come, or -1; the caller's. Whoever takes it has just read a line
 *  that says that it has one. */
int kiln_peer_take_fd(struct kiln_peer *p);

/** Queue a line or more; fd (-1: none), which is taken, goes with its first byte. */
void kiln_peer_add(struct kiln_peer *p, const char *data, size_t len, int fd);
/** Send what the socket takes; false: nobody is there any more. p->out.len tells what is left. */
bool kiln_peer_flush(struct kiln_peer *p);

#endif
