/*
 * Communicator: the way into a guest. Implementations in src/communicator/. Used from one thread at
 * a time: the worker's main thread or, while that stands still, the one of a shell. All calls block
 * until done, cancelled or failed.
 */
#ifndef KILN_ENGINE_COMMUNICATOR_H
#define KILN_ENGINE_COMMUNICATOR_H

#include <stdint.h>
#include <sys/types.h>

#include "base/cancel.h"
#include "base/strv.h"

struct kiln_communicator;

/* A command in the guest. */
struct kiln_remote {
    const char *command;
    /* Bytes as they come; is_stderr tells the stream. May be NULL (output is dropped). */
    void (*output)(void *ud, bool is_stderr, const char *data, size_t len);
    void *ud;
};

#define KILN_STATUS_DISCONNECTED 2300218 /* the session ended without an exit status */
/* The same by WinRM: the guest went away under the command. Packer's number, which templates have
 * in their valid_exit_codes. */
#define KILN_STATUS_WINRM_LOST 16001

/* Called as bytes are moved; total 0 = unknown. May be NULL. */
typedef void kiln_transfer_progress(void *ud, uint64_t done, uint64_t total);

struct kiln_transfer {
    kiln_transfer_progress *progress;
    void *ud;
    bool verify; /* an upload fails unless the guest has what was sent, as far as it can tell */
};

/* A person's shell in the guest. */
struct kiln_remote_shell {
    const char *term;      /* TERM */
    int fd;                /* what comes out of it is typed, what the guest says goes in: raw bytes;
                              non-blocking, borrowed; its end or a close of the other side ends the shell */
    int resized;           /* eventfd, borrowed: readable when size has changed */
    _Atomic uint32_t size; /* columns << 16 | rows */
};

struct kiln_communicator_ops {
    const char *type; /* "ssh", "none" */
    /* False only if the command could not be run; *ret_status is its exit status otherwise. */
    bool (*run)(struct kiln_communicator *, const struct kiln_remote *, struct kiln_cancel *,
                int *ret_status, struct kiln_err *);
    /* Local file -> remote path. mode: permission bits for the remote file. */
    bool (*upload)(struct kiln_communicator *, const char *src, const char *dst, mode_t mode,
                   const struct kiln_transfer *, struct kiln_cancel *, struct kiln_err *);
    /* Directory; trailing-slash rules of qemu-builder.md, 9.5. */
    bool (*upload_dir)(struct kiln_communicator *, const char *src, const char *dst,
                       const struct kiln_transfer *, struct kiln_cancel *, struct kiln_err *);
    /* Remote file -> fd, written from its current position. */
    bool (*download)(struct kiln_communicator *, const char *src, int fd,
                     const struct kiln_transfer *, struct kiln_cancel *, struct kiln_err *);
    bool (*download_dir)(struct kiln_communicator *, const char *src, const char *dst,
                         const struct kiln_transfer *, struct kiln_cancel *, struct kiln_err *);
    /* Open a shell, and return once it has ended. NULL: there is no such thing. */
    bool (*shell)(struct kiln_communicator *, struct kiln_remote_shell *, struct kiln_cancel *,
                  struct kiln_err *);
    void (*free)(struct kiln_communicator *);
};

struct kiln_communicator {
    const struct kiln_communicator_ops *ops; /* first member of every implementation's struct */
};

void kiln_communicator_free(struct kiln_communicator *c); /* NULL is fine */

#endif
