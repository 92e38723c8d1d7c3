/*
 * The options that every builder with a guest has: how to get into it. One struct, one field table
 * and the checks between the options; a builder has the struct as a member and the table among its
 * schema's includes. Source: qemu-builder.md, section 9.1.
 */
#ifndef KILN_COMMUNICATOR_CONFIG_H
#define KILN_COMMUNICATOR_CONFIG_H

#include "config/config.h"

struct kiln_comm_config {
    char *communicator; /* "ssh", "winrm", "none" */

    char *ssh_host;
    int64_t ssh_port; /* 1 … 65535 after kiln_comm_prepare */
    char *ssh_username, *ssh_password;
    char *ssh_private_key_file, *ssh_certificate_file; /* as written, ~ and all */
    bool ssh_pty, ssh_agent_auth, ssh_disable_agent_forwarding;
    bool ssh_clear_authorized_keys;
    char *temporary_key_pair_name, *temporary_key_pair_type;
    int64_t temporary_key_pair_bits;
    struct kiln_strv ssh_ciphers, ssh_kex; /* empty: ours */
    /* Nanoseconds, as all durations of the config layer. After kiln_comm_prepare: */
    int64_t ssh_timeout_ns;             /* 0: no limit */
    int64_t ssh_wait_timeout_ns;        /* the old name of ssh_timeout; no use after prepare */
    int64_t ssh_handshake_attempts;     /* 0: no limit */
    int64_t ssh_keep_alive_interval_ns; /* negative: none */
    int64_t ssh_read_write_timeout_ns;  /* 0: none */
    int64_t pause_before_connecting_ns;
    char *ssh_file_transfer_method; /* "scp" or "sftp" */

    char *ssh_keypair_name; /* of clouds; read and not used, as Packer does here */

    /* host NULL or "": none. Not both. */
    struct kiln_comm_bastion {
        char *host, *username, *password, *private_key_file, *certificate_file;
        int64_t port;
        bool agent_auth, interactive;
    } bastion;
    struct kiln_comm_proxy {
        char *host, *username, *password;
        int64_t port;
    } proxy;
    struct kiln_strv ssh_local_tunnels, ssh_remote_tunnels; /* for kiln_tunnel_parse */
    struct kiln_comm_winrm {
        char *username, *password, *host;
        int64_t port;       /* 1 … 65535 after kiln_comm_prepare */
        int64_t timeout_ns; /* for the first login */
        bool no_proxy, use_ssl, insecure, use_ntlm;
    } winrm;
};

extern const struct kiln_schema kiln_comm_schema;

/**
 * Checks between the options, and the defaults that depend on others. Reports to p; false if there
 * were errors. Reads the files of private keys and certificates, nothing else.
 */
bool kiln_comm_prepare(struct kiln_comm_config *c, const struct kiln_prepare *p);

bool kiln_comm_is_ssh(const struct kiln_comm_config *c);
bool kiln_comm_is_winrm(const struct kiln_comm_config *c);
bool kiln_comm_is_none(const struct kiln_comm_config *c);
/* Of the communicator that was chosen, as written; "" and 0 if it has none. */
const char *kiln_comm_host(const struct kiln_comm_config *c);
const char *kiln_comm_user(const struct kiln_comm_config *c);
const char *kiln_comm_password(const struct kiln_comm_config *c);
int kiln_comm_port(const struct kiln_comm_config *c);
/** How long the guest may take to let us in; nanoseconds; 0: no limit. */
int64_t kiln_comm_timeout_ns(const struct kiln_comm_config *c);

#endif
