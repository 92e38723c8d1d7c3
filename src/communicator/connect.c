#include "communicator/connect.h"

#include <ctype.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/fs.h"
#include "base/mem.h"
#include "communicator/key_file.h"
#include "communicator/none.h"
#include "communicator/tunnel.h"
#include "communicator/winrm.h"
#include "engine/output.h"

#define MAX_KEY_FILE (256u << 10)

static char *copy_if_set(const char *s)
{
    return kiln_is_set(s) ? kiln_xstrdup(s) : NULL;
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static const char *host_of(const struct kiln_connect *how)
{
    return how->host ? how->host : kiln_comm_host(how->comm);
}

static int port_of(const struct kiln_connect *how)
{
    return how->port > 0 ? how->port : kiln_comm_port(how->comm);
}

/* ---- connecting ---- */

static bool ask_person(void *ud, const char *question, bool secret, char **ret,
                       struct kiln_err *err)
{
    const struct kiln_prompt q = { .about = "the bastion asks",
                                   .text = question,
                                   .wants = secret ? KILN_WANTS_SECRET : KILN_WANTS_TEXT };

    return kiln_ask(ud, &q, ret, err) || kiln_err_wrap(err, "ssh_bastion_interactive");
}

static struct kiln_ssh_config *bastion_of(struct kiln_build *b, const struct kiln_comm_bastion *c)
{
    struct kiln_ssh_config *cfg;

    if (!kiln_is_set(c->host))
        return NULL;
    cfg = kiln_xcalloc(1, sizeof(*cfg));
    *cfg = (struct kiln_ssh_config){
        .is_bastion = true,
        .host = kiln_xstrdup(c->host),
        .port = (int)c->port,
        .user = kiln_xstrdup(c->username ? c->username : ""),
        .password = copy_if_set(c->password),
        .key_file = copy_if_set(c->private_key_file),
        .certificate_file =
            kiln_is_set(c->private_key_file) ? copy_if_set(c->certificate_file) : NULL,
        .agent = c->agent_auth,
        .ask = c->interactive ? ask_person : NULL,
        .ask_ud = b,
    };
    return cfg;
}

static void add_tunnels(struct kiln_ssh_config *cfg, const struct kiln_strv *texts, bool remote)
{
    KILN_STRV_FOREACH (text, texts) {
        struct kiln_ssh_tunnel *t = &cfg->tunnels[cfg->n_tunnels];

        if (!kiln_tunnel_parse(t, text, NULL)) /* kiln_comm_prepare has looked at it */
            continue;
        t->remote = remote;
        cfg->n_tunnels++;
    }
}

static void add_way(struct kiln_ssh_config *cfg, struct kiln_build *b,
                    const struct kiln_comm_config *c)
{
    cfg->bastion = bastion_of(b, &c->bastion);
    if (kiln_is_set(c->proxy.host))
        cfg->proxy = (struct kiln_ssh_proxy){
            .host = kiln_xstrdup(c->proxy.host),
            .port = (int)c->proxy.port,
            .user = copy_if_set(c->proxy.username),
            .password = copy_if_set(c->proxy.password),
        };
    cfg->tunnels =
        kiln_xcalloc(c->ssh_local_tunnels.n + c->ssh_remote_tunnels.n + 1, sizeof(*cfg->tunnels));
    add_tunnels(cfg, &c->ssh_local_tunnels, false);
    add_tunnels(cfg, &c->ssh_remote_tunnels, true);
}

static struct kiln_ssh_config config_of(const struct kiln_connect *how)
{
    const struct kiln_comm_config *c = how->comm;
    int64_t alive_us = c->ssh_keep_alive_interval_ns / 1000;

    return (struct kiln_ssh_config){
        .host = kiln_xstrdup(host_of(how)),
        .port = port_of(how),
        .user = kiln_xstrdup(c->ssh_username),
        .password = copy_if_set(c->ssh_password),
        .key_file = copy_if_set(c->ssh_private_key_file),
        .certificate_file = copy_if_set(c->ssh_certificate_file),
        .key_pem = how->keypair ? copy_if_set(how->keypair->private_pem) : NULL,
        .agent = c->ssh_agent_auth,
        .forward_agent = !c->ssh_disable_agent_forwarding && kiln_is_set(getenv("SSH_AUTH_SOCK")),
        .ciphers = c->ssh_ciphers.n > 0 ? kiln_strv_join(&c->ssh_ciphers, ",") : NULL,
        .kex = c->ssh_kex.n > 0 ? kiln_strv_join(&c->ssh_kex, ",") : NULL,
        .timeout_us = c->ssh_timeout_ns / 1000,
        .attempts = c->ssh_handshake_attempts,
        .pty = c->ssh_pty,
        .keep_alive_us = alive_us > 0 ? alive_us : 0,
        .stall_us = c->ssh_read_write_timeout_ns > 0 ? c->ssh_read_write_timeout_ns / 1000 : 0,
        .sftp = kiln_streq(c->ssh_file_transfer_method, "sftp"),
    };
}

static bool connect_ssh(struct kiln_build *b, const struct kiln_connect *how, struct kiln_err *err)
{
    const struct kiln_ssh_watch watch = { .ladder = b->ladder,
                                          .forwarded = how->forwarded,
                                          .look = how->look,
                                          .look_ud = how->look_ud,
                                          .died_fd = how->died_fd,
                                          .explain = how->explain,
                                          .died_ud = how->died_ud };
    struct kiln_ssh_config cfg = config_of(how);

    add_way(&cfg, b, how->comm);
    kiln_say(b, "Using SSH communicator to connect: %s", host_of(how));
    kiln_say(b, "Waiting for SSH to become available...");
    if (!kiln_ssh_connect_consume(&b->communicator, &cfg, &watch, b->cancel, err))
        return false;
    kiln_say(b, "Connected to SSH!");
    return true;
}

static const enum kiln_rung winrm_rungs[] = { KILN_RUNG_HTTP, KILN_RUNG_LOGIN, KILN_RUNG_SHELL };

static void on_winrm_rung(void *ud, const char *name, const char *detail)
{
    const struct kiln_build *b = ud;

    for (size_t i = 0; i < KILN_COUNT(winrm_rungs); i++) {
        if (kiln_streq(name, kiln_rung_name(winrm_rungs[i])))
            kiln_ladder_reach(b->ladder, winrm_rungs[i], detail);
    }
}

static void begin_winrm(struct kiln_build *b, const struct kiln_connect *how)
{
    kiln_ladder_set(b->ladder, KILN_RUNG_PORT,
                    how->forwarded ? KILN_RUNG_UNKNOWN : KILN_RUNG_WAITING, "%s",
                    how->forwarded ? KILN_LADDER_FORWARDED : "");
    for (size_t i = 0; i < KILN_COUNT(winrm_rungs); i++)
        kiln_ladder_set(b->ladder, winrm_rungs[i], KILN_RUNG_WAITING, "%s", "");
}

static bool winrm_failed(struct kiln_build *b, const struct kiln_connect *how, struct kiln_err *err)
{
    KILN_AUTO_FREE char *text = kiln_xstrdup(kiln_err_text(err));
    KILN_AUTO_STR ladder = { 0 };

    if (err->kind != KILN_ERR_TIMEOUT)
        return false;
    if (how->look)
        how->look(how->look_ud);
    kiln_ladder_explain(b->ladder, &ladder);
    return kiln_err_set(err, KILN_ERR_TIMEOUT, "%s\n%s", text, kiln_str_cstr(&ladder));
}

static bool connect_winrm(struct kiln_build *b, const struct kiln_connect *how,
                          struct kiln_err *err)
{
    const struct kiln_comm_winrm *c = &how->comm->winrm;
    KILN_CLEANUP(kiln_output_freep) struct kiln_output *output = kiln_output_new(b);
    const struct kiln_winrm_watch watch = { .rung = on_winrm_rung,
                                            .ud = b,
                                            .output = kiln_output_remote,
                                            .output_ud = output,
                                            .died_fd = how->died_fd,
                                            .explain = how->explain,
                                            .died_ud = how->died_ud };
    struct kiln_winrm_config cfg = { .host = kiln_xstrdup(host_of(how)),
                                     .port = port_of(how),
                                     .user = kiln_xstrdup(c->username),
                                     .password = kiln_xstrdup(or_empty(c->password)),
                                     .https = c->use_ssl,
                                     .insecure = c->insecure,
                                     .ntlm = c->use_ntlm,
                                     .no_proxy = c->no_proxy,
                                     .timeout_us = c->timeout_ns / 1000 };

    kiln_say(b, "Using WinRM communicator to connect: %s", host_of(how));
    kiln_say(b, "Waiting for WinRM to become available...");
    begin_winrm(b, how);
    if (!kiln_winrm_connect_consume(&b->communicator, &cfg, &watch, b->cancel, err))
        return winrm_failed(b, how, err);
    kiln_output_end(output);
    kiln_say(b, "Connected to WinRM!");
    return true;
}

static bool connect_once(struct kiln_build *b, const struct kiln_connect *how, struct kiln_err *err)
{
    return kiln_comm_is_winrm(how->comm) ? connect_winrm(b, how, err) : connect_ssh(b, how, err);
}

static bool pause_and_reconnect(struct kiln_build *b, const struct kiln_connect *how,
                                struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };

    kiln_duration_format(&text, how->comm->pause_before_connecting_ns);
    kiln_say(b, "Pausing %s before connecting...", kiln_str_cstr(&text));
    kiln_disconnect(b);
    return kiln_wait_us(b->cancel, how->comm->pause_before_connecting_ns / 1000, err) &&
           connect_once(b, how, err);
}

