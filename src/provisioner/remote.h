/*
 * Commands and files in the guest, as provisioners use them: shown to people, and tried again for a
 * while, because a guest may be in the middle of a reboot. Worker's main thread.
 */
#ifndef KILN_PROVISIONER_REMOTE_H
#define KILN_PROVISIONER_REMOTE_H

#include "engine/build.h"

/* All borrowed. */
struct kiln_remote_work {
    struct kiln_build *build;
    struct kiln_communicator *comm;
    struct kiln_cancel *cancel;
    int64_t deadline; /* of tries, on the cancel object's clock */
};

/** Run a command, and drop what it prints. False only if it could not be run. */
bool kiln_remote_run(const struct kiln_remote_work *w, const char *command, int *ret_status,
                     struct kiln_err *err);
/** Run a command, and show what it prints as lines of the build. */
bool kiln_remote_show(const struct kiln_remote_work *w, const char *command, int *ret_status,
                      struct kiln_err *err);
/** Show it, and append the first KILN_MAX_CAPTURE bytes of its stdout to out. */
bool kiln_remote_capture(const struct kiln_remote_work *w, const char *command,
                         struct kiln_str *out, int *ret_status, struct kiln_err *err);

bool kiln_remote_upload(const struct kiln_remote_work *w, const char *local, const char *remote,
                        mode_t mode, struct kiln_err *err);
/** Upload a text as a file. */
bool kiln_remote_upload_text(const struct kiln_remote_work *w, const struct kiln_str *text,
                             const char *remote, struct kiln_err *err);

/**
 * After a failure: true to try again, 2 s later; then the error is dropped. Packer's clock: until
 * the deadline has passed.
 */
bool kiln_remote_again(const struct kiln_remote_work *w, struct kiln_err *err);

#endif
