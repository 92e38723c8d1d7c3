/* Connections, and the table through which the core reaches libssh. */
#include <fcntl.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <unistd.h>

#include "base/mem.h"
#include "communicator/ssh_link.h"

/*
 * Fast ones first (AES-GCM runs at memory speed on any CPU with AES instructions; curve25519 needs
 * no big numbers), then what old servers have: dropbear before 2020, OpenSSH before 6.5. Whom we
 * talk to is a guest of ours, so an old algorithm is better than no way in.
 */
static const char kex[] = "curve25519-sha256,curve25519-sha256@libssh.org,"
                          "ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
                          "diffie-hellman-group14-sha256,diffie-hellman-group16-sha512,"
                          "diffie-hellman-group18-sha512,diffie-hellman-group-exchange-sha256,"
                          "diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1,"
                          "diffie-hellman-group1-sha1";
static const char ciphers[] = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
                              "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,"
                              "aes128-cbc,aes256-cbc,3des-cbc";
static const char macs[] = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,"
                           "hmac-sha2-256,hmac-sha2-512,hmac-sha1-etm@openssh.com,hmac-sha1";
static const char host_keys[] = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
                                "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256,ssh-rsa";

bool kiln_link_error(struct kiln_link *l, struct kiln_err *err)
{
    const char *text = ssh_get_error(l->session);

    return kiln_err_set(err, KILN_ERR_REMOTE, "ssh: %s",
                        text && *text ? text : "the connection was closed");
}

static bool set_text(struct kiln_link *l, enum ssh_options_e option, const char *key,
                     const char *value, struct kiln_err *err)
{
    if (ssh_options_set(l->session, option, value) == SSH_OK)
        return true;
    return kiln_err_set(err, KILN_ERR_USER, "%s: none of these is known: %s", key, value);
}

static bool set_options(struct kiln_link *l, struct kiln_err *err)
{
    const char *wanted_ciphers = l->cfg->ciphers ? l->cfg->ciphers : ciphers;
    const char *wanted_kex = l->cfg->kex ? l->cfg->kex : kex;
    const struct {
        enum ssh_options_e option;
        const char *key, *value;
    } texts[] = {
        { SSH_OPTIONS_HOST, "ssh_host", "guest" }, /* of no use: the socket is connected */
        { SSH_OPTIONS_USER, "ssh_username", l->cfg->user },
        { SSH_OPTIONS_KNOWNHOSTS, "known hosts", "/dev/null" }, /* guests come and go */
        { SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "known hosts", "/dev/null" },
        { SSH_OPTIONS_KEY_EXCHANGE, "ssh_key_exchange_algorithms", wanted_kex },
        { SSH_OPTIONS_CIPHERS_C_S, "ssh_ciphers", wanted_ciphers },
        { SSH_OPTIONS_CIPHERS_S_C, "ssh_ciphers", wanted_ciphers },
        { SSH_OPTIONS_HMAC_C_S, "MACs", macs },
        { SSH_OPTIONS_HMAC_S_C, "MACs", macs },
        { SSH_OPTIONS_HOSTKEYS, "host keys", host_keys },
        { SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, "key types",
          "ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256-cert-v01@openssh.com,"
          "ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521-cert-v01@openssh.com,"
          "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,"
          "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
          "sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,"
          "rsa-sha2-512,rsa-sha2-256,ssh-rsa" },
    };
    bool no = false;

    if (ssh_options_set(l->session, SSH_OPTIONS_PROCESS_CONFIG, &no) != SSH_OK ||
        ssh_options_set(l->session, SSH_OPTIONS_FD, &l->fd) != SSH_OK)
        return kiln_link_error(l, err);
    for (size_t i = 0; i < KILN_COUNT(texts); i++) {
        if (!set_text(l, texts[i].option, texts[i].key, texts[i].value, err))
            return false;
    }
    return true;
}

void kiln_link_free(struct kiln_link *l)
{
    if (!l)
        return;
    if (l->event) {
        (void)ssh_event_remove_session(l->event, l->session);
        ssh_event_free(l->event);
    }
    /* No ssh_disconnect: it would forget a socket that it was given, and leave it open. */
    ssh_free(l->session);
    kiln_forward_free(l);
    kiln_agent_relay_free(l->relay);
    kiln_strv_done(&l->tried);
    kiln_err_clear(&l->asked);
    free(l);
}

