/*
 * Files over SFTP (version 3), with as many requests under way as the connection takes: waiting for
 * each answer makes the tools of others slow. Each function drives one `sftp` subsystem channel.
 * Source: draft-ietf-secsh-filexfer-02; qemu-builder.md, 9.5.
 */
#ifndef KILN_COMMUNICATOR_SFTP_H
#define KILN_COMMUNICATOR_SFTP_H

#include "communicator/channel.h"
#include "communicator/sent.h"
#include "engine/communicator.h"

/* What is to be noted of what is sent; all zero: nothing. */
struct kiln_sftp_watch {
    struct kiln_sent *sent;
    bool sizes; /* the server is asked how long each file has become */
};

bool kiln_sftp_put(struct kiln_channel *ch, const char *src, const char *dst, mode_t mode,
                   const struct kiln_transfer *t, struct kiln_sftp_watch watch,
                   struct kiln_cancel *c, struct kiln_err *err);
/** The directory src, or with a slash at its end its contents, into the directory dst, which must
 * be there. */
bool kiln_sftp_put_dir(struct kiln_channel *ch, const char *src, const char *dst,
                       const struct kiln_transfer *t, struct kiln_sftp_watch watch,
                       struct kiln_cancel *c, struct kiln_err *err);
/** fd: a regular file; written from its current position on, which is behind the last byte then. */
bool kiln_sftp_get(struct kiln_channel *ch, const char *src, int fd, const struct kiln_transfer *t,
                   struct kiln_cancel *c, struct kiln_err *err);

#endif