/* ---- generated data ---- */

/* The private key that got us in: of the pair, or what the file holds. */
static void add_private_key(struct kiln_build *b, const struct kiln_connect *how)
{
    const char *file = how->comm->ssh_private_key_file;
    KILN_AUTO_FREE char *path = kiln_is_set(file) ? kiln_key_path(file, NULL) : NULL;
    KILN_AUTO_STR text = { 0 };

    if (how->keypair)
        kiln_str_adds(&text, how->keypair->private_pem);
    else if (path)
        (void)kiln_fs_read(path, MAX_KEY_FILE, &text, NULL);
    if (text.len > 0)
        kiln_build_add_secret(b, kiln_str_cstr(&text));
    kiln_strmap_set(&b->data, "SSHPrivateKey", kiln_str_cstr(&text));
}

static void add_data(struct kiln_build *b, const struct kiln_connect *how)
{
    const struct kiln_comm_config *c = how->comm;
    KILN_AUTO_FREE char *port = kiln_xasprintf("%d", port_of(how));
    const struct {
        const char *key, *value;
    } data[] = {
        { "Host", host_of(how) },
        { "Port", port },
        { "User", kiln_comm_user(c) },
        { "Password", kiln_comm_password(c) },
        { "ConnType", c->communicator },
        { "SSHPublicKey", or_empty(how->keypair ? how->keypair->public_line : NULL) },
        { "SSHPrivateKeyFile", or_empty(c->ssh_private_key_file) },
        { "SSHAgentAuth", c->ssh_agent_auth ? "true" : "false" },
        { "WinRMPassword", or_empty(c->winrm.password) },
    };

    for (size_t i = 0; i < KILN_COUNT(data); i++)
        kiln_strmap_set(&b->data, data[i].key, data[i].value);
    add_private_key(b, how);
}

