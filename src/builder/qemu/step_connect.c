#include "builder/qemu/qemu.h"
#include "communicator/connect.h"

/* StepSSHKeyGen, stepWaitGuestAddress, StepConnect, StepProvision, StepCleanupTempKeys. */

#define LAST_BREATH_US KILN_MS(250) /* from QEMU's closing its sockets to its having ended */

static bool make_key(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;

    if (!kiln_comm_is_ssh(&s->o->comm))
        return true;
    if (kiln_qemu_is_set(s->o->comm.ssh_private_key_file)) {
        kiln_say(b, "Using existing SSH private key");
        return true;
    }
    kiln_ssh_keypair_done(&s->keypair); /* a retry of the step begins again */
    return kiln_connect_new_keypair(b, &s->o->comm, &s->keypair, err);
}

const struct kiln_step_ops kiln_qemu_step_ssh_key = { "StepSSHKeyGen", make_key, NULL, false };

static bool guest_address(void *state, struct kiln_build *b, struct kiln_err *err)
{
    const struct kiln_qemu_state *s = state;

    (void)err;
    if (s->communicates)
        kiln_message(b, "Not using a NetBridge -- skipping StepWaitGuestAddress");
    else
        kiln_message(b, "No communicator is configured -- skipping StepWaitGuestAddress");
    return true;
}

const struct kiln_step_ops kiln_qemu_step_guest_address = { "stepWaitGuestAddress", guest_address,
                                                            NULL, false };

/* QEMU is gone: no ssh server will ever answer. */
static void explain_death(void *ud, struct kiln_err *err)
{
    (void)kiln_qemu_obituary_for(ud, "before the guest could be logged in", err);
}

static bool connect_guest(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    const char *host = s->o->comm.ssh_host;
    const struct kiln_connect how = {
        .comm = &s->o->comm,
        .host = kiln_qemu_is_set(host) ? host : "127.0.0.1",
        .port = s->ssh_port.port,
        .keypair = s->keypair.private_pem ? &s->keypair : NULL,
        .died_fd = kiln_qemu_pidfd(s->qemu),
        .explain = explain_death,
        .died_ud = s->qemu,
    };

    return kiln_connect(b, &how, err);
}

static void disconnect_guest(void *state, struct kiln_build *b, enum kiln_outcome outcome)
{
    (void)state, (void)outcome;
    kiln_disconnect(b);
}

const struct kiln_step_ops kiln_qemu_step_connect = { "StepConnect", connect_guest,
                                                      disconnect_guest, false };

/* A provisioner ends when QEMU does, or fails because of it: then QEMU's end is what has happened.
 */
static bool provision(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    KILN_AUTO_ERR failure = { 0 }, death = { 0 };
    bool ok;

    b->machine_cancel = s->died;
    ok = kiln_step_provision.run(state, b, &failure);
    b->machine_cancel = NULL; /* the error-cleanup-provisioner runs all the same */
    if (ok)
        return true;
    if (kiln_qemu_wait(s->qemu, b->cancel, kiln_cancel_deadline(b->cancel, LAST_BREATH_US), NULL) &&
        !kiln_qemu_powered_off(s->qemu, "while the guest was provisioned", &death))
        return kiln_err_move(err, &death);
    return kiln_err_move(err, &failure);
}

static void provision_cleanup(void *state, struct kiln_build *b, enum kiln_outcome outcome)
{
    kiln_step_provision.cleanup(state, b, outcome);
}

const struct kiln_step_ops kiln_qemu_step_provision = { "StepProvision", provision,
                                                        provision_cleanup, true };

static bool clean_keys(void *state, struct kiln_build *b, struct kiln_err *err)
{
    const struct kiln_qemu_state *s = state;

    (void)err;
    kiln_connect_clear_keys(b, &s->o->comm);
    return true;
}

const struct kiln_step_ops kiln_qemu_step_cleanup_keys = { "StepCleanupTempKeys", clean_keys, NULL,
                                                           false };
