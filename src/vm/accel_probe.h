/* Measuring kvm against tcg with the probe guest. Part of accel.h; nobody else needs it. */
#ifndef KILN_VM_ACCEL_PROBE_H
#define KILN_VM_ACCEL_PROBE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cancel.h"
#include "base/err.h"

struct kiln_accel_verdict {
    bool kvm;
    char *reason; /* owned: "kvm: probe guest took 1.75 s, tcg: 0.21 s" */
    bool passing; /* it may be another one soon: kvm did not run at all, or the host is so busy that
                     nothing came to its end */
};

struct kiln_accel_probe {
    const char *binary; /* a path; an x86 QEMU */
    int64_t limit_us;   /* for each run of the guest */
    struct kiln_cancel *cancel;
    bool (*on_pid)(void *ud, pid_t pid, struct kiln_err *err);
    void *ud;
};

/** False when cancelled, or when the host is out of something (SYSTEM). */
bool kiln_accel_measure(const struct kiln_accel_probe *probe,
                        struct kiln_accel_verdict *ret_verdict, struct kiln_err *err);

#endif
