/*
 * SSH into a guest: wait until it lets us in, then run commands and move files. Everything blocks
 * the calling thread, none of it without the cancel object; one thread per communicator. libssh is
 * loaded (base/module.h) by the first call of any function here.
 * Source: qemu-builder.md, section 9; RFC 4251 to 4254.
 */
#ifndef KILN_COMMUNICATOR_SSH_H
#define KILN_COMMUNICATOR_SSH_H

#include <poll.h>

#include "base/str.h"

#include "engine/communicator.h"
#include "engine/ladder.h"

/* A port that is carried through the connection to the guest. */
struct kiln_ssh_tunnel {
    bool remote;     /* the guest listens and we connect; else we listen and the guest connects */
    int listen_port; /* on localhost of the side that listens */
    char *host;      /* owned: whom the other side connects to; "": itself */
    int port;
};

/* A SOCKS5 proxy; host NULL: none. */
struct kiln_ssh_proxy {
    char *host; /* owned, as the others */
    int port;
    char *user, *password; /* user NULL: it wants neither */
};

/* Where to log in, and as whom. All strings owned. */
struct kiln_ssh_config {
    char *host;
    int port;
    char *user;
    char *password;         /* NULL: none */
    char *key_file;         /* a private key without passphrase, or NULL */
    char *certificate_file; /* for key_file, or NULL */
    char *key_pem;          /* another private key (the temporary one), or NULL */
    bool agent;             /* offer the keys of the agent behind SSH_AUTH_SOCK */
    bool forward_agent;     /* let the guest use that agent */
    char *ciphers, *kex;    /* lists with commas, or NULL: ours */
    int64_t timeout_us;     /* 0: wait for ever */
    int64_t attempts;       /* refused logins that end the wait; 0: any number */
    bool pty;               /* for commands */
    int64_t keep_alive_us;  /* while a command runs; 0: none */
    int64_t stall_us;       /* longest time without any movement; 0: any */
    bool sftp;              /* move files by SFTP instead of scp */

    /* The way there: at most one of bastion and proxy. */
    struct kiln_ssh_config *bastion; /* owned; an SSH server to go on from, or NULL. Only its host,
                                        port, user, password, keys, agent and ask are used. */
    struct kiln_ssh_proxy proxy;
    struct kiln_ssh_tunnel *tunnels; /* owned; open as long as the communicator is */
    size_t n_tunnels;
    bool is_bastion; /* this is one: its words in errors, its order of ways to log in */
    /* A person answers the server's questions. NULL: nobody. ret: caller frees. May take its time;
     * on the thread that connects. Must live as long as the communicator. secret: the server says
     * that the answer must not be seen (RFC 4256, 3.2: no echo). */
    bool (*ask)(void *ask_ud, const char *question, bool secret, char **ret, struct kiln_err *err);
    void *ask_ud;
};
void kiln_ssh_config_done(struct kiln_ssh_config *cfg);

/* What else may end the wait, and who wants to know how it goes. Functions may be NULL. Used again
 * when a lost connection is made anew: what it points to must live as long as the communicator. */
struct kiln_ssh_watch {
    /* Gets the rungs from PORT to SHELL. NULL: nobody else wants to know. */
    struct kiln_ladder *ladder;
    /* Somebody (QEMU's user network) accepts connections for a guest that may not be there: that a
     * connection is made says nothing of PORT. */
    bool forwarded;
    /* Called every few seconds of the wait: what else can be seen of the guest? */
    void (*look)(void *look_ud);
    void *look_ud;
    /* The guest died: `died_fd` is readable (its pidfd). -1: nothing to watch. explain sets err. */
    int died_fd;
    void (*explain)(void *died_ud, struct kiln_err *err);
    void *died_ud;
};

/**
 * Wait until the guest lets us in. A fresh attempt starts at least every second, beside those that
 * still hang; the first to get in wins. After a refused login the next one comes when Packer's
 * would (7 s later), because templates tune ssh_handshake_attempts to that, but at once if the
 * server that refused us goes away.
 *
 * @cfg    consumed, also on failure
 * @watch  copied; NULL: nothing to watch
 *
 * Errors: `Timeout waiting for SSH.` + what the ladder says of it (TIMEOUT); Packer's
 * `Error waiting for SSH: … authentication error …` (REMOTE); what watch->explain says; CANCELLED;
 * USER for a key file or algorithm list that cannot be used.
 */
bool kiln_ssh_connect_consume(struct kiln_communicator **ret, struct kiln_ssh_config *cfg,
                              const struct kiln_ssh_watch *watch, struct kiln_cancel *c,
                              struct kiln_err *err);

/* A key pair that nobody else has. */
struct kiln_ssh_keypair {
    char *public_line; /* "ssh-rsa AAAA… COMMENT\n", a line of authorized_keys; owned */
    char *private_pem; /* owned */
};
void kiln_ssh_keypair_done(struct kiln_ssh_keypair *pair);
/**
 * type: rsa, ecdsa, ed25519, dsa in any case; bits 0: its default. An RSA key of 4096 bits takes
 * seconds, and this function cannot be cancelled. comment: NULL: none.
 */
bool kiln_ssh_keypair_new(struct kiln_ssh_keypair *ret, const char *type, int64_t bits,
                          const char *comment, struct kiln_err *err);

#endif
