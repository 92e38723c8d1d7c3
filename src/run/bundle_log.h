/*
 * The event log of one build as text for people, part by part. Part of bundle.h; nobody else needs
 * it.
 */
#ifndef KILN_RUN_BUNDLE_LOG_H
#define KILN_RUN_BUNDLE_LOG_H

#include "base/err.h"
#include "base/str.h"

enum kiln_bundle_part {
    KILN_BUNDLE_KEYS,
    KILN_BUNDLE_HTTP,
    KILN_BUNDLE_QEMU,
    KILN_BUNDLE_QMP,
    KILN_BUNDLE_LOG,
    KILN_BUNDLE__N
};

#define KILN_BUNDLE_RUNGS 16

struct kiln_bundle_log {
    int64_t start_us;                         /* of the build; wall clock; 0: not found */
    struct kiln_str parts[KILN_BUNDLE__N];    /* the end of each, in whole lines */
    struct kiln_str rungs[KILN_BUNDLE_RUNGS]; /* how each stood; empty: there is none */
    bool machine; /* a machine was started, or at least QEMU said something */
};

/** All that the log has of that build. The log may go on growing meanwhile. */
bool kiln_bundle_log_read(struct kiln_bundle_log *ret, int fd, const char *build,
                          struct kiln_err *err);
void kiln_bundle_log_done(struct kiln_bundle_log *log);

#endif
