/*
 * The way into the guest, as all builders that have one go it: StepConnect and what belongs to it.
 * Worker's main thread. Source: qemu-builder.md, section 9.
 */
#ifndef KILN_COMMUNICATOR_CONNECT_H
#define KILN_COMMUNICATOR_CONNECT_H

#include "communicator/config.h"
#include "communicator/ssh.h"
#include "engine/build.h"

struct kiln_connect {
    const struct kiln_comm_config *comm;    /* prepared */
    const char *host;                       /* NULL: comm->ssh_host */
    int port;                               /* 0: comm->ssh_port */
    const struct kiln_ssh_keypair *keypair; /* the temporary one, or NULL */
    /* See struct kiln_ssh_watch; died_fd -1: none. */
    bool forwarded;
    void (*look)(void *look_ud);
    void *look_ud;
    int died_fd;
    void (*explain)(void *died_ud, struct kiln_err *err);
    void *died_ud;
};

/**
 * Say it, wait until the guest lets us in, pause_before_connecting, and set b->communicator and the
 * connection's part of b->data (Host, Port, User, Password, ConnType, SSHPublicKey, SSHPrivateKey,
 * SSHPrivateKeyFile, SSHAgentAuth). With communicator none: the stand-in, silently.
 */
bool kiln_connect(struct kiln_build *b, const struct kiln_connect *how, struct kiln_err *err);
/** Its counterpart, for cleanups: frees b->communicator. Nothing if not connected. */
void kiln_disconnect(struct kiln_build *b);

/**
 * The temporary key pair that the options ask for: "Creating temporary RSA SSH key for
 * instance...". Its private half becomes a secret of the build. Nothing is made, and *ret stays
 * empty, if there is another way in and the template names neither SSHPublicKey nor SSHPrivateKey:
 * then nobody could have put the public half into the guest, and an RSA key takes seconds.
 * kiln_connect takes an empty pair as none.
 */
bool kiln_connect_new_keypair(struct kiln_build *b, const struct kiln_comm_config *comm,
                              struct kiln_ssh_keypair *ret, struct kiln_err *err);
/** StepCleanupTempKeys: what ssh_clear_authorized_keys asks for. Errors are ignored, as Packer's.
 */
void kiln_connect_clear_keys(struct kiln_build *b, const struct kiln_comm_config *comm);

#endif
