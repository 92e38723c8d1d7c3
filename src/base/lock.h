/*
 * Lock files shared with other builds, other kiln processes and Packer: flock(2) on a file,
 * which nobody but its holder may remove. The kernel drops the lock with the descriptor, so after a
 * crash it is free.
 */
#ifndef KILN_BASE_LOCK_H
#define KILN_BASE_LOCK_H

#include "base/cancel.h"
#include "base/err.h"

enum kiln_lock_result {
    KILN_LOCK_TAKEN,
    KILN_LOCK_BUSY,  /* somebody else holds it; err untouched */
    KILN_LOCK_ERROR, /* err SYSTEM */
};

/** Take the lock without waiting; the file is made (0600), its directory must exist. */
enum kiln_lock_result kiln_lock_try(const char *path, int *ret_fd, struct kiln_err *err);

/**
 * Take the lock, waiting for its holder for as long as it takes. flock cannot be waited for by
 * poll, so it is tried again five times a second.
 *
 * @on_wait  called once, before the first wait; may be NULL
 * @ret_fd   close it to let go
 */
bool kiln_lock_wait(const char *path, struct kiln_cancel *c, void (*on_wait)(void *ud), void *ud,
                    int *ret_fd, struct kiln_err *err);

#endif