/* What a server may ask of us that nobody expects; libssh would keep it all, without an end. */
static int refuse(ssh_session session, ssh_message message, void *ud)
{
    (void)session, (void)message, (void)ud;
    return 1;
}

static struct kiln_link *link_new(const struct kiln_ssh_config *cfg, struct kiln_ssh_keys *keys,
                                  int fd, struct kiln_cancel *c, struct kiln_err *err)
{
    struct kiln_link *l = kiln_xcalloc(1, sizeof(*l));

    *l =
        (struct kiln_link){ .session = ssh_new(), .fd = fd, .cfg = cfg, .keys = keys, .cancel = c };
    if (!l->session || !set_options(l, err)) {
        if (!l->session)
            (void)kiln_err_set(err, KILN_ERR_SYSTEM, "out of memory");
        (void)close(fd); /* not libssh's yet */
        kiln_link_free(l);
        return NULL;
    }
    ssh_set_blocking(l->session, 0);
    ssh_set_message_callback(l->session, refuse, NULL);
    return l;
}

struct pollfd kiln_link_poll(const struct kiln_link *l)
{
    struct pollfd p = { .fd = l->fd, .events = POLLIN };

    if (ssh_get_poll_flags(l->session) & SSH_WRITE_PENDING)
        p.events |= POLLOUT;
    return p;
}

static bool link_alive(const struct kiln_link *l)
{
    return l->stage != KILN_LINK_DEAD && ssh_is_connected(l->session);
}

bool kiln_link_work(struct kiln_link *l, bool *ret_did_something)
{
    int rc = ssh_event_dopoll(l->event, 0);

    *ret_did_something = rc == SSH_OK;
    if (rc == SSH_ERROR || !ssh_is_connected(l->session))
        l->stage = KILN_LINK_DEAD;
    else
        kiln_forward_work(l);
    return l->stage != KILN_LINK_DEAD;
}

enum kiln_wait kiln_link_pump(struct kiln_link *l, struct pollfd *more, size_t n,
                              struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    struct pollfd fds[KILN_CHANNEL_MORE + 1 + KILN_FORWARD_MAX];
    enum kiln_wait got;
    bool moved = false;

    if (kiln_cancel_fired(c)) {
        (void)kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
        return KILN_WAIT_CANCELLED;
    }
    if (!kiln_link_work(l, &moved) || moved)
        return KILN_WAIT_READY;
    if (n)
        memcpy(fds, more, n * sizeof(*more));
    fds[n] = kiln_link_poll(l);
    got = kiln_wait_fds(c, fds, n + 1 + kiln_forward_poll(l, fds + n + 1), deadline, err);
    if (got == KILN_WAIT_READY)
        (void)kiln_link_work(l, &moved);
    return got;
}

void kiln_link_keep_alive(struct kiln_link *l)
{
    /* Without blocking, one call takes note of the last reply and another sends the next request;
     * while a reply is due both do nothing. */
    (void)ssh_send_keepalive(l->session);
    (void)ssh_send_keepalive(l->session);
}

static const char *server(const struct kiln_link *l)
{
    const char *banner = ssh_get_serverbanner(l->session);

    return banner ? banner : "";
}

static bool in_agent(const struct kiln_link *l)
{
    return l->in_agent;
}

static void skip_agent(struct kiln_link *l)
{
    l->skip_agent = true;
}

extern const struct kiln_ssh_ops kiln_ssh_ops;
const struct kiln_ssh_ops kiln_ssh_ops = {
    .keys_new = kiln_ssh_keys_new,
    .keys_free = kiln_ssh_keys_free,
    .keypair = kiln_ssh_make_keypair,
    .link_new = link_new,
    .link_free = kiln_link_free,
    .link_poll = kiln_link_poll,
    .link_alive = link_alive,
    .login = kiln_link_login,
    .rung = kiln_link_rung,
    .server = server,
    .in_agent = in_agent,
    .skip_agent = skip_agent,
    .channel_open = kiln_link_channel_open,
    .keep_alive = kiln_link_keep_alive,
    .pump_with = kiln_link_channel_pump,
    .resize = kiln_link_channel_resize,
    .hub_new = kiln_link_hub_new,
    .hub_free = kiln_link_hub_free,
    .hub_alive = kiln_link_hub_alive,
    .hub_dial = kiln_link_hub_dial,
};
