#include "communicator/ssh_options.h"

#include "base/mem.h"
#include "communicator/cert_file.h"
#include "communicator/key_file.h"
#include "communicator/tunnel.h"

static const char *const transfer_methods[] = { "scp", "sftp", NULL };

/* ---- defaults ---- */

/* The bastion takes the guest's key and its certificate, unless it has a key of its own. */
static void bastion_defaults(struct kiln_comm_config *c)
{
    struct kiln_comm_bastion *b = &c->bastion;

    if (!kiln_is_set(b->host))
        return;
    if (!kiln_is_set(b->certificate_file) &&
        (!kiln_is_set(b->private_key_file) ||
         kiln_streq(b->private_key_file, c->ssh_private_key_file))) {
        free(b->certificate_file);
        b->certificate_file = kiln_xstrdup(c->ssh_certificate_file);
    }
    if (!kiln_is_set(b->private_key_file)) {
        free(b->private_key_file);
        b->private_key_file = kiln_xstrdup(c->ssh_private_key_file);
    }
}

static void set_defaults(struct kiln_comm_config *c)
{
    if (c->ssh_port == 0)
        c->ssh_port = 22;
    if (c->bastion.port == 0)
        c->bastion.port = 22;
    if (c->proxy.port == 0)
        c->proxy.port = 1080;
    if (c->ssh_timeout_ns == 0 && c->ssh_handshake_attempts == 0) {
        c->ssh_timeout_ns = INT64_C(300) * 1000000000;
        c->ssh_handshake_attempts = 10;
    }
    if (c->ssh_wait_timeout_ns != 0) /* after the defaults, so that the attempts stay limited */
        c->ssh_timeout_ns = c->ssh_wait_timeout_ns;
    if (c->ssh_keep_alive_interval_ns == 0)
        c->ssh_keep_alive_interval_ns = INT64_C(5) * 1000000000;
    bastion_defaults(c);
}

/* ---- checks ---- */

static bool check_port(const struct kiln_prepare *p, const char *key, int64_t port)
{
    return (port >= 1 && port <= 65535) ||
           kiln_config_error(p, key, "%s must be between 1 and 65535", key);
}

static bool check_numbers(const struct kiln_comm_config *c, const struct kiln_prepare *p)
{
    bool ok = check_port(p, "ssh_port", c->ssh_port);

    if (kiln_is_set(c->bastion.host))
        ok = check_port(p, "ssh_bastion_port", c->bastion.port) && ok;
    if (kiln_is_set(c->proxy.host))
        ok = check_port(p, "ssh_proxy_port", c->proxy.port) && ok;
    if (c->ssh_timeout_ns < 0)
        ok = kiln_config_error(p, "ssh_timeout", "ssh_timeout must not be negative");
    if (c->ssh_handshake_attempts < 0)
        ok = kiln_config_error(p, "ssh_handshake_attempts",
                               "ssh_handshake_attempts must not be negative");
    return ok;
}

static bool check_key(const struct kiln_prepare *p, const char *key, const char *file)
{
    KILN_AUTO_ERR why = { 0 };

    return !kiln_is_set(file) || kiln_key_file_check(file, &why) ||
           kiln_config_error(p, key, "%s is invalid: %s", key, kiln_err_text(&why));
}

static bool check_certificate(const struct kiln_prepare *p, const char *key, const char *file)
{
    KILN_AUTO_ERR why = { 0 };

    return !kiln_is_set(file) || kiln_cert_file_check(file, &why) ||
           kiln_config_error(p, key, "%s is invalid: %s", key, kiln_err_text(&why));
}

static bool check_keys(const struct kiln_comm_config *c, const struct kiln_prepare *p)
{
    bool ok = check_key(p, "ssh_private_key_file", c->ssh_private_key_file);

    if (kiln_is_set(c->ssh_certificate_file) && !kiln_is_set(c->ssh_private_key_file))
        return kiln_config_error(p, "ssh_certificate_file",
                                 "ssh_certificate_file needs ssh_private_key_file: the key that it "
                                 "certifies");
    return check_certificate(p, "ssh_certificate_file", c->ssh_certificate_file) && ok;
}

static bool check_bastion(const struct kiln_comm_config *c, const struct kiln_prepare *p)
{
    const struct kiln_comm_bastion *b = &c->bastion;
    bool own_key = !kiln_streq(b->private_key_file, c->ssh_private_key_file), ok = true;

    if (!kiln_is_set(b->host))
        return true;
    if (kiln_is_set(c->proxy.host))
        ok = kiln_config_error(p, "ssh_proxy_host",
                               "please specify either ssh_bastion_host or "
                               "ssh_proxy_host, not both");
    if (!b->agent_auth && !b->interactive && !kiln_is_set(b->password) &&
        !kiln_is_set(b->private_key_file))
        return kiln_config_error(p, "ssh_bastion_host",
                                 "ssh_bastion_password or ssh_bastion_private_key_file must be "
                                 "specified");
    if (own_key) /* else it is looked at already */
        ok = check_key(p, "ssh_bastion_private_key_file", b->private_key_file) && ok;
    if (kiln_is_set(b->private_key_file) &&
        !kiln_streq(b->certificate_file, c->ssh_certificate_file))
        ok = check_certificate(p, "ssh_bastion_certificate_file", b->certificate_file) && ok;
    return ok;
}

static bool check_tunnels(const struct kiln_prepare *p, const char *key,
                          const struct kiln_strv *tunnels)
{
    bool ok = true;

    KILN_STRV_FOREACH (text, tunnels) {
        KILN_AUTO_ERR why = { 0 };
        struct kiln_ssh_tunnel t = { 0 };

        if (!kiln_tunnel_parse(&t, text, &why))
            ok = kiln_config_error(p, key, "%s ('%s') is invalid: %s", key, text,
                                   kiln_err_text(&why));
        kiln_tunnel_done(&t);
    }
    return ok;
}

static bool check_transfer_method(const struct kiln_comm_config *c, const struct kiln_prepare *p)
{
    for (const char *const *m = transfer_methods; *m; m++) {
        if (kiln_streq(c->ssh_file_transfer_method, *m))
            return true;
    }
    return kiln_config_error(p, "ssh_file_transfer_method",
                             "ssh_file_transfer_method ('%s') is invalid, valid methods: sftp, scp",
                             c->ssh_file_transfer_method);
}

bool kiln_ssh_options_prepare(struct kiln_comm_config *c, const struct kiln_prepare *p)
{
    bool ok = true;

    set_defaults(c);
    if (!kiln_is_set(c->ssh_username))
        ok = kiln_config_error(p, NULL,
                               "An ssh_username must be specified\n"
                               "  Note: some builders used to default ssh_username to \"root\".");
    ok = check_keys(c, p) && ok;
    ok = check_bastion(c, p) && ok;
    ok = check_transfer_method(c, p) && ok;
    ok = check_tunnels(p, "ssh_local_tunnels", &c->ssh_local_tunnels) && ok;
    ok = check_tunnels(p, "ssh_remote_tunnels", &c->ssh_remote_tunnels) && ok;
    return check_numbers(c, p) && ok;
}
