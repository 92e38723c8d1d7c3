#include "communicator/config.h"

#include "base/mem.h"
#include "communicator/ssh_options.h"

#define AT(member) offsetof(struct kiln_comm_config, member)

static const struct kiln_field fields[] = {
    { "communicator", KILN_STRING, AT(communicator), .def = "ssh",
      .help = "ssh, winrm, or none: no provisioners that run in the guest." },
    { "pause_before_connecting", KILN_DURATION, AT(pause_before_connecting_ns),
      .help = "After the first login wait this long, then log in again." },

    { "ssh_host", KILN_STRING, AT(ssh_host),
      .help = "Address of the guest; most builders find it out." },
    { "ssh_port", KILN_INT, AT(ssh_port),
      .help = "Port of the SSH server in the guest; 22 if not set." },
    { "ssh_username", KILN_STRING, AT(ssh_username), KILN_OPEN, .help = "Required." },
    { "ssh_password", KILN_STRING, AT(ssh_password), KILN_SECRET,
      .help = "Also the answer to keyboard-interactive questions." },
    { "ssh_private_key_file", KILN_STRING, AT(ssh_private_key_file),
      .help = "A key without passphrase; ~ is the home directory." },
    { "ssh_certificate_file", KILN_STRING, AT(ssh_certificate_file),
      .help = "Certificate for ssh_private_key_file." },
    { "ssh_agent_auth", KILN_BOOL, AT(ssh_agent_auth),
      .help = "Offer the keys of the ssh-agent behind SSH_AUTH_SOCK before all "
              "others." },
    { "ssh_disable_agent_forwarding", KILN_BOOL, AT(ssh_disable_agent_forwarding),
      .help = "Do not let the guest use the ssh-agent behind SSH_AUTH_SOCK." },
    { "ssh_pty", KILN_BOOL, AT(ssh_pty), .help = "Run commands on a pseudo terminal." },
    { "ssh_timeout", KILN_DURATION, AT(ssh_timeout_ns),
      .help = "How long to wait for the first login: 5m, but no limit if only "
              "ssh_handshake_attempts is set." },
    { "ssh_wait_timeout", KILN_DURATION, AT(ssh_wait_timeout_ns), KILN_HIDDEN,
      .help = "Old name of ssh_timeout." },
    { "ssh_handshake_attempts", KILN_INT, AT(ssh_handshake_attempts),
      .help = "How many refused logins end the wait: 10, but any number if only "
              "ssh_timeout is set." },
    { "ssh_keep_alive_interval", KILN_DURATION, AT(ssh_keep_alive_interval_ns),
      .help = "Between signs of life while a command runs: 5s; negative: none." },
    { "ssh_read_write_timeout", KILN_DURATION, AT(ssh_read_write_timeout_ns),
      .help = "Give up when the guest sends or takes nothing for this long. Not set: "
              "never." },
    { "ssh_file_transfer_method", KILN_STRING, AT(ssh_file_transfer_method), .def = "scp",
      .help = "scp or sftp. With scp, many files go through the guest's tar if it has one." },
    { "ssh_ciphers", KILN_STRINGS, AT(ssh_ciphers),
      .help = "These ciphers only, in this order. Not set: what is fast and sound "
              "first." },
    { "ssh_key_exchange_algorithms", KILN_STRINGS, AT(ssh_kex),
      .help = "These key exchanges only, in this order." },
    { "ssh_clear_authorized_keys", KILN_BOOL, AT(ssh_clear_authorized_keys),
      .help = "At the end remove the key named temporary_key_pair_name from "
              "authorized_keys." },
    { "temporary_key_pair_name", KILN_STRING, AT(temporary_key_pair_name),
      .help = "Comment of the temporary public key." },
    { "temporary_key_pair_type", KILN_STRING, AT(temporary_key_pair_type), .def = "rsa",
      .help = "rsa, ecdsa, ed25519 or dsa." },
    { "temporary_key_pair_bits", KILN_INT, AT(temporary_key_pair_bits),
      .help = "0: 4096 for rsa, 521 for ecdsa." },

    { "ssh_keypair_name", KILN_STRING, AT(ssh_keypair_name), .flags = KILN_HIDDEN },

    { "ssh_bastion_host", KILN_STRING, AT(bastion.host),
      .help = "An SSH server to log in to first; it connects to the guest." },
    { "ssh_bastion_port", KILN_INT, AT(bastion.port), .def = "22", .help = "Its port." },
    { "ssh_bastion_username", KILN_STRING, AT(bastion.username), .help = "Whom to log in as." },
    { "ssh_bastion_password", KILN_STRING, AT(bastion.password), KILN_SECRET,
      .help = "Also the answer to keyboard-interactive questions." },
    { "ssh_bastion_interactive", KILN_BOOL, AT(bastion.interactive),
      .help = "Ask the person at the terminal what the bastion asks." },
    { "ssh_bastion_agent_auth", KILN_BOOL, AT(bastion.agent_auth),
      .help = "Offer the keys of the ssh-agent behind SSH_AUTH_SOCK." },
    { "ssh_bastion_private_key_file", KILN_STRING, AT(bastion.private_key_file),
      .help = "A key without passphrase; ssh_private_key_file if not set." },
    { "ssh_bastion_certificate_file", KILN_STRING, AT(bastion.certificate_file),
      .help = "Certificate for that key." },
    { "ssh_proxy_host", KILN_STRING, AT(proxy.host),
      .help = "A SOCKS5 proxy that connects to the guest." },
    { "ssh_proxy_port", KILN_INT, AT(proxy.port), .def = "1080", .help = "Its port." },
    { "ssh_proxy_username", KILN_STRING, AT(proxy.username),
      .help = "If the proxy wants a login." },
    { "ssh_proxy_password", KILN_STRING, AT(proxy.password), KILN_SECRET,
      .help = "The password for it." },
    { "ssh_local_tunnels", KILN_STRINGS, AT(ssh_local_tunnels),
      .help = "PORT:HOST:PORT: who connects to the first port on localhost here reaches HOST:PORT "
              "from the guest." },
    { "ssh_remote_tunnels", KILN_STRINGS, AT(ssh_remote_tunnels),
      .help = "PORT:HOST:PORT: who connects to the first port on the guest's localhost reaches "
              "HOST:PORT from here." },

    { "winrm_username", KILN_STRING, AT(winrm.username), KILN_OPEN,
      .help = "Required with winrm." },
    { "winrm_password", KILN_STRING, AT(winrm.password), KILN_SECRET, .help = "Its password." },
    { "winrm_host", KILN_STRING, AT(winrm.host),
      .help = "Address of the guest; most builders find it out." },
    { "winrm_port", KILN_INT, AT(winrm.port),
      .help = "Port of WinRM in the guest; 5985 if not set, 5986 with winrm_use_ssl." },
    { "winrm_timeout", KILN_DURATION, AT(winrm.timeout_ns), .def = "30m",
      .help = "How long to wait until the guest runs commands." },
    { "winrm_no_proxy", KILN_BOOL, AT(winrm.no_proxy),
      .help = "Connect to the guest directly, whatever proxy the environment names." },
    { "winrm_use_ssl", KILN_BOOL, AT(winrm.use_ssl), .help = "WinRM over HTTPS." },
    { "winrm_insecure", KILN_BOOL, AT(winrm.insecure),
      .help = "Do not check the guest's certificate." },
    { "winrm_use_ntlm", KILN_BOOL, AT(winrm.use_ntlm),
      .help = "Log in by NTLMv2 instead of Basic." },
    { 0 },
};

