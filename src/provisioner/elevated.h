/*
 * A command in a Windows guest as another user, with all of that user's rights: what comes through
 * WinRM has less of them than somebody who sits there, and cannot install updates, for example. It
 * runs as a scheduled task, which is made, watched and removed by a PowerShell script in the guest.
 * Source: provision-postprocess.md, section 7; Task Scheduler Scripting Objects.
 */
#ifndef KILN_PROVISIONER_ELEVATED_H
#define KILN_PROVISIONER_ELEVATED_H

#include "base/str.h"

struct kiln_elevated {
    const char *command; /* for cmd.exe */
    const char *user;    /* a service account (SYSTEM) if the password is "" */
    const char *password;
    const char *name; /* of the task */
    const char *path; /* of the script in the guest: it removes itself */
};

/** The script. It prints what the command prints, and ends with its exit code. */
void kiln_elevated_add_script(struct kiln_str *out, const struct kiln_elevated *e);

#endif