bool kiln_connect(struct kiln_build *b, const struct kiln_connect *how, struct kiln_err *err)
{
    kiln_disconnect(b); /* of a try before */
    if (kiln_comm_is_none(how->comm)) {
        b->communicator = kiln_communicator_none();
        return true;
    }
    if (!connect_once(b, how, err) ||
        (how->comm->pause_before_connecting_ns > 0 && !pause_and_reconnect(b, how, err)))
        return false;
    add_data(b, how);
    return true;
}

void kiln_disconnect(struct kiln_build *b)
{
    kiln_communicator_free(b->communicator);
    b->communicator = NULL;
}

/* ---- temporary keys ---- */

/* May the template put the public key into the guest, or use the private one? */
static bool template_uses_key(const struct kiln_build *b)
{
    static const char *const names[] = { "SSHPublicKey", "SSHPrivateKey" };
    const struct kiln_source *source = b->decl->node->source;

    for (size_t i = 0; i < KILN_COUNT(names); i++) {
        if (memmem(source->text, source->len, names[i], strlen(names[i])))
            return true;
        for (size_t k = 0; b->interp.user && k < b->interp.user->values.n; k++) {
            if (strstr(b->interp.user->values.v[k], names[i]))
                return true;
        }
    }
    return false;
}

bool kiln_connect_new_keypair(struct kiln_build *b, const struct kiln_comm_config *comm,
                              struct kiln_ssh_keypair *ret, struct kiln_err *err)
{
    const char *type =
        kiln_is_set(comm->temporary_key_pair_type) ? comm->temporary_key_pair_type : "rsa";
    KILN_AUTO_FREE char *shown = kiln_xstrdup(type);

