/*
 * What is kept of a build that failed: OUTPUT.failure, a directory beside the one that the template
 * names, mode 0700, files 0600. It holds nothing but what the event log has, which is redacted, and
 * the last frames of the guest's screen, which cannot be:
 *
 *     report.txt       the error, how the ladder stood, what else is here
 *     screen-1.png …   the last frames that differ, the oldest first
 *     keys.txt         keys of the boot command, with times; secrets as U+2022
 *     http.txt         requests to the HTTP server
 *     qemu.txt         what QEMU printed
 *     qmp.txt          what QEMU reported
 *     log.txt          the end of the log, with steps and rungs
 *
 * The supervisor writes it, so that a worker that was killed leaves the same. The next failure
 * replaces it; a directory of that name that is somebody else's is left alone. All files are
 * bounded. One thread.
 */
#ifndef KILN_RUN_BUNDLE_H
#define KILN_RUN_BUNDLE_H

#include "base/err.h"
#include "base/str.h"

struct kiln_bundle {
    int log_fd;             /* the event log, for reading; borrowed */
    const char *build;      /* label */
    const char *tpl;        /* path of the template */
    const char *error;      /* redacted */
    const char *output;     /* the builder's output directory */
    const char *frames_dir; /* where its worker kept frames (vm/film.h); NULL: nowhere */
};

/**
 * Write it, unless there is nothing to keep: the build has not come to start a machine.
 *
 * *ret_text: one line for people that says where it is and what is in it; NULL: nothing was kept;
 * caller frees.
 */
bool kiln_bundle_write(const struct kiln_bundle *what, char **ret_text, struct kiln_err *err);

#endif
