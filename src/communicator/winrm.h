/*
 * WinRM into a Windows guest: wait until it lets us in, then run commands and move files.
 * Everything blocks the calling thread, none of it without the cancel object; one thread per
 * communicator. Source: qemu-builder.md, section 9.7; MS-WSMV.
 *
 * Each command has a shell of its own, as with Packer. Files go through PowerShell: their content
 * as lines of base64 through its stdin or stdout, with their SHA-256 in the guest behind it.
 */
#ifndef KILN_COMMUNICATOR_WINRM_H
#define KILN_COMMUNICATOR_WINRM_H

#include "engine/communicator.h"

/* Where to log in, and as whom. All strings owned. */
struct kiln_winrm_config {
    char *host;
    int port;
    char *user, *password;
    bool https;
    bool insecure;      /* any certificate will do */
    bool ntlm;          /* else Basic */
    bool no_proxy;      /* whatever the environment says */
    int64_t timeout_us; /* for the first login */
};
void kiln_winrm_config_done(struct kiln_winrm_config *cfg);

/* What else may end the wait, and who wants to know how it goes. Functions may be NULL. */
struct kiln_winrm_watch {
    /* How far the wait has come: "http", "login", "shell". Called when that is news. */
    void (*rung)(void *ud, const char *name, const char *detail);
    void *ud;
    /* What the command prints that shows that the guest can run any; as struct kiln_remote's. */
    void (*output)(void *output_ud, bool is_stderr, const char *data, size_t len);
    void *output_ud;
    /* The guest died: `died_fd` is readable (its pidfd). -1: nothing to watch. explain sets err. */
    int died_fd;
    void (*explain)(void *died_ud, struct kiln_err *err);
    void *died_ud;
};

/**
 * Wait until the guest runs a command for us. An attempt a second; a port that is open, but behind
 * which nobody is yet (QEMU's user network), costs an attempt five.
 *
 * @cfg  consumed, also on failure
 *
 * Errors: `Timeout waiting for WinRM.` + a line that says how far it came (TIMEOUT); what
 * watch->explain says; CANCELLED; USER for a name or password that NTLM cannot carry.
 */
bool kiln_winrm_connect_consume(struct kiln_communicator **ret, struct kiln_winrm_config *cfg,
                                const struct kiln_winrm_watch *watch, struct kiln_cancel *c,
                                struct kiln_err *err);

#endif