    if ((kiln_is_set(comm->ssh_password) || comm->ssh_agent_auth) && !template_uses_key(b))
        return true;
    for (char *p = shown; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    kiln_say(b, "Creating temporary %s SSH key for instance...", shown);
    if (!kiln_ssh_keypair_new(ret, type, comm->temporary_key_pair_bits,
                              comm->temporary_key_pair_name, err))
        return false;
    kiln_build_add_secret(b, ret->private_pem);
    /* Now, not once we are in: a boot command may type it. */
    kiln_strmap_set(&b->data, "SSHPublicKey", ret->public_line);
    return true;
}

/* A sed pattern that means the text itself. */
static void add_sed_literal(struct kiln_str *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("/\\.*[]^$", *text))
            kiln_str_addc(out, '\\');
        kiln_str_addc(out, *text);
    }
}

void kiln_connect_clear_keys(struct kiln_build *b, const struct kiln_comm_config *comm)
{
    static const struct {
        const char *sudo, *home;
    } places[] = { { "", "~" }, { "sudo ", "/root" } };
    KILN_AUTO_STR pattern = { 0 };
    KILN_AUTO_STR script = { 0 };

    if (kiln_comm_is_winrm(comm) || !comm->ssh_clear_authorized_keys ||
        !kiln_is_set(comm->temporary_key_pair_name) || !b->communicator)
        return;
    kiln_say(b, "Trying to remove ephemeral keys from authorized_keys files");
    kiln_str_adds(&pattern, "/ ");
    add_sed_literal(&pattern, comm->temporary_key_pair_name);
    kiln_str_adds(&pattern, "$/d");
    kiln_shell_add_quoted(&script, kiln_str_cstr(&pattern));
    for (size_t i = 0; i < KILN_COUNT(places); i++) {
        KILN_AUTO_FREE char *command = kiln_xasprintf(
            "%ssed -i.bak %s %s/.ssh/authorized_keys; %srm %s/.ssh/authorized_keys.bak",
            places[i].sudo, kiln_str_cstr(&script), places[i].home, places[i].sudo, places[i].home);
        const struct kiln_remote remote = { .command = command };
        int status = 0;

        (void)b->communicator->ops->run(b->communicator, &remote, b->cancel, &status, NULL);
    }
}
