/*
 * Which accelerator a build uses when its template names none.
 *
 * /dev/kvm can be there and useless: nested in another virtual machine it may crawl or hang. So a
 * tiny guest (probe_guest.S) runs under both accelerators, and kvm is taken only when it is the
 * faster one. The verdict is remembered until the host reboots or QEMU changes, unless it only says
 * that kvm did not run at all: it may tomorrow, and to ask is quick.
 */
#ifndef KILN_VM_ACCEL_H
#define KILN_VM_ACCEL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cancel.h"
#include "base/err.h"

/** Everything borrowed. */
struct kiln_accel_config {
    const char *binary;    /* qemu-system-X; looked up in PATH */
    const char *cache_dir; /* the verdict is remembered here; made if missing; NULL: nowhere */
    struct kiln_cancel *cancel;
    bool (*on_pid)(void *ud, pid_t pid, struct kiln_err *err); /* as in struct kiln_spawn */
    void *ud;
    const char *kvm_device; /* NULL: /dev/kvm */
    const char *host_arch;  /* NULL: this machine's, as uname -m */
};

struct kiln_accel_choice {
    const char *name; /* "kvm" or "tcg"; static */
    char *line; /* owned; for people: "accelerator: tcg (kvm: probe guest took 1.75 s, tcg: 0.21 s)"
                 */
};

/**
 * Choose. Takes a second or two the first time, nothing after that; builds in parallel wait for the
 * one that measures.
 * Errors: `exec: "X": executable file not found in $PATH`, CANCELLED. A probe that fails is no
 * error: it speaks against its accelerator.
 */
bool kiln_accel_choose(const struct kiln_accel_config *cfg, struct kiln_accel_choice *ret_choice,
                       struct kiln_err *err);
void kiln_accel_choice_done(struct kiln_accel_choice *choice);

#endif
