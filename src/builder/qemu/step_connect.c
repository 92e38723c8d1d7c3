#include "base/fs.h"
#include "base/mem.h"
#include "builder/qemu/retype.h"
#include "communicator/connect.h"
#include "vm/guest_address.h"

#define LOOK_US      KILN_SECOND(1)  /* between looks for a guest on a bridge */
#define QMP_LIMIT_US KILN_SECOND(30) /* for QEMU to tell about its devices */
#define MAX_ARP      ((size_t)4 << 20)

/* StepSSHKeyGen, stepWaitGuestAddress, StepConnect, StepProvision, StepCleanupTempKeys. */

#define LAST_BREATH_US KILN_MS(250) /* from QEMU's closing its sockets to its having ended */

static bool make_key(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;

    if (!kiln_comm_is_ssh(&s->o->comm))
        return true;
    if (kiln_is_set(s->o->comm.ssh_private_key_file)) {
        kiln_say(b, "Using existing SSH private key");
        return true;
    }
    kiln_ssh_keypair_done(&s->keypair); /* a retry of the step begins again */
    return kiln_connect_new_keypair(b, &s->o->comm, &s->keypair, err);
}

const struct kiln_step_ops kiln_qemu_step_ssh_key = { "StepSSHKeyGen", make_key, NULL, false };

/* The kernel has it once the guest has talked to anybody on the bridge's side. */
static bool look_for_guest(struct kiln_qemu_state *s, const char *mac, struct kiln_err *err)
{
    KILN_AUTO_STR table = { 0 };

    if (!kiln_fs_read("/proc/net/arp", MAX_ARP, &table, err))
        return false;
    free(s->guest_address);
    s->guest_address = kiln_arp_find(kiln_str_cstr(&table), s->o->net_bridge, mac);
    return true;
}

static bool no_address(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };

    kiln_ladder_explain(b->ladder, &text);
    return kiln_err_set(err, KILN_ERR_TIMEOUT,
                        "the guest got no address on the bridge %s within %s_timeout\n%s",
                        s->o->net_bridge, s->o->comm.communicator, kiln_str_cstr(&text));
}

/* One interval, in which QEMU should not end. */
static bool wait_look(struct kiln_qemu_state *s, struct kiln_build *b, int64_t deadline,
                      struct kiln_err *err)
{
    int64_t next = kiln_cancel_deadline(b->cancel, LOOK_US);
    KILN_AUTO_ERR why = { 0 };

    switch (kiln_wait_fd(b->cancel, kiln_qemu_pidfd(s->qemu), POLLIN,
                         next < deadline ? next : deadline, &why)) {
    case KILN_WAIT_READY:
        return kiln_qemu_obituary_for(s->qemu, "before the guest had an address", err);
    case KILN_WAIT_TIMEOUT:
        if (kiln_cancel_now(b->cancel) < deadline)
            return true;
        return no_address(s, b, err);
    case KILN_WAIT_CANCELLED:
    case KILN_WAIT_ERROR:
        break;
    }
    return kiln_err_move(err, &why);
}

static bool find_guest(struct kiln_qemu_state *s, struct kiln_build *b, struct kiln_err *err)
{
    int64_t limit = kiln_comm_timeout_ns(&s->o->comm) / 1000;
    int64_t deadline = limit ? kiln_cancel_deadline(b->cancel, limit) : KILN_NEVER;
    KILN_AUTO_FREE char *mac = NULL;

    kiln_say(b, "Waiting for the guest address to become available in the %s network bridge...",
             s->o->net_bridge);
    if (!kiln_guest_mac(kiln_qemu_qmp(s->qemu), b->cancel,
                        kiln_cancel_deadline(b->cancel, QMP_LIMIT_US), &mac, err))
        return kiln_qemu_qmp_failed(s, "before the guest had an address", err);
    for (;;) {
        if (!look_for_guest(s, mac, err))
            return false;
        if (s->guest_address) {
            kiln_ladder_reach(b->ladder, KILN_RUNG_ADDRESS, s->guest_address);
            return true;
        }
        kiln_qemu_look(s);
        if (!wait_look(s, b, deadline, err))
            return false;
    }
}

static bool guest_address(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;

    if (!s->communicates)
        kiln_message(b, "No communicator is configured -- skipping StepWaitGuestAddress");
    else if (kiln_is_set(s->o->net_bridge))
        return find_guest(s, b, err);
    else
        kiln_message(b, "Not using a NetBridge -- skipping StepWaitGuestAddress");
    return true;
}

const struct kiln_step_ops kiln_qemu_step_guest_address = { "stepWaitGuestAddress", guest_address,
                                                            NULL, false };

/* QEMU is gone: no ssh server will ever answer. */
static void explain_death(void *ud, struct kiln_err *err)
{
    struct kiln_qemu_state *s = ud;

    kiln_qemu_signs_end(s, "QEMU has ended");
    (void)kiln_qemu_obituary_for(s->qemu, "before the guest could be logged in", err);
}

/* What is missing stands there more often than not. */
static bool add_screen(struct kiln_qemu_state *s, struct kiln_err *err)
{
    KILN_AUTO_FREE char *text = kiln_xstrdup(kiln_err_text(err));
    KILN_AUTO_STR screen = { 0 };

    if (err->kind != KILN_ERR_TIMEOUT)
        return false;
    kiln_qemu_screen_last_words(s, &screen);
    return kiln_err_set(err, KILN_ERR_TIMEOUT, "%s%s", text, kiln_str_cstr(&screen));
}

static bool connect_guest(void *state, struct kiln_build *b, struct kiln_err *err)
{
    struct kiln_qemu_state *s = state;
    const char *host = kiln_comm_host(&s->o->comm);
    const char *guest = s->guest_address ? s->guest_address : "127.0.0.1";
    const struct kiln_connect how = {
        .comm = &s->o->comm,
        .host = kiln_is_set(host) ? host : guest,
        .port = s->ssh_port.port,
        .keypair = s->keypair.private_pem ? &s->keypair : NULL,
        .died_fd = kiln_qemu_pidfd(s->qemu),
        .explain = explain_death,
        .died_ud = s,
        .forwarded = kiln_qemu_is_forwarded(s),
        .look = kiln_qemu_look,
        .look_ud = s,
    };

    if (!kiln_connect(b, &how, err))
        return add_screen(s, err);
    if (s->communicates)
        kiln_retype_drop(s->retype);
    return true;
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

    if (b->n_provisioners > 0)
        kiln_retype_drop(s->retype);
    b->machine_cancel = s->died;
    ok = kiln_step_provision.run(state, b, &failure);
    b->machine_cancel = NULL; /* the error-cleanup-provisioner runs all the same */
    if (ok)
        return true;
    if (kiln_qemu_wait(s->qemu, b->cancel, kiln_cancel_deadline(b->cancel, LAST_BREATH_US), NULL)) {
        kiln_qemu_signs_end(s, "QEMU has ended");
        if (!kiln_qemu_powered_off(s->qemu, "while the guest was provisioned", &death))
            return kiln_err_move(err, &death);
    }
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