const struct kiln_schema kiln_comm_schema = {
    .name = "communicator",
    .summary = "the way into the guest",
    .fields = fields,
};

static bool is_type(const struct kiln_comm_config *c, const char *type)
{
    return kiln_streq(c->communicator, type);
}

bool kiln_comm_is_ssh(const struct kiln_comm_config *c)
{
    return is_type(c, "ssh");
}

bool kiln_comm_is_winrm(const struct kiln_comm_config *c)
{
    return is_type(c, "winrm");
}

bool kiln_comm_is_none(const struct kiln_comm_config *c)
{
    return is_type(c, "none");
}

/* What belongs to the one communicator, or to the other. */
static const char *choose(const struct kiln_comm_config *c, const char *ssh, const char *winrm)
{
    const char *s = kiln_comm_is_ssh(c) ? ssh : kiln_comm_is_winrm(c) ? winrm : NULL;

    return s ? s : "";
}

const char *kiln_comm_host(const struct kiln_comm_config *c)
{
    return choose(c, c->ssh_host, c->winrm.host);
}

const char *kiln_comm_user(const struct kiln_comm_config *c)
{
    return choose(c, c->ssh_username, c->winrm.username);
}

const char *kiln_comm_password(const struct kiln_comm_config *c)
{
    return choose(c, c->ssh_password, c->winrm.password);
}

int kiln_comm_port(const struct kiln_comm_config *c)
{
    return (int)(kiln_comm_is_ssh(c) ? c->ssh_port : kiln_comm_is_winrm(c) ? c->winrm.port : 0);
}

int64_t kiln_comm_timeout_ns(const struct kiln_comm_config *c)
{
    return kiln_comm_is_winrm(c) ? c->winrm.timeout_ns : c->ssh_timeout_ns;
}

static bool prepare_winrm(struct kiln_comm_config *c, const struct kiln_prepare *p)
{
    struct kiln_comm_winrm *w = &c->winrm;
    bool ok = true;

    if (w->port == 0)
        w->port = w->use_ssl ? 5986 : 5985;
    if (!kiln_is_set(w->username))
        ok = kiln_config_error(p, NULL, "winrm_username must be specified.");
    if (w->port < 1 || w->port > 65535)
        ok = kiln_config_error(p, "winrm_port", "winrm_port must be between 1 and 65535");
    if (w->timeout_ns < 0)
        ok = kiln_config_error(p, "winrm_timeout", "winrm_timeout must not be negative");
    return ok;
}

static void default_text(char **field, const char *value)
{
    if (kiln_is_set(*field))
        return;
    free(*field);
    *field = kiln_xstrdup(value);
}

bool kiln_comm_prepare(struct kiln_comm_config *c, const struct kiln_prepare *p)
{
    default_text(&c->communicator, "ssh"); /* "" means the default, too */
    default_text(&c->ssh_file_transfer_method, "scp");
    if (kiln_comm_is_ssh(c))
        return kiln_ssh_options_prepare(c, p);
    if (kiln_comm_is_none(c))
        return true;
    if (kiln_comm_is_winrm(c))
        return prepare_winrm(c, p);
    if (is_type(c, "docker") || is_type(c, "dockerWindowsContainer"))
        return kiln_config_error(p, "communicator", "unknown communicator type: %s",
                                 c->communicator);
    return kiln_config_error(p, "communicator", "Communicator type %s is invalid", c->communicator);
}
