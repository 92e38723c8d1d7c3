/* An emulated TPM: a swtpm process that serves one guest from a directory of its own. */
#ifndef KILN_VM_SWTPM_H
#define KILN_VM_SWTPM_H

#include "base/process.h"

struct kiln_swtpm {
    struct kiln_process process;
    struct kiln_qemu_output *output; /* reads what it says, so that it never waits for us; owned */
};

#define KILN_SWTPM_INIT                                                                            \
    {                                                                                              \
        .process = KILN_PROCESS_INIT                                                               \
    }

struct kiln_swtpm_config {
    const char *dir;                                           /* private; state, and the socket */
    bool tpm1;                                                 /* TPM 1.2, not 2.0 */
    bool (*on_pid)(void *ud, pid_t pid, struct kiln_err *err); /* as in struct kiln_spawn */
    void *ud;
};

/** Path of the control socket for QEMU: DIR/vtpm.sock. Caller frees. */
char *kiln_swtpm_socket(const char *dir);

/**
 * Start swtpm and wait until it serves. `ret` is one of KILN_SWTPM_INIT; kiln_swtpm_done ends it.
 *
 * Errors: no swtpm (USER; names the package); it ended, with what it said (REMOTE); CANCELLED;
 * TIMEOUT.
 */
bool kiln_swtpm_start(struct kiln_swtpm *ret, const struct kiln_swtpm_config *cfg,
                      struct kiln_cancel *c, int64_t deadline, struct kiln_err *err);
/** False: it has ended; *err is what it said. True if it was never started, or after a false. */
bool kiln_swtpm_serves(struct kiln_swtpm *t, struct kiln_err *err);
/** SIGKILL if it still runs; one of KILN_SWTPM_INIT afterwards. */
void kiln_swtpm_done(struct kiln_swtpm *t);

#endif
